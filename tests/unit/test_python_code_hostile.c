// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Objects that are no code objects, or say what can't be: refused, bounded, and nothing guessed. */
#include "python_code_fixture.h"

static void test_absurd_texts(void **state)
{
	static const uint64_t absurd[] = { ~0ull, 1ull << 63, INT64_MAX };

	(void)state;
	for (unsigned i = 0; i < NR_LAYOUTS; i++) {
		begin(i);
		/* Less than nothing, though there is memory enough. */
		for (size_t k = 0; k < 2; k++) {
			put(NAME_AT + layout->text_length, absurd[k], 8);
			refused(&memory, -EFAULT);
		}
		/* More than there is. */
		memory_end = NAME_AT + 100;
		put(NAME_AT + layout->text_length, absurd[2], 8);
		refused(&memory, -EFAULT);
		/* More than all memory, of which as much can be read as is wanted. */
		memory_end = MEMORY;
		assert_int_equal(read_code(&memory), 0);
		assert_int_equal(name.len, 1 + MAX_NAME);
		/* ASCII of two bytes. */
		put_text(NAME_AT, 2, true, u"abc", 3);
		refused(&memory, -EFAULT);
	}
}

static void test_states_of_texts(void **state)
{
	(void)state;
	for (unsigned i = 0; i < NR_LAYOUTS; i++) {
		begin(i);
		/* Every state there is: named or refused. */
		for (uint32_t bits = 0; bits < 1 << 13; bits++) {
			int err;

			put_text(NAME_AT, 1, true, "abc", 3);
			put(NAME_AT + layout->text_state, bits, 4);
			err = read_code(&memory);
			assert_true(!err || err == -EFAULT);
			assert_true(utf8_valid(strbuf_str(&name), name.len));
		}
	}
}

/* The end of the address space is not followed by its begin. */
static void test_last_addresses(void **state)
{
	(void)state;
	begin(LAYOUT_313);
	put(CODE + layout->code_qualname, ~0ull - 7, 8);
	put(8, 3, 8);
	put(24, 1 << 2 | 1 << 5 | 1 << 6, 4);
	refused(&memory, -EFAULT);
}

/* More bytes than a record has room for. */
static void test_absurd_record(void **state)
{
	char text[400];

	(void)state;
	memset(text, 'x', sizeof(text));
	begin(LAYOUT_313);
	put_text(NAME_AT, 1, true, text, sizeof(text));
	put_lines(3000);
	assert_int_equal(python_copy_code(&runtime, &memory, CODE, &raw), 0);
	raw.object_size = raw.text_sizes[0] = raw.text_sizes[1] = raw.lines_size = UINT32_MAX;
	assert_int_equal(read_code(NULL), 0);
	assert_int_equal(name.len, 1 + ABI_CODE_TEXT - layout->text_ascii + strlen("…"));
	assert_int_equal(code.format, CODE_LINES_NONE);
}

/* Wherever the pointers point to: no crash, and nothing that is not UTF-8. */
static void test_random_objects(void **state)
{
	uint32_t seed = 7;

	(void)state;
	for (unsigned round = 0; round < 20000; round++) {
		int err;

		if (round % 2000 == 0)
			begin(round / 2000 % NR_LAYOUTS);
		seed = seed * 1664525 + 1013904223;
		put(CODE + (seed >> 8) % 160, (uint64_t)seed * seed >> (seed >> 27), 8);
		seed = seed * 1664525 + 1013904223;
		put(NAME_AT + (seed >> 8) % 80, (uint64_t)seed << (seed >> 27), seed >> 30);
		put(CODE + layout->object_type, TYPE, 8);
		err = python_copy_code(&runtime, &memory, CODE, &raw);
		assert_true(!err || err == -EFAULT);
		if (err)
			raw = (struct abi_code){ .code = CODE };
		raw.text_sizes[0] = round % 3 ? raw.text_sizes[0] : UINT32_MAX;
		raw.lines_size = round % 5 ? raw.lines_size : UINT32_MAX;
		err = read_code(round % 2 ? &memory : NULL);
		assert_true(!err || err == -EFAULT);
		assert_true(utf8_valid(strbuf_str(&name), name.len));
		assert_true(utf8_valid(strbuf_str(&file), file.len));
		assert_true(name.len <= 1 + MAX_NAME && file.len <= 1 + MAX_FILE);
	}
}

static void test_no_code_object(void **state)
{
	(void)state;
	for (unsigned i = LAYOUT_310; i < NR_LAYOUTS; i++) {
		begin(i);
		put(CODE + layout->object_type, TYPE + 8, 8);
		refused(&memory, -EINVAL);
		assert_int_equal(python_copy_code(&runtime, &memory, CODE, &raw), 0);
		refused(NULL, -EINVAL);
	}
	/* Where its type is not known, there is nothing to compare. */
	begin(LAYOUT_36);
	put(CODE + layout->object_type, TYPE + 8, 8);
	assert_int_equal(read_code(&memory), 0);
	/* Offsets that lead out of what is read of an object. */
	runtime.python.code_lines = 255;
	refused(&memory, -EINVAL);
	assert_int_equal(python_copy_code(&runtime, &memory, CODE, &raw), -EFAULT);
}

