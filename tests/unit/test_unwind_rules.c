// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "eh_fixture.h"

/* CFA = (register) + offset bytes; fp at CFA - 8 * slot. */
#define SP_ROW(offset, slot) (((offset) / 8) << CFI_OFFSET_SHIFT | (slot))
#define FP_ROW(offset, slot) (CFI_FP | SP_ROW(offset, slot))

enum { RAX = 10, RBP = 4, RSP = 19, R10 = 7, SIZE = 0x40 };

/* One function's program behind the usual CIE; the rules at its begin, at +1 and at +2. */
struct program {
	const char *what;
	const uint8_t *bytes;
	size_t size;
	uint32_t rules[3];
};

static const struct program programs[] = {
	{ "nothing", NONE, { SP_ROW(8, 0), SP_ROW(8, 0), SP_ROW(8, 0) } },
	{ "nop", B(0, 0, 0x41, 0), { SP_ROW(8, 0), SP_ROW(8, 0), SP_ROW(8, 0) } },
	{ "advance_loc, def_cfa_offset, offset, def_cfa_register",
	  B(0x41, 0x0e, 16, 0x86, 2, 0x41, 0x0d, 6),
	  { SP_ROW(8, 0), SP_ROW(16, 2), FP_ROW(16, 2) } },
	{ "advance_loc1 and 2",
	  B(0x02, 1, 0x0e, 16, 0x03, 1, 0, 0x0e, 24),
	  { SP_ROW(8, 0), SP_ROW(16, 0), SP_ROW(24, 0) } },
	{ "advance_loc4 and 8",
	  B(0x04, 1, 0, 0, 0, 0x0e, 16, 0x1d, 1, 0, 0, 0, 0, 0, 0, 0, 0x0e, 24),
	  { SP_ROW(8, 0), SP_ROW(16, 0), SP_ROW(24, 0) } },
	{ "advance by nothing",
	  B(0x40, 0x0e, 16, 0x02, 0, 0x0e, 32, 0x41, 0x0e, 40),
	  { SP_ROW(32, 0), SP_ROW(40, 0), SP_ROW(40, 0) } },
	{ "def_cfa, the largest offset of a row",
	  B(0x0c, 7, 0xf8, 0x3f),
	  { SP_ROW(8184, 0), SP_ROW(8184, 0), SP_ROW(8184, 0) } },
	{ "def_cfa_sf, def_cfa_offset_sf",
	  B(0x12, 6, 0x7e, 0x41, 0x13, 0x7d),
	  { FP_ROW(16, 0), FP_ROW(24, 0), FP_ROW(24, 0) } },
	{ "restore", B(0x86, 2, 0x41, 0xc6), { SP_ROW(8, 2), SP_ROW(8, 0), SP_ROW(8, 0) } },
	{ "restore_extended, offset_extended, same_value",
	  B(0x05, 6, 3, 0x41, 0x06, 6, 0x41, 0x86, 4, 0x08, 6),
	  { SP_ROW(8, 3), SP_ROW(8, 0), SP_ROW(8, 0) } },
	{ "offset_extended_sf, GNU_negative_offset_extended",
	  B(0x11, 6, 15, 0x41, 0x2f, 6, 0x7f),
	  { SP_ROW(8, 15), CFI_FULL, CFI_FULL } },
	{ "the lowest slot of a row, and one below",
	  B(0x86, 15, 0x41, 0x86, 16),
	  { SP_ROW(8, 15), CFI_FULL, CFI_FULL } },
	{ "remember_state, restore_state",
	  B(0x0e, 48, 0x86, 2, 0x0a, 0x41, 0x0e, 8, 0xc6, 0x41, 0x0b),
	  { SP_ROW(48, 2), SP_ROW(8, 0), SP_ROW(48, 2) } },
	{ "GNU_args_size, other registers",
	  B(0x2e, 0x80, 1, 0x83, 3, 0x8c, 4, 0x41, 0x09, 3, 1),
	  { SP_ROW(8, 0), SP_ROW(8, 0), SP_ROW(8, 0) } },
	{ "the PLT's",
	  B(0x0f, 11, 0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22),
	  { CFI_PLT_11, CFI_PLT_11, CFI_PLT_11 } },
	{ "the PLT's with -z ibtplt",
	  B(0x0f, 11, 0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3a, 0x2a, 0x33, 0x24, 0x22),
	  { CFI_PLT_10, CFI_PLT_10, CFI_PLT_10 } },
	{ "another number is no PLT",
	  B(0x0f, 11, 0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x39, 0x2a, 0x33, 0x24, 0x22),
	  { CFI_BROKEN, CFI_BROKEN, CFI_BROKEN } },
	{ "undefined return address",
	  B(0x07, 16, 0x41, 0xd0),
	  { CFI_ROOT, SP_ROW(8, 0), SP_ROW(8, 0) } },
	{ "the return address is not changed",
	  B(0x08, 16),
	  { CFI_BROKEN, CFI_BROKEN, CFI_BROKEN } },
	{ "an unknown expression, then a known CFA",
	  B(0x0f, 1, 0x9c, 0x41, 0x0c, 7, 16),
	  { CFI_BROKEN, SP_ROW(16, 0), SP_ROW(16, 0) } },
	{ "half a definition behind an expression",
	  B(0x0f, 3, 0x77, 8, 6, 0x41, 0x0e, 16),
	  { CFI_FULL, CFI_BROKEN, CFI_BROKEN } },
	{ "the stack pointer is not the CFA",
	  B(0x87, 2, 0x41, 0x14, 7, 0),
	  { CFI_BROKEN, SP_ROW(8, 0), SP_ROW(8, 0) } },
	{ "a CFA by no register of pt_regs",
	  B(0x0c, 17, 8, 0x41, 0x0c, 0xff, 0x7f, 8),
	  { CFI_BROKEN, CFI_BROKEN, CFI_BROKEN } },
	{ "a CFA beyond 32 bits",
	  B(0x0c, 7, 0x80, 0x80, 0x80, 0x80, 0x08),
	  { CFI_BROKEN, CFI_BROKEN, CFI_BROKEN } },
	{ "an unknown instruction",
	  B(0x0e, 16, 0x41, 0x3f),
	  { SP_ROW(16, 0), CFI_BROKEN, CFI_BROKEN } },
	{ "arm64's alone", B(0x41, 0x2d), { SP_ROW(8, 0), CFI_BROKEN, CFI_BROKEN } },
	{ "restore_state without any", B(0x41, 0x0b), { SP_ROW(8, 0), CFI_BROKEN, CFI_BROKEN } },
	{ "an operand that is missing",
	  B(0x0e, 16, 0x41, 0x0e),
	  { SP_ROW(16, 0), CFI_BROKEN, CFI_BROKEN } },
	{ "an expression beyond the end",
	  B(0x41, 0x0f, 9, 0x77, 8),
	  { SP_ROW(8, 0), CFI_BROKEN, CFI_BROKEN } },
	{ "set_loc behind the end",
	  B(0x41, 0x0e, 16, 0x01, 0, 0, 0, 1, 0x0e, 32),
	  { SP_ROW(8, 0), SP_ROW(16, 0), SP_ROW(16, 0) } },
	{ "set_loc backwards",
	  B(0x41, 0x01, 0, 0, 0xfc, 0xff),
	  { SP_ROW(8, 0), CFI_BROKEN, CFI_BROKEN } },
};

