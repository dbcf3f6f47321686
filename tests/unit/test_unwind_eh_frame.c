// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "eh_fixture.h"

#define ROW(offset) (((offset) / 8) << CFI_OFFSET_SHIFT)
#define USUAL	    B(0x0c, 7, 8, 0x90, 1)
#define WIDE	    B(0x0e, 16)

/* An FDE whose pointers are written as the caller says; `start` and `size` as numbers. */
static void add_fde(struct eh_fixture *f, uint64_t start, size_t start_size, uint64_t size,
		    size_t size_size, bool is_augmented)
{
	size_t begin = f->frame.len;

	eh_number(&f->frame, 0, 4);
	eh_number(&f->frame, begin + 4 - f->cie, 4);
	eh_number(&f->frame, start, start_size);
	eh_number(&f->frame, size, size_size);
	if (is_augmented)
		eh_number(&f->frame, 0, 1);
	eh_bytes(&f->frame, WIDE);
	eh_close(&f->frame, begin);
}

static void test_augmentations(void **state)
{
	const struct {
		const char *letters;
		size_t size;
		const uint8_t *data;
		size_t data_size;
	} cases[] = {
		{ "zR", 3, B(0x1b) },
		{ "zPLR", 5, B(0x9b, 1, 2, 3, 4, 0x1b, 0x1b) },
		{ "zRLP", 5, B(0x1b, 0x1b, 0x03, 1, 2, 3, 4) },
		{ "zPR", 4, B(0x00, 1, 2, 3, 4, 5, 6, 7, 8, 0x1b) },
		{ "zPR", 4, B(0x01, 0xff, 0xff, 1, 0x1b) },
		/* More data than the letters speak of. */
		{ "zR", 3, B(0x1b, 1, 2, 3) },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct eh_fixture f;

		eh_init(&f);
		eh_cie_of(&f, i % 2 ? 3 : 1, cases[i].letters, cases[i].size, cases[i].data,
			  cases[i].data_size, USUAL);
		eh_fde(&f, 0, 16, WIDE);
		eh_compile(&f);
		assert_int_equal(eh_rule(&f, 0), ROW(16));
		assert_int_equal(f.table->nr_bad, 0);
		eh_done(&f);
	}
}

/* Where the range can't be known nothing is said of it; where it can, that it is broken. */
static void test_unusable(void **state)
{
	struct eh_fixture f;

	(void)state;
	eh_init(&f);
	eh_cie_of(&f, 1, "zXR", 4, B(0x1b), USUAL);
	eh_fde(&f, 0, 16, WIDE);
	eh_cie_of(&f, 1, "zRX", 4, B(0x1b), USUAL);
	eh_fde(&f, 16, 16, WIDE);
	eh_cie_of(&f, 1, "zRB", 4, B(0x1b), USUAL); /* arm64's */
	eh_fde(&f, 32, 16, WIDE);
	eh_cie_of(&f, 2, "zR", 3, B(0x1b), USUAL);
	eh_fde(&f, 48, 16, WIDE);
	eh_cie_of(&f, 1, "zR", 3, B(0x1b), B(0x0c, 7, 8, 0x90, 1, 0x3f));
	eh_fde(&f, 64, 16, WIDE);
	eh_cie_of(&f, 1, "zR", 3, B(0x1b), B(0x0c, 7, 8, 0x41)); /* a CIE has no rows */
	eh_fde(&f, 80, 16, WIDE);
	eh_cie_of(&f, 1, "zR", 3, B(0x9b), USUAL); /* indirect */
	eh_fde(&f, 96, 16, WIDE);
	eh_cie_of(&f, 1, "zR", 3, B(0x2b), USUAL); /* relative to text */
	eh_fde(&f, 112, 16, WIDE);
	eh_cie(&f);
	eh_fde(&f, 128, 16, WIDE);
	eh_compile(&f);
	assert_int_equal(eh_rule(&f, 0), CFI_GAP);
	assert_int_equal(eh_rule(&f, 16), CFI_BROKEN);
	assert_int_equal(eh_rule(&f, 32), CFI_BROKEN);
	assert_int_equal(eh_rule(&f, 48), CFI_GAP);
	assert_int_equal(eh_rule(&f, 64), CFI_BROKEN);
	assert_int_equal(eh_rule(&f, 80), CFI_BROKEN);
	assert_int_equal(eh_rule(&f, 96), CFI_GAP);
	assert_int_equal(eh_rule(&f, 112), CFI_GAP);
	assert_int_equal(eh_rule(&f, 128), ROW(16));
	assert_int_equal(f.table->nr_bad, 8);
	eh_done(&f);
}