static void test_unreadable(void **state)
{
	(void)state;
	begin(LAYOUT_313);
	refused(NULL, -EFAULT);
	hole = CODE + 100;
	hole_end = hole + 1;
	refused(&memory, -EFAULT);
	assert_int_equal(python_copy_code(&runtime, &memory, CODE, &raw), -EFAULT);
	raw.code = 0;
	refused(&memory, -EFAULT);
	raw.code = ~0ull - 7;
	refused(&memory, -EFAULT);
	/* Without its file and its lines a name is still a name. */
	raw.code = CODE;
	hole = FILE_AT + 16;
	hole_end = hole + 8;
	put(CODE + layout->code_lines, 0, 8);
	put(CODE + layout->code_file, FILE_AT, 8);
	assert_int_equal(read_code(&memory), 0);
	is("Class.method", "", 0);
	assert_int_equal(code.format, CODE_LINES_NONE);
	/* The rest of the last page that there is. */
	begin(LAYOUT_313);
	memory_end = 0x3000;
	put(CODE + layout->code_file, 0x3000 - 60, 8);
	put_text(0x3000 - 60, 1, true, "/tmp/abcdefghi.py", 17);
	assert_int_equal(python_copy_code(&runtime, &memory, CODE, &raw), 0);
	assert_int_equal(raw.text_sizes[0], 60);
	assert_int_equal(raw.text_sizes[1], 0);
	assert_int_equal(raw.lines_size, 0);
}

/* What processes that were forked of one make alike has the same addresses, but other names. */
static void test_same_place(void **state)
{
	(void)state;
	for (unsigned i = 0; i < NR_LAYOUTS; i++) {
		uint64_t hash = NAME_AT + layouts[i].text_length + 8;
		uint32_t seen;

		begin(i);
		put(hash, 1111, 8);
		assert_int_equal(python_copy_code(&runtime, &memory, CODE, &raw), 0);
		seen = raw.check;
		put(hash, 2222, 8);
		put_text(NAME_AT, 1, true, "Another.body", 12);
		assert_int_equal(python_copy_code(&runtime, &memory, CODE, &raw), 0);
		assert_int_not_equal(raw.check, seen);
		raw = (struct abi_code){ .code = CODE, .check = seen };
		refused(&memory, -EFAULT);
		/* Who saw it could not read the name. */
		raw.check = 0;
		hole = NAME_AT;
		hole_end = hole + 64;
		assert_int_equal(python_copy_code(&runtime, &memory, CODE, &raw), 0);
		seen = raw.check;
		hole = hole_end = 0;
		assert_int_equal(python_copy_code(&runtime, &memory, CODE, &raw), 0);
		assert_int_equal(raw.check, seen);
		raw = (struct abi_code){ .code = CODE, .check = seen };
		assert_int_equal(read_code(&memory), 0);
	}
}

/* Memory that holds another code object by now says nothing of the one that was seen. */
static void test_changed_since(void **state)
{
	(void)state;
	begin(LAYOUT_313);
	put_lines(5000);
	assert_int_equal(python_copy_code(&runtime, &memory, CODE, &raw), 0);
	put_text(NAME_AT, 1, true, "Another.body", 12);
	put(CODE + layout->code_first_line, 78, 4);
	assert_int_equal(read_code(&memory), 0);
	is("Class.method", "/app/main.py", 0);
	assert_int_equal(code.format, CODE_LINES_NONE);
	raw.text_sizes[1] = 0;
	refused(&memory, -EFAULT);
	raw.object_size = 0;
	refused(&memory, -EFAULT);
	/* Nor does it when it changes while it is read. */
	begin(LAYOUT_313);
	change_after = 3;
	assert_int_equal(python_copy_code(&runtime, &memory, CODE, &raw), -EFAULT);
	begin(LAYOUT_313);
	assert_int_equal(python_copy_code(&runtime, &memory, CODE, &raw), 0);
	raw.object_size = raw.text_sizes[0] = raw.text_sizes[1] = 0;
	nr_reads = 0;
	change_after = 3;
	refused(&memory, -EFAULT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_absurd_texts),   cmocka_unit_test(test_states_of_texts),
		cmocka_unit_test(test_last_addresses), cmocka_unit_test(test_absurd_record),
		cmocka_unit_test(test_random_objects), cmocka_unit_test(test_no_code_object),
		cmocka_unit_test(test_unreadable),     cmocka_unit_test(test_same_place),
		cmocka_unit_test(test_changed_since),
	};

	return cmocka_run_group_tests(tests, NULL, forget);
}