static void test_programs(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(programs) / sizeof(*programs); i++) {
		const struct program *p = &programs[i];
		bool is_wrong = false;
		struct eh_fixture f;

		eh_init(&f);
		eh_cie(&f);
		eh_fde(&f, 0x100, SIZE, p->bytes, p->size);
		eh_compile(&f);
		for (uint32_t at = 0; at < 3; at++) {
			uint32_t rule = eh_rule(&f, 0x100 + at), want = p->rules[at];

			if (rule == want)
				continue;
			print_error("%s, at +%u: %#x, not %#x\n", p->what, at, rule, want);
			is_wrong = true;
		}
		assert_false(is_wrong);
		assert_int_equal(eh_rule(&f, 0xff), CFI_GAP);
		assert_int_equal(eh_rule(&f, 0x100 + SIZE - 1), p->rules[2]);
		assert_int_equal(eh_rule(&f, 0x100 + SIZE), CFI_GAP);
		eh_done(&f);
	}
}

#define HOW(ra, fp) ((ra) | (fp) << 4)

static const struct {
	const char *what;
	const uint8_t *bytes;
	size_t size;
	struct cfi_rule rule;
} full_rules[] = {
	{ "CFA from r10", B(0x0c, 10, 0), { R10, HOW(CFI_AT_CFA, CFI_SAME), 0, 0, 0, 0, -8, 0 } },
	{ "CFA from an odd offset",
	  B(0x0e, 12),
	  { RSP, HOW(CFI_AT_CFA, CFI_SAME), 0, 0, 12, 0, -8, 0 } },
	{ "CFA from a negative offset",
	  B(0x12, 7, 2),
	  { RSP, HOW(CFI_AT_CFA, CFI_SAME), 0, 0, -16, 0, -8, 0 } },
	{ "CFA above what a row can say",
	  B(0x0e, 0x80, 0xc0, 0),
	  { RSP, HOW(CFI_AT_CFA, CFI_SAME), 0, 0, 8192, 0, -8, 0 } },
	{ "CFA by a dereference",
	  B(0x0f, 3, 0x76, 0x78, 6),
	  { RBP | CFI_CFA_DEREF, HOW(CFI_AT_CFA, CFI_SAME), 0, 0, -8, 0, -8, 0 } },
	{ "CFA by a dereference and a number",
	  B(0x0f, 6, 0x92, 7, 8, 6, 0x23, 24),
	  { RSP | CFI_CFA_DEREF, HOW(CFI_AT_CFA, CFI_SAME), 0, 0, 8, 24, -8, 0 } },
	{ "CFA by a register in an expression",
	  B(0x0f, 2, 0x70, 16),
	  { RAX, HOW(CFI_AT_CFA, CFI_SAME), 0, 0, 16, 0, -8, 0 } },
	{ "a realigned stack: the frame pointer lies where it points to",
	  B(0x0f, 3, 0x76, 0x78, 6, 0x10, 6, 2, 0x76, 0),
	  { RBP | CFI_CFA_DEREF, HOW(CFI_AT_CFA, CFI_AT_REGISTER), 0, RBP, -8, 0, -8, 0 } },
	{ "return address elsewhere",
	  B(0x90, 3),
	  { RSP, HOW(CFI_AT_CFA, CFI_SAME), 0, 0, 8, 0, -24, 0 } },
	{ "return address in a register",
	  B(0x09, 16, 0),
	  { RSP, HOW(CFI_IN_REGISTER, CFI_SAME), RAX, 0, 8, 0, 0, 0 } },
	{ "return address at a register",
	  B(0x10, 16, 2, 0x70, 16),
	  { RSP, HOW(CFI_AT_REGISTER, CFI_SAME), RAX, 0, 8, 0, 16, 0 } },
	{ "frame pointer in a register",
	  B(0x09, 6, 3),
	  { RSP, HOW(CFI_AT_CFA, CFI_IN_REGISTER), 0, 5, 8, 0, -8, 0 } },
	{ "frame pointer by val_offset",
	  B(0x14, 6, 2),
	  { RSP, HOW(CFI_AT_CFA, CFI_IN_REGISTER), 0, RSP, 8, 0, -8, -8 } },
	{ "frame pointer by val_offset_sf",
	  B(0x15, 6, 0x7e),
	  { RSP, HOW(CFI_AT_CFA, CFI_IN_REGISTER), 0, RSP, 8, 0, -8, 24 } },
	{ "frame pointer by val_expression",
	  B(0x16, 6, 2, 0x77, 24),
	  { RSP, HOW(CFI_AT_CFA, CFI_IN_REGISTER), 0, RSP, 8, 0, -8, 24 } },
	{ "frame pointer by val_expression, from memory",
	  B(0x16, 6, 3, 0x77, 24, 6),
	  { RSP, HOW(CFI_AT_CFA, CFI_AT_REGISTER), 0, RSP, 8, 0, -8, 24 } },
	{ "frame pointer where the return address is",
	  B(0x86, 1),
	  { RSP, HOW(CFI_AT_CFA, CFI_AT_CFA), 0, 0, 8, 0, -8, -8 } },
	{ "frame pointer undefined",
	  B(0x07, 6),
	  { RSP, HOW(CFI_AT_CFA, CFI_UNDEFINED), 0, 0, 8, 0, -8, 0 } },
};

