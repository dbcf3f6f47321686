// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What is wrong with the words of `calls`, and which files and places the right ones mean. */
#include "symbol_fixture.h"

#include <dlfcn.h>
#include <sys/wait.h>

#include "base/log.h"
#include "cmd/functions.h"
#include "symbolize/function_returns.h"

#define LAZY WORKLOADS "/symbols_lazy"

static struct filter filter;

static bool time_all;

static int make(struct function_words **ret, const char *program, const char *const *words,
		struct strbuf *error)
{
	struct function_words_settings s = {
		.words = words, .filter = &filter, .program = program, .time_all = time_all
	};

	while (words[s.nr])
		s.nr++;
	return function_words_new(ret, &s, error);
}

/* One word, and the line that it is answered with. */
static void expect_error(const char *word, const char *program, int expected, const char *line)
{
	const char *words[] = { word, NULL };
	struct function_words *w = NULL;
	struct strbuf error = STRBUF_INIT;
	int r = make(&w, program, words, &error);

	if (r != expected || !strstr(strbuf_str(&error), line) || strchr(strbuf_str(&error), '\n'))
		fail_msg("'%s': %d, %s", word, r, strbuf_str(&error));
	strbuf_done(&error);
}

static void test_bad(void **state)
{
	(void)state;
	expect_error("", NULL, -EINVAL, "names no function");
	expect_error(":", NULL, -EINVAL, "names no function");
	expect_error("libc:", NULL, -EINVAL, "names no function");
	expect_error(":malloc", NULL, -EINVAL, "names no function");
	expect_error(LAZY, NULL, -EINVAL, "has no function: ");
	expect_error("entry", NULL, -EINVAL, "in which file is 'entry'? Write file:pattern");
	expect_error("ns::entry", NULL, -EINVAL, "in which file is 'ns::entry'?");
	expect_error("./none:entry", NULL, -ENOENT, "cannot open ./none: No such file");
	expect_error("/:entry", NULL, -ENOEXEC, "/ is no file");
	expect_error("/dev/null:entry", NULL, -ENOEXEC, "/dev/null is no file");
	expect_error("/proc/self/status:entry", NULL, -ENOEXEC, "status is no ELF program");
	expect_error("no_such_name_at_all:f", NULL, -ENOENT,
		     "no process maps a file named 'no_such_name_at_all'");
	expect_error(LAZY ":entri", NULL, -ENOENT,
		     "symbols_lazy has no function 'entri': did you mean entry?");
	expect_error(LAZY ":xyzzy", NULL, -ENOENT, "symbols_lazy has no function 'xyzzy'");
	expect_error(LAZY ":xy*", NULL, -ENOENT, "no function that matches 'xy*'");
	expect_error(WORKLOADS "/stripped:local_function", NULL, -ENOENT,
		     "stripped has no symbol table (stripped): of its ");
	expect_error("entri", LAZY, -ENOENT, "did you mean entry?");
	expect_error("entry", "/no/program", -ENOENT, "cannot read the program '/no/program'");
	expect_error("entry", "no_such_program_at_all", -ENOENT, "cannot read the program");
	expect_error("a", "/dev/null", -ENOEXEC, "cannot read the program '/dev/null'");
}

static void test_gone(void **state)
{
	int pid = fork();

	(void)state;
	if (!pid)
		_exit(0);
	waitpid(pid, NULL, 0);
	filter = (struct filter){ .pids = { (uint32_t)pid }, .nr_pids = 1 };
	expect_error("main", NULL, -ESRCH, "there is no process ");
	expect_error("libc:malloc", NULL, -ESRCH, "there is no process ");
	filter = (struct filter){ 0 };
}

static void test_names(void **state)
{
	(void)state;
	assert_true(function_words_names("libc", "libc"));
	assert_true(function_words_names("libc", "libc.so"));
	assert_true(function_words_names("libc", "libc.so.6"));
	assert_true(function_words_names("libc", "libc-2.31.so"));
	assert_true(function_words_names("libc.so", "libc.so.6"));
	assert_true(function_words_names("libc.so.6", "libc.so.6"));
	assert_true(function_words_names("libstdc++", "libstdc++.so.6.0.30"));
	assert_false(function_words_names("libc", "libcrypto.so"));
	assert_false(function_words_names("libc", "libc++.so.1"));
	assert_false(function_words_names("libc", "libc-client.so.1"));
	assert_false(function_words_names("libc", "libc.a"));
	assert_false(function_words_names("python3", "python3.11"));
	assert_false(function_words_names("c", "libc.so.6"));
	assert_false(function_words_names("", "libc.so.6"));
	assert_false(function_words_names("libc", ""));
}

/* What the finder says of a file that is mapped under this name. */
static int ask(const struct function_words *w, const char *file, const char *as,
	       struct probe_sites *ret)
{
	const struct probe_finder *f = function_words_finder(w);
	struct runtime_image image = { .fd = open(file, O_RDONLY | O_CLOEXEC), .path = as };
	struct strbuf why = STRBUF_INIT;
	int r;

