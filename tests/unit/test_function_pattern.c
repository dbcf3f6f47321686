// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "symbol_fixture.h"

#include <time.h>

#include "symbolize/demangle.h"
#include "symbolize/functions_table.h"

static void test_glob(void **state)
{
	static const struct {
		const char *pattern, *text;
		bool matches;
	} cases[] = {
		{ "", "", true },
		{ "", "a", false },
		{ "*", "", true },
		{ "*", "anything", true },
		{ "malloc", "malloc", true },
		{ "malloc", "mallocs", false },
		{ "malloc", "mallo", false },
		{ "m*c", "malloc", true },
		{ "m*c", "mc", true },
		{ "m*c", "mcx", false },
		{ "*alloc*", "calloc", true },
		{ "*a*b*c", "xaxbxbxc", true },
		{ "*a*b*c", "xaxcxb", false },
		{ "**a**", "bab", true },
		{ "?alloc", "malloc", true },
		{ "?alloc", "alloc", false },
		{ "f?", "f", false },
		{ "[mc]alloc", "calloc", true },
		{ "[mc]alloc", "valloc", false },
		{ "[!mc]alloc", "valloc", true },
		{ "[^mc]alloc", "malloc", false },
		{ "f[0-9]", "f7", true },
		{ "f[0-9]", "fa", false },
		{ "f[a-]", "f-", true },
		{ "f[]x]", "f]", true },
		{ "f[!]]", "f]", false },
		{ "*[0-9]*z", "a1b2z", true },
		/* a set without an end, a '\' without a byte behind it */
		{ "A::operator[]", "A::operator[]", true },
		{ "f[", "f[", true },
		{ "f[a", "fa", false },
		{ "f\\*", "f*", true },
		{ "f\\*", "fx", false },
		{ "f\\", "f\\", true },
		{ "g\xc3\xb6*", "g\xc3\xb6xx", true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (function_pattern_glob(cases[i].pattern, cases[i].text) != cases[i].matches)
			fail_msg("'%s' on '%s'", cases[i].pattern, cases[i].text);
}

/* A text that brings a matcher which goes back at each '*' to a standstill. */
static void test_glob_is_quick(void **state)
{
	enum { LENGTH = 20000 };
	_cleanup_free_ char *text = malloc(LENGTH + 1);
	clock_t began = clock();

	(void)state;
	memset(text, 'a', LENGTH);
	text[LENGTH] = '\0';
	assert_false(function_pattern_glob("*a*a*a*a*a*a*a*a*a*a*a*a*a*b", text));
	assert_true(clock() - began < CLOCKS_PER_SEC);
}

static bool matches(const char *pattern, const char *name)
{
	struct strbuf scratch = STRBUF_INIT;
	struct function_pattern p;
	bool r;

	function_pattern_init(&p, pattern);
	r = function_pattern_match(&p, name, strlen(name), &scratch);
	strbuf_done(&scratch);
	return r;
}

static void test_readable(void **state)
{
	(void)state;
	assert_true(matches("ns::Class::*", "_ZN2ns5Class6methodEi"));
	assert_true(matches("ns::Class::method", "_ZN2ns5Class6methodEi"));
	assert_true(matches("ns::Class::method(int)", "_ZN2ns5Class6methodEi"));
	assert_true(matches("*::method(*", "_ZN2ns5Class6methodEi"));
	assert_false(matches("ns::Class::method(char)", "_ZN2ns5Class6methodEi"));
	assert_true(matches("_ZN2ns5Class*", "_ZN2ns5Class6methodEi"));
	assert_false(matches("*int*", "_ZN2ns5Class6methodEi"));
	assert_true(matches("*(*int*)", "_ZN2ns5Class6methodEi"));
	/* what a template returns is no part of its name */
	assert_true(matches("add<int>", "_Z3addIiET_S0_S0_"));
	assert_true(matches("add<*", "_Z3addIiET_S0_S0_"));
	/* names that the mangled one has not as they are */
	assert_true(matches("std::string::append*", "_ZNSs6appendEPKc"));
	assert_true(matches("operator new*", "_Znwm"));
	assert_true(matches("*::operator[[]]", "_ZN1AixEi"));
	assert_true(matches("A::operator[]", "_ZN1AixEi"));
	assert_true(matches("*anonymous namespace*::f", "_ZN12_GLOBAL__N_11fEv"));
	assert_true(matches("*f<5>*", "_Z1fILi5EEvv"));
	assert_true(matches("*f<12ul>", "_Z1fILm12EEvv"));
	assert_true(matches("*ring::append", "_ZNSs6appendEPKc"));
	/* Rust, both ways */
	assert_true(matches("core::fmt::Write::write_fmt",
			    "_ZN4core3fmt5Write9write_fmt17h0123456789abcdefE"));
	assert_true(matches("123foo::bar", "_RNvC6_123foo3bar"));
	assert_true(matches("<std::path::PathBuf>::new",
			    "_RNvMsr_NtCs3ssYzQotkvD_3std4pathNtB5_7PathBuf3newCs15kBYyAo9fc_"
			    "7mycrate"));
	assert_false(matches("parse", "_ZN2ns5Class6methodEi"));
}

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

struct words {
	size_t nr_names, nr_words;
};

/* Each word of a readable name has to be in the mangled one, or be known to be made up. */
static void check_words(struct words *w, const struct function_symbol *s, const char *shown)
{
	w->nr_names++;
	while (*shown) {
		const char *word = shown;

		while (is_word(*shown))
			shown++;
		if (word < shown && !memmem(s->name, s->name_size, word, (size_t)(shown - word)) &&
		    !function_pattern_is_shorthand(word, (size_t)(shown - word)))
			fail_msg("'%.*s' of %s", (int)(shown - word), word, s->name);
		w->nr_words += word < shown;
		shown += !is_word(*shown) && *shown;
	}
}

static int check_symbol(void *ctx, const struct function_symbol *s)
{
	struct strbuf shown = STRBUF_INIT;

	if (s->name[0] == '_' && (s->name[1] == 'Z' || s->name[1] == 'R')) {
		demangle(s->name, &shown);
		check_words(ctx, s, strbuf_str(&shown));
		strbuf_reset(&shown);
		demangle_short(s->name, &shown);
		check_words(ctx, s, strbuf_str(&shown));
	}
	strbuf_done(&shown);
	return 0;
}

/*
 * All of the C++ library, whose names have every trick; FUNCTION_NAMES_OF: another file to try.
 */
static void test_needle(void **state)
{
	static const char *const paths[] = { "/usr/lib/x86_64-linux-gnu/libstdc++.so.6",
					     "/usr/lib/aarch64-linux-gnu/libstdc++.so.6",
					     "/usr/lib64/libstdc++.so.6" };
	const char *path = getenv("FUNCTION_NAMES_OF");
	struct functions found = FUNCTIONS_INIT;
	struct words words = { 0 };
	int fd;

	(void)state;
	for (size_t i = 0; !path && i < ARRAY_SIZE(paths); i++)
		path = access(paths[i], R_OK) ? NULL : paths[i];
	if (!path) {
		print_message("no libstdc++.so.6 here: its names are not tried\n");
		skip();
	}
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(functions_each(&(struct functions_query){ .fd = fd, .path = path }, &found,
					check_symbol, &words),
			 0);
	close(fd);
	print_message("%s: %zu names, %zu words\n", path, words.nr_names, words.nr_words);
	assert_true(words.nr_names > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_glob),
		cmocka_unit_test(test_glob_is_quick),
		cmocka_unit_test(test_readable),
		cmocka_unit_test(test_needle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
