// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What the tags of mode gc say: by the runtimes' own lists. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "collect/mode.h"
#include "site/collector.h"

static uint64_t tag_of(uint64_t runtime, uint64_t generation, uint64_t kind, uint64_t reason)
{
	return runtime << GC_RUNTIME_SHIFT | generation << GC_GENERATION_SHIFT |
	       kind << GC_KIND_SHIFT | reason << GC_REASON_SHIFT;
}

static const char *text_of(const char *label, uint64_t tag)
{
	static struct strbuf text;

	strbuf_reset(&text);
	for (const struct label_type *t = mode_find("gc")->labels; t->name; t++)
		if (!strcmp(t->name, label))
			t->text(tag >> t->shift & (UINT64_MAX >> (64 - t->bits)), &text);
	return strbuf_str(&text);
}

static void check_list(const char *label, uint64_t runtime, const char *const *names, bool is_kind)
{
	uint64_t n = 1;

	for (; names && names[n - 1]; n++)
		assert_string_equal(text_of(label, is_kind ? tag_of(runtime, 3, n, 7)
							   : tag_of(runtime, 3, 7, n)),
				    names[n - 1]);
	/* Beyond the list's end, a number that its runtime may know. */
	assert_string_equal(
		text_of(label, is_kind ? tag_of(runtime, 3, 200, 7) : tag_of(runtime, 3, 7, 200)),
		"199");
}

static void names_are_the_runtimes_own(void **state)
{
	unsigned nr = 0;

	(void)state;
	for (unsigned i = 1; i < GC_RUNTIMES; i++) {
		if (!gc_collectors[i])
			continue;
		nr++;
		assert_string_equal(text_of("runtime", tag_of(i, 255, 255, 65535)),
				    gc_collectors[i]->name);
		check_list("kind", i, gc_collectors[i]->kinds, true);
		check_list("reason", i, gc_collectors[i]->reasons, false);
	}
	assert_true(nr > 0);
}

static void nothing_told_is_no_label(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 256; i++) {
		assert_string_equal(text_of("generation", tag_of(i, 0, 255, 65535)), "");
		assert_string_equal(text_of("kind", tag_of(i, 255, 0, 65535)), "");
		assert_string_equal(text_of("reason", tag_of(i, 255, 255, 0)), "");
	}
	assert_string_equal(text_of("generation", tag_of(GC_PYTHON, 3, 0, 0)), "2");
	assert_string_equal(text_of("generation", tag_of(GC_PYTHON, 1, 0, 0)), "0");
	assert_string_equal(text_of("runtime", tag_of(255, 0, 0, 0)), "unknown");
	assert_string_equal(text_of("kind", tag_of(255, 0, 1, 0)), "0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_the_runtimes_own),
		cmocka_unit_test(nothing_told_is_no_label),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