	assert_true(image.fd >= 0);
	*ret = (struct probe_sites)PROBE_SITES_INIT;
	r = f->find(f->ctx, &image, ret, &why);
	assert_int_equal(r == -ENOTSUP, why.len > 0);
	close(image.fd);
	strbuf_done(&why);
	return r;
}

static void make_well(struct function_words **ret, const char *program, const char *const *words)
{
	struct strbuf error = STRBUF_INIT;

	if (make(ret, program, words, &error) < 0)
		fail_msg("%s", strbuf_str(&error));
	assert_int_equal(error.len, 0);
	strbuf_done(&error);
}

static void check_pair(const struct probe_site *begin, const struct probe_site *end,
		       const char *name)
{
	assert_int_equal(begin->role, ABI_PROBE_BEGIN);
	assert_int_equal(end->role, ABI_PROBE_END);
	assert_true(!begin->is_return && end->is_return);
	assert_int_equal(begin->flags, ABI_PROBE_RETURN);
	assert_int_equal(end->flags, ABI_PROBE_RETURN);
	assert_int_equal(begin->pair, end->pair);
	assert_int_equal(begin->offset, end->offset);
	assert_string_equal(begin->name, name);
	assert_string_equal(end->name, name);
}

static void test_sites(void **state)
{
	static const char *const words[] = { LAZY ":entr?", LAZY ":sized", "symbols_small:aliased",
					     NULL };
	struct function_words *w;
	struct probe_sites sites;

	(void)state;
	/* A name has to be mapped by somebody. */
	assert_non_null(dlopen(WORKLOADS "/symbols_small.so", RTLD_NOW | RTLD_LOCAL));
	make_well(&w, NULL, words);
	assert_int_equal(ask(w, LAZY, LAZY, &sites), 1);
	assert_int_equal(sites.nr, 4);
	check_pair(&sites.sites[0], &sites.sites[1], "sized");
	check_pair(&sites.sites[2], &sites.sites[3], "entry");
	assert_int_not_equal(sites.sites[0].pair, sites.sites[2].pair);
	assert_string_equal(sites.found, "symbols_lazy");
	assert_string_equal(sites.how, "2 functions");
	probe_sites_done(&sites);
	/* The same inode under another name; another inode under the name, deleted or not. */
	assert_int_equal(ask(w, LAZY, "/elsewhere", &sites), 1);
	probe_sites_done(&sites);
	assert_int_equal(ask(w, WORKLOADS "/symbols_now", LAZY " (deleted)", &sites), 1);
	assert_int_equal(sites.nr, 4);
	probe_sites_done(&sites);
	/* By name: wherever it is. */
	assert_int_equal(ask(w, WORKLOADS "/symbols_small.so", "/x/symbols_small.so", &sites), 1);
	assert_int_equal(sites.nr, 2);
	probe_sites_done(&sites);
	/* It has the name, and no such function. */
	assert_int_equal(ask(w, "/proc/self/exe", "/x/symbols_small.so.1", &sites), -ENOTSUP);
	assert_string_equal(sites.found, "symbols_small.so.1");
	probe_sites_done(&sites);
	/* None of ours. */
	assert_int_equal(ask(w, WORKLOADS "/symbols_now", "/x/y", &sites), 0);
	probe_sites_done(&sites);
	function_words_free(w);
}

/* An endbr64 is passed where a push follows: both are emulated, but single-stepped is not. */
static void test_cheapest(void **state)
{
#ifdef __x86_64__
	static const char *const words[] = { WORKLOADS "/symbols_ibt:entry", NULL };
	unsigned char code[5];
	struct function_words *w;
	struct probe_sites sites;
	int fd = open(WORKLOADS "/symbols_ibt", O_RDONLY | O_CLOEXEC);

	(void)state;
	make_well(&w, NULL, words);
	assert_int_equal(ask(w, WORKLOADS "/symbols_ibt", WORKLOADS "/symbols_ibt", &sites), 1);
	assert_int_equal(pread(fd, code, sizeof(code), (off_t)sites.sites[0].offset - 4), 5);
	assert_memory_equal(code, "\xf3\x0f\x1e\xfa", 4);
	check_pair(&sites.sites[0], &sites.sites[1], "entry");
	probe_sites_done(&sites);
	function_words_free(w);
	close(fd);
#else
	(void)state;
	skip();
#endif
}