static void test_encodings(void **state)
{
	static const struct {
		uint8_t encoding, size;
		enum { ABSOLUTE, TO_ITSELF, TO_HEADER } base;
	} cases[] = {
		{ 0x00, 8, ABSOLUTE },	{ 0x04, 8, ABSOLUTE },	{ 0x0c, 8, ABSOLUTE },
		{ 0x03, 4, ABSOLUTE },	{ 0x0b, 4, ABSOLUTE },	{ 0x10, 8, TO_ITSELF },
		{ 0x1b, 4, TO_ITSELF }, { 0x1c, 8, TO_ITSELF }, { 0x3b, 4, TO_HEADER },
		{ 0x3c, 8, TO_HEADER },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct eh_fixture f;
		uint64_t start = EH_TEXT;

		eh_init(&f);
		eh_cie_of(&f, 1, "zR", 3, &cases[i].encoding, 1, USUAL);
		/* The header stands behind the frames, aligned by 8. */
		if (cases[i].base == TO_ITSELF)
			start -= f.frame_address + f.frame.len + 8;
		if (cases[i].base == TO_HEADER)
			start -= f.frame_address +
				 ((f.frame.len + 8 + 2 * cases[i].size + 3 + 7) & ~UINT64_C(7));
		add_fde(&f, start, cases[i].size, 16, cases[i].size, true);
		eh_compile(&f);
		if (eh_rule(&f, 0) != ROW(16) || eh_rule(&f, 16) != CFI_GAP)
			fail_msg("encoding %#x", cases[i].encoding);
		eh_done(&f);
	}
}

/* In two bytes or LEB128 only what is near, or low. */
static void test_short_encodings(void **state)
{
	struct eh_fixture f;

	(void)state;
	eh_init(&f);
	f.text_address = 0x1000;
	eh_cie_of(&f, 1, "zR", 3, B(0x02), USUAL);
	add_fde(&f, 0x1000, 2, 16, 2, true);
	eh_cie_of(&f, 1, "zR", 3, B(0x0a), USUAL);
	add_fde(&f, 0x1010, 2, 16, 2, true);
	eh_cie_of(&f, 1, "zR", 3, B(0x01), USUAL);
	add_fde(&f, 0x20a0, 2, 16, 1, true); /* uleb: 0x1020 */
	eh_cie_of(&f, 1, "zR", 3, B(0x09), USUAL);
	add_fde(&f, 0x20b0, 2, 16, 1, true); /* sleb: 0x1030 */
	eh_compile(&f);
	assert_int_equal(f.table->nr_fdes, 4);
	for (uint64_t at = 0; at < 0x40; at++)
		assert_int_equal(eh_rule(&f, at), ROW(16));
	assert_int_equal(eh_rule(&f, 0x40), CFI_GAP);
	eh_done(&f);
}

/* Not augmented at all, gcc 2's "eh", version 4: pointers are absolute. */
static void test_old_forms(void **state)
{
	struct eh_fixture f;

	(void)state;
	eh_init(&f);
	eh_cie_of(&f, 1, "", 1, NONE, USUAL);
	add_fde(&f, EH_TEXT, 8, 16, 8, false);
	/* Its pointer stands before the numbers. */
	f.cie = f.frame.len;
	eh_bytes(&f.frame, B(0, 0, 0, 0, 0, 0, 0, 0, 1, 'e', 'h', 0, 9, 9, 9, 9, 9, 9, 9, 9, 1,
			     0x78, 16, 0x0c, 7, 8, 0x90, 1));
	eh_close(&f.frame, f.cie);
	add_fde(&f, EH_TEXT + 16, 8, 16, 8, false);
	eh_cie_of(&f, 4, "z", 2, NONE, USUAL);
	add_fde(&f, EH_TEXT + 32, 8, 16, 8, true);
	/* An unknown letter, and not even the size of what it means. */
	eh_cie_of(&f, 1, "X", 2, NONE, USUAL);
	add_fde(&f, EH_TEXT + 48, 8, 16, 8, false);
	eh_compile(&f);
	assert_int_equal(eh_rule(&f, 0), ROW(16));
	assert_int_equal(eh_rule(&f, 16), ROW(16));
	assert_int_equal(eh_rule(&f, 32), ROW(16));
	assert_int_equal(eh_rule(&f, 48), CFI_GAP);
	assert_int_equal(f.table->nr_bad, 1);
	eh_done(&f);
}

