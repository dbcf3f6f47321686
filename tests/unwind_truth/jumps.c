// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* jumps SECONDS: longjmp() out of deep frames, again and again. */
#include <setjmp.h>

#include "chain.h"

static jmp_buf back;

FRAME uint64_t spin(uint64_t x)
{
	SPIN_BODY(500);
}

FRAME void leave(uint64_t x)
{
	x = spin(x);
	if (x != 42)
		longjmp(back, 1);
}

FRAME uint64_t recurse(uint64_t x)
{
	volatile char local[64];

	local[x % 64] = 1;
	SPOIL_FRAME_POINTER;
	if (x)
		x = recurse(x - 1);
	else
		leave(x);
	AFTER_CALL;
	return x + (uint64_t)local[0];
}

FRAME uint64_t jumper(volatile uint64_t x)
{
	if (!setjmp(back))
		x = recurse(19);
	x = spin(x);
	AFTER_CALL;
	return x;
}

int main(int argc, char **argv)
{
	uint64_t x = 1;

	puts("chain: spin leave recurse*20 jumper main\nchain: spin jumper main\n"
	     "into: *longjmp* *setjmp* *sigjmp_save");
	chain_start(argc, argv);
	while (!chain_is_over())
		for (int i = 0; i < 100; i++)
			x = jumper(x);
	return x == 42;
}
