// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "export/marshal.h"

#include <string.h>

enum { DIGIT_BITS = 15 };

static void put_le(FILE *out, uint64_t value, unsigned size)
{
	for (unsigned i = 0; i < size; i++)
		putc_unlocked((int)(value >> 8 * i & 0xff), out);
}

void marshal_float(FILE *out, double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	putc_unlocked('g', out);
	put_le(out, bits, 8);
}

void marshal_int(FILE *out, uint64_t value)
{
	unsigned nr = 0;

	if (value <= INT32_MAX) {
		putc_unlocked('i', out);
		put_le(out, value, 4);
		return;
	}
	for (uint64_t rest = value; rest; rest >>= DIGIT_BITS)
		nr++;
	putc_unlocked('l', out);
	put_le(out, nr, 4);
	for (; nr--; value >>= DIGIT_BITS)
		put_le(out, value & ((1u << DIGIT_BITS) - 1), 2);
}

void marshal_text(FILE *out, const char *text, size_t size)
{
	putc_unlocked('u', out);
	put_le(out, size, 4);
	fwrite_unlocked(text, 1, size, out);
}

void marshal_tuple(FILE *out, uint32_t nr)
{
	putc_unlocked('(', out);
	put_le(out, nr, 4);
}

void marshal_dict(FILE *out)
{
	putc_unlocked('{', out);
}

void marshal_dict_end(FILE *out)
{
	putc_unlocked('0', out);
}
