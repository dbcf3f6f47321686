// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "symbolize/python_lines.h"

#include <stdbool.h>

enum {
	RANGE_NO_LINE = -128, /* 3.10: instead of a difference */
	/* 3.11: the first byte of an entry, which alone has this bit, and the kinds of it. */
	ENTRY_BEGINS = 0x80,
	KIND_NEXT_LINES = 10, /* the line of the last entry, the next one, the one after it */
	KIND_NO_COLUMNS = 13,
	KIND_LONG,
	KIND_NO_LINE,
	VARINT_MORE = 0x40,
};

/* What a line can't be was not meant as one: CPython's lines are ints. */
static uint32_t line_of(int64_t line)
{
	return line > 0 && line <= INT32_MAX ? (uint32_t)line : 0;
}

static uint32_t lnotab_line(const struct raw_code *code, uint32_t at)
{
	int64_t line = code->first_line;
	uint64_t address = 0;

	for (uint32_t i = 0; i + 1 < code->nr_lines; i += 2) {
		address += code->lines[i];
		if (address > at)
			break;
		line += (int8_t)code->lines[i + 1];
	}
	return line_of(line);
}

static uint32_t range_line(const struct raw_code *code, uint32_t at)
{
	int64_t line = code->first_line;
	uint64_t end = 0;

	for (uint32_t i = 0; i + 1 < code->nr_lines; i += 2) {
		int8_t difference = (int8_t)code->lines[i + 1];

		end += code->lines[i];
		if (difference != RANGE_NO_LINE)
			line += difference;
		if (at < end)
			return difference == RANGE_NO_LINE ? 0 : line_of(line);
	}
	return 0;
}

/* By how much the line differs, from behind the first byte on: a signed number of 6 bits a byte. */
static bool read_difference(const struct raw_code *code, uint32_t i, int64_t *ret)
{
	uint32_t value = 0;

	for (uint32_t shift = 0; i < code->nr_lines && shift < 32; i++, shift += 6) {
		uint8_t byte = code->lines[i];

		if (byte & ENTRY_BEGINS)
			return false;
		value |= (uint32_t)(byte & (VARINT_MORE - 1)) << shift;
		if (byte & VARINT_MORE)
			continue;
		*ret = value & 1 ? -(int64_t)(value >> 1) : value >> 1;
		return true;
	}
	return false;
}

static uint32_t location_line(const struct raw_code *code, uint32_t at)
{
	int64_t line = code->first_line, difference;
	uint64_t end = 0;
	uint32_t i = 0;

	while (i < code->nr_lines) {
		uint8_t byte = code->lines[i++], kind = byte >> 3 & 15;

		if (!(byte & ENTRY_BEGINS))
			return 0;
		end += 2 * ((byte & 7) + 1);
		if (kind == KIND_NO_COLUMNS || kind == KIND_LONG) {
			if (!read_difference(code, i, &difference))
				return 0;
			line += difference;
		} else if (kind >= KIND_NEXT_LINES && kind < KIND_NO_COLUMNS) {
			line += kind - KIND_NEXT_LINES;
		}
		if (at < end)
			return kind == KIND_NO_LINE ? 0 : line_of(line);
		while (i < code->nr_lines && !(code->lines[i] & ENTRY_BEGINS))
			i++;
	}
	return 0;
}

uint32_t python_line(const struct raw_code *code, uint32_t at)
{
	if (at == CODE_NOWHERE)
		return 0;
	if (at == CODE_NOT_BEGUN)
		return line_of(code->first_line);
	switch (code->format) {
	case CODE_LINES_NONE:
		return 0;
	case CODE_LINES_LNOTAB:
		return lnotab_line(code, at);
	case CODE_LINES_RANGES:
		return range_line(code, at);
	case CODE_LINES_LOCATIONS:
		return location_line(code, at);
	}
	return 0;
}
