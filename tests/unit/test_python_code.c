// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Code objects named from what the kernel half read, from memory, and from both. */
#include "python_code_fixture.h"

static void test_layouts(void **state)
{
	static const enum code_lines formats[] = { CODE_LINES_LNOTAB, CODE_LINES_RANGES,
						   CODE_LINES_LOCATIONS, CODE_LINES_LOCATIONS };

	(void)state;
	for (unsigned i = 0; i < NR_LAYOUTS; i++) {
		begin(i);
		/* From memory alone. */
		assert_int_equal(read_code(&memory), 0);
		is("Class.method", "/app/main.py", 10);
		assert_int_equal(code.format, formats[i]);
		/* All that was read before, of a process that is gone. */
		assert_int_equal(python_copy_code(&runtime, &memory, CODE, &raw), 0);
		assert_int_equal(raw.type, ABI_CODE);
		assert_int_equal(raw.tgid, 42);
		assert_int_equal(raw.family, 9);
		assert_true(raw.check && !(raw.check & 1));
		assert_int_equal(read_code(NULL), 0);
		is("Class.method", "/app/main.py", 10);
		assert_int_equal(code.format, formats[i]);
		/* … or has other things there by now. */
		nr_reads = 0;
		assert_int_equal(read_code(&memory), 0);
		assert_int_equal(nr_reads, 0);
	}
}

static void test_each_part_from_memory(void **state)
{
	(void)state;
	begin(LAYOUT_313);
	for (unsigned missing = 0; missing < 16; missing++) {
		assert_int_equal(python_copy_code(&runtime, &memory, CODE, &raw), 0);
		raw.object_size = missing & 1 ? 100 : raw.object_size;
		raw.text_sizes[0] = missing & 2 ? 50 : raw.text_sizes[0];
		raw.text_sizes[1] = missing & 4 ? 0 : raw.text_sizes[1];
		raw.lines_size = missing & 8 ? 20 : raw.lines_size;
		assert_int_equal(read_code(&memory), 0);
		is("Class.method", "/app/main.py", 10);
		/* And without it: no object is no name; of a text, what there is. */
		if (missing & 5) {
			refused(NULL, -EFAULT);
			continue;
		}
		assert_int_equal(read_code(NULL), 0);
		assert_string_equal(strbuf_str(&file),
				    missing & 2 ? "</app/main.…" : "</app/main.py");
		assert_int_equal(code.format, missing & 8 ? CODE_LINES_NONE : CODE_LINES_LOCATIONS);
	}
}

static void test_kinds(void **state)
{
	static const uint8_t latin[] = { 'a', 0xe9, 0xff };
	static const uint16_t two[] = { 'a', 0x3b1, 0x20ac, 0xd800, 0xdfff, 0 };
	static const uint32_t four[] = { 0x1f40d, 'x', 0x110000, 0xffffffff, 0xdc80, 0x10ffff };

	(void)state;
	for (unsigned i = 0; i < NR_LAYOUTS; i++) {
		begin(i);
		put_text(NAME_AT, 1, false, latin, 3);
		put_text(FILE_AT, 2, false, two, 6);
		assert_int_equal(read_code(&memory), 0);
		is("aéÿ", "aα€���", 10);
		put_text(NAME_AT, 4, false, four, 6);
		put_text(FILE_AT, 1, true, "", 0);
		assert_int_equal(read_code(&memory), 0);
		is("🐍x���\U0010ffff", "", 10);
	}
}

/* Of a class derived from str. */
static void test_text_elsewhere(void **state)
{
	(void)state;
	begin(LAYOUT_310);
	put_text(NAME_AT, 1, true, "Class.method", 12);
	put(NAME_AT + layout->text_state, 1 << 2 | 1 << 6, 4);
	put(NAME_AT + layout->text_other, 0x3003, 8);
	memcpy(memory_bytes + 0x3003, "else.whereXX", 12);
	assert_int_equal(read_code(&memory), 0);
	is("else.whereXX", "/app/main.py", 10);
	put(NAME_AT + layout->text_other, 0, 8);
	refused(&memory, -EFAULT);
	put(NAME_AT + layout->text_other, ~0ull, 8);
	refused(&memory, -EFAULT);
}

