/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Reading bytes in order and never past their end: then `bad` is set, and all that is read is 0. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct cursor {
	const uint8_t *p, *end;
	bool bad;
};

static inline const uint8_t *cursor_take(struct cursor *c, uint64_t size)
{
	const uint8_t *p = c->p;

	if (c->bad || size > (uint64_t)(c->end - p)) {
		c->bad = true;
		return NULL;
	}
	c->p += size;
	return p;
}

/* A number of 1, 2, 4 or 8 bytes, in the byte order of this machine; other sizes are bad. */
static inline uint64_t cursor_number(struct cursor *c, uint64_t size)
{
	const uint8_t *p = cursor_take(c, size);
	uint16_t u16;
	uint32_t u32;
	uint64_t u64;

	if (!p)
		return 0;
	switch (size) {
	case 1:
		return *p;
	case 2:
		memcpy(&u16, p, 2);
		return u16;
	case 4:
		memcpy(&u32, p, 4);
		return u32;
	case 8:
		memcpy(&u64, p, 8);
		return u64;
	}
	c->bad = true;
	return 0;
}

static inline uint64_t cursor_leb(struct cursor *c, bool is_signed)
{
	uint64_t value = 0;
	unsigned shift = 0;
	uint8_t byte;

	do {
		if (c->bad || c->p >= c->end) {
			c->bad = true;
			return 0;
		}
		byte = *c->p++;
		if (shift < 64)
			value |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80);
	if (is_signed && byte & 0x40 && shift < 64)
		value |= ~(uint64_t)0 << shift;
	return value;
}

static inline uint64_t cursor_uleb(struct cursor *c)
{
	return cursor_leb(c, false);
}

static inline int64_t cursor_sleb(struct cursor *c)
{
	return (int64_t)cursor_leb(c, true);
}

/* NULL when no NUL follows. */
static inline const char *cursor_string(struct cursor *c)
{
	const uint8_t *from = c->p, *nul = NULL;

	if (!c->bad && c->p < c->end)
		nul = memchr(c->p, 0, (size_t)(c->end - c->p));
	if (!nul) {
		c->bad = true;
		return NULL;
	}
	c->p = nul + 1;
	return (const char *)from;
}
