// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What is known of Go's code: calls that go over to another stack, and where functions begin. */
#include "eh_fixture.h"

#include <stdio.h>

#define AT_RSP (1 << CFI_OFFSET_SHIFT)

enum { FUNCTION = 0x4020, NEXT = 0x4200, BODY = 0x40 };

/* A function, from the parts that count, in hexadecimal; between them is other code. */
struct function {
	const char *start, *before, *after;
	uint32_t rule;
	struct cfi_elsewhere elsewhere;
};

#define STACK_AFTER "488b5830488b83c0000000"
#define CGO_AFTER   "488b7c2430488b7708482b7424286448893c25f8ffffff4889f489442420"

static const struct function functions[] = {
	{ .start = "554889e5488b7c2410",
	  .before = "488b62384889fa488b3fffd7",
	  .after = "64488b0425f8ffffff" STACK_AFTER "6448890425f8ffffff488b6038488b6868"
		   "48c740380000000048c74068000000005dc3",
	  .rule = CFI_OTHER_STACK },
	{ .start = "488b7c2408",
	  .before = "488b5a384889dc4889fa488b3fffd7",
	  .after = "64488b0425f8ffffff" STACK_AFTER "6448890425f8ffffff488b6038"
		   "48c7403800000000c3",
	  .rule = CFI_FULL,
	  .elsewhere = { CFI_BY_THREAD, CFI_ELSEWHERE, 0, -8, 0x30, 0xc0, 0x38, 0 } },
	/* In code that may be anywhere: by rcx. */
	{ .start = "488b7c2408",
	  .before = "488b5a384889dc4889fa488b3fffd7",
	  .after = "48c7c1f0ffffff64488b01" STACK_AFTER "64488901488b603848c7403800000000c3",
	  .rule = CFI_FULL,
	  .elsewhere = { CFI_BY_THREAD, CFI_ELSEWHERE, 0, -16, 0x30, 0xc0, 0x38, 0 } },
	{ .start = "554889e5",
	  .before = "ffd0",
	  .after = CGO_AFTER "5dc3",
	  .rule = CFI_OTHER_STACK },
	{ .start = "488b442408488b5c2410",
	  .before = "ffd0",
	  .after = CGO_AFTER "c3",
	  .rule = CFI_FULL,
	  .elsewhere = { CFI_BY_STACK, CFI_ELSEWHERE, 0, 48, 8, 0, 40, 0 } },
	{ .start = "554889e5",
	  .before = "e810000000",
	  .after = "488b0d00100000488b7c2408488b7708482b342464488939"
		   "4889f4894424205dc3",
	  .rule = CFI_OTHER_STACK },
	{ .start = "554889e54883ec18",
	  .before = "ffd2",
	  .after = "488d4424284829e064488b3425f8ffffff4889e74801c7488b5ff848895e4048897e38"
		   "64488b1c25f8ffffff488b5b30488b336448893425f8ffffff488b6638488b0424",
	  .rule = CFI_OTHER_STACK },
	{ .start = "554889e54883ec104989e4498b5e30",
	  .before = "ffd0",
	  .after = "488b0424488b5424084c89e4",
	  .rule = CFI_OTHER_STACK },
	{ .start = "", .before = "498b6638504c8b2241ffd4", .after = "9058e9", .rule = CFI_ROOT },
	{ .start = "4883ec30",
	  .before = "e810000000",
	  .after = "4883c418488b1c244c8b6424084c8b6c24104c8b7424184c8b7c2420488b6c24284883c430c3",
	  .rule = 10 << CFI_OFFSET_SHIFT | 2 },
};

static size_t put(uint8_t *to, const char *hex)
{
	size_t size = strlen(hex) / 2;

	for (size_t i = 0; i < size; i++)
		assert_int_equal(sscanf(hex + 2 * i, "%2hhx", &to[i]), 1);
	return size;
}

static uint8_t text[EH_TEXT_SIZE];

/* Where its call returns to. */
static size_t put_function(const struct function *f, size_t at)
{
	memset(text, 0xcc, sizeof(text));
	memset(text + at, 0x90, NEXT - FUNCTION);
	put(text + at, f->start);
	at += BODY;
	at += put(text + at, f->before);
	put(text + at, f->after);
	return at;
}

static void compile_text(struct eh_fixture *f)
{
	strbuf_reset(&f->text);
	strbuf_add(&f->text, text, sizeof(text));
	eh_compile(f);
}

static uint32_t rule_at(struct eh_fixture *f, size_t at, struct cfi_rule *ret_full)
{
	return unwind_table_rule(f->table, EH_TEXT + at, ret_full);
}

