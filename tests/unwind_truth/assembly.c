// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* assembly SECONDS: hand-written functions without call-frame information at the leaf, and between.
 */
#include "chain.h"

uint64_t with_pointer(uint64_t x);
uint64_t with_pointer_between(uint64_t x);
uint64_t without_pointer(uint64_t x);

FRAME uint64_t spin(uint64_t x)
{
	SPIN_BODY(20000);
}

#ifdef WITHOUT_POINTER
LINK(f1, without_pointer, 8)
#define CHAINS "chain: without_pointer f1 f2 main"
#else
FRAME uint64_t f1(uint64_t x)
{
	x = with_pointer(x) + with_pointer_between(x);
	AFTER_CALL;
	return x;
}
#define CHAINS "chain: with_pointer f1 f2 main\nchain: spin with_pointer_between f1 f2 main"
#endif
LINK(f2, f1, 200)

int main(int argc, char **argv)
{
	uint64_t x = 1;

	puts(CHAINS);
	chain_start(argc, argv);
	while (!chain_is_over())
		for (int i = 0; i < 100; i++)
			x = f2(x);
	return x == 42;
}
