// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdint.h>

int goCallback(int n);
int c_top(int n);

static __attribute__((noinline)) int c_leaf(int n)
{
	volatile uint64_t x = (uint64_t)n;

	for (int i = 0; i < 100000; i++)
		x = x * 6364136223846793005u + 1;
	return (int)(x & 0xff);
}

static __attribute__((noinline)) int c_back(int n)
{
	return goCallback(n) + 1;
}

int c_top(int n)
{
	return c_leaf(n) + c_back(n) + 1;
}
