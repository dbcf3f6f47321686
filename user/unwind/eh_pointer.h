/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Encoded pointers: LSB Core 5.0 §10.5. */
#pragma once
#include "unwind/cursor.h"

enum {
	EH_POINTER_ABSOLUTE = 0x00,
	EH_POINTER_UNSIGNED_LEB = 0x01,
	EH_POINTER_UNSIGNED_2 = 0x02,
	EH_POINTER_UNSIGNED_4 = 0x03,
	EH_POINTER_UNSIGNED_8 = 0x04,
	EH_POINTER_SIGNED_LEB = 0x09,
	EH_POINTER_SIGNED_2 = 0x0a,
	EH_POINTER_SIGNED_4 = 0x0b,
	EH_POINTER_SIGNED_8 = 0x0c,
	EH_POINTER_FORMAT = 0x0f,
	EH_POINTER_TO_ITSELF = 0x10,
	EH_POINTER_TO_DATA = 0x30,
	EH_POINTER_BASE = 0x70,
	EH_POINTER_INDIRECT = 0x80,
	EH_POINTER_OMIT = 0xff,
};

/* The number alone, whatever it is relative to. false: no such format, or it passes the end. */
static inline bool eh_pointer_number(struct cursor *c, uint8_t encoding, uint64_t *ret)
{
	switch (encoding & EH_POINTER_FORMAT) {
	case EH_POINTER_SIGNED_4:
		*ret = (uint64_t)(int32_t)cursor_number(c, 4);
		break;
	case EH_POINTER_UNSIGNED_4:
		*ret = cursor_number(c, 4);
		break;
	case EH_POINTER_ABSOLUTE:
	case EH_POINTER_UNSIGNED_8:
	case EH_POINTER_SIGNED_8:
		*ret = cursor_number(c, 8);
		break;
	case EH_POINTER_UNSIGNED_2:
		*ret = cursor_number(c, 2);
		break;
	case EH_POINTER_SIGNED_2:
		*ret = (uint64_t)(int16_t)cursor_number(c, 2);
		break;
	case EH_POINTER_UNSIGNED_LEB:
		*ret = cursor_uleb(c);
		break;
	case EH_POINTER_SIGNED_LEB:
		*ret = (uint64_t)cursor_sleb(c);
		break;
	default:
		return false;
	}
	return !c->bad;
}

/*
 * `bias` is what is added to a byte's place in memory to get its address in the file,
 * `data_address` what data-relative pointers count from. 0 is no pointer, whatever it is relative
 * to. false: can't be read, or not without the program's memory (indirect).
 */
static inline bool eh_pointer_read(struct cursor *c, uint8_t encoding, uint64_t bias,
				   uint64_t data_address, uint64_t *ret)
{
	uint64_t itself = (uint64_t)(uintptr_t)c->at + bias, value;

	if (encoding & EH_POINTER_INDIRECT || !eh_pointer_number(c, encoding, &value))
		return false;
	switch (value ? encoding & EH_POINTER_BASE : EH_POINTER_ABSOLUTE) {
	case EH_POINTER_ABSOLUTE:
		break;
	case EH_POINTER_TO_ITSELF:
		value += itself;
		break;
	case EH_POINTER_TO_DATA:
		value += data_address;
		break;
	default:
		return false;
	}
	*ret = value;
	return true;
}
