/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Reading bytes that nobody vouches for. A read that would pass the end gives 0, moves to the end
 * and leaves `bad` set, so that a caller looks once, after several reads. Little-endian.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct cursor {
	const uint8_t *at, *end;
	bool bad;
};

static inline size_t cursor_left(const struct cursor *c)
{
	return (size_t)(c->end - c->at);
}

static inline uint64_t cursor_fail(struct cursor *c)
{
	c->at = c->end;
	c->bad = true;
	return 0;
}

/* An unsigned number of 1, 2, 4 or 8 bytes. */
static inline uint64_t cursor_number(struct cursor *c, size_t size)
{
	uint64_t value = 0;

	if (cursor_left(c) < size)
		return cursor_fail(c);
	memcpy(&value, c->at, size);
	c->at += size;
	return value;
}

static inline void cursor_skip(struct cursor *c, uint64_t size)
{
	if (cursor_left(c) < size)
		cursor_fail(c);
	else
		c->at += size;
}

/* LEB128, signed by sign extension; bits above the 64th are dropped. */
static inline uint64_t cursor_leb(struct cursor *c, bool is_signed)
{
	uint64_t value = 0;
	unsigned shift = 0;
	uint8_t byte;

	do {
		if (c->at == c->end)
			return cursor_fail(c);
		byte = *c->at++;
		if (shift < 64)
			value |= (uint64_t)(byte & 0x7f) << shift;
		shift += shift < 64 ? 7 : 0;
	} while (byte & 0x80);
	if (is_signed && shift < 64 && byte & 0x40)
		value |= ~UINT64_C(0) << shift;
	return value;
}

static inline uint64_t cursor_uleb(struct cursor *c)
{
	if (c->at != c->end && *c->at < 0x80)
		return *c->at++;
	return cursor_leb(c, false);
}

static inline int64_t cursor_sleb(struct cursor *c)
{
	return (int64_t)cursor_leb(c, true);
}
