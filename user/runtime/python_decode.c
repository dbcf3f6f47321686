// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Small functions of CPython give away where it keeps what no symbol names. They are searched for
 * the few forms in which compilers write an access, at each byte, since a form that names an
 * address in the right place does not come about by chance. Source: Intel SDM vol. 2; ELF Handling
 * for Thread-Local Storage, 4.1.6, 4.2.6, 4.4.6 (x86-64).
 */
#include <string.h>

#include "runtime/python_inside.h"

enum { MAX_FUNCTION = 256, UNKNOWN_SIZE = 48, LONGEST = 16 };

/* Bytes behind its end are 0. */
struct code {
	uint8_t bytes[MAX_FUNCTION + LONGEST];
	size_t size;
	uint64_t address;
};

static bool read_code(const struct image *im, const struct image_symbol *f, struct code *ret)
{
	*ret = (struct code){ .size = f->size ? f->size : UNKNOWN_SIZE, .address = f->address };
	if (!f->address || !f->is_code || !image_is_code(im, f->address))
		return false;
	ret->size = ret->size < MAX_FUNCTION ? ret->size : MAX_FUNCTION;
	return !image_read(im, f->address, ret->bytes, ret->size);
}

static bool has(const struct code *c, size_t at, const char *bytes, size_t size)
{
	return at + size <= sizeof(c->bytes) && !memcmp(c->bytes + at, bytes, size);
}

static int32_t number(const struct code *c, size_t at)
{
	int32_t value;

	memcpy(&value, c->bytes + at, sizeof(value));
	return value;
}

/* What an operand relative to the next instruction refers to, where it is the last of this one. */
static uint64_t target(const struct code *c, size_t at)
{
	return c->address + at + 4 + (uint64_t)(int64_t)number(c, at);
}

/* mov disp(%rax),%reg, soon behind `at`: disp. */
static bool find_load(const struct code *c, size_t at, int64_t *ret)
{
	for (size_t end = at + LONGEST; at < end && at + 8 <= sizeof(c->bytes); at++) {
		const uint8_t *b = c->bytes + at;

		if (b[0] != 0x48 || b[1] != 0x8b || (b[2] & 7) != 0)
			continue;
		switch (b[2] >> 6) {
		case 0:
			*ret = 0;
			return true;
		case 1:
			*ret = (int8_t)b[3];
			return true;
		case 2:
			*ret = number(c, at + 3);
			return true;
		}
	}
	return false;
}

/* lea x(%rip),%rdi and a call of __tls_get_addr, with or without what a linker may overwrite. */
static bool is_address_call(const struct code *c, size_t at, size_t *ret_end)
{
	if (!has(c, at, "\x48\x8d\x3d", 3))
		return false;
	at += 7;
	while (at < c->size && (c->bytes[at] == 0x66 || c->bytes[at] == 0x48))
		at++;
	if (c->bytes[at] == 0xe8)
		*ret_end = at + 5;
	else if (has(c, at, "\xff\x15", 2))
		*ret_end = at + 6;
	else
		return false;
	return true;
}

static bool decode_variable_at(const struct code *c, size_t i, struct python_variable *ret)
{
	const uint8_t *b = c->bytes + i;
	int64_t more;
	size_t end;

	/* Variables stand below the thread pointer; above it the stack's canary does. */
	if (b[0] == 0x64 && (b[1] & 0xfb) == 0x48 && b[2] == 0x8b && (b[3] & 0xc7) == 0x04 &&
	    b[4] == 0x25 && number(c, i + 5) < 0) {
		*ret = (struct python_variable){ PYTHON_VARIABLE_FIXED, number(c, i + 5), 0 };
		return true;
	}
	if (has(c, i, "\x48\xc7\xc0", 3) && has(c, i + 7, "\x64\x48\x8b\x00", 4)) {
		*ret = (struct python_variable){ PYTHON_VARIABLE_FIXED, number(c, i + 3), 0 };
		return true;
	}
	if (has(c, i, "\x48\x8b\x05", 3) && has(c, i + 7, "\x64\x48\x8b\x00", 4)) {
		*ret = (struct python_variable){ PYTHON_VARIABLE_OFFSET, 0, target(c, i + 3) };
		return true;
	}
	if (!is_address_call(c, i, &end) || !find_load(c, end, &more))
		return false;
	*ret = (struct python_variable){ PYTHON_VARIABLE_MODULE, more, target(c, i + 3) };
	return true;
}

