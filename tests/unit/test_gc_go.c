// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Where Go stops the world: made-up programs of all layouts of its table of functions. */
#include "gc_fixture.h"

#include "base/array.h"
#include "site/gc_sites.h"

enum { STOP = 16, START = 64, CODE = 128, FUNCTIONS = 5, TABLE = 2048 };

/* cmp 16(%r14),%rsp; jbe; push %rbp, and lea -40(%rsp),%r12; cmp 16(%r14),%r12; jbe; sub */
static const unsigned char NEW_STOP[] = { 0x49, 0x3b, 0x66, 0x10, 0x0f, 0x86, 0x10, 0, 0, 0, 0x55 };
static const unsigned char NEW_START[] = { 0x4c, 0x8d, 0x64, 0x24, 0xd8, 0x4d, 0x3b, 0x66,
					   0x10, 0x76, 0x20, 0x48, 0x83, 0xec, 0x60 };
/* mov %fs:-8,%rcx; cmp 16(%rcx),%rsp; jbe; sub, and mov n(%rip),%rcx; mov %fs:(%rcx),%rcx; … */
static const unsigned char OLD_STOP[] = { 0x64, 0x48, 0x8b, 0x0c, 0x25, 0xf8, 0xff, 0xff, 0xff,
					  0x48, 0x3b, 0x61, 0x10, 0x76, 0x20, 0x48, 0x83, 0xec };
static const unsigned char OLD_START[] = { 0x48, 0x8b, 0x0d, 1,	   2,	 3,    4,    0x64,
					   0x48, 0x8b, 0x09, 0x48, 0x8d, 0x84, 0x24, 0xf0,
					   0xff, 0xff, 0xff, 0x48, 0x3b, 0x41, 0x10, 0x0f,
					   0x86, 1,    0,    0,	   0,	 0x48, 0x83, 0xec };

static const char *const functions[FUNCTIONS] = { "internal/cpu.Initialize", "runtime.gcStart",
						  "runtime.stopTheWorldWithSema",
						  "runtime.startTheWorldWithSema", "main.main" };
static const uint64_t entries[FUNCTIONS] = { 0, 8, STOP, START, 120 };

struct table {
	uint32_t magic;
	bool is_relative, has_offsets;
};

static const struct table GO_1_2 = { 0xfffffffb, false, false };
static const struct table GO_1_16 = { 0xfffffffa, false, true };
static const struct table GO_1_18 = { 0xfffffff0, true, true };
static const struct table GO_1_20 = { 0xfffffff1, true, true };

struct program {
	struct made file;
	uint64_t text, table;
	size_t text_word, stop_entry; /* places in the table */
};

static struct program p;

static void put(unsigned char *table, size_t at, uint64_t value, size_t size)
{
	assert_true(at + size <= TABLE);
	memcpy(table + at, &value, size);
}

static void add_code(const void *stop, size_t stop_size, const void *start, size_t start_size)
{
	unsigned char code[CODE];

	made_init(&p.file);
	memset(code, 0xcc, sizeof(code));
	memcpy(code + STOP, stop, stop_size);
	memcpy(code + START, start, start_size);
	p.text = made_section(&p.file, ".text", SHT_PROGBITS, code, sizeof(code))->sh_addr;
}

