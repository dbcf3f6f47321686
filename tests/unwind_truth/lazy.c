// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A library that calls itself through its PLT; with -z lazy each first call is through ld.so. */
#include "chain.h"

#define EXPORT __attribute__((visibility("default")))
uint64_t lazy_spin(uint64_t x);

/* It does next to nothing, so that its stub is where many of the samples are. */
EXPORT FRAME uint64_t lazy_spin(uint64_t x)
{
	SPIN_BODY(1);
}

#define TINY(n)                                    \
	uint64_t lazy_##n(uint64_t x);             \
	EXPORT FRAME uint64_t lazy_##n(uint64_t x) \
	{                                          \
		return x + __LINE__;               \
	}
#define TEN(X, n) X(n##0) X(n##1) X(n##2) X(n##3) X(n##4) X(n##5) X(n##6) X(n##7) X(n##8) X(n##9)
#define HUNDRED(X) \
	TEN(X, 0)  \
	TEN(X, 1) TEN(X, 2) TEN(X, 3) TEN(X, 4) TEN(X, 5) TEN(X, 6) TEN(X, 7) TEN(X, 8) TEN(X, 9)

HUNDRED(TINY)

uint64_t lazy_work(uint64_t x);
EXPORT FRAME uint64_t lazy_work(uint64_t x)
{
	SPOIL_FRAME_POINTER;
	for (int i = 0; i < 10000; i++)
		x = lazy_spin(x);
	AFTER_CALL;
	return x;
}

#define CALL(n) x = lazy_##n(x);

uint64_t lazy_calls(uint64_t x);
EXPORT FRAME uint64_t lazy_calls(uint64_t x)
{
	SPOIL_FRAME_POINTER;
	HUNDRED(CALL)
	AFTER_CALL;
	return x;
}