bool python_decode_variable(const struct image *im, const struct image_symbol *function,
			    struct python_variable *ret)
{
	struct code c;

	if (!read_code(im, function, &c))
		return false;
	for (size_t i = 0; i < c.size; i++)
		if (decode_variable_at(&c, i, ret))
			return true;
	return false;
}

/* The address that an instruction at `i` names, lea x(%rip),%reg or mov $x,%reg; 0: it is none. */
static uint64_t named_address(const struct code *c, size_t i)
{
	const uint8_t *b = c->bytes + i;

	if ((b[0] & 0xfb) == 0x48 && b[1] == 0x8d && (b[2] & 0xc7) == 0x05)
		return target(c, i + 3);
	if ((b[0] & 0xf8) == 0xb8)
		return (uint32_t)number(c, i + 1);
	return 0;
}

bool python_decode_release(const struct image *im, const struct image_symbol *function,
			   struct python_release *ret)
{
	enum { MAX_VERSION = 16 };
	struct code c;

	if (!read_code(im, function, &c))
		return false;
	for (size_t i = 0; i < c.size; i++) {
		uint64_t address = named_address(&c, i);
		char text[MAX_VERSION + 1] = "";

		if (address && !image_read(im, address, text, MAX_VERSION) &&
		    python_release_parse(text, ret))
			return true;
	}
	return false;
}

/* Where is the key, by the instruction at `i`? 0: it does not say. */
static uint64_t key_at(const struct code *c, size_t i, uint64_t runtime)
{
	const uint8_t *b = c->bytes + i;
	uint64_t address;

	/* mov x(%rip),%reg: the key itself. */
	if (b[0] == 0x8b && (b[1] & 0xc7) == 0x05 && (!i || (c->bytes[i - 1] & 0xf8) != 0x48))
		return target(c, i + 2);
	if (!runtime)
		return 0;
	/* mov x(%reg),%reg, where the register has the address of _PyRuntime. */
	if (b[0] == 0x8b && b[1] >> 6 == 2 && (b[1] & 7) != 4 &&
	    (!i || (c->bytes[i - 1] & 0xf8) != 0x48))
		return runtime + (uint64_t)(int64_t)number(c, i + 2);
	/* lea x(%reg),%reg: the key is second there. */
	if ((b[0] & 0xfa) == 0x48 && b[1] == 0x8d && b[2] >> 6 == 2 && (b[2] & 7) != 4)
		return runtime + (uint64_t)(int64_t)number(c, i + 3) + 4;
	address = named_address(c, i);
	return address && address != runtime ? address + 4 : 0;
}

uint64_t python_decode_key(const struct image *im, const struct image_symbol *function,
			   uint64_t runtime, uint64_t size)
{
	uint64_t found = 0;
	struct code c;

	if (!read_code(im, function, &c))
		return 0;
	for (size_t i = 0; i < c.size; i++) {
		uint64_t at = key_at(&c, i, runtime);

		if (!at || at & 3 || (runtime ? at - runtime >= size : !image_is_data(im, at)))
			continue;
		/* The word before it, which says that there is one, may be read first. */
		if (found && found != at && found + 4 != at)
			return 0;
		found = at;
	}
	return found;
}

uint64_t python_decode_getter(const struct image *im, const struct image_symbol *function)
{
	struct code c;
	size_t i;

	if (!read_code(im, function, &c))
		return 0;
	i = has(&c, 0, "\xf3\x0f\x1e\xfa", 4) ? 4 : 0;
	if (!has(&c, i, "\x48\x8b\x05", 3) || c.bytes[i + 7] != 0xc3 ||
	    !image_is_data(im, target(&c, i + 3)))
		return 0;
	return target(&c, i + 3);
}