/* `text`: what the table says, and entries are relative to in the older layouts. */
static void add_table(const struct table *t, const char *section, uint64_t text)
{
	unsigned char bytes[TABLE] = "";
	size_t word = t->is_relative ? 3 : 2, field = t->is_relative ? 4 : 8;
	size_t names = t->has_offsets ? 128 : 1024, table = t->has_offsets ? 512 : 16;
	size_t base = t->has_offsets ? table : 0, at = names + 1;

	put(bytes, 0, t->magic, 4);
	put(bytes, 6, 0x0801, 2);
	put(bytes, 8, FUNCTIONS, 8);
	if (t->is_relative)
		put(bytes, 8 + 2 * 8, text, 8);
	if (t->has_offsets) {
		put(bytes, 8 + word * 8, names, 8);
		put(bytes, 8 + (word + 1) * 8, 512, 8);
		put(bytes, 8 + (word + 4) * 8, table, 8);
	}
	p.text_word = 8 + 2 * 8;
	for (size_t i = 0; i < FUNCTIONS; i++) {
		size_t info = table + 256 + 32 * i;

		if (i == 2)
			p.stop_entry = table + 2 * field * i;
		put(bytes, table + 2 * field * i, entries[i] + (t->is_relative ? 0 : text), field);
		put(bytes, table + 2 * field * i + field, info - base, field);
		put(bytes, info + field, at - (t->has_offsets ? names : 0), 4);
		memcpy(bytes + at, functions[i], strlen(functions[i]));
		at += strlen(functions[i]) + 1;
	}
	p.table = made_section(&p.file, section, SHT_PROGBITS, bytes, sizeof(bytes))->sh_addr;
}

static void add_version(const char *version)
{
	char info[64] = "\xff Go buildinf:\x08\x02";

	info[32] = (char)strlen(version);
	memcpy(info + 33, version, strlen(version));
	made_section(&p.file, ".go.buildinfo", SHT_PROGBITS, info, sizeof(info));
}

/* Both places, relative to the code. */
static void check_places(const struct made_answer *a, uint64_t stop, uint64_t start)
{
	const struct probe_site *s = a->sites.sites;

	assert_int_equal(a->r, 1);
	assert_int_equal(a->sites.nr, 2);
	assert_int_equal(s[0].role, ABI_PROBE_BEGIN);
	assert_int_equal(s[1].role, ABI_PROBE_END);
	assert_false(s[0].is_return || s[1].is_return);
	assert_int_equal(s[0].pair, s[1].pair);
	assert_int_equal(s[0].offset, p.text - MADE_BIAS + stop);
	assert_int_equal(s[1].offset, p.text - MADE_BIAS + start);
	assert_int_equal(s[0].tag, GC_GO | 1 << GC_KIND_SHIFT);
}

static void layouts(void **state)
{
	const struct table *all[] = { &GO_1_2, &GO_1_16, &GO_1_18, &GO_1_20 };
	struct made_answer a;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		add_code(NEW_STOP, sizeof(NEW_STOP), NEW_START, sizeof(NEW_START));
		add_table(all[i], ".gopclntab", p.text);
		made_ask(&p.file, &gc_go, &a);
		check_places(&a, STOP + 10, START + 9);
		assert_string_equal(a.sites.found, "Go");
		assert_string_equal(a.sites.how, "stopTheWorldWithSema of .gopclntab");
		/* Which one it is isn't known, so it isn't known whether there is a reason. */
		assert_int_equal(a.sites.sites[0].arguments[0].how, ABI_ARGUMENT_NONE);
		made_done(&a);
	}
}

static void code_of_old_ones(void **state)
{
	struct made_answer a;

	(void)state;
	add_code(OLD_STOP, sizeof(OLD_STOP), OLD_START, sizeof(OLD_START));
	add_table(&GO_1_2, ".gopclntab", p.text);
	made_ask(&p.file, &gc_go, &a);
	check_places(&a, STOP + 13, START + 23);
	made_done(&a);
}

/* ldr x16, [x28, #16]; cmp sp, x16; b.ls, and with sub x17, sp, #160; cmp x17, x16 */
static void code_of_arm64(void **state)
{
	static const uint32_t stop[] = { 0xf9400b90, 0xeb3063ff, 0x540019c9 };
	static const uint32_t start[] = { 0xf9400b90, 0xd10283f1, 0xeb10023f, 0x54000e49 };
	struct made_answer a;

	(void)state;
	add_code(stop, sizeof(stop), start, sizeof(start));
	p.file.machine = EM_AARCH64;
	add_table(&GO_1_20, ".gopclntab", p.text);
	p.file.bytes[p.table - MADE_BIAS + 6] = 4; /* bytes of an instruction */
	add_version("go1.24.0");
	made_ask(&p.file, &gc_go, &a);
	check_places(&a, STOP + 8, START + 12);
	assert_int_equal(a.sites.sites[0].arguments[0].reg, 0);
	made_done(&a);
}

