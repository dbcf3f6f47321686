/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* _Py_DebugOffsets as each version that has it says it, in our own memory. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/array.h"
#include "runtime/runtime.h"

/* What a real 3.13, 3.14 and 3.15 of Debian say. */
static const uint16_t said_3_13[] = {
	0,    65535, 608, 632, 65535, 7272, 7264, 7344, 7400, 7656, 7640, 7648, 16, 7752, 0,
	7768, 7760,  304, 0,   8,     16,   72,	  152,	160,  232,  32,	  80,	8,  0,	  56,
	72,   70,    208, 112, 120,   128,  136,  68,	52,   96,   104,  200,	16, 8,	  416,
	24,   88,    168, 32,  24,    16,   40,	  24,	16,   48,   32,	  40,	24, 16,	  32,
	16,   24,    40,  16,  32,    64,   32,	  16,	40,   240,  200,
};
static const uint16_t said_3_14[] = {
	0,    65535, 784,  808,	 65535, 7280, 7272, 7344, 7360, 7408, 7688, 7672, 7680, 16,
	7784, 0,     7800, 7792, 7992,	0,    832,  0,	  8,	16,   72,   152,  160,	232,
	32,   88,    8,	   0,	 56,	80,   74,   64,	  0,	216,  112,  120,  128,	136,
	68,   52,    96,   104,	 208,	0,    16,   8,	  416,	24,   88,   168,  40,	32,
	16,   40,    24,   16,	 200,	24,   40,   32,	  48,	32,   40,   24,	  16,	32,
	16,   24,    40,   16,	 32,	64,   32,   16,	  40,	264,  192,  160,  24,	72,
	67,   0,     8,	   24,	 304,	8076, 0,    4,	  512,
};
static const uint16_t said_3_15[] = {
	0,    65535, 912,  936,	 65535, 7272, 7264, 7336, 7352, 7400, 7592, 7576, 7584, 16,
	7736, 0,     7752, 7744, 7944,	0,    888,  0,	  8,	16,   72,   80,	  88,	96,
	176,  184,   256,  32,	 36,	40,   136,  288,  0,	88,   8,    0,	  56,	80,
	74,   64,    0,	   216,	 112,	120,  128,  136,  68,	52,   96,   104,  208,	0,
	16,   8,     424,  24,	 88,	168,  32,   288,  944,	888,  40,   32,	  16,	40,
	24,   16,    200,  24,	 40,	32,   48,   32,	  40,	24,   16,   32,	  16,	24,
	40,   16,    32,   64,	 32,	16,   40,   56,	  176,	112,  120,  1120, 104,	160,
	24,   72,    67,   0,	 8,	24,   344,  8028, 0,	4,    512,
};

static const struct {
	uint8_t minor;
	uint16_t size;
	const uint16_t *said;
	size_t nr;
} blocks[] = {
	{ 13, 584, said_3_13, ARRAY_SIZE(said_3_13) },
	{ 14, 760, said_3_14, ARRAY_SIZE(said_3_14) },
	{ 15, 888, said_3_15, ARRAY_SIZE(said_3_15) },
};

static inline const struct target_memory *own_memory(void)
{
	static struct target_memory m;

	m.pid = getpid();
	return &m;
}

static inline void fill_block(uint64_t words[128], unsigned which)
{
	memset(words, 0, 128 * sizeof(*words));
	memcpy(words, "xdebugpy", 8);
	words[1] = 0x030000f0u | (uint32_t)blocks[which].minor << 16;
	for (size_t i = 0; i < blocks[which].nr; i++)
		words[2 + i] = blocks[which].said[i];
	assert_int_equal(8 * (2 + blocks[which].nr), blocks[which].size);
}