static void calls_to_other_stacks_are_found(void **state)
{
	struct eh_fixture f;
	struct cfi_rule full;

	(void)state;
	eh_init(&f);
	f.is_go = true;
	for (size_t i = 0; i < sizeof(functions) / sizeof(*functions); i++) {
		const struct function *function = &functions[i];
		size_t returns = put_function(function, FUNCTION);

		compile_text(&f);
		assert_int_equal(f.table->kind, UNWIND_TABLE);
		assert_int_equal(rule_at(&f, returns - 1, &full), function->rule);
		if (function->rule == CFI_FULL)
			assert_memory_equal(&full, &function->elsewhere, sizeof(full));
		assert_int_equal(rule_at(&f, returns - 2, NULL), CFI_KEPT_FP);
		assert_int_equal(rule_at(&f, returns, NULL), CFI_KEPT_FP);
		assert_int_equal(rule_at(&f, 0, NULL), CFI_KEPT_FP);
	}
	eh_done(&f);
}

/* Bytes that may differ are numbers: what stands for them is another program's. */
static void code_that_differs_proves_nothing(void **state)
{
	struct eh_fixture f;
	size_t nr_found = 0, nr_begins = 0, nr = 0;

	(void)state;
	eh_init(&f);
	f.is_go = true;
	for (size_t i = 0; i < sizeof(functions) / sizeof(*functions); i++) {
		const struct function *function = &functions[i];
		size_t returns = put_function(function, FUNCTION);
		size_t from = returns - strlen(function->before) / 2;
		size_t end = returns + strlen(function->after) / 2;

		for (size_t at = from; at < end; at++, nr++) {
			text[at] ^= 1;
			compile_text(&f);
			nr_found += f.table->kind == UNWIND_TABLE;
			text[at] ^= 1;
		}
		for (size_t at = FUNCTION; at < FUNCTION + strlen(function->start) / 2; at++) {
			text[at] ^= 1;
			compile_text(&f);
			nr_begins += f.table->kind == UNWIND_TABLE;
			text[at] ^= 1;
		}
	}
	assert_in_range(nr_found, 1, nr / 3);
	assert_int_equal(nr_begins, 1); /* the size of the clock's frame */
	eh_done(&f);
}

/* Cut off anywhere: at the end of the code, at a window's, with no padding before it. */
static void nothing_is_read_behind_the_code(void **state)
{
	struct eh_fixture f;

	(void)state;
	eh_init(&f);
	f.is_go = true;
	for (size_t i = 0; i < sizeof(functions) / sizeof(*functions); i++) {
		put_function(&functions[i], FUNCTION);
		for (size_t cut = 0; cut < 0x100; cut++) {
			memmove(text + sizeof(text) - cut, text + FUNCTION, cut);
			compile_text(&f);
		}
		memmove(text, text + FUNCTION, NEXT - FUNCTION);
		compile_text(&f);
	}
	eh_done(&f);
}

static void a_function_has_no_frame_where_it_begins(void **state)
{
	static const struct {
		const char *code;
		uint32_t size; /* with the first byte of the next instruction */
	} begins[] = {
		{ "493b66107620554889e5", 7 },
		{ "493b66180f8600010000554889e5", 11 },
		{ "4c8d6424d84d3b66107620554889e5", 12 },
		{ "4c8da42400ffffff4d3b66180f86000100004881ec", 19 },
		{ "493b6610eb20554889e5", 0 },
		{ "493b66207620554889e5", 0 },
		{ "4c8d6424d8493b66107620", 0 },
	};
	struct eh_fixture f;

	(void)state;
	eh_init(&f);
	f.is_go = true;
	for (size_t i = 0; i < sizeof(begins) / sizeof(*begins); i++) {
		memset(text, 0xcc, sizeof(text));
		put(text + NEXT, begins[i].code);
		compile_text(&f);
		if (!begins[i].size) {
			assert_int_equal(f.table->kind, UNWIND_FRAME_POINTER);
			continue;
		}
		for (uint32_t n = 0; n < begins[i].size; n++)
			assert_int_equal(rule_at(&f, NEXT + n, NULL), AT_RSP);
		assert_int_equal(rule_at(&f, NEXT + begins[i].size, NULL), CFI_KEPT_FP);
		assert_int_equal(rule_at(&f, NEXT - 1, NULL), CFI_KEPT_FP);
		/* Functions begin where 16 divides. */
		memmove(text + NEXT + 8, text + NEXT, 32);
		memset(text + NEXT, 0x90, 8);
		compile_text(&f);
		assert_int_equal(f.table->kind, UNWIND_FRAME_POINTER);
	}
	eh_done(&f);
}

static void other_machines_have_other_code(void **state)
{
	struct eh_fixture f;

	(void)state;
	eh_init(&f);
	f.is_go = true;
	f.machine = EM_AARCH64;
	put_function(&functions[0], FUNCTION);
	compile_text(&f);
	assert_int_equal(f.table->kind, UNWIND_FRAME_POINTER);
	eh_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_to_other_stacks_are_found),
		cmocka_unit_test(code_that_differs_proves_nothing),
		cmocka_unit_test(nothing_is_read_behind_the_code),
		cmocka_unit_test(a_function_has_no_frame_where_it_begins),
		cmocka_unit_test(other_machines_have_other_code),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
