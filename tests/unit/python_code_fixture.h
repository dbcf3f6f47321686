/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Code objects in memory that is made up, in the layouts of several CPythons. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/array.h"
#include "base/utf8.h"
#include "runtime/python.h"

enum {
	MEMORY = 4 << 20,
	CODE = 0x1000,
	FILE_AT = 0x2000,
	NAME_AT = 0x100000,
	LINES_AT = 0x200000,
	TYPE = 0x7e57,
	MAX_NAME = 512,
	MAX_FILE = 4096,
};

static uint8_t memory_bytes[MEMORY];
static uint64_t memory_end = MEMORY; /* what lies behind can't be read */
static uint64_t hole, hole_end;
static unsigned nr_reads, change_after; /* that many reads see the old code object */
static const struct target_memory memory = { .pid = 42 };

/* In place of a process's: addresses are places in memory_bytes. */
int target_memory_read(const struct target_memory *m, uint64_t from, void *to, size_t size)
{
	assert_int_equal(m->pid, 42);
	if (from >= memory_end || size > memory_end - from ||
	    (from < hole_end && from + size > hole))
		return -EFAULT;
	if (change_after && nr_reads == change_after)
		memory_bytes[CODE + 68]++;
	nr_reads++;
	memcpy(to, memory_bytes + from, size);
	return 0;
}

static const struct abi_python layouts[] = {
	{ .minor = 6,
	  .at_is_index = 1,
	  .code_first_line = 36,
	  .code_file = 96,
	  .code_name = 104,
	  .code_lines = 112,
	  .text_ascii = 48,
	  .text_other = 72,
	  .text_length = 16,
	  .text_state = 32,
	  .bytes_size = 16,
	  .bytes_data = 32,
	  .object_type = 8 },
	{ .minor = 10,
	  .at_is_index = 1,
	  .code_first_line = 40,
	  .code_file = 104,
	  .code_name = 112,
	  .code_lines = 120,
	  .text_ascii = 48,
	  .text_other = 72,
	  .text_length = 16,
	  .text_state = 32,
	  .bytes_size = 16,
	  .bytes_data = 32,
	  .object_type = 8,
	  .code_type = TYPE },
	{ .minor = 13,
	  .code_first_line = 68,
	  .code_file = 112,
	  .code_name = 120,
	  .code_qualname = 128,
	  .code_lines = 136,
	  .text_ascii = 40,
	  .text_other = 56,
	  .text_length = 16,
	  .text_state = 32,
	  .bytes_size = 16,
	  .bytes_data = 32,
	  .object_type = 8,
	  .code_type = TYPE,
	  .code_instructions = 200 },
	{ .minor = 14,
	  .free_threaded = 1,
	  .code_first_line = 84,
	  .code_file = 128,
	  .code_name = 136,
	  .code_qualname = 144,
	  .code_lines = 152,
	  .text_ascii = 56,
	  .text_other = 72,
	  .text_length = 32,
	  .text_state = 48,
	  .bytes_size = 32,
	  .bytes_data = 48,
	  .object_type = 24,
	  .code_type = TYPE,
	  .code_instructions = 232 },
};

enum { LAYOUT_36, LAYOUT_310, LAYOUT_313, LAYOUT_314T, NR_LAYOUTS };

static struct abi_runtime runtime;
static const struct abi_python *layout;
static struct abi_code raw;
static struct strbuf name, file, lines;
static struct raw_code code;

static void put(uint64_t at, uint64_t value, size_t size)
{
	memcpy(memory_bytes + at, &value, size);
}

/* A string object: kind 1 that is ASCII, or not, 2, or 4. */
static void put_text(uint64_t at, unsigned kind, bool ascii, const void *text, uint64_t length)
{
	uint32_t state = kind | 8 | (ascii ? 16 : 0);
	bool byte = layout->free_threaded && layout->minor >= 14;
	uint64_t data = at + (ascii ? layout->text_ascii : layout->text_other);

	put(at + layout->text_length, length, 8);
	/* Interned, and what follows the bits may be anything. */
	put(at + layout->text_state, byte ? state << 8 | 0xabcd0003 : state << 2 | 0xabcd0001, 4);
	memcpy(memory_bytes + data, text, length * kind);
}

static void put_lines(uint64_t size)
{
	put(LINES_AT + layout->bytes_size, size, 8);
	for (uint64_t i = 0; i < size && i < (1 << 20); i++)
		memory_bytes[LINES_AT + layout->bytes_data + i] = (uint8_t)(i * 7);
}

/* A whole code object in the memory, of which nothing has been read. */
static void begin(unsigned which)
{
	memset(memory_bytes, 0x5a, sizeof(memory_bytes));
	memory_end = MEMORY;
	hole = hole_end = nr_reads = change_after = 0;
	layout = &layouts[which];
	runtime =
		(struct abi_runtime){ .kind = ABI_RUNTIME_PYTHON, .family = 9, .python = *layout };
	put(CODE + layout->object_type, TYPE, 8);
	put(CODE + layout->code_first_line, 77, 4);
	put(CODE + layout->code_file, FILE_AT, 8);
	put(CODE + (layout->code_qualname ? layout->code_qualname : layout->code_name), NAME_AT, 8);
	put(CODE + layout->code_lines, LINES_AT, 8);
	put_text(FILE_AT, 1, true, "/app/main.py", 12);
	put_text(NAME_AT, 1, true, "Class.method", 12);
	put_lines(10);
	raw = (struct abi_code){ .type = ABI_CODE, .code = CODE };
}

static void drop(void)
{
	strbuf_done(&name);
	strbuf_done(&file);
	strbuf_done(&lines);
	name = file = lines = (struct strbuf){ 0 };
}

static int read_code(const struct target_memory *m)
{
	drop();
	strbuf_adds(&name, "<");
	strbuf_adds(&file, "<");
	strbuf_adds(&lines, "<");
	code = (struct raw_code){ .name = 5, .first_line = 99 };
	return python_read_code(&runtime, &raw, m, &name, &file, &lines, &code);
}

static void is(const char *wanted_name, const char *wanted_file, uint32_t nr_lines)
{
	assert_string_equal(strbuf_str(&name) + 1, wanted_name);
	assert_string_equal(strbuf_str(&file) + 1, wanted_file);
	assert_int_equal(lines.len, 1 + nr_lines);
	assert_int_equal(code.nr_lines, nr_lines);
	assert_memory_equal(lines.buf + 1, memory_bytes + LINES_AT + layout->bytes_data, nr_lines);
	assert_int_equal(code.first_line, 77);
	assert_int_equal(code.name, 5);
}

/* Nothing was added, nothing was changed. */
static void refused(const struct target_memory *m, int err)
{
	assert_int_equal(read_code(m), err);
	assert_string_equal(strbuf_str(&name), "<");
	assert_string_equal(strbuf_str(&file), "<");
	assert_string_equal(strbuf_str(&lines), "<");
	assert_int_equal(code.first_line, 99);
}

static int forget(void **state)
{
	(void)state;
	drop();
	return 0;
}
