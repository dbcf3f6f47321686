// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Where CPython collects, by code like compilers': of this program, which has functions named as
 * CPython's are, and of copies of it in which some are named otherwise.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "site/gc_python.h"
#include "site/gc_python_inside.h"

#ifdef __x86_64__
#include "gc_python_copy.h"

enum { NR_FLIPPED = 400, MAX_FLIPS = 40 };

/* Gives another name, which is no longer, to all that has this one. */
static void rename_all(int fd, const char *from, const char *to)
{
	size_t length = strlen(from) + 1;
	const char *end = original + original_size;
	int nr = 0;

	for (const char *at = original; (at = memmem(at, (size_t)(end - at), from, length)); at++) {
		if (at == original || at[-1])
			continue;
		assert_int_equal(pwrite(fd, to, strlen(to) + 1, at - original), strlen(to) + 1);
		nr++;
	}
	assert_true(nr > 0);
}

/* A copy in which the file's own symbols are those of CPython's collector. */
static int copy_of_collector(void)
{
	int fd = copy();

	rename_all(fd, "test_gc_python.c", "gcmodule.c");
	return fd;
}

static int collectors(int fd, uint8_t minor, struct gc_python_collector *ret, const char **how)
{
	struct python_release release = { 3, minor, 0, PYTHON_FINAL, 0 };
	struct image im;
	int nr;

	assert_int_equal(image_open(&im, fd), 0);
	nr = gc_python_collectors(&im, &release, ret, how);
	image_done(&im);
	return nr;
}

static void collector_of_the_symbols(void **state)
{
	struct gc_python_collector c[GC_PYTHON_COLLECTORS];
	_cleanup_close_ int fd = copy();
	struct image im;
	const char *how;

	(void)state;
	assert_int_equal(image_open(&im, fd), 0);
	for (uint8_t minor = 10; minor <= 15; minor++) {
		assert_int_equal(collectors(fd, minor, c, &how), 1);
		assert_string_equal(how, "gc_collect_main of .symtab");
		assert_int_equal(c->address, address_of(&im, "gc_collect_main"));
		assert_int_equal(c->generation, GC_PYTHON_SECOND);
		assert_int_equal(c->has_reason, minor >= 13);
		assert_int_equal(c->is_told, minor >= 13);
	}
	image_done(&im);
}

/* Anybody may have a function of that name. */
static void somebodys_collect(void **state)
{
	struct gc_python_collector c[GC_PYTHON_COLLECTORS];
	_cleanup_close_ int fd = copy();
	const char *how;

	(void)state;
	for (uint8_t minor = 6; minor <= 8; minor++)
		assert_int_equal(collectors(fd, minor, c, &how), 0);
}

static void clones_by_those_who_call_them(void **state)
{
	static const struct {
		const char *name;
		enum gc_python_generation generation;
	} cases[] = {
		{ "of_thread.constprop.0", GC_PYTHON_FULL },
		{ "of_both.isra.0", GC_PYTHON_SECOND },
		{ "of_two.constprop.0", GC_PYTHON_UNTOLD },
		{ "of_none.constprop.0", GC_PYTHON_UNTOLD },
	};
	struct gc_python_collector c[GC_PYTHON_COLLECTORS];
	_cleanup_close_ int fd = copy_of_collector();
	struct image im;
	const char *how;

	(void)state;
	assert_int_equal(image_open(&im, fd), 0);
	assert_int_equal(collectors(fd, 8, c, &how), 2);
	assert_string_equal(how, "collect of .symtab");
	for (int i = 0; i < 2; i++) {
		bool is_full = c[i].address == address_of(&im, "collect.constprop.0");

		assert_true(is_full || c[i].address == address_of(&im, "collect.constprop.1"));
		assert_int_equal(c[i].generation, is_full ? GC_PYTHON_FULL : GC_PYTHON_FIRST);
		assert_false(c[i].has_reason);
	}
	rename_all(fd, "collect.constprop.0", "other");
	rename_all(fd, "collect.constprop.1", "other");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_close_ int other = copy_of_collector();

		rename_all(other, "collect.constprop.0", "other");
		rename_all(other, "collect.constprop.1", "other");
		rename_all(other, cases[i].name, "collect.isra.0");
		assert_int_equal(collectors(other, 9, c, &how), 1);
		assert_int_equal(c->address, address_of(&im, cases[i].name));
		assert_int_equal(c->generation, cases[i].generation);
	}
	image_done(&im);
}

