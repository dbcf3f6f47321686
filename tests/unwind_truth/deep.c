// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * deep SECONDS: 37 frames, of all sizes. ROUNDS is how long the leaf stays: where it is 1, most
 * samples lie in prologues and epilogues.
 */
#include "chain.h"

#ifndef ROUNDS
#define ROUNDS 20000
#endif

FRAME uint64_t spin(uint64_t x)
{
	SPIN_BODY(ROUNDS);
}

/* From the leaf to main. */
// clang-format off
#define LINKS(X) \
	X(f01, spin, 8) X(f02, f01, 16) X(f03, f02, 24) X(f04, f03, 40) X(f05, f04, 64) \
	X(f06, f05, 72) X(f07, f06, 96) X(f08, f07, 100) X(f09, f08, 120) X(f10, f09, 128) \
	X(f11, f10, 136) X(f12, f11, 144) X(f13, f12, 200) X(f14, f13, 256) X(f15, f14, 264) \
	X(f16, f15, 300) X(f17, f16, 512) X(f18, f17, 520) X(f19, f18, 8) X(f20, f19, 1000) \
	X(f21, f20, 1024) X(f22, f21, 1032) X(f23, f22, 2048) X(f24, f23, 8) X(f25, f24, 4096) \
	X(f26, f25, 8) X(f27, f26, 9000) X(f28, f27, 16) X(f29, f28, 8) X(f30, f29, 8) \
	X(f31, f30, 33) X(f32, f31, 20000) X(f33, f32, 8) X(f34, f33, 8) X(f35, f34, 8)
// clang-format on

LINKS(LINK)

#define NAME(name, callee, bytes) " " #name

int main(int argc, char **argv)
{
	uint64_t x = 1;

	puts("chain: spin" LINKS(NAME) " main");
	chain_start(argc, argv);
	while (!chain_is_over())
		for (int i = 0; i < 100; i++)
			x = f35(x);
	return x == 42;
}