static void test_program(void **state)
{
	static const char *const words[] = { "entry", NULL }, *const own[] = { "main", NULL };
	struct function_words *w;
	struct probe_sites sites;

	(void)state;
	make_well(&w, LAZY, words);
	assert_int_equal(ask(w, LAZY, LAZY, &sites), 1);
	assert_int_equal(sites.nr, 2);
	probe_sites_done(&sites);
	assert_int_equal(ask(w, WORKLOADS "/symbols_now", WORKLOADS "/symbols_now", &sites), 0);
	function_words_free(w);
	filter = (struct filter){ .pids = { (uint32_t)getpid() }, .nr_pids = 1 };
	make_well(&w, NULL, own);
	assert_int_equal(ask(w, "/proc/self/exe", "/x/y", &sites), 1);
	assert_int_equal(sites.nr, 2);
	probe_sites_done(&sites);
	function_words_free(w);
	filter = (struct filter){ 0 };
}

/* A path's folder may have a ':' in its name, and a pattern a '/'. */
static void test_colons(void **state)
{
	char folder[] = "/tmp/bpfprof:test:XXXXXX", command[512], word[512];
	const char *const words[] = { word, NULL };
	struct function_words *w;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(command, sizeof(command), "cp " LAZY " '%s/app'", folder);
	assert_int_equal(system(command), 0);
	snprintf(word, sizeof(word), "%s/app:entry", folder);
	make_well(&w, NULL, words);
	function_words_free(w);
	snprintf(word, sizeof(word), "%s/app:a/b.entry", folder);
	expect_error(word, NULL, -ENOENT, "app has no function 'a/b.entry'");
	snprintf(word, sizeof(word), "%s/app:ns::Class::entry", folder);
	expect_error(word, NULL, -ENOENT, "app has no function 'ns::Class::entry'");
	snprintf(command, sizeof(command), "rm -r '%s'", folder);
	assert_int_equal(system(command), 0);
}

/* What a changed copy of a program is probed with: as many sites, all of this role? */
static void expect_roles(const char *change, const char *function, size_t nr,
			 enum abi_probe_role role)
{
	char file[] = "/tmp/bpfprof_copy_XXXXXX", command[1024], word[64];
	const char *const words[] = { word, NULL };
	struct function_words *w;
	struct probe_sites sites;
	int fd = mkstemp(file);

	assert_true(fd >= 0);
	close(fd);
	snprintf(command, sizeof(command), "objcopy %s " LAZY " %s", change, file);
	assert_int_equal(system(command), 0);
	snprintf(word, sizeof(word), "%s:%s", file, function);
	make_well(&w, NULL, words);
	assert_int_equal(ask(w, file, file, &sites), 1);
	if (sites.nr != nr || sites.sites[0].role != role)
		fail_msg("%s: %zu sites, role %d", change, sites.nr, sites.sites[0].role);
	if (role == ABI_PROBE_COUNT)
		assert_true(!sites.sites[0].flags && !sites.sites[0].is_return);
	probe_sites_done(&sites);
	function_words_free(w);
	unlink(file);
}

/* Where an address in the place of the return address would do harm, there is none. */
static void test_untimed(void **state)
{
	static const char throws[] = "--add-symbol __cxa_throw=.text:0,global,function",
			  go[] = "--add-section .gopclntab=/etc/passwd";

	(void)state;
	log_set_level(LOG_ERROR);
	expect_roles("", "entry", 2, ABI_PROBE_BEGIN);
	expect_roles("", "_start", 1, ABI_PROBE_COUNT);
	expect_roles("--redefine-sym entry=setjmp", "setjmp", 1, ABI_PROBE_COUNT);
	expect_roles("--redefine-sym entry=_Unwind_Resume", "_Unwind_Resume", 1, ABI_PROBE_COUNT);
	expect_roles("--redefine-sym entry=setjmper", "setjmper", 2, ABI_PROBE_BEGIN);
	expect_roles(throws, "entry", 1, ABI_PROBE_COUNT);
	expect_roles("--redefine-sym sized=_ZN1A1fEv", "entry", 1, ABI_PROBE_COUNT);
	assert_true(function_tells_exceptions("_Unwind_RaiseException@GCC_3.0", false));
	assert_false(function_tells_exceptions("_Unwind_RaiseException", true));
	assert_true(function_tells_exceptions("__gxx_personality_v0@CXXABI_1.3", false));
	assert_false(function_tells_exceptions("_ZN1A1fEv", false));
	assert_false(function_tells_exceptions("__gxx_personality_v0x", true));
	expect_roles(go, "entry", 1, ABI_PROBE_COUNT);
	time_all = true;
	expect_roles(throws, "entry", 2, ABI_PROBE_BEGIN);
	expect_roles(throws, "_start", 1, ABI_PROBE_COUNT);
	expect_roles(go, "entry", 1, ABI_PROBE_COUNT);
	time_all = false;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad),	 cmocka_unit_test(test_gone),
		cmocka_unit_test(test_names),	 cmocka_unit_test(test_sites),
		cmocka_unit_test(test_cheapest), cmocka_unit_test(test_program),
		cmocka_unit_test(test_colons),	 cmocka_unit_test(test_untimed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