static void collector_of_what_is_exported(void **state)
{
	struct gc_python_collector c[GC_PYTHON_COLLECTORS];
	_cleanup_close_ int fd = copy();
	struct image im;
	const char *how;

	(void)state;
	rename_all(fd, "gc_collect_main", "nameless");
	assert_int_equal(image_open(&im, fd), 0);
	for (uint8_t minor = 6; minor <= 15; minor++) {
		assert_int_equal(collectors(fd, minor, c, &how), minor >= 9);
		if (minor < 9)
			continue;
		assert_string_equal(how, "PyGC_Collect");
		assert_int_equal(c->address, address_of(&im, "nameless"));
		assert_int_equal(c->generation, GC_PYTHON_SECOND);
	}
	image_done(&im);
	/* If nobody else called it, automatic collections would not pass it. */
	rename_all(fd, "PyGC_Collect", "other");
	rename_all(fd, "calls_clones", "PyGC_Collect");
	assert_int_equal(collectors(fd, 11, c, &how), 0);
}

static int find(int fd, struct probe_sites *sites, struct strbuf *why)
{
	struct runtime_image image = { .fd = fd, .path = "made" };

	return probe_sites_find(&image, gc_python.find, sites, why);
}

static void set_version(int fd, uint32_t version)
{
	const Elf64_Ehdr *h = (const Elf64_Ehdr *)original;
	const Elf64_Phdr *p = (const Elf64_Phdr *)(original + h->e_phoff);
	struct image im;
	uint64_t address;

	assert_int_equal(image_open(&im, fd), 0);
	address = address_of(&im, "Py_Version");
	image_done(&im);
	for (unsigned i = 0; i < h->e_phnum; i++)
		if (p[i].p_type == PT_LOAD && address - p[i].p_vaddr < p[i].p_filesz)
			assert_int_equal(pwrite(fd, &version, sizeof(version),
						(off_t)(address - p[i].p_vaddr + p[i].p_offset)),
					 sizeof(version));
}

static void sites_of_a_file(void **state)
{
	_cleanup_(probe_sites_done) struct probe_sites sites = PROBE_SITES_INIT;
	_cleanup_(strbuf_done) struct strbuf why = STRBUF_INIT;
	_cleanup_close_ int fd = copy();
	const struct probe_site *s;

	(void)state;
	assert_int_equal(find(fd, &sites, &why), 1);
	assert_string_equal(sites.found, "Python 3.13");
	assert_string_equal(sites.how, "gc_collect_main of .symtab");
	assert_int_equal(sites.nr, 3);
	s = sites.sites;
	assert_int_equal(s[0].role, ABI_PROBE_TELL);
	assert_int_equal(s[0].arguments[0].shift, GC_GENERATION_SHIFT);
	assert_int_equal(s[1].role, ABI_PROBE_BEGIN);
	assert_int_equal(s[1].flags, ABI_PROBE_RETURN);
	assert_int_equal(s[1].arguments[0].how, ABI_ARGUMENT_NONE);
	assert_int_equal(s[1].arguments[1].reg, 12);
	assert_int_equal(s[1].arguments[1].shift, GC_REASON_SHIFT);
	assert_int_equal(s[2].role, ABI_PROBE_END);
	assert_true(s[2].is_return);
	assert_int_equal(s[2].flags, ABI_PROBE_RETURN | ABI_PROBE_IF_TOLD);
	assert_int_equal(s[2].offset, s[1].offset);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(s[i].tag, GC_PYTHON);
		assert_int_equal(s[i].pair, s[0].pair);
	}
}

static void sites_without_a_return(void **state)
{
	static const enum abi_probe_role roles[] = { ABI_PROBE_END, ABI_PROBE_END,
						     ABI_PROBE_BEGIN };
	_cleanup_(probe_sites_done) struct probe_sites sites = PROBE_SITES_INIT;
	_cleanup_(strbuf_done) struct strbuf why = STRBUF_INIT;
	_cleanup_close_ int fd = copy();
	const struct abi_argument *a;

	(void)state;
	rename_all(fd, "gc_collect_main", "other");
	rename_all(fd, "says_both_calls", "gc_collect_main");
	assert_int_equal(find(fd, &sites, &why), 1);
	assert_int_equal(sites.nr, ARRAY_SIZE(roles));
	for (size_t i = 0; i < sites.nr; i++) {
		assert_int_equal(sites.sites[i].role, roles[i]);
		assert_false(sites.sites[i].is_return);
		assert_int_equal(sites.sites[i].flags, 0);
		assert_int_equal(sites.sites[i].pair, sites.sites[0].pair);
	}
	a = sites.sites[2].arguments;
	assert_int_equal(a[0].shift, GC_GENERATION_SHIFT);
	assert_int_equal(a[0].reg, 12);
	assert_int_equal(a[1].shift, GC_REASON_SHIFT);
	assert_int_equal(a[1].offset, 60);
}

