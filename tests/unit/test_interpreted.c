// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * From a made-up capture of an interpreter to what people see: kernel, native and interpreted
 * frames in one stack. This program plays the interpreter's file: its functions are called as
 * CPython's are.
 */
#include <dlfcn.h>
#include <stdlib.h>

#include "symbol_fixture.h"
#include "synthetic.h"

#include "cmd/frames.h"
#include "symbolize/symbolizer.h"

#define FUNCTION __attribute__((noinline, noclone, used)) static

FUNCTION int _PyEval_EvalFrameDefault(int n)
{
	return n + 1;
}
FUNCTION int PyObject_Vectorcall(int n)
{
	return n + 2;
}
FUNCTION int list_sort_impl(int n)
{
	return n + 3;
}
FUNCTION int pymain_run_python(int n)
{
	return n + 4;
}

FUNCTION int PyEval_RestoreThread(int n)
{
	return n + 5;
}

struct bench {
	struct capture capture;
	struct symbolizer *symbolizer;
	uint32_t own, libc, who;
};

/* Where in its file an address of this process is. */
static uint64_t file_offset(const void *address, char path[static 4096])
{
	FILE *f = fopen("/proc/self/maps", "re");
	unsigned long long start, end, offset;
	char line[8192];

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%llx-%llx %*s %llx %*s %*s %4095s", &start, &end, &offset,
			   path) == 4 &&
		    (uintptr_t)address >= start && (uintptr_t)address < end) {
			fclose(f);
			return (uintptr_t)address - start + offset;
		}
	fail_msg("%p is not mapped", address);
	return 0;
}

/* libc's own, not what a sanitizer stands before it. */
static const void *in_libc(void)
{
	const void *address = dlsym(dlopen("libc.so.6", RTLD_NOLOAD | RTLD_NOW), "qsort_r");

	assert_non_null(address);
	return address;
}

static uint32_t elf_of(struct capture *c, const void *address)
{
	struct object o = { .kind = OBJECT_ELF };
	char path[4096];
	uint32_t id;

	file_offset(address, path);
	o.path = strdup(path);
	o.fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(o.fd >= 0);
	assert_int_equal(capture_object(c, &o, &id), 0);
	return id;
}

static void bench_init(struct bench *b, bool internals)
{
	const struct symbolizer_settings settings = { .no_lines = true, .internals = internals };
	struct raw_who w = { .pid = 7, .tid = 8 };

	assert_int_equal(capture_init(&b->capture), 0);
	b->own = elf_of(&b->capture, (const void *)_PyEval_EvalFrameDefault);
	b->libc = elf_of(&b->capture, in_libc());
	assert_int_equal(capture_string(&b->capture, "py", &w.comm), 0);
	assert_int_equal(capture_who(&b->capture, &w, &b->who), 0);
	assert_int_equal(symbolizer_new(&b->symbolizer, &b->capture, &settings), 0);
}

static void bench_done(struct bench *b)
{
	symbolizer_free(b->symbolizer);
	capture_done(&b->capture);
}

static struct raw_frame native(struct bench *b, const void *function, uint32_t object)
{
	char path[4096];

	return (struct raw_frame){ .offset = file_offset(function, path) + 1,
				   .object = object ? object : b->own };
}

/* Begins in line 10; 11 at 0, 12 from 6 on, 17 from 12 on. */
static struct raw_frame code(struct bench *b, const char *name, uint32_t at)
{
	static const uint8_t lines[] = { 0, 1, 6, 1, 6, 5 };
	struct raw_code code = { .first_line = 10,
				 .format = CODE_LINES_LNOTAB,
				 .nr_lines = sizeof(lines),
				 .lines = lines };
	struct raw_frame f;
	uint32_t id;

	assert_int_equal(capture_string(&b->capture, name, &code.name), 0);
	assert_int_equal(capture_string(&b->capture, strcmp(name, "__init__") ? "/srv/a.py" : name,
					&code.file),
			 0);
	assert_int_equal(capture_code(&b->capture, &code, &id), 0);
	assert_int_equal(capture_code_frame(&b->capture, id, at, &f), 0);
	return f;
}

/*
 * Words, leaf first: an interpreted function "name@at", or loop, call, sort, lock, main (native, of
 * the interpreter's file), nameless (the same), qsort (of another file), kernel.
 */