static void test_full(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(full_rules) / sizeof(*full_rules); i++) {
		struct cfi_rule rule;
		struct eh_fixture f;

		eh_init(&f);
		eh_cie(&f);
		eh_fde(&f, 0, SIZE, full_rules[i].bytes, full_rules[i].size);
		eh_compile(&f);
		if (unwind_table_rule(f.table, EH_TEXT, &rule) != CFI_FULL ||
		    memcmp(&rule, &full_rules[i].rule, sizeof(rule)) != 0)
			fail_msg("%s: %#x", full_rules[i].what, eh_rule(&f, 0));
		assert_int_equal(f.table->nr_full, 1);
		assert_int_equal(f.table->nr_bad, 0);
		eh_done(&f);
	}
}

/* Of a page: the same rule is there once, and another one beside it. */
static void test_full_shared(void **state)
{
	struct cfi_rule rule;
	struct eh_fixture f;

	(void)state;
	eh_init(&f);
	eh_cie(&f);
	for (int i = 0; i < 10; i++)
		eh_fde(&f, i * 0x100, 0x80, B(0x0c, 10, 0, 0x41, 0x0c, 0, 16));
	/* The other page has its own. */
	eh_fde(&f, 0x10000, 0x80, B(0x0c, 10, 0));
	eh_compile(&f);
	assert_int_equal(f.table->nr_full, 3);
	for (uint64_t i = 0; i < 10; i++) {
		assert_int_equal(unwind_table_rule(f.table, EH_TEXT + i * 0x100, &rule), CFI_FULL);
		assert_int_equal(rule.cfa, R10);
		assert_int_equal(unwind_table_rule(f.table, EH_TEXT + i * 0x100 + 1, &rule),
				 CFI_FULL + 1);
		assert_int_equal(rule.cfa, RAX);
		assert_int_equal(rule.cfa_offset, 16);
	}
	eh_done(&f);
}