/* Sites of 3.12, where its collector is the function of this name. */
static void check_asks(const char *name, size_t nr_begins, size_t nr_ends)
{
	_cleanup_(probe_sites_done) struct probe_sites sites = PROBE_SITES_INIT;
	_cleanup_(strbuf_done) struct strbuf why = STRBUF_INIT;
	_cleanup_close_ int fd = copy();

	set_version(fd, 0x030c01f0);
	rename_all(fd, "gc_collect_main", "other");
	rename_all(fd, name, "gc_collect_main");
	assert_int_equal(find(fd, &sites, &why), 1);
	assert_int_equal(sites.nr, nr_begins + nr_ends);
	for (size_t i = 0; i < sites.nr; i++) {
		const struct probe_site *s = &sites.sites[i];

		nr_begins -= s->role == ABI_PROBE_BEGIN;
		nr_ends -= s->role == ABI_PROBE_END;
		assert_int_equal(s->flags, 0);
		assert_false(s->is_return);
		assert_int_equal(s->pair, sites.sites[0].pair);
	}
	assert_int_equal(nr_begins, 0);
	assert_int_equal(nr_ends, 0);
}

static void sites_of_those_who_ask(void **state)
{
	(void)state;
	check_asks("asked_by_three_others", 3, 3);
	/* Not known who does: each return. */
	check_asks("asked_by_nobody_known", 1, 1);
}

static void what_can_not_be_probed(void **state)
{
	static const struct {
		uint32_t version;
		const char *why;
	} cases[] = {
		{ 0x030800f0, "no probe in this build: neither USDT nor symbols" },
		{ 0x030500f0, "no probe in this build: neither USDT nor symbols" },
		{ 0x020712f0, "no probe in this build: neither USDT nor symbols" },
		{ 0x031000f0, "not known how it collects, and no USDT" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(probe_sites_done) struct probe_sites sites = PROBE_SITES_INIT;
		_cleanup_(strbuf_done) struct strbuf why = STRBUF_INIT;
		_cleanup_close_ int fd = copy();

		set_version(fd, cases[i].version);
		assert_int_equal(find(fd, &sites, &why), -ENOTSUP);
		assert_string_equal(strbuf_str(&why), cases[i].why);
		assert_int_equal(sites.nr, 0);
	}
	(void)state;
}

static void what_is_no_python(void **state)
{
	_cleanup_(probe_sites_done) struct probe_sites sites = PROBE_SITES_INIT;
	_cleanup_(strbuf_done) struct strbuf why = STRBUF_INIT;
	_cleanup_close_ int fd = copy(), empty = memfd_create("empty", MFD_CLOEXEC);

	(void)state;
	rename_all(fd, ".PyRuntime", ".Other");
	rename_all(fd, "_PyRuntime", "other");
	assert_int_equal(find(fd, &sites, &why), 0);
	assert_int_equal(find(empty, &sites, &why), 0);
	assert_int_equal(why.len, 0);
	assert_string_equal(sites.found, "");
}

/* Bytes of code and of tables at random: what is found lies in the file at least. */
static void files_that_were_changed(void **state)
{
	_cleanup_close_ int fd = copy_of_collector();
	const Elf64_Ehdr *h = (const Elf64_Ehdr *)original;
	const Elf64_Shdr *sections = (const Elf64_Shdr *)(original + h->e_shoff);
	unsigned seed = 9;

	(void)state;
	for (int i = 0; i < NR_FLIPPED; i++) {
		size_t changed[MAX_FLIPS];
		_cleanup_(probe_sites_done) struct probe_sites sites = PROBE_SITES_INIT;
		_cleanup_(strbuf_done) struct strbuf why = STRBUF_INIT;

		set_version(fd, 0x030000f0 | (uint32_t)(8 + i % 6) << 16);
		for (int k = 0; k < MAX_FLIPS; k++) {
			const Elf64_Shdr *s = &sections[(unsigned)rand_r(&seed) % h->e_shnum];
			size_t at = s->sh_type == SHT_NOBITS || !s->sh_size
					    ? 0
					    : s->sh_offset + (size_t)rand_r(&seed) % s->sh_size;
			char byte = (char)rand_r(&seed);

			changed[k] = at >= sizeof(*h) && at < original_size ? at : sizeof(*h);
			if (changed[k] > sizeof(*h))
				assert_int_equal(pwrite(fd, &byte, 1, (off_t)changed[k]), 1);
		}
		find(fd, &sites, &why);
		for (size_t k = 0; k < sites.nr; k++)
			assert_true(sites.sites[k].offset < original_size);
		for (int k = 0; k < MAX_FLIPS; k++)
			assert_int_equal(pwrite(fd, original + changed[k], 1, (off_t)changed[k]),
					 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(collector_of_the_symbols),
		cmocka_unit_test(somebodys_collect),
		cmocka_unit_test(clones_by_those_who_call_them),
		cmocka_unit_test(collector_of_what_is_exported),
		cmocka_unit_test(sites_of_a_file),
		cmocka_unit_test(sites_without_a_return),
		cmocka_unit_test(sites_of_those_who_ask),
		cmocka_unit_test(what_can_not_be_probed),
		cmocka_unit_test(what_is_no_python),
		cmocka_unit_test(files_that_were_changed),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
#else
int main(void)
{
	return 77; /* the code it reads is x86-64's */
}
#endif