static void reason_by_version(void **state)
{
	static const struct {
		const char *version, *found;
		bool has_reason;
	} versions[] = {
		{ "go1.20.14", "Go 1.20", false },
		{ "go1.21.0", "Go 1.21", true },
		{ "go1.24.3 X:boringcrypto", "Go 1.24", true },
		{ "devel go1.25-1a2b3c4d", "Go 1.25", true },
		{ "unknown", "Go", false },
	};
	struct made_answer a;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
		const struct abi_argument *argument;

		add_code(NEW_STOP, sizeof(NEW_STOP), NEW_START, sizeof(NEW_START));
		add_table(&GO_1_20, ".gopclntab", p.text);
		add_version(versions[i].version);
		made_ask(&p.file, &gc_go, &a);
		check_places(&a, STOP + 10, START + 9);
		assert_string_equal(a.sites.found, versions[i].found);
		argument = &a.sites.sites[0].arguments[0];
		assert_int_equal(argument->how, versions[i].has_reason ? ABI_ARGUMENT_REGISTER
								       : ABI_ARGUMENT_NONE);
		if (versions[i].has_reason) {
			assert_int_equal(argument->reg, 10);
			assert_int_equal(argument->size, 1);
			assert_int_equal(argument->shift, GC_REASON_SHIFT);
		}
		made_done(&a);
	}
}

/* Position-independent: what the table says is 0 until it is loaded, but for a relocation. */
static void relocated_tables(void **state)
{
	Elf64_Rela r = { .r_info = ELF64_R_INFO(0, R_X86_64_RELATIVE) };
	struct made_answer a;

	(void)state;
	for (int i = 0; i < 2; i++) {
		add_code(NEW_STOP, sizeof(NEW_STOP), NEW_START, sizeof(NEW_START));
		p.file.type = ET_DYN;
		add_table(i ? &GO_1_16 : &GO_1_20, ".data.rel.ro.gopclntab", i ? p.text : 0);
		r.r_offset = p.table + (i ? p.stop_entry : p.text_word);
		r.r_addend = (int64_t)(p.text + (i ? STOP : 0));
		if (i)
			memset(p.file.bytes + (p.table - MADE_BIAS) + p.stop_entry, 0, 8);
		made_section(&p.file, ".rela.dyn", SHT_RELA, &r, sizeof(r));
		made_ask(&p.file, &gc_go, &a);
		check_places(&a, STOP + 10, START + 9);
		made_done(&a);
	}
	/* Nothing says it: code begins where its section does, and looks so. */
	add_code(NEW_STOP, sizeof(NEW_STOP), NEW_START, sizeof(NEW_START));
	add_table(&GO_1_20, ".gopclntab", 0);
	made_ask(&p.file, &gc_go, &a);
	check_places(&a, STOP + 10, START + 9);
	made_done(&a);
}

/* C linkers put it among other data. */
static void table_among_others(void **state)
{
	struct made_answer a;

	(void)state;
	add_code(NEW_STOP, sizeof(NEW_STOP), NEW_START, sizeof(NEW_START));
	add_table(&GO_1_20, ".data.rel.ro", p.text);
	/* Not from its first byte on. */
	p.file.sections[p.file.nr_sections - 1].sh_addr -= 16;
	p.file.sections[p.file.nr_sections - 1].sh_offset -= 16;
	add_version("go1.22.1");
	made_ask(&p.file, &gc_go, &a);
	check_places(&a, STOP + 10, START + 9);
	made_done(&a);
}

static void symbols_come_first(void **state)
{
	struct made_symbol s[] = { { "runtime.stopTheWorldWithSema", 0, 0 },
				   { "runtime.startTheWorldWithSema", 0, 0 } };
	struct made_answer a;

	(void)state;
	add_code(NEW_STOP, sizeof(NEW_STOP), NEW_START, sizeof(NEW_START));
	s[0].address = p.text + STOP;
	s[1].address = p.text + 1; /* code of no known form: its first byte */
	made_symbols(&p.file, SHT_SYMTAB, s, ARRAY_SIZE(s));
	add_version("go1.22.1");
	made_ask(&p.file, &gc_go, &a);
	check_places(&a, STOP + 10, 1);
	assert_string_equal(a.sites.how, "stopTheWorldWithSema of .symtab");
	made_done(&a);
}