static uint32_t raw_stack(struct bench *b, const char *words)
{
	struct raw_frame frames[32];
	_cleanup_free_ char *copy = strdup(words);
	uint32_t nr = 0, id;
	char *save = NULL;

	assert_non_null(copy);
	for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
		struct raw_frame f = { 0 };
		char *at = strchr(w, '@');

		if (at) {
			*at = '\0';
			f = code(b, w, at[1] == '?' ? CODE_NOWHERE : (uint32_t)atoi(at + 1));
		} else if (!strcmp(w, "loop")) {
			f = native(b, (const void *)_PyEval_EvalFrameDefault, 0);
			f.flags = RAW_RUNS;
		} else if (!strcmp(w, "call")) {
			f = native(b, (const void *)PyObject_Vectorcall, 0);
		} else if (!strcmp(w, "sort")) {
			f = native(b, (const void *)list_sort_impl, 0);
		} else if (!strcmp(w, "main")) {
			f = native(b, (const void *)pymain_run_python, 0);
		} else if (!strcmp(w, "lock")) {
			f = native(b, (const void *)PyEval_RestoreThread, 0);
		} else if (!strcmp(w, "nameless")) {
			f = (struct raw_frame){ .object = b->own, .offset = 16 };
		} else if (!strcmp(w, "qsort")) {
			f = native(b, in_libc(), b->libc);
		} else {
			assert_string_equal(w, "kernel");
			f.offset = 16;
		}
		assert_true(nr < ARRAY_SIZE(frames));
		frames[nr++] = f;
	}
	assert_int_equal(capture_stack(&b->capture, frames, nr, &id), 0);
	return id;
}

/* Adds the stack `count` times, under its names. */
static void add(struct bench *b, struct profile *p, const char *words, uint64_t count)
{
	uint32_t stack;

	assert_int_equal(symbolizer_stack(b->symbolizer, raw_stack(b, words), p, &stack), 0);
	sample(p, stack, who(p, 7, 8, "py"), count, count * 10);
}

static void check_folded(struct profile *p, const char *want)
{
	char *got = exported(p, "folded", false, NULL);

	assert_string_equal(got, want);
	free(got);
}

static void check_one(bool internals, const char *words, const char *want)
{
	struct profile *p = new_profile(&cpu_info);
	struct strbuf line = STRBUF_INIT;
	struct bench b;

	bench_init(&b, internals);
	add(&b, p, words, 1);
	strbuf_addf(&line, "py;%s 1\n", want);
	check_folded(p, strbuf_str(&line));
	strbuf_done(&line);
	bench_done(&b);
	profile_free(p);
}

static void code_has_name_file_and_lines(void **state)
{
	static const struct {
		const char *word;
		uint32_t line;
	} cases[] = { { "f@0", 11 }, { "f@6", 12 }, { "f@8", 12 }, { "f@12", 17 }, { "f@?", 0 } };
	struct profile *p = new_profile(&cpu_info);
	struct bench b;

	(void)state;
	bench_init(&b, false);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct frame *f;
		uint32_t id;

		assert_int_equal(
			symbolizer_stack(b.symbolizer, raw_stack(&b, cases[i].word), p, &id), 0);
		f = profile_frame_at(p, profile_stack_at(p, id).frames[0]);
		assert_int_equal(f->kind, FRAME_INTERPRETER);
		assert_string_equal(profile_string_at(p, f->function), "f");
		assert_string_equal(profile_string_at(p, f->file), "/srv/a.py");
		assert_int_equal(f->first_line, 10);
		assert_int_equal(f->line, cases[i].line);
		assert_int_equal(f->mapping, 0);
		assert_int_equal(f->address, 0);
	}
	bench_done(&b);
	profile_free(p);
}