static void test_long_names(void **state)
{
	static uint32_t snakes[100000];
	static char letters[100000];

	(void)state;
	memset(letters, 'x', sizeof(letters));
	for (size_t i = 0; i < ARRAY_SIZE(snakes); i++)
		snakes[i] = 0x1f40d;
	begin(LAYOUT_313);
	put_text(NAME_AT, 4, false, snakes, 100000);
	put_text(FILE_AT, 1, true, letters, 100000);
	assert_int_equal(read_code(&memory), 0);
	/* 127 of four bytes, and the mark of three. */
	assert_int_equal(name.len, 1 + 127 * 4 + 3);
	assert_true(utf8_valid(name.buf, name.len));
	assert_string_equal(name.buf + name.len - 7, "🐍…");
	assert_int_equal(file.len, 1 + MAX_FILE);
	assert_string_equal(file.buf + file.len - 4, "x…");
	/* What just fits, and one more. */
	put_text(FILE_AT, 1, true, letters, MAX_FILE);
	put_text(NAME_AT, 1, true, letters, MAX_NAME + 1);
	assert_int_equal(read_code(&memory), 0);
	assert_int_equal(file.len, 1 + MAX_FILE);
	assert_int_equal(file.buf[file.len - 1], 'x');
	assert_int_equal(name.len, 1 + MAX_NAME);
	assert_string_equal(name.buf + name.len - 4, "x…");
	/* Few characters of many bytes. */
	put_text(NAME_AT, 4, false, snakes, 128);
	assert_int_equal(read_code(&memory), 0);
	assert_int_equal(name.len, 1 + 128 * 4);
	put_text(NAME_AT, 4, false, snakes, 129);
	assert_int_equal(read_code(&memory), 0);
	assert_int_equal(name.len, 1 + 127 * 4 + 3);
}

static void test_lines(void **state)
{
	(void)state;
	begin(LAYOUT_313);
	put_lines(0);
	assert_int_equal(read_code(&memory), 0);
	assert_int_equal(code.format, CODE_LINES_LOCATIONS);
	is("Class.method", "/app/main.py", 0);
	put_lines(5000);
	assert_int_equal(read_code(&memory), 0);
	is("Class.method", "/app/main.py", 5000);
	/* More than the kernel half sends. */
	assert_int_equal(python_copy_code(&runtime, &memory, CODE, &raw), 0);
	assert_int_equal(raw.lines_size, ABI_CODE_LINES);
	assert_int_equal(read_code(&memory), 0);
	is("Class.method", "/app/main.py", 5000);
	assert_int_equal(read_code(NULL), 0);
	is("Class.method", "/app/main.py", 0);
	assert_int_equal(code.format, CODE_LINES_NONE);
	raw = (struct abi_code){ .code = CODE };
	put_lines(1 << 20);
	assert_int_equal(read_code(&memory), 0);
	is("Class.method", "/app/main.py", 1 << 20);
	for (int i = 0; i < 3; i++) {
		put_lines((uint64_t[]){ (1 << 20) + 1, ~0ull, 1ull << 63 }[i]);
		assert_int_equal(read_code(&memory), 0);
		is("Class.method", "/app/main.py", 0);
		assert_int_equal(code.format, CODE_LINES_NONE);
	}
	/* A first line that is none: what counts from it is none, too. */
	put_lines(10);
	put(CODE + layout->code_first_line, 0x80000000, 4);
	assert_int_equal(read_code(&memory), 0);
	assert_int_equal(code.first_line, 0);
	assert_int_equal(code.format, CODE_LINES_NONE);
}

static void test_instruction(void **state)
{
	static const struct {
		unsigned layout;
		uint32_t at, wanted;
	} cases[] = {
		{ LAYOUT_36, 0, 0 },
		{ LAYOUT_36, 14, 14 },
		{ LAYOUT_36, 0xffffffff, CODE_NOT_BEGUN },
		{ LAYOUT_36, 0xfffffffe, CODE_NOWHERE },
		{ LAYOUT_36, 0x80000000, CODE_NOWHERE },
		{ LAYOUT_36, 0x7fffffff, 0x7fffffff },
		{ LAYOUT_310, 7, 14 },
		{ LAYOUT_310, 0xffffffff, CODE_NOT_BEGUN },
		{ LAYOUT_310, 0x3fffffff, 0x7ffffffe },
		{ LAYOUT_310, 0x40000000, CODE_NOWHERE },
		{ LAYOUT_313, 200, 0 },
		{ LAYOUT_313, 214, 14 },
		{ LAYOUT_313, 198, CODE_NOT_BEGUN },
		{ LAYOUT_313, 199, CODE_NOWHERE },
		{ LAYOUT_313, 0, CODE_NOWHERE },
		{ LAYOUT_313, ABI_CALL_NOWHERE, CODE_NOWHERE },
		{ LAYOUT_313, 0x80000000, CODE_NOWHERE },
		{ LAYOUT_314T, 232, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct abi_runtime r = { .python = layouts[cases[i].layout] };
		const struct abi_call call = { .at = cases[i].at };

		assert_int_equal(python_instruction(&r, &call), cases[i].wanted);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layouts),	    cmocka_unit_test(test_each_part_from_memory),
		cmocka_unit_test(test_kinds),	    cmocka_unit_test(test_text_elsewhere),
		cmocka_unit_test(test_long_names),  cmocka_unit_test(test_lines),
		cmocka_unit_test(test_instruction),
	};

	return cmocka_run_group_tests(tests, NULL, forget);
}