static void refuse(const char *found)
{
	struct made_answer a;

	made_ask(&p.file, &gc_go, &a);
	assert_int_equal(a.r, -ENOTSUP);
	assert_int_equal(a.sites.nr, 0);
	assert_string_equal(a.sites.found, found);
	assert_string_equal(strbuf_str(&a.why),
			    "where it stops the world can't be found in this build");
	made_done(&a);
}

static void what_isnt_sure_is_refused(void **state)
{
	struct made_answer a;

	(void)state;
	/* No table. */
	add_code(NEW_STOP, sizeof(NEW_STOP), NEW_START, sizeof(NEW_START));
	add_version("go1.22.1");
	refuse("Go 1.22");
	/* Code that isn't Go's. */
	add_code(NEW_STOP, sizeof(NEW_STOP), NEW_START + 1, sizeof(NEW_START) - 1);
	add_table(&GO_1_20, ".gopclntab", p.text);
	refuse("Go");
	/* Another layout. */
	add_code(NEW_STOP, sizeof(NEW_STOP), NEW_START, sizeof(NEW_START));
	add_table(&(struct table){ 0xfffffff2, true, true }, ".gopclntab", p.text);
	refuse("Go");
	/* Not of Go. */
	add_code(NEW_STOP, sizeof(NEW_STOP), NEW_START, sizeof(NEW_START));
	made_ask(&p.file, &gc_go, &a);
	assert_int_equal(a.r, 0);
	made_done(&a);
}

/* Numbers of the header that claim what there isn't. */
static void headers_that_lie(void **state)
{
	static const uint64_t lies[] = { 0,	     TABLE + 1,	 1 << 20,
					 UINT32_MAX, UINT64_MAX, UINT64_MAX / 8 };
	static const size_t words[] = { 0, 3, 4, 7 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(words) * ARRAY_SIZE(lies); i++) {
		add_code(NEW_STOP, sizeof(NEW_STOP), NEW_START, sizeof(NEW_START));
		add_table(&GO_1_20, ".gopclntab", p.text);
		memcpy(p.file.bytes + (p.table - MADE_BIAS) + 8 + 8 * words[i / ARRAY_SIZE(lies)],
		       &lies[i % ARRAY_SIZE(lies)], 8);
		refuse("Go");
	}
	/* Functions all over the table: it ends. */
	add_code(NEW_STOP, sizeof(NEW_STOP), NEW_START, sizeof(NEW_START));
	add_table(&GO_1_20, ".gopclntab", p.text);
	memset(p.file.bytes + (p.table - MADE_BIAS) + 512, 0xff, 64);
	refuse("Go");
}

static void hostile_files(void **state)
{
	(void)state;
	add_code(NEW_STOP, sizeof(NEW_STOP), NEW_START, sizeof(NEW_START));
	add_table(&GO_1_20, ".gopclntab", p.text);
	add_version("go1.22.1");
	made_hostile(&p.file, &gc_go, 20);
	add_code(OLD_STOP, sizeof(OLD_STOP), OLD_START, sizeof(OLD_START));
	add_table(&GO_1_2, ".gopclntab", p.text);
	made_hostile(&p.file, &gc_go, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(layouts),
		cmocka_unit_test(code_of_old_ones),
		cmocka_unit_test(code_of_arm64),
		cmocka_unit_test(reason_by_version),
		cmocka_unit_test(relocated_tables),
		cmocka_unit_test(table_among_others),
		cmocka_unit_test(symbols_come_first),
		cmocka_unit_test(what_isnt_sure_is_refused),
		cmocka_unit_test(headers_that_lie),
		cmocka_unit_test(hostile_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
