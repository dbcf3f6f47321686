// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Where Ruby collects, by symbols or as it says itself: made-up libraries. */
#include "gc_fixture.h"

#include "base/array.h"
#include "site/gc_sites.h"

enum { FUNCTION = 16, CODE = 16 * FUNCTION };

static struct made file;
static uint64_t code, semaphores;

/* The nth function, from 1, calls another one: 0 is nobody's. */
struct call {
	unsigned from, to;
};

static void make(const char *version, unsigned notes, const char *const *names,
		 const struct call *calls)
{
	static const char *const probes[] = { "gc__mark__begin", "gc__mark__end",
					      "gc__sweep__begin", "gc__sweep__end" };
	struct made_symbol symbols[MADE_SYMBOLS];
	unsigned char bytes[CODE] = { 0 };
	struct made_note n[ARRAY_SIZE(probes)];
	uint64_t at;
	size_t nr = 0;

	/* Up to its end there are calls, 5 bytes each. */
	for (unsigned i = 0; calls && calls[i].to; i++) {
		unsigned end = calls[i].from * FUNCTION + 5;
		int32_t distance;

		while (bytes[end - 5])
			end += 5;
		assert_true(end <= (calls[i].from + 1) * FUNCTION);
		distance = (int32_t)(calls[i].to * FUNCTION) - (int32_t)end;
		bytes[end - 5] = i & 1 ? 0xe9 : 0xe8;
		memcpy(bytes + end - 4, &distance, sizeof(distance));
	}
	made_init(&file);
	code = made_section(&file, ".text", SHT_PROGBITS, bytes, sizeof(bytes))->sh_addr;
	semaphores = made_section(&file, ".probes", SHT_PROGBITS, bytes, 8)->sh_addr;
	at = made_section(&file, ".rodata", SHT_PROGBITS, version, strlen(version) + 1)->sh_addr;
	for (unsigned i = 0; i < ARRAY_SIZE(probes); i++)
		if (notes & 1u << i)
			n[nr++] = (struct made_note){ "ruby", probes[i], "", code + 16 * i,
						      semaphores + 2 * i };
	made_notes(&file, n, nr);
	made_symbols(
		&file, SHT_DYNSYM,
		(struct made_symbol[]){ { "ruby_version", at, 1 }, { "rb_gc_start", code, 0 } }, 2);
	for (nr = 0; names && names[nr]; nr++)
		symbols[nr] = (struct made_symbol){ names[nr], code + FUNCTION * (nr + 1), 0 };
	if (nr)
		made_symbols(&file, SHT_SYMTAB, symbols, nr);
}

/* The nth function is `kind`, from its entry to where it returns; NULL: it is not probed. */
static void check_function(const struct made_answer *a, unsigned n, const char *kind)
{
	const struct probe_site *begin = NULL, *end = NULL;

	for (size_t i = 0; i < a->sites.nr; i++) {
		const struct probe_site *s = &a->sites.sites[i];

		if (s->offset != code - MADE_BIAS + FUNCTION * n)
			continue;
		assert_int_equal(s->role, s->is_return ? ABI_PROBE_END : ABI_PROBE_BEGIN);
		assert_true(s->flags & ABI_PROBE_RETURN);
		*(s->is_return ? &end : &begin) = s;
	}
	assert_int_equal(kind != NULL, begin != NULL);
	assert_int_equal(kind != NULL, end != NULL);
	if (!kind)
		return;
	assert_int_equal(begin->pair, end->pair);
	assert_int_equal(begin->tag, end->tag);
	assert_int_equal(begin->tag & ((1 << GC_RUNTIME_BITS) - 1), GC_RUBY);
	assert_string_equal(gc_ruby.kinds[(begin->tag >> GC_KIND_SHIFT) - 1], kind);
}

static void check(struct made_answer *a, const char *found, const char *how,
		  const char *const *kinds, size_t nr, size_t nr_others)
{
	size_t nr_probed = 0;

	made_ask(&file, &gc_ruby, a);
	assert_int_equal(a->r, 1);
	assert_string_equal(a->sites.found, found);
	assert_string_equal(a->sites.how, how);
	for (size_t i = 0; i < nr; i++)
		nr_probed += kinds[i] != NULL;
	assert_int_equal(a->sites.nr, 2 * nr_probed + nr_others);
	for (unsigned i = 0; i < nr; i++)
		check_function(a, i + 1, kinds[i]);
}