/* What stands between is left out; what works, and what is of another file, is not. */
static void the_interpreter_is_left_out(void **state)
{
	(void)state;
	check_one(false, "f@0 loop call g@0 loop main", "g (/srv/a.py:10);f (/srv/a.py:10)");
	check_one(false, "f@0 g@0 loop main", "g (/srv/a.py:10);f (/srv/a.py:10)");
	check_one(false, "f@0 loop call sort call g@0 loop",
		  "g (/srv/a.py:10);list_sort_impl;f (/srv/a.py:10)");
	check_one(false, "f@0 loop qsort g@0 loop qsort main",
		  "qsort_r;g (/srv/a.py:10);qsort_r;f (/srv/a.py:10)");
	/* Leafward of them, too, but what runs: a loop that has not begun. */
	check_one(false, "kernel qsort call f@0 loop main",
		  "f (/srv/a.py:10);qsort_r;[kernel+0x10]_[k]");
	check_one(false, "loop call f@0 loop", "f (/srv/a.py:10);_PyEval_EvalFrameDefault");
	check_one(false, "kernel lock call f@0 loop lock",
		  "f (/srv/a.py:10);PyEval_RestoreThread;[kernel+0x10]_[k]");
	check_one(false, "nameless qsort nameless f@0 loop",
		  "f (/srv/a.py:10);[test_interpreted+0x10];qsort_r;[test_interpreted+0x10]");
	/* No function of a program, as CPython's tracebacks have it, too. */
	check_one(false, "f@0 __init__@0 g@0 loop main", "g (/srv/a.py:10);f (/srv/a.py:10)");
	check_one(false, "__init__@0 g@0 loop main", "g (/srv/a.py:10)");
	check_one(true, "f@0 __init__@0 g@0",
		  "g (/srv/a.py:10);__init__ (__init__:10);f (/srv/a.py:10)");
	/* Without an interpreted frame it is a program as any other. */
	check_one(false, "loop call main",
		  "pymain_run_python;PyObject_Vectorcall;_PyEval_EvalFrameDefault");
	/* No loop: nothing says that this is the interpreter's file. */
	check_one(false, "f@0 call g@0", "g (/srv/a.py:10);PyObject_Vectorcall;f (/srv/a.py:10)");
}

/* A stripped file: between two interpreted frames its frames say nothing. */
static void nameless_frames_between(void **state)
{
	(void)state;
	check_one(false, "f@0 loop nameless g@0 loop", "g (/srv/a.py:10);f (/srv/a.py:10)");
	check_one(false, "nameless f@0 loop nameless", "f (/srv/a.py:10);[test_interpreted+0x10]");
}

static void verbose_shows_all(void **state)
{
	(void)state;
	check_one(true, "f@0 loop call nameless g@0 loop main",
		  "pymain_run_python;_PyEval_EvalFrameDefault;g (/srv/a.py:10);"
		  "[test_interpreted+0x10];PyObject_Vectorcall;_PyEval_EvalFrameDefault;"
		  "f (/srv/a.py:10)");
}

/* Two lines of a function are one row and one box; --lines and --native=no as they are said. */
static void frames_are_shown_as_asked(void **state)
{
	const struct frames plain = { 0 }, lines = { .split_lines = true };
	const struct frames alone = { .no_native = true, .split_lines = true };
	struct profile *p = new_profile(&cpu_info);
	struct bench b;

	(void)state;
	bench_init(&b, false);
	add(&b, p, "f@0 loop call m@0 loop main", 1);
	add(&b, p, "f@6 loop call m@12 loop main", 2);
	add(&b, p, "kernel qsort f@6 loop call m@12 loop main", 4);
	add(&b, p, "kernel qsort", 8);
	check_folded(p, "py;m (/srv/a.py:10);f (/srv/a.py:10) 3\n"
			"py;m (/srv/a.py:10);f (/srv/a.py:10);qsort_r;[kernel+0x10]_[k] 4\n"
			"py;qsort_r;[kernel+0x10]_[k] 8\n");
	assert_int_equal(frames_apply(&lines, &p), 0);
	check_folded(p, "py;m (/srv/a.py:11);f (/srv/a.py:11) 1\n"
			"py;m (/srv/a.py:17);f (/srv/a.py:12) 2\n"
			"py;m (/srv/a.py:17);f (/srv/a.py:12);qsort_r;[kernel+0x10]_[k] 4\n"
			"py;qsort_r;[kernel+0x10]_[k] 8\n");
	assert_int_equal(frames_apply(&alone, &p), 0);
	check_folded(p, "py;m (/srv/a.py:11);f (/srv/a.py:11) 1\n"
			"py;m (/srv/a.py:17);f (/srv/a.py:12) 6\n"
			"py;qsort_r;[kernel+0x10]_[k] 8\n");
	assert_int_equal(frames_apply(&plain, &p), 0);
	check_folded(p, "py;m (/srv/a.py:10);f (/srv/a.py:10) 7\n"
			"py;qsort_r;[kernel+0x10]_[k] 8\n");
	bench_done(&b);
	profile_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(code_has_name_file_and_lines),
		cmocka_unit_test(the_interpreter_is_left_out),
		cmocka_unit_test(nameless_frames_between),
		cmocka_unit_test(verbose_shows_all),
		cmocka_unit_test(frames_are_shown_as_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
