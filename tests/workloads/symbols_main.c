// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
int entry(const char *s);

int main(int argc, char **argv)
{
	return entry(argv[argc - 1]) == 0;
}
