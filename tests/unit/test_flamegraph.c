// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "export/flamegraph.h"

static struct profile *new_profile(const char *unit)
{
	const struct profile_info info = { .mode = "cpu",
					   .values = { { "samples", unit }, { "cpu", unit } },
					   .host = "",
					   .command = "" };
	struct profile *p;

	assert_int_equal(profile_new(&p, &info), 0);
	return p;
}

static uint32_t string(struct profile *p, const char *s)
{
	uint32_t id;

	assert_int_equal(profile_string(p, s, &id), 0);
	return id;
}

static uint32_t add_frame(struct profile *p, enum frame_kind kind, const char *name,
			  const char *file, uint32_t line)
{
	struct frame f = { .kind = kind,
			   .function = string(p, name),
			   .file = string(p, file),
			   .line = line,
			   .address = 0x10 + line };
	uint32_t id;

	assert_int_equal(profile_frame(p, &f, &id), 0);
	return id;
}

/* `frames` is leaf first, as everywhere in the model. */
static void add_sample(struct profile *p, const char *comm, uint32_t tid, const uint32_t *frames,
		       uint32_t nr, uint64_t value)
{
	struct who w = { .pid = 7, .tid = tid, .comm = string(p, comm) };
	struct sample s = { .count = value, .total = value, .bucket = BUCKET_NONE };

	assert_int_equal(profile_stack(p, &(struct stack){ nr, frames }, &s.stack), 0);
	assert_int_equal(profile_who(p, &w, &s.who), 0);
	assert_int_equal(profile_add(p, &s), 0);
}

/* "all 6 0;a 4 1;…": every box's name, total and self in depth-first order. */
static char *tree_text(const struct profile *p, bool per_thread)
{
	const struct export_settings settings = { .per_thread = per_thread };
	struct strbuf text = STRBUF_INIT;
	struct flame f;

	assert_int_equal(flame_init(&f, p, &settings), 0);
	for (uint32_t i = 0; i != FLAME_NONE; i = flame_next(&f, i, false)) {
		const struct flame_node *n = &f.nodes[i];

		strbuf_addf(&text, "%s%u %s %llu %llu", i ? "; " : "", n->depth,
			    f.functions[n->function].name, (unsigned long long)n->total,
			    (unsigned long long)n->self);
	}
	flame_done(&f);
	return strbuf_steal(&text);
}

static void assert_tree(const struct profile *p, bool per_thread, const char *expected)
{
	_cleanup_free_ char *text = tree_text(p, per_thread);

	assert_string_equal(text, expected);
}

static void test_merges_and_sorts(void **state)
{
	_cleanup_(profile_freep) struct profile *p = new_profile("count");
	uint32_t main_ = add_frame(p, FRAME_NATIVE, "main", "m.c", 1);
	uint32_t main_2 = add_frame(p, FRAME_NATIVE, "main", "m.c", 2);
	uint32_t b = add_frame(p, FRAME_NATIVE, "b", "", 0);
	uint32_t a = add_frame(p, FRAME_NATIVE, "a", "", 0);
	uint32_t ka = add_frame(p, FRAME_KERNEL, "a", "", 0);

	(void)state;
	add_sample(p, "x", 1, (uint32_t[]){ a, main_ }, 2, 1);
	add_sample(p, "x", 2, (uint32_t[]){ b, main_2 }, 2, 2);
	add_sample(p, "x", 2, (uint32_t[]){ ka, main_2 }, 2, 2);
	add_sample(p, "x", 2, (uint32_t[]){ main_2 }, 1, 4);
	add_sample(p, "y", 3, (uint32_t[]){ 0 }, 0, 10);
	assert_tree(p, false,
		    "0 all 19 0; 1 y 10 10; 1 x 9 0; 2 main 9 4; 3 a 2 2; 3 b 2 2; 3 a 1 1");
	assert_tree(p, true,
		    "0 all 19 0; 1 y-7/3 10 10; 1 x-7/2 8 0; 2 main 8 4; 3 a 2 2; 3 b 2 2; "
		    "1 x-7/1 1 0; 2 main 1 0; 3 a 1 1");
}

/* Inlined frames stand leafward of their caller; a prefix is no box of its own. */
static void test_recursion_and_prefixes(void **state)
{
	_cleanup_(profile_freep) struct profile *p = new_profile("nanoseconds");
	uint32_t f = add_frame(p, FRAME_NATIVE, "f", "", 0);
	uint32_t i = add_frame(p, FRAME_INLINED, "i", "", 0);

	(void)state;
	add_sample(p, "x", 1, (uint32_t[]){ f, f, f }, 3, 5);
	add_sample(p, "x", 1, (uint32_t[]){ f, f }, 2, 3);
	add_sample(p, "x", 1, (uint32_t[]){ i, f }, 2, 1);
	assert_tree(p, false, "0 all 9 0; 1 x 9 0; 2 f 9 0; 3 f 8 3; 4 f 5 5; 3 i 1 1");
}

