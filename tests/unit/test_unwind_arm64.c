// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "eh_fixture.h"

#define SP_ROW(offset, slot) (((offset) / 16) << CFI_OFFSET_SHIFT | (slot))
#define FP_ROW(offset, slot) (CFI_FP | SP_ROW(offset, slot))

/* Instructions have four bytes: advance_loc by one is four addresses on. */
static const struct {
	const char *what;
	const uint8_t *bytes;
	size_t size;
	uint32_t first, last;
} programs[] = {
	{ "a leaf", NONE, SP_ROW(0, 0), SP_ROW(0, 0) },
	{ "stp x29, x30, [sp, -48]!", B(0x41, 0x0e, 48, 0x9d, 6, 0x9e, 5), SP_ROW(0, 0),
	  SP_ROW(48, 1) },
	{ "mov x29, sp", B(0x0e, 32, 0x9d, 4, 0x9e, 3, 0x41, 0x0d, 29), SP_ROW(32, 1),
	  FP_ROW(32, 1) },
	{ "the pair at the frame's top", B(0x0e, 96, 0x9d, 2, 0x9e, 1), SP_ROW(96, 2),
	  SP_ROW(96, 2) },
	{ "the pair lower", B(0x0e, 0x80, 2, 0x9d, 15, 0x9e, 14), SP_ROW(256, 15),
	  SP_ROW(256, 15) },
	{ "the pair too low for a row", B(0x0e, 0x80, 2, 0x9d, 16, 0x9e, 15), CFI_FULL, CFI_FULL },
	{ "a signed return address", B(0x2d, 0x41, 0x0e, 16, 0x9d, 2, 0x9e, 1), SP_ROW(0, 0),
	  SP_ROW(16, 1) },
	{ "a return address signed with the address", B(0x41, 0x2c, 0x0e, 16), SP_ROW(0, 0),
	  SP_ROW(16, 0) },
	{ "x30 alone is saved", B(0x0e, 16, 0x9e, 2), CFI_FULL, CFI_FULL },
	{ "x29 alone is saved", B(0x0e, 16, 0x9d, 2), CFI_FULL, CFI_FULL },
	{ "not beside each other", B(0x0e, 32, 0x9d, 4, 0x9e, 1), CFI_FULL, CFI_FULL },
	{ "return address in another register", B(0x09, 30, 3), CFI_FULL, CFI_FULL },
	{ "not a multiple of 16", B(0x0e, 24), CFI_FULL, CFI_FULL },
	{ "the largest row", B(0x0e, 0xf0, 0x7f, 0x9d, 2, 0x9e, 1), SP_ROW(16368, 2),
	  SP_ROW(16368, 2) },
	{ "above the largest row", B(0x0e, 0x80, 0x80, 1), CFI_FULL, CFI_FULL },
	{ "the root", B(0x07, 30), CFI_ROOT, CFI_ROOT },
	{ "vector registers", B(0x05, 72, 2, 0x41, 0x06, 72), SP_ROW(0, 0), SP_ROW(0, 0) },
	{ "a CFA by a vector register", B(0x0c, 72, 0), CFI_BROKEN, CFI_BROKEN },
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(programs) / sizeof(*programs); i++) {
		struct eh_fixture f;

		eh_init(&f);
		f.machine = EM_AARCH64;
		eh_cie(&f);
		eh_fde(&f, 0x100, 0x40, programs[i].bytes, programs[i].size);
		eh_compile(&f);
		if (eh_rule(&f, 0x103) != programs[i].first ||
		    eh_rule(&f, 0x104) != programs[i].last)
			fail_msg("%s: %#x, %#x", programs[i].what, eh_rule(&f, 0x103),
				 eh_rule(&f, 0x104));
		assert_int_equal(f.table->nr_bad, 0);
		eh_done(&f);
	}
}

static void test_full(void **state)
{
	struct cfi_rule rule;
	struct eh_fixture f;

	(void)state;
	eh_init(&f);
	f.machine = EM_AARCH64;
	eh_cie(&f);
	eh_fde(&f, 0, 16, B(0x0e, 16, 0x9e, 2));
	eh_fde(&f, 16, 16, B(0x0f, 3, 0x8d, 0x10, 6, 0x09, 30, 17));
	eh_compile(&f);
	assert_int_equal(unwind_table_rule(f.table, EH_TEXT, &rule), CFI_FULL);
	assert_int_equal(rule.cfa, 31);
	assert_int_equal(rule.how, CFI_AT_CFA | CFI_SAME << 4);
	assert_int_equal(rule.ra_offset, -16);
	assert_int_equal(unwind_table_rule(f.table, EH_TEXT + 16, &rule), CFI_FULL + 1);
	assert_int_equal(rule.cfa, 29 | CFI_CFA_DEREF);
	assert_int_equal(rule.how, CFI_IN_REGISTER | CFI_SAME << 4);
	assert_int_equal(rule.ra_register, 17);
	eh_done(&f);
}

/* The vdso's, pointer authentication's B, tagged memory's G; x86-64 knows the last two not. */
static void test_augmentations(void **state)
{
	static const uint8_t call[] = { 0x68, 0x11, 0x80, 0xd2, 0x01, 0x00, 0x00, 0xd4 };
	struct eh_fixture f;

	(void)state;
	eh_init(&f);
	f.machine = EM_AARCH64;
	strbuf_add(&f.text, "1234567890123456789012345678901234567890123456789012345678901234", 64);
	eh_bytes(&f.text, call, sizeof(call));
	eh_cie_of(&f, 1, "zRS", 4, B(0x1b), B(0x0c, 31, 0));
	eh_fde(&f, 0, 16, B(0x0c, 29, 0, 0x11, 29, 0, 0x11, 30, 0x7f));
	eh_fde(&f, 16, 16, B(0x0c, 29, 8, 0x11, 29, 0, 0x11, 30, 0x7f));
	eh_cie_of(&f, 1, "zRB", 4, B(0x1b), B(0x0c, 31, 0));
	eh_fde(&f, 32, 16, NONE);
	eh_cie_of(&f, 1, "zRGB", 5, B(0x1b), B(0x0c, 31, 16));
	eh_fde(&f, 48, 16, NONE);
	eh_compile(&f);
	assert_int_equal(eh_rule(&f, 0), CFI_SIGNAL);
	assert_int_equal(eh_rule(&f, 16), CFI_BROKEN);
	assert_int_equal(eh_rule(&f, 32), SP_ROW(0, 0));
	assert_int_equal(eh_rule(&f, 48), SP_ROW(16, 0));
	assert_int_equal(eh_rule(&f, 64), CFI_SIGNAL);
	assert_int_equal(eh_rule(&f, 64 + sizeof(call)), CFI_SIGNAL);
	assert_int_equal(eh_rule(&f, 64 + sizeof(call) + 1), CFI_GAP);
	assert_int_equal(f.table->nr_bad, 0);
	eh_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_augmentations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
