// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Where HotSpot collects and stops, by its notes: made-up libraries. */
#include "gc_fixture.h"

#include "base/array.h"
#include "site/gc_sites.h"

enum { GC_BEGIN, GC_END, OPERATION_BEGIN, OPERATION_END, NR_NOTES, R12 = 3, RAX = 10, RDI = 14 };

static struct made file;
static uint64_t code;

static void make(const char *text, unsigned notes, bool has_symbols)
{
	static const char *const names[NR_NOTES] = { "gc__begin", "gc__end", "vmops__begin",
						     "vmops__end" };
	static const char *const arguments[NR_NOTES] = { "1@%dil", "", "8@%r12 8@%rdx -4@%eax",
							 "8@%r12 8@%rdx -4@%eax" };
	unsigned char bytes[256] = { 0 };
	struct made_note n[NR_NOTES];
	size_t nr = 0;

	made_init(&file);
	bytes[128] = 0x55;
	code = made_section(&file, ".text", SHT_PROGBITS, bytes, sizeof(bytes))->sh_addr;
	made_section(&file, ".rodata", SHT_PROGBITS, text, strlen(text) + 1);
	for (unsigned i = 0; i < NR_NOTES; i++)
		if (notes & 1u << i)
			n[nr++] = (struct made_note){ "hotspot", names[i], arguments[i],
						      code + 16 * i, 0 };
	made_notes(&file, n, nr);
	made_symbols(&file, SHT_DYNSYM,
		     (struct made_symbol[]){ { "gHotSpotVMStructs", code, 1 },
					     { "JNI_CreateJavaVM", code, 0 } },
		     2);
	if (has_symbols)
		made_symbols(
			&file, SHT_SYMTAB,
			(struct made_symbol[]){
				{ "_ZN20SafepointSynchronize5beginEv", code + 128, 0 },
				{ "_ZN8VMThread7executeEP12VM_Operation", code + 144, 0 },
				{ "_ZN8VMThread13inner_executeEP12VM_Operation", code + 160, 0 } },
			3);
}

static void collections_and_operations(void **state)
{
	const struct probe_site *s;
	struct made_answer a;

	(void)state;
	make("OpenJDK 64-Bit Server VM (17.0.15+6) for linux-amd64 JRE (17.0.15+6), built on", 15,
	     true);
	made_ask(&file, &gc_hotspot, &a);
	s = a.sites.sites;
	assert_int_equal(a.r, 1);
	assert_int_equal(a.sites.nr, 8);
	assert_string_equal(a.sites.found, "OpenJDK 17");
	assert_string_equal(a.sites.how, "USDT");
	for (unsigned i = 0; i < NR_NOTES; i++) {
		assert_int_equal(s[i].role, i & 1 ? ABI_PROBE_END : ABI_PROBE_BEGIN);
		assert_int_equal(s[i].pair, i / 2);
		assert_int_equal(s[i].offset, code - MADE_BIAS + 16 * i);
	}
	/* A kind by argument: 1 or 2. */
	assert_int_equal(s[GC_BEGIN].tag, GC_HOTSPOT);
	assert_int_equal(s[GC_BEGIN].arguments[0].reg, RDI);
	assert_int_equal(s[GC_BEGIN].arguments[0].size, 1);
	assert_int_equal(s[GC_BEGIN].arguments[0].shift, GC_KIND_SHIFT);
	assert_int_equal(s[OPERATION_BEGIN].tag, GC_HOTSPOT | 4 << GC_KIND_SHIFT);
	/* One whose mode isn't 0 stops nobody. */
	/* Its name: where it begins alone. */
	assert_int_equal(s[OPERATION_BEGIN].arguments[0].reg, R12);
	assert_int_equal(s[OPERATION_BEGIN].arguments[0].is_text, 1);
	assert_int_equal(s[OPERATION_END].arguments[0].how, ABI_ARGUMENT_NONE);
	assert_int_equal(s[OPERATION_BEGIN].arguments[1].reg, RAX);
	assert_int_equal(s[OPERATION_BEGIN].arguments[1].bits, 0);
	assert_int_equal(s[OPERATION_BEGIN].flags, ABI_PROBE_IF_ZERO);
	assert_int_equal(s[OPERATION_END].flags, ABI_PROBE_IF_ZERO);
	assert_string_equal(gc_hotspot.kinds[0], "collection");
	assert_string_equal(gc_hotspot.kinds[1], "full collection");
	assert_string_equal(gc_hotspot.kinds[3], "VM operation");
	/* Time to safepoint. */
	assert_int_equal(s[4].offset, code - MADE_BIAS + 128);
	assert_int_equal(s[4].tag, GC_HOTSPOT | 3 << GC_KIND_SHIFT);
	assert_true(s[5].is_return && s[4].pair == s[5].pair && s[4].pair == 2);
	/* Who asks, by what stands in a register where each is entered. */
	assert_int_equal(s[6].role, ABI_PROBE_ASK);
	assert_int_equal(s[6].arguments[0].reg, RDI);
	assert_int_equal(s[7].role, ABI_PROBE_ANSWER);
	assert_int_equal(s[7].offset, code - MADE_BIAS + 160);
	assert_int_equal(s[7].arguments[0].reg, RDI - 1);
	made_done(&a);
}

static void versions(void **state)
{
	static const struct {
		const char *text, *found;
	} texts[] = {
		{ "OpenJDK 64-Bit Server VM (25.402-b06) for linux-amd64 JRE (1.8.0_402-b06)",
		  "OpenJDK 8" },
		{ "Java HotSpot(TM) 64-Bit Server VM (21+35) for linux-amd64 JRE (21+35-LTS)",
		  "HotSpot 21" },
		{ "nothing", "HotSpot" },
		{ "OpenJDK 64-Bit JRE (x", "OpenJDK" },
		{ "JRE (11.", "HotSpot" },
		{ " JRE (11", "HotSpot 11" },
	};
	struct made_answer a;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		make(texts[i].text, 15, false);
		made_ask(&file, &gc_hotspot, &a);
		assert_int_equal(a.r, 1);
		assert_int_equal(a.sites.nr, NR_NOTES);
		assert_string_equal(a.sites.found, texts[i].found);
		made_done(&a);
	}
}

/* Without a place where it ends, what begins isn't probed. */
static void probes_that_are_missing(void **state)
{
	struct made_answer a;

	(void)state;
	for (unsigned notes = 0; notes < 16; notes++) {
		bool is_whole = notes == 3 || notes == 15;

		make(" JRE (17)", notes, true);
		made_ask(&file, &gc_hotspot, &a);
		assert_int_equal(a.r, is_whole ? 1 : -ENOTSUP);
		assert_int_equal(a.sites.nr, is_whole ? (notes == 3 ? 6 : 8) : 0);
		assert_string_equal(a.sites.found, "HotSpot 17");
		assert_string_equal(strbuf_str(&a.why), is_whole ? "" : "no probe in this build");
		made_done(&a);
	}
}

static void hostile_files(void **state)
{
	(void)state;
	make("OpenJDK 64-Bit Server VM (17.0.15+6) for linux-amd64 JRE (17.0.15+6)", 15, true);
	made_hostile(&file, &gc_hotspot, 17);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(collections_and_operations),
		cmocka_unit_test(versions),
		cmocka_unit_test(probes_that_are_missing),
		cmocka_unit_test(hostile_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
