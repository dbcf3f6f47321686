// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * frames SECONDS: frames whose size is not known before they run (alloca, arrays of variable
 * length), and frames aligned to more than their callers promise. The latter find their arguments
 * through a register or a slot (DRAP), which is what the full rules are for.
 */
#include <alloca.h>
#include <stdalign.h>
#include <stdarg.h>
#include <string.h>

#include "chain.h"

FRAME uint64_t spin(uint64_t x)
{
	SPIN_BODY(3000);
}

FRAME uint64_t with_alloca(uint64_t x)
{
	volatile char *p = alloca(16 + x % 3000);

	p[0] = (char)x;
	x = spin(x);
	AFTER_CALL;
	return x + (uint64_t)p[0];
}

FRAME uint64_t with_array(uint64_t x)
{
	volatile char p[32 + x % 700];

	p[x % 32] = 1;
	x = with_alloca(x);
	AFTER_CALL;
	return x + (uint64_t)p[0];
}

LINK(between_sizes, with_array, 24)

FRAME uint64_t aligned(uint64_t x)
{
	alignas(64) volatile char local[192];

	local[x % 192] = 1;
	x = spin(x);
	AFTER_CALL;
	return x + (uint64_t)local[0] + ((uintptr_t)local & 63);
}

/* More arguments than registers: after aligning they are reached through what was the stack. */
FRAME uint64_t aligned_arguments(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e,
				 uint64_t f, uint64_t g, uint64_t h, ...)
{
	alignas(128) volatile uint64_t local[32];
	va_list more;
	uint64_t x;

	va_start(more, h);
	local[a % 32] = b + c + d + e + f + g + h + va_arg(more, uint64_t);
	x = aligned(local[a % 32] + va_arg(more, uint64_t));
	va_end(more);
	AFTER_CALL;
	return x + local[0] + g + h;
}

/* An aligned frame of a size that is not known. */
FRAME uint64_t aligned_array(uint64_t x, uint64_t n)
{
	alignas(64) volatile char local[64];
	volatile char p[n];

	p[n - 1] = 1;
	local[x % 64] = 2;
	x = aligned_arguments(x, n, 3, 4, 5, 6, 7, 8, x, n);
	AFTER_CALL;
	return x + (uint64_t)p[0] + (uint64_t)local[1];
}

#if defined(__x86_64__)
__attribute__((force_align_arg_pointer))
#endif
FRAME uint64_t
realigned(uint64_t x)
{
	volatile char local[48];

	local[x % 48] = 1;
	x = aligned_array(x, 16 + x % 512);
	AFTER_CALL;
	return x + (uint64_t)local[0];
}

LINK(between_alignments, realigned, 40)

int main(int argc, char **argv)
{
	uint64_t x = 1;

	puts("chain: spin with_alloca with_array between_sizes main\n"
	     "chain: spin aligned aligned_arguments aligned_array realigned between_alignments "
	     "main");
	chain_start(argc, argv);
	while (!chain_is_over())
		for (int i = 0; i < 100; i++)
			x = between_sizes(x) + between_alignments(x);
	return x == 42;
}