static void test_long_length(void **state)
{
	struct eh_fixture f;
	size_t begin;

	(void)state;
	eh_init(&f);
	eh_cie(&f);
	begin = f.frame.len;
	eh_number(&f.frame, UINT32_MAX, 4);
	eh_number(&f.frame, 4 + 4 + 4 + 1 + 2, 8);
	eh_number(&f.frame, begin + 12 - f.cie, 4);
	eh_number(&f.frame, EH_TEXT - (f.frame_address + f.frame.len), 4);
	eh_number(&f.frame, 16, 4);
	eh_number(&f.frame, 0, 1);
	eh_bytes(&f.frame, WIDE);
	eh_fde(&f, 16, 16, NONE);
	eh_compile(&f);
	assert_int_equal(eh_rule(&f, 0), ROW(16));
	assert_int_equal(eh_rule(&f, 16), ROW(8));
	eh_done(&f);
}

/* An end in the middle ends nothing if it is known that more follows. */
static void test_terminators(void **state)
{
	struct eh_fixture f;

	(void)state;
	eh_init(&f);
	eh_cie(&f);
	eh_fde(&f, 0, 16, WIDE);
	eh_number(&f.frame, 0, 4);
	eh_cie(&f);
	eh_fde(&f, 16, 16, WIDE);
	eh_number(&f.frame, 0, 4);
	eh_compile(&f);
	assert_int_equal(f.table->nr_fdes, 2);

	f.without_sections = true;
	f.header_fdes = 2;
	eh_compile(&f);
	assert_int_equal(f.table->nr_fdes, 2);
	assert_int_equal(eh_rule(&f, 16), ROW(16));

	f.header_fdes = 1;
	eh_compile(&f);
	assert_int_equal(f.table->nr_fdes, 1);
	assert_int_equal(eh_rule(&f, 16), CFI_GAP);
	eh_done(&f);
}

/* Sections are for linkers: without them the table is the same. */
static void test_sectionless(void **state)
{
	struct eh_fixture f, g;

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct eh_fixture *x = i ? &g : &f;

		eh_init(x);
		eh_cie(x);
		for (int k = 0; k < 50; k++)
			eh_fde(x, k * 64, 60, B(0x41, 0x0e, 16, 0x86, 2, 0x41, 0x0c, 10, 0));
		eh_number(&x->frame, 0, 4);
		x->header_fdes = 50;
		x->without_sections = i;
		eh_compile(x);
	}
	assert_int_equal(f.table->nr_fdes, 50);
	assert_int_equal(g.table->nr_fdes, 50);
	assert_int_equal(f.table->nr_bad, g.table->nr_bad);
	assert_int_equal(f.table->nr_words, g.table->nr_words);
	assert_memory_equal(f.table->words, g.table->words, 4 * (size_t)f.table->nr_words);
	/* Neither way to find it. */
	g.without_header = true;
	eh_compile(&g);
	assert_int_equal(g.table->kind, UNWIND_NOTHING);
	assert_int_equal(g.table->nr_pages, 0);
	assert_int_equal(g.table->nr_segments, 1);
	assert_int_equal(eh_rule(&g, 0), CFI_GAP);
	eh_done(&f);
	eh_done(&g);
}

