// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Where V8 collects, by its function's name: made-up programs. */
#include "gc_fixture.h"

#include "base/array.h"
#include "site/gc_sites.h"

#define PERFORM "_ZN2v88internal4Heap24PerformGarbageCollection"

enum { RDX = 12, RSI = 13, NR_NUMBERS = 2 };

static struct made file;
static uint64_t code, numbers;

static void make(void)
{
	static const unsigned char bytes[64] = { 0x55, 0x48, 0x89, 0xe5, [32] = 0xf3,
						 0x0f, 0x1e, 0xfa, 0x55 };
	static const uint32_t version[NR_NUMBERS] = { 11, 3 };

	made_init(&file);
	code = made_section(&file, ".text", SHT_PROGBITS, bytes, sizeof(bytes))->sh_addr;
	numbers = made_section(&file, ".data", SHT_PROGBITS, version, sizeof(version))->sh_addr;
}

static void with(uint32_t type, const char *name, uint64_t address)
{
	const struct made_symbol s[] = { { "malloc", 0, 0 },
					 { "_ZN2v87Isolate8AllocateEv", code + 8, 0 },
					 { "_ZN2v88internal7Version6major_E", numbers, 1 },
					 { "_ZN2v88internal7Version6minor_E", numbers + 4, 1 },
					 { name, address, 0 } };

	make();
	made_symbols(&file, SHT_DYNSYM, s, type == SHT_DYNSYM ? 5 : 4);
	if (type == SHT_SYMTAB)
		made_symbols(&file, SHT_SYMTAB, s, 5);
}

/* Its function's place, relative to the code, and how many arguments are known. */
static void check(const char *how, uint64_t place, int nr_arguments)
{
	const struct probe_site *s;
	struct made_answer a;

	made_ask(&file, &gc_v8, &a);
	s = a.sites.sites;
	assert_int_equal(a.r, 1);
	assert_int_equal(a.sites.nr, 2);
	assert_string_equal(a.sites.found, "V8 11.3");
	assert_string_equal(a.sites.how, how);
	assert_int_equal(s[0].role, ABI_PROBE_BEGIN);
	assert_int_equal(s[1].role, ABI_PROBE_END);
	assert_true(!s[0].is_return && s[1].is_return);
	assert_true(s[0].flags & s[1].flags & ABI_PROBE_RETURN);
	assert_int_equal(s[0].offset, code - MADE_BIAS + place);
	assert_int_equal(s[1].offset, s[0].offset);
	assert_int_equal(s[0].arguments[0].how,
			 nr_arguments > 0 ? ABI_ARGUMENT_REGISTER : ABI_ARGUMENT_NONE);
	assert_int_equal(s[0].arguments[1].how,
			 nr_arguments > 1 ? ABI_ARGUMENT_REGISTER : ABI_ARGUMENT_NONE);
	if (nr_arguments > 0) {
		assert_int_equal(s[0].arguments[0].reg, RSI);
		assert_int_equal(s[0].arguments[0].shift, GC_KIND_SHIFT);
	}
	if (nr_arguments > 1) {
		assert_int_equal(s[0].arguments[1].reg, RDX);
		assert_int_equal(s[0].arguments[1].shift, GC_REASON_SHIFT);
	}
	assert_int_equal(s[1].arguments[0].how, ABI_ARGUMENT_NONE);
	made_done(&a);
}

static void arguments_by_name(void **state)
{
	static const struct {
		const char *suffix;
		int nr_arguments;
	} names[] = {
		{ "ENS0_16GarbageCollectorENS0_23GarbageCollectionReasonEPKc", 2 },
		{ "ENS0_16GarbageCollectorENS0_23GarbageCollectionReasonEPKc.llvm.1234", 2 },
		{ "ENS0_16GarbageCollectorENS_15GCCallbackFlagsE", 1 },
		{ "ENS0_16GarbageCollectorENS0_23GarbageCollectionReasonEPKc.isra.0", 0 },
		{ "ENS0_16GarbageCollectorENS_15GCCallbackFlagsE.constprop.0.isra.1", 0 },
		{ "ENS0_4OtherENS0_23GarbageCollectionReasonE", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char name[256];

		snprintf(name, sizeof(name), "%s%s", PERFORM, names[i].suffix);
		make();
		with(SHT_DYNSYM, name, code);
		if (names[i].nr_arguments)
			check("PerformGarbageCollection of .dynsym", 0, names[i].nr_arguments);
		with(SHT_SYMTAB, name, code + 32);
		check("PerformGarbageCollection of .symtab", 36, names[i].nr_arguments);
	}
}

static void what_isnt_there(void **state)
{
	static const char *const parts[] = { "ENS0_16GarbageCollectorE.cold",
					     "ENS0_16GarbageCollectorE.part.0",
					     "ENS0_16GarbageCollectorE.constprop.0.cold" };
	const struct made_symbol undefined[] = { { "_ZN2v87Isolate8AllocateEv", 0, 0 },
						 { PERFORM "ENS0_16GarbageCollectorE", 0, 0 } };
	struct made_answer a;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		char name[256];

		snprintf(name, sizeof(name), "%s%s", PERFORM, parts[i]);
		make();
		with(SHT_SYMTAB, name, code);
		made_ask(&file, &gc_v8, &a);
		assert_int_equal(a.r, -ENOTSUP);
		assert_string_equal(a.sites.found, "V8 11.3");
		assert_string_equal(strbuf_str(&a.why),
				    "no symbol Heap::PerformGarbageCollection in this build");
		made_done(&a);
	}
	/* A symbol that is nowhere in the file. */
	with(SHT_DYNSYM, PERFORM "ENS0_16GarbageCollectorE", MADE_BIAS - 16);
	made_ask(&file, &gc_v8, &a);
	assert_int_equal(a.r, -ENOTSUP);
	made_done(&a);
	/* A program that uses V8 of a library. */
	make();
	made_symbols(&file, SHT_DYNSYM, undefined, ARRAY_SIZE(undefined));
	made_ask(&file, &gc_v8, &a);
	assert_int_equal(a.r, 0);
	made_done(&a);
}

static void hostile_files(void **state)
{
	(void)state;
	make();
	with(SHT_SYMTAB, PERFORM "ENS0_16GarbageCollectorENS0_23GarbageCollectionReasonEPKc", code);
	made_hostile(&file, &gc_v8, 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arguments_by_name),
		cmocka_unit_test(what_isnt_there),
		cmocka_unit_test(hostile_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
