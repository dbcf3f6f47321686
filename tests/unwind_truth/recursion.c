// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* recursion SECONDS DEPTH: a function that calls itself so many times. */
#include "chain.h"

FRAME uint64_t spin(uint64_t x)
{
	SPIN_BODY(500000);
}

FRAME uint64_t recurse(uint64_t x, uint64_t n)
{
	volatile char local[24];

	local[x % 24] = 1;
	SPOIL_FRAME_POINTER;
	x = n > 1 ? recurse(x, n - 1) : spin(x);
	AFTER_CALL;
	return x + (uint64_t)local[0];
}

int main(int argc, char **argv)
{
	uint64_t depth = argc > 2 ? strtoull(argv[2], NULL, 10) : 1000;
	uint64_t x = 1;

	printf("chain: spin recurse*%llu main\n", (unsigned long long)depth);
	chain_start(argc, argv);
	while (!chain_is_over())
		x = recurse(x, depth);
	return x == 42;
}
