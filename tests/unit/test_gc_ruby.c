// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Where Ruby collects, if it says so: made-up libraries. */
#include "gc_fixture.h"

#include "base/array.h"
#include "site/gc_sites.h"

static struct made file;
static uint64_t code, semaphores;

static void make(const char *version, unsigned notes, bool has_symbols)
{
	static const char *const names[] = { "gc__mark__begin", "gc__mark__end", "gc__sweep__begin",
					     "gc__sweep__end" };
	unsigned char bytes[128] = { 0 };
	struct made_note n[ARRAY_SIZE(names)];
	uint64_t at;
	size_t nr = 0;

	made_init(&file);
	code = made_section(&file, ".text", SHT_PROGBITS, bytes, sizeof(bytes))->sh_addr;
	semaphores = made_section(&file, ".probes", SHT_PROGBITS, bytes, 8)->sh_addr;
	at = made_section(&file, ".rodata", SHT_PROGBITS, version, strlen(version) + 1)->sh_addr;
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
		if (notes & 1u << i)
			n[nr++] = (struct made_note){ "ruby", names[i], "", code + 16 * i,
						      semaphores + 2 * i };
	made_notes(&file, n, nr);
	made_symbols(
		&file, SHT_DYNSYM,
		(struct made_symbol[]){ { "ruby_version", at, 1 }, { "rb_gc_start", code, 0 } }, 2);
	if (has_symbols)
		made_symbols(&file, SHT_SYMTAB, &(struct made_symbol){ "gc_start", code + 64, 0 },
			     1);
}

static void probes_of_its_own(void **state)
{
	struct made_answer a;

	(void)state;
	make("3.1.2", 15, true);
	made_ask(&file, &gc_ruby, &a);
	assert_int_equal(a.r, 1);
	assert_int_equal(a.sites.nr, 4);
	assert_string_equal(a.sites.found, "Ruby 3.1");
	assert_string_equal(a.sites.how, "USDT");
	for (unsigned i = 0; i < a.sites.nr; i++) {
		const struct probe_site *s = &a.sites.sites[i];

		assert_int_equal(s->role, i & 1 ? ABI_PROBE_END : ABI_PROBE_BEGIN);
		assert_int_equal(s->pair, a.sites.sites[i & 2].pair);
		assert_int_equal(s->offset, code - MADE_BIAS + 16 * i);
		assert_int_equal(s->semaphore, semaphores - MADE_BIAS + 2 * i);
		assert_int_equal(s->tag, GC_RUBY | (1 + i / 2) << GC_KIND_SHIFT);
	}
	assert_int_not_equal(a.sites.sites[0].pair, a.sites.sites[2].pair);
	made_done(&a);
}

static void a_function(void **state)
{
	struct made_answer a;

	(void)state;
	make("2.7.8", 7, true);
	made_ask(&file, &gc_ruby, &a);
	assert_int_equal(a.r, 1);
	assert_int_equal(a.sites.nr, 2);
	assert_string_equal(a.sites.found, "Ruby 2.7");
	assert_string_equal(a.sites.how, "gc_start of .symtab");
	assert_int_equal(a.sites.sites[0].offset, code - MADE_BIAS + 64);
	assert_true(a.sites.sites[1].is_return);
	assert_string_equal(gc_ruby.kinds[(a.sites.sites[0].tag >> GC_KIND_SHIFT) - 1],
			    "collection");
	made_done(&a);
}

static void no_probe(void **state)
{
	static const char *const versions[][2] = { { "3.3.8", "Ruby 3.3" },
						   { "", "Ruby" },
						   { "x", "Ruby" } };
	struct made_answer a;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
		make(versions[i][0], 0, false);
		made_ask(&file, &gc_ruby, &a);
		assert_int_equal(a.r, -ENOTSUP);
		assert_string_equal(a.sites.found, versions[i][1]);
		assert_string_equal(strbuf_str(&a.why), "no probe in this build");
		made_done(&a);
	}
}

static void hostile_files(void **state)
{
	(void)state;
	make("3.1.2", 15, true);
	made_hostile(&file, &gc_ruby, 31);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(probes_of_its_own),
		cmocka_unit_test(a_function),
		cmocka_unit_test(no_probe),
		cmocka_unit_test(hostile_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