/* Out of order, over each other, empty, outside of all code. */
static void test_ranges(void **state)
{
	struct eh_fixture f;

	(void)state;
	eh_init(&f);
	eh_cie(&f);
	eh_fde(&f, 0x20000, 16, B(0x0e, 64)); /* in another page, before all */
	eh_fde(&f, 0x100, 0x100, B(0x0e, 16));
	eh_fde(&f, 0x180, 0x100,
	       B(0x0e, 24, 0x02, 0xc0, 0x0e, 32)); /* its first half is the other's */
	eh_fde(&f, 0x140, 0x20, B(0x0e, 40));	   /* inside */
	eh_fde(&f, 0x100, 0x200, B(0x0e, 48));	   /* begins with the first, stands behind it */
	eh_fde(&f, 0x400, 0, B(0x0e, 56));
	eh_fde(&f, -0x1000, 0x2000, B(0x0e, 56));
	eh_fde(&f, EH_TEXT_SIZE, 16, B(0x0e, 56));
	eh_fde(&f, EH_TEXT_SIZE - 16, 0x1000, B(0x0e, 64));
	eh_compile(&f);
	assert_int_equal(eh_rule(&f, 0xff), CFI_GAP);
	assert_int_equal(eh_rule(&f, 0x100), ROW(16));
	assert_int_equal(eh_rule(&f, 0x150), ROW(16));
	assert_int_equal(eh_rule(&f, 0x1ff), ROW(16));
	assert_int_equal(eh_rule(&f, 0x200), ROW(48));
	assert_int_equal(eh_rule(&f, 0x2ff), ROW(48));
	assert_int_equal(eh_rule(&f, 0x300), CFI_GAP);
	assert_int_equal(eh_rule(&f, 0x400), CFI_GAP);
	assert_int_equal(eh_rule(&f, 0x20000), ROW(64));
	assert_int_equal(eh_rule(&f, EH_TEXT_SIZE - 1), ROW(64));
	assert_int_equal(eh_rule(&f, EH_TEXT_SIZE), CFI_GAP);
	assert_int_equal(f.table->nr_fdes, 6);
	assert_int_equal(f.table->nr_bad, 0);
	eh_done(&f);
}

/* Rows of an FDE that begin before what is left of it. */
static void test_cut_front(void **state)
{
	struct eh_fixture f;

	(void)state;
	eh_init(&f);
	eh_cie(&f);
	eh_fde(&f, 0, 0x20, B(0x0e, 16));
	eh_fde(&f, 0x10, 0x30, B(0x0e, 24, 0x48, 0x0e, 32, 0x48 + 8, 0x0e, 40));
	eh_fde(&f, 0x30, 0x20, B(0x41, 0x3f));
	eh_compile(&f);
	assert_int_equal(eh_rule(&f, 0x1f), ROW(16));
	assert_int_equal(eh_rule(&f, 0x20), ROW(32));
	assert_int_equal(eh_rule(&f, 0x27), ROW(32));
	assert_int_equal(eh_rule(&f, 0x28), ROW(40));
	assert_int_equal(eh_rule(&f, 0x3f), ROW(40));
	/* That one's program breaks before what is left of it. */
	assert_int_equal(eh_rule(&f, 0x40), CFI_BROKEN);
	assert_int_equal(eh_rule(&f, 0x50), CFI_GAP);
	eh_done(&f);
}

/* An FDE that names no CIE, or a place inside of one. */
static void test_wrong_cie(void **state)
{
	struct eh_fixture f;
	size_t cie;

	(void)state;
	eh_init(&f);
	eh_cie(&f);
	cie = f.cie;
	f.cie = cie + 1;
	eh_fde(&f, 0, 16, WIDE);
	f.cie = (size_t)-64;
	eh_fde(&f, 16, 16, WIDE);
	f.cie = f.frame.len; /* itself */
	eh_fde(&f, 32, 16, WIDE);
	f.cie = cie;
	eh_fde(&f, 48, 16, WIDE);
	eh_compile(&f);
	assert_int_equal(f.table->nr_fdes, 1);
	assert_int_equal(f.table->nr_bad, 3);
	assert_int_equal(eh_rule(&f, 48), ROW(16));
	eh_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_augmentations), cmocka_unit_test(test_unusable),
		cmocka_unit_test(test_encodings),     cmocka_unit_test(test_short_encodings),
		cmocka_unit_test(test_old_forms),     cmocka_unit_test(test_long_length),
		cmocka_unit_test(test_terminators),   cmocka_unit_test(test_sectionless),
		cmocka_unit_test(test_ranges),	      cmocka_unit_test(test_cut_front),
		cmocka_unit_test(test_wrong_cie),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