/* A full rule that is in force over whole pages is repeated in each. */
static void test_full_over_pages(void **state)
{
	struct cfi_rule rule;
	struct eh_fixture f;

	(void)state;
	eh_init(&f);
	eh_cie(&f);
	eh_fde(&f, 0x8000, 0x20000, B(0x0c, 10, 32));
	eh_compile(&f);
	assert_int_equal(f.table->nr_pages, 3);
	for (uint64_t at = 0x8000; at < 0x28000; at += 0x400) {
		memset(&rule, 0, sizeof(rule));
		assert_int_equal(unwind_table_rule(f.table, EH_TEXT + at, &rule), CFI_FULL);
		assert_int_equal(rule.cfa_offset, 32);
	}
	assert_int_equal(eh_rule(&f, 0x7fff), CFI_GAP);
	assert_int_equal(eh_rule(&f, 0x28000), CFI_GAP);
	eh_done(&f);
}

/* glibc's __restore_rt; the same with another layout; the same without 'S'. */
static void test_signal(void **state)
{
#define FRAME(ra) \
	B(0x0f, 4, 0x77, 0xa0, 1, 6, 0x10, 6, 3, 0x77, 0xf8, 0, 0x10, 16, 3, 0x77, (ra), 1)
	struct cfi_rule rule;
	struct eh_fixture f;

	(void)state;
	eh_init(&f);
	eh_cie_of(&f, 1, "zRS", 4, B(0x1b), NONE);
	eh_fde(&f, 0, 16, FRAME(0xa8));
	eh_fde(&f, 16, 16, FRAME(0xb0));
	eh_fde(&f, 32, 16, B(0x0c, 7, 8, 0x90, 1));
	eh_cie(&f);
	eh_fde(&f, 48, 16, FRAME(0xa8));
	eh_cie_of(&f, 1, "zRS", 4, B(0x1b), NONE);
	eh_fde(&f, 80, 9, FRAME(0xa8));
	eh_compile(&f);
	assert_int_equal(eh_rule(&f, 0), CFI_SIGNAL);
	/* Its system call returns behind it. */
	assert_int_equal(eh_rule(&f, 80 + 9), CFI_SIGNAL);
	assert_int_equal(eh_rule(&f, 80 + 10), CFI_GAP);
	assert_int_equal(eh_rule(&f, 16), CFI_BROKEN);
	assert_int_equal(eh_rule(&f, 32), CFI_BROKEN);
	assert_int_equal(unwind_table_rule(f.table, EH_TEXT + 48, &rule), CFI_FULL);
	assert_int_equal(rule.cfa, RSP | CFI_CFA_DEREF);
	assert_int_equal(rule.how, HOW(CFI_AT_REGISTER, CFI_AT_REGISTER));
	assert_int_equal(rule.ra_offset, 168);
	assert_int_equal(rule.fp_offset, 120);
	eh_done(&f);
}

static void test_merged(void **state)
{
	struct eh_fixture f;

	(void)state;
	eh_init(&f);
	eh_cie(&f);
	eh_fde(&f, 0, 0x100, B(0x41, 0x83, 2, 0x41, 0x8c, 3, 0x41, 0x0e, 8));
	eh_fde(&f, 0x100, 0x100, NONE);
	eh_compile(&f);
	/* One row for both, and the gap behind. */
	assert_int_equal(f.table->nr_rows, 2);
	assert_int_equal(f.table->nr_fdes, 2);
	eh_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_programs),    cmocka_unit_test(test_full),
		cmocka_unit_test(test_full_shared), cmocka_unit_test(test_full_over_pages),
		cmocka_unit_test(test_signal),	    cmocka_unit_test(test_merged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