static void test_places(void **state)
{
	_cleanup_(profile_freep) struct profile *p = new_profile("count");
	const struct export_settings settings = { 0 };
	uint32_t frames[] = { add_frame(p, FRAME_NATIVE, "f", "a.c", 9),
			      add_frame(p, FRAME_NATIVE, "f", "a.c", 4),
			      add_frame(p, FRAME_NATIVE, "f", "table.h", 70),
			      add_frame(p, FRAME_NATIVE, "f", "a.c", 0),
			      add_frame(p, FRAME_INTERPRETER, "g", "/x/one.py", 1),
			      add_frame(p, FRAME_INTERPRETER, "g", "/x/two.py", 1) };
	struct flame f;

	(void)state;
	for (uint32_t i = 0; i < 6; i++)
		add_sample(p, "x", 1, &frames[i], 1, 1);
	assert_tree(p, false,
		    "0 all 6 0; 1 x 6 0; 2 f 4 4; 2 g (/x/one.py) 1 1; 2 g (/x/two.py) 1 1");
	assert_int_equal(flame_init(&f, p, &settings), 0);
	assert_string_equal(f.functions[1].name, "f");
	assert_string_equal(profile_string_at(p, f.functions[1].file), "a.c");
	assert_int_equal(f.functions[1].line, 4);
	assert_int_equal(f.functions[1].last, 9);
	flame_done(&f);
}

static void test_empty_and_saturated(void **state)
{
	const struct export_settings settings = { 0 };
	_cleanup_(profile_freep) struct profile *p = new_profile("nanoseconds");
	_cleanup_free_ char *svg = NULL;
	size_t size;
	FILE *out;

	(void)state;
	assert_tree(p, false, "0 all 0 0");
	out = open_memstream(&svg, &size);
	assert_int_equal(exporter_svg.write(p, &settings, out), 0);
	assert_int_equal(fclose(out), 0);
	assert_non_null(strstr(svg, ">all</text>"));
	assert_null(strstr(svg, "=\"nan"));
	assert_null(strstr(svg, "=\"-nan"));
	add_sample(p, "x", 1, (uint32_t[]){ 0 }, 0, UINT64_MAX);
	add_sample(p, "y", 2, (uint32_t[]){ 0 }, 0, 5);
	assert_tree(p, false,
		    "0 all 18446744073709551615 0; 1 x 18446744073709551615 18446744073709551615; "
		    "1 y 5 5");
}

static void test_text(void **state)
{
	_cleanup_(strbuf_done) struct strbuf out = STRBUF_INIT;

	(void)state;
	flame_add_xml(&out, "a<b>&\"c]]>");
	strbuf_addch(&out, ' ');
	flame_add_json(&out, "\\x01\"</script>&");
	strbuf_addch(&out, ' ');
	flame_add_u64(&out, 0);
	flame_add_u64(&out, UINT64_MAX);
	assert_string_equal(strbuf_str(&out),
			    "a&lt;b&gt;&amp;&quot;c]]&gt; "
			    "\"\\\\x01\\\"\\u003c/script\\u003e\\u0026\" 018446744073709551615");
}

/* What is embedded must be fit for the sections that it stands in. */
static void test_embedded(void **state)
{
	_cleanup_(strbuf_done) struct strbuf script = STRBUF_INIT, style = STRBUF_INIT;

	(void)state;
	flame_add_script(&script);
	flame_add_style(&style);
	assert_non_null(strstr(strbuf_str(&script), "function readTree"));
	assert_non_null(strstr(strbuf_str(&style), ".kernel"));
	for (int i = 0; i < 2; i++) {
		const char *text = strbuf_str(i ? &style : &script);

		assert_null(strstr(text, "]]>"));
		assert_null(strstr(text, "</"));
		assert_null(strstr(text, "<!--"));
	}
	for (uint32_t kind = 0; kind < FLAME_KINDS; kind++) {
		_cleanup_(strbuf_done) struct strbuf rule = STRBUF_INIT;

		strbuf_addf(&rule, "\n.%s {", flame_kind_name(kind));
		assert_non_null(strstr(strbuf_str(&style), strbuf_str(&rule)));
	}
}

/* A stream that fails is its owner's to notice: the writer neither hides nor doubles it. */
static void test_full_stream(void **state)
{
	_cleanup_(profile_freep) struct profile *p = new_profile("count");
	const struct export_settings settings = { 0 };
	FILE *out = fopen("/dev/full", "w");

	(void)state;
	if (!out)
		skip();
	add_sample(p, "x", 1, (uint32_t[]){ 0 }, 0, 1);
	assert_int_equal(exporter_html.write(p, &settings, out), 0);
	assert_true(fflush(out) != 0 || ferror(out));
	fclose(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_merges_and_sorts),
		cmocka_unit_test(test_recursion_and_prefixes),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_empty_and_saturated),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_embedded),
		cmocka_unit_test(test_full_stream),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
