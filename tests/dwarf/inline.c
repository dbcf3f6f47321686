// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Calls that are known to be inlined. Each HERE() leaves the address and the line of its own in
 * the section .debug_expected (linkers keep what is called so); test_dwarf.c finds the lines of the
 * calls by the comments.
 */
#define HERE()                                                              \
	__asm__ volatile("1: nop\n"                                         \
			 ".pushsection .debug_expected, \"\", %%progbits\n" \
			 ".balign 8\n.dc.a 1b\n.dc.l %c0, 0\n"              \
			 ".popsection" ::"i"(__LINE__))

#define INLINE static inline __attribute__((always_inline))

INLINE int leaf(int x)
{
	HERE(); /* in leaf */
	return x * 3;
}

INLINE int middle(int x)
{
	x ^= leaf(x); /* middle calls leaf */
	return x + 1;
}

__attribute__((noinline)) int outer(int x)
{
	x += leaf(x); /* outer calls leaf */
	x -= 7;
	x ^= middle(x); /* outer calls middle */
	return x;
}

__attribute__((noinline)) int alone(int x)
{
	HERE(); /* in alone */
	return x ^ 0x55;
}

/* Nobody calls it; with --gc-sections it is not in the program. */
int discarded(int x)
{
	for (int i = 0; i < x; i++)
		x += middle(x) ^ leaf(i);
	return x;
}

int main(int argc, char **argv)
{
	(void)argv;
	return alone(outer(argc)) & 1;
}
