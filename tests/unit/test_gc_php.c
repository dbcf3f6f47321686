// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Where PHP collects: made-up programs. They have no .eh_frame_hdr, by which returns are found
 * (test_gc_returns.c).
 */
#include "gc_fixture.h"

#include "base/array.h"
#include "site/gc_sites.h"

static struct made file;
static uint64_t code;

static void make(const char *text, size_t nr_symbols)
{
	static const unsigned char bytes[32] = { 0xf3, 0x0f, 0x1e, 0xfa, 0x41, 0x57 };

	made_init(&file);
	code = made_section(&file, ".text", SHT_PROGBITS, bytes, sizeof(bytes))->sh_addr;
	made_section(&file, ".rodata", SHT_PROGBITS, text, strlen(text) + 1);
	made_symbols(&file, SHT_DYNSYM,
		     (struct made_symbol[]){ { "gc_possible_root", code + 16, 0 },
					     { "zend_gc_collect_cycles", code, 0 } },
		     nr_symbols);
}

static void by_version(void **state)
{
	static const struct {
		const char *text, *found, *why;
	} versions[] = {
		{ "X-Powered-By: PHP/7.0.33-75", "PHP 7.0", "" },
		{ "X-Powered-By: PHP/8.3.31", "PHP 8.3", "" },
		{ "X-Powered-By: PHP/8.4.1", "PHP 8.4",
		  "where it returns can't be told in this build" },
		{ "X-Powered-By: PHP/8.10.1", "PHP 8.10",
		  "where it returns can't be told in this build" },
		{ "X-Powered-By: PHP/", "PHP", "where it returns can't be told in this build" },
		{ "X-Powered-By: PHP/8.x", "PHP", "where it returns can't be told in this build" },
		{ "", "PHP", "where it returns can't be told in this build" },
	};
	struct made_answer a;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
		bool is_known = !versions[i].why[0];
		const struct probe_site *s;

		make(versions[i].text, 2);
		made_ask(&file, &gc_php, &a);
		s = a.sites.sites;
		assert_int_equal(a.r, is_known ? 1 : -ENOTSUP);
		assert_string_equal(a.sites.found, versions[i].found);
		assert_string_equal(strbuf_str(&a.why), versions[i].why);
		assert_int_equal(a.sites.nr, is_known ? 2 : 0);
		if (is_known) {
			/* At the push behind endbr64. */
			assert_int_equal(s[0].offset, code - MADE_BIAS + 4);
			assert_true(s[0].role == ABI_PROBE_BEGIN && !s[0].is_return);
			assert_true(s[1].role == ABI_PROBE_END && s[1].is_return);
			assert_int_equal(s[0].tag, GC_PHP | 1 << GC_KIND_SHIFT);
		}
		made_done(&a);
	}
}

static void what_isnt_php(void **state)
{
	struct made_answer a;

	(void)state;
	make("X-Powered-By: PHP/8.3.31", 1);
	made_ask(&file, &gc_php, &a);
	assert_int_equal(a.r, 0);
	made_done(&a);
}

static void hostile_files(void **state)
{
	(void)state;
	make("X-Powered-By: PHP/8.3.31", 2);
	made_hostile(&file, &gc_php, 83);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_version),
		cmocka_unit_test(what_isnt_php),
		cmocka_unit_test(hostile_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