static void probes_of_its_own(void **state)
{
	struct made_answer a;

	(void)state;
	make("3.1.2", 15, NULL, NULL);
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

/* As gcc makes 3.3: its own probes don't see all of that. */
static void all_is_inside(void **state)
{
	static const char *const names[] = { "gc_start",       "gc_start.cold",	  "gc_continue",
					     "gc_rest.part.0", "gc_marks_rest",	  "gc_sweep",
					     "gc_sweep_step",  "gc_marks_finish", NULL };
	static const struct call calls[] = { { 1, 5 }, { 2, 6 }, { 3, 5 }, { 3, 7 }, { 4, 6 },
					     { 6, 7 }, { 5, 8 }, { 0, 1 }, { 0 } };
	static const char *const kinds[] = { "collection", NULL, "step", "rest",
					     NULL,	   NULL, NULL,	 NULL };
	struct made_answer a;

	(void)state;
	make("3.3.8", 15, names, calls);
	check(&a, "Ruby 3.3", "gc_start of .symtab", kinds, ARRAY_SIZE(kinds), 0);
	made_done(&a);
}

/* As gcc makes 3.1, which copies gc_rest() and gc_sweep_continue(). */
static void copied_into_others(void **state)
{
	static const char *const names[] = { "gc_start",      "gc_marks_continue",
					     "gc_rest",	      "gc_marks_rest",
					     "gc_sweep",      "gc_sweep_step.isra.0",
					     "gc_mark_roots", "gc_marks_finish",
					     "gc_starter",    NULL };
	static const struct call calls[] = { { 0, 4 }, { 4, 5 }, { 5, 6 }, { 9, 6 },
					     { 2, 5 }, { 1, 7 }, { 4, 8 }, { 0 } };
	static const char *const kinds[] = { "collection", "mark", "rest", "mark", NULL, "sweep" };
	struct made_answer a;
	size_t nr_told = 0;

	(void)state;
	make("3.1.2", 0, names, calls);
	check(&a, "Ruby 3.1", "gc_start of .symtab", kinds, ARRAY_SIZE(kinds), 1);
	/* What never gets to the roots was no collection. */
	for (size_t i = 0; i < a.sites.nr; i++) {
		const struct probe_site *s = &a.sites.sites[i];

		if (s->role == ABI_PROBE_TELL) {
			assert_int_equal(s->offset, code - MADE_BIAS + 7 * FUNCTION);
			assert_int_equal(s->pair, a.sites.sites[0].pair);
			assert_int_equal(s->tag, 0);
			nr_told++;
		} else {
			assert_int_equal(!!(s->flags & ABI_PROBE_IF_TOLD), i < 2);
			assert_int_equal(s->pair == a.sites.sites[0].pair, i < 2);
		}
	}
	assert_int_equal(nr_told, 1);
	made_done(&a);
}

static void split_functions(void **state)
{
	static const char *const names[] = { "gc_start", "gc_start.part.0", "gc_start.constprop.0",
					     "gc_continue", NULL };
	static const struct call calls[] = { { 1, 2 }, { 0 } };
	static const char *const kinds[] = { NULL, "collection", "collection", "step" };
	struct made_answer a;

	(void)state;
	make("3.4.1", 0, names, calls);
	check(&a, "Ruby 3.4", "gc_start of .symtab", kinds, ARRAY_SIZE(kinds), 0);
	made_done(&a);
}

/* On machines whose calls aren't read. */
static void callers_not_known(void **state)
{
	static const char *const names[] = { "gc_start", "gc_continue", "gc_sweep_step", NULL };
	static const struct call calls[] = { { 1, 3 }, { 2, 3 }, { 0 } };
	static const char *const kinds[] = { "collection", "step", NULL };
	static const char *const others[] = { "collection", "step", "sweep" };
	struct made_answer a;

	(void)state;
	make("3.3.8", 0, names, calls);
	check(&a, "Ruby 3.3", "gc_start of .symtab", kinds, ARRAY_SIZE(kinds), 0);
	made_done(&a);
	make("3.3.8", 0, names, calls);
	file.machine = EM_AARCH64;
	check(&a, "Ruby 3.3", "gc_start of .symtab", others, ARRAY_SIZE(others), 0);
	made_done(&a);
}

/* As gcc makes 2.7, where no function is left that marks in steps. */
static void not_all_steps(void **state)
{
	static const char *const names[] = { "gc_start", NULL };
	static const char *const kinds[] = { "collection" };
	struct made_answer a;

	(void)state;
	make("2.7.8", 7, names, NULL);
	check(&a, "Ruby 2.7", "gc_start of .symtab, but not all steps", kinds, ARRAY_SIZE(kinds),
	      0);
	made_done(&a);
	make("2.7.8", 15, names, NULL);
	made_ask(&file, &gc_ruby, &a);
	assert_int_equal(a.r, 1);
	assert_string_equal(a.sites.how, "USDT");
	assert_int_equal(a.sites.nr, 4);
	made_done(&a);
}

static void no_probe(void **state)
{
	static const char *const versions[][2] = { { "3.3.8", "Ruby 3.3" },
						   { "", "Ruby" },
						   { "x", "Ruby" } };
	static const char *const names[] = { "gc_start.cold", "gc_continue", NULL };
	struct made_answer a;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
		make(versions[i][0], 0, i ? names : NULL, NULL);
		made_ask(&file, &gc_ruby, &a);
		assert_int_equal(a.r, -ENOTSUP);
		assert_string_equal(a.sites.found, versions[i][1]);
		assert_string_equal(strbuf_str(&a.why), "no probe in this build");
		made_done(&a);
	}
}

static void hostile_files(void **state)
{
	static const char *const names[] = { "gc_start",      "gc_continue",   "gc_start.part.0",
					     "gc_sweep_step", "gc_mark_roots", NULL };
	static const struct call calls[] = { { 1, 3 }, { 0, 4 }, { 2, 4 }, { 0 } };

	(void)state;
	make("3.1.2", 15, NULL, NULL);
	made_hostile(&file, &gc_ruby, 31);
	make("3.3.8", 15, names, calls);
	made_hostile(&file, &gc_ruby, 33);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(probes_of_its_own),  cmocka_unit_test(all_is_inside),
		cmocka_unit_test(copied_into_others), cmocka_unit_test(split_functions),
		cmocka_unit_test(callers_not_known),  cmocka_unit_test(not_all_steps),
		cmocka_unit_test(no_probe),	      cmocka_unit_test(hostile_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
