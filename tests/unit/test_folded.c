// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "synthetic.h"

static void check(struct profile *p, bool per_thread, const char *want)
{
	char *got = exported(p, "folded", per_thread, NULL);

	assert_string_equal(got, want);
	free(got);
}

static void kinds_have_suffixes(void **state)
{
	struct profile *p = new_profile(&cpu_info);
	uint32_t lib = mapping(p, "/lib/libz.so.1", "");

	(void)state;
	sample(p,
	       stack_of(p, frame(p, FRAME_KERNEL, "do_sys", 0, 1, "", 0),
			frame(p, FRAME_INLINED, "fast", lib, 2, "a.c", 1),
			frame(p, FRAME_NATIVE, "read", lib, 2, "a.c", 2),
			frame(p, FRAME_NATIVE, "", lib, 0x30, "", 0),
			frame(p, FRAME_JIT, "LazyCompile:~x", 0, 3, "", 0),
			interpreted(p, "run", "app/main.py", 7, 9),
			interpreted(p, "start", "app/main.py", 0, 3),
			interpreted(p, "builtin", "", 0, 0), interpreted(p, "", "a.py", 1, 1),
			frame(p, FRAME_MARK, "[stack lost]", 0, 0, "", 0)),
	       who(p, 10, 11, "py"), 3, 30);
	sample(p, 0, who(p, 10, 12, "idle one"), 1, 1);
	check(p, false,
	      "idle one 1\n"
	      "py;[stack lost];[interpreted] (a.py:1);builtin;start (app/main.py);run "
	      "(app/main.py:7);LazyCompile:~x_[j];"
	      "[libz.so.1+0x30];read;fast_[i];do_sys_[k] 3\n");
	check(p, true,
	      "idle one-10/12 1\n"
	      "py-10/11;[stack lost];[interpreted] (a.py:1);builtin;start (app/main.py);run "
	      "(app/main.py:7);"
	      "LazyCompile:~x_[j];[libz.so.1+0x30];read;fast_[i];do_sys_[k] 3\n");
	profile_free(p);
}

static void lines_split_functions_when_asked_for(void **state)
{
	struct profile *p = new_profile(&cpu_info);
	uint32_t w = who(p, 1, 1, "py"), c = frame(p, FRAME_NATIVE, "sum", 0, 1, "", 0);
	uint32_t f[] = { interpreted(p, "f", "a;b.py", 1, 2), interpreted(p, "f", "a;b.py", 1, 3),
			 interpreted(p, "f", "a;b.py", 7, 8) };

	(void)state;
	for (uint32_t i = 0; i < 3; i++)
		sample(p, stack_of(p, c, f[i]), w, i + 1, 1);
	check(p, false, "py;f (a:b.py:1);sum 3\npy;f (a:b.py:7);sum 3\n");
	profile_split_lines(p, true);
	check(p, false, "py;f (a:b.py:2);sum 1\npy;f (a:b.py:3);sum 2\npy;f (a:b.py:8);sum 3\n");
	profile_split_lines(p, false);
	check(p, false, "py;f (a:b.py:1);sum 3\npy;f (a:b.py:7);sum 3\n");
	profile_free(p);
}

static void equal_lines_are_one_and_sorted(void **state)
{
	struct profile *p = new_profile(&cpu_info);
	uint32_t lib = mapping(p, "/l", "");
	uint32_t a = frame(p, FRAME_NATIVE, "a", lib, 1, "x.c", 1);
	uint32_t a2 = frame(p, FRAME_NATIVE, "a", lib, 2, "x.c", 9);
	uint32_t b = frame(p, FRAME_NATIVE, "b", lib, 3, "", 0);

	(void)state;
	sample(p, stack_of(p, b, a), who(p, 1, 1, "x"), 1, 1);
	sample(p, stack_of(p, b, a2), who(p, 2, 2, "x"), 2, 2);
	sample(p, stack_of(p, a), who(p, 3, 3, "x"), 4, 4);
	sample(p, stack_of(p, a), who(p, 3, 3, "w"), 8, 8);
	check(p, false, "w;a 8\nx;a 4\nx;a;b 3\n");
	check(p, true, "w-3/3;a 8\nx-1/1;a;b 1\nx-2/2;a;b 2\nx-3/3;a 4\n");
	profile_free(p);
}

static void names_forge_no_frames(void **state)
{
	struct profile *p = new_profile(&cpu_info);

	(void)state;
	sample(p,
	       stack_of(p, frame(p, FRAME_NATIVE, "x;root_[k] 999\nevil;y", 0, 1, "", 0),
			frame(p, FRAME_NATIVE, "\x1b[31m\xff\t", 0, 2, "", 0)),
	       who(p, 1, 1, "a;b\n c"), 1, 1);
	check(p, false, "a:b\\x0a c;\\x1b[31m\\xff\\x09;x:root_[k] 999\\x0aevil:y 1\n");
	profile_free(p);
}

static void times_are_microseconds(void **state)
{
	struct profile *p = new_profile(&io_info);

	(void)state;
	sample(p, 0, who(p, 1, 1, "a"), 1, 1499);
	sample(p, 0, who(p, 1, 1, "b"), 1, 1500);
	sample(p, 0, who(p, 1, 1, "c"), 1, 3);
	sample(p, 0, who(p, 1, 1, "d"), 1, 0);
	/* Rounded after they are summed. */
	sample(p, 0, who(p, 1, 1, "e"), 1, 400);
	sample(p, 0, who(p, 1, 2, "e"), 1, 400);
	sample(p, 0, who(p, 1, 3, "e"), 1, 400);
	sample(p, 0, who(p, 1, 1, "f"), 1, UINT64_MAX);
	check(p, false, "a 1\nb 2\nc 1\ne 1\nf 18446744073709552\n");
	profile_free(p);
}

static void formats_are_found(void **state)
{
	(void)state;
	assert_string_equal(exporter_for_path("x.folded")->name, "folded");
	assert_string_equal(exporter_for_path("/a.b/x.json")->name, "json");
	assert_string_equal(exporter_for_path("x.speedscope.json")->name, "speedscope");
	assert_string_equal(exporter_for_path("x.pb.gz")->name, "pprof");
	assert_null(exporter_for_path("x.gz"));
	assert_null(exporter_for_path(""));
	assert_null(exporter_find("nothing"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds_have_suffixes),
		cmocka_unit_test(equal_lines_are_one_and_sorted),
		cmocka_unit_test(lines_split_functions_when_asked_for),
		cmocka_unit_test(names_forge_no_frames),
		cmocka_unit_test(times_are_microseconds),
		cmocka_unit_test(formats_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
