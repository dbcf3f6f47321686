// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Loaded into each Python: a call through ctypes for each offset would take longer than all else.
 * No header of Python's is needed, so one file serves every version.
 */
void ask(int (*line_at)(void *code, int at), void *code, int from, int nr, int *ret);

/* Lines at every other byte from `from` on. */
void ask(int (*line_at)(void *code, int at), void *code, int from, int nr, int *ret)
{
	for (int i = 0; i < nr; i++)
		ret[i] = line_at(code, from + 2 * i);
}
