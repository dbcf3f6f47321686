// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "symbol_fixture.h"

#include <time.h>

#include "symbolize/demangle.h"

static void check(const char *name, const char *expected)
{
	struct strbuf out = STRBUF_INIT;

	strbuf_adds(&out, "before ");
	demangle(name, &out);
	assert_string_equal(strbuf_str(&out) + 7, expected);
	assert_memory_equal(strbuf_str(&out), "before ", 7);
	strbuf_done(&out);
}

static void test_known(void **state)
{
	(void)state;
	check("main", "main");
	check("", "");
	check("_", "_");
	check("_Z", "_Z");
	check("_Znot_mangled", "_Znot_mangled");
	check("@", "@");
	check("_ZN3FooC1Ev", "Foo::Foo()");
	check("_Z3addIiET_S0_S0_", "int add<int>(int, int)");
	check("_ZNK5boost6threadEv.cold", "boost::thread() const [clone .cold]");
	check("_ZdlPv@plt", "operator delete(void*)@plt");
	check("memcpy@plt", "memcpy@plt");
	check("memcpy@@GLIBC_2.14", "memcpy");
	check("memcpy@GLIBC_2.2.5", "memcpy");
	/* Rust: the older way, the newer way, without their hashes */
	check("_ZN4core3fmt5Write9write_fmt17h0123456789abcdefE", "core::fmt::Write::write_fmt");
	check("_RNvC6_123foo3bar", "123foo::bar");
	check("_RNvMsr_NtCs3ssYzQotkvD_3std4pathNtB5_7PathBuf3newCs15kBYyAo9fc_7mycrate",
	      "<std::path::PathBuf>::new");
}

/* Every mangled name of the C++ library, as c++filt has it. */
static void test_library(void **state)
{
	FILE *f = popen("t=$(mktemp) && nm -D --defined-only --without-symbol-versions "
			"$(gcc -print-file-name=libstdc++.so) | awk '$3 ~ /^_Z/ { print $3 }' > $t "
			"&& c++filt -i < $t | paste $t -; rm -f $t",
			"r");
	char *line = NULL;
	size_t cap = 0, nr = 0;

	(void)state;
	assert_non_null(f);
	while (getline(&line, &cap, f) > 0) {
		char *shown = strchr(line, '\t');

		assert_non_null(shown);
		*shown++ = '\0';
		shown[strcspn(shown, "\n")] = '\0';
		check(line, shown);
		nr++;
	}
	free(line);
	pclose(f);
	assert_true(nr > 1000);
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void check_bounded(const struct strbuf *name)
{
	struct strbuf out = STRBUF_INIT;
	double start = seconds();

	demangle(strbuf_str(name), &out);
	assert_true(out.len > 0);
	assert_true(out.len <= 64 << 10 || out.len == name->len);
	assert_true(seconds() - start < 2);
	strbuf_done(&out);
}

/* With few parts the name is a good one; with many its text would not fit any memory. */
static void check_doubling(void (*make)(struct strbuf *name, int parts), const char *begin)
{
	struct strbuf name = STRBUF_INIT, shown = STRBUF_INIT;

	make(&name, 3);
	demangle(strbuf_str(&name), &shown);
	assert_int_equal(strncmp(strbuf_str(&shown), begin, strlen(begin)), 0);
	strbuf_reset(&name);
	make(&name, 34);
	check_bounded(&name);
	check(strbuf_str(&name), strbuf_str(&name));
	strbuf_done(&name);
	strbuf_done(&shown);
}

static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/* Each parameter is a pair of two that are the one before. */
static void make_cpp(struct strbuf *name, int parts)
{
	strbuf_adds(name, "_Z1fSt4pairIiiE");
	/* S_ is std::pair, S0_ the first pair, S1_ the pair of it … */
	for (int i = 0; i < parts; i++)
		strbuf_addf(name, "S_IS%c_S%c_E", digits[i], digits[i]);
}

static void test_doubling(void **state)
{
	(void)state;
	check_doubling(make_cpp, "f(std::pair<int, int>, std::pair<std::pair<int, int>, std::pair");
}

static void base62(struct strbuf *out, size_t n)
{
	static const char letters[] =
		"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

	if (n) {
		n--;
		if (n >= 62)
			strbuf_addch(out, letters[n / 62]);
		strbuf_addch(out, letters[n % 62]);
	}
	strbuf_addch(out, '_');
}

/* Each argument is a tuple that twice points back to the one before. */
static void make_rust(struct strbuf *name, int parts)
{
	size_t before, at;

	strbuf_adds(name, "_RINvC1a1b");
	before = name->len;
	strbuf_adds(name, "TyyE");
	for (int i = 0; i < parts; i++) {
		at = name->len;
		strbuf_adds(name, "TB");
		base62(name, before - 2);
		strbuf_adds(name, "B");
		base62(name, before - 2);
		strbuf_adds(name, "E");
		before = at;
	}
	strbuf_adds(name, "E");
}

static void test_doubling_rust(void **state)
{
	(void)state;
	check_doubling(make_rust, "a::b::<(u64, u64), ((u64, u64), (u64, u64)), (((u64, u64)");
}

static void test_deep(void **state)
{
	static const char *const parts[] = { "P",  "K",	  "1AI", "F",  "St", "N",   "PF", "IX",
					     "T_", "DpT", "L",	 "sr", "cv", "A1_", "M1A" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		for (size_t size = 500; size < 70000; size *= 4) {
			struct strbuf name = STRBUF_INIT;

			strbuf_adds(&name, "_Z1f");
			while (name.len < size)
				strbuf_adds(&name, parts[i]);
			strbuf_addch(&name, 'i');
			check_bounded(&name);
			strbuf_done(&name);
		}
	}
}

static void test_random(void **state)
{
	static const char *const starts[] = { "_Z", "_ZN", "_R", "_RNv", "_RINv", "_Z1f" };
	static const char letters[] = "0123456789ABCDEFGHIKLMNPQRSTXYZ_abcdefghiklmnoprstuvwxyz";

	(void)state;
	srand(5);
	for (int i = 0; i < 20000; i++) {
		struct strbuf name = STRBUF_INIT;
		int size = rand() % 200;

		strbuf_adds(&name, starts[(size_t)rand() % ARRAY_SIZE(starts)]);
		while (size--)
			strbuf_addch(&name, letters[(size_t)rand() % (sizeof(letters) - 1)]);
		check_bounded(&name);
		strbuf_done(&name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),	 cmocka_unit_test(test_library),
		cmocka_unit_test(test_doubling), cmocka_unit_test(test_doubling_rust),
		cmocka_unit_test(test_deep),	 cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
