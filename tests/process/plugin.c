// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
int plugin_work(int x);

int plugin_work(int x)
{
	return x * 31 + 7;
}
