// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Kernel names: against a plain reading of /proc/kallsyms, and from files made for the purpose. */
#include "symbol_fixture.h"

#include <sys/mman.h>

#include "symbolize/kallsyms.h"

enum { NR_ADDRESSES = 20000 };

static struct kallsyms read_text(const char *symbols, const char *modules)
{
	int fds[] = { memfd_create("kallsyms", 0), memfd_create("modules", 0) };
	char paths[2][64];
	struct kallsyms k;

	for (int i = 0; i < 2; i++) {
		const char *text = i ? modules : symbols;

		assert_int_equal(write(fds[i], text, strlen(text)), strlen(text));
		snprintf(paths[i], sizeof(paths[i]), "/proc/self/fd/%d", fds[i]);
	}
	assert_int_equal(kallsyms_read(&k, &(struct kallsyms_files){ paths[0], paths[1] }), 0);
	close(fds[0]);
	close(fds[1]);
	return k;
}

static void check(const struct kallsyms *k, uint64_t address, const char *name, const char *module)
{
	const char *found_module = NULL, *found = kallsyms_find(k, address, &found_module);

	if (!name) {
		if (found)
			fail_msg("0x%llx is %s", (unsigned long long)address, found);
		return;
	}
	assert_non_null(found);
	assert_string_equal(found, name);
	if (module)
		assert_string_equal(found_module, module);
	else
		assert_null(found_module);
}

static void test_bounds(void **state)
{
	struct kallsyms k = read_text("0000000000000000 A fixed_percpu_data\n"
				      "ffffffff81000000 T _stext\n"
				      "ffffffff81000000 T startup_64\n"
				      "ffffffff81000100 t one\n"
				      "ffffffff81000200 D table\n"
				      "ffffffff81000300 T two\n"
				      "ffffffff81000400 T _etext\n"
				      "ffffffff82000000 T _sinittext\n"
				      "ffffffff82000000 T lonely\n"
				      "ffffffff83000000 B _end\n",
				      "");

	(void)state;
	check(&k, 0x1000, NULL, NULL);
	check(&k, 0xffffffff80ffffff, NULL, NULL);
	check(&k, 0xffffffff81000000, "startup_64", NULL);
	check(&k, 0xffffffff810000ff, "startup_64", NULL);
	check(&k, 0xffffffff81000100, "one", NULL);
	check(&k, 0xffffffff81000200, NULL, NULL);
	check(&k, 0xffffffff810003ff, "two", NULL);
	check(&k, 0xffffffff81000400, NULL, NULL);
	check(&k, 0xffffffff820fffff, "lonely", NULL);
	check(&k, 0xffffffff82100000, NULL, NULL);
	check(&k, UINT64_MAX, NULL, NULL);
	assert_true(k.start == 0xffffffff81000000 && k.end == 0xffffffff81000400);
	kallsyms_done(&k);
}

static void test_modules(void **state)
{
	struct kallsyms k = read_text("ffffffff81000000 T one\n"
				      "ffffffff81000100 T _etext\n"
				      "ffffffffc0001000 t nf_init\t[nf_tables]\n"
				      "ffffffffc0001200 t nf_last\t[nf_tables]\n"
				      "ffffffffc0801000 t other\t[loop]\n"
				      "ffffffffc0900000 t bpf_prog_1234_x\t[bpf]\n",
				      "nf_tables 8192 1 nft_ct, Live 0xffffffffc0001000\n"
				      "loop 4096 0 - Live 0xffffffffc0801000 (E)\n");

	(void)state;
	check(&k, 0xffffffffc00011ff, "nf_init", "[nf_tables]");
	check(&k, 0xffffffffc0002fff, "nf_last", "[nf_tables]");
	check(&k, 0xffffffffc0003000, NULL, NULL);
	check(&k, 0xffffffffc0801010, "other", "[loop]");
	check(&k, 0xffffffffc0802000, NULL, NULL);
	check(&k, 0xffffffffc0900100, "bpf_prog_1234_x", "[bpf]");
	check(&k, 0xffffffffc0a00000, NULL, NULL);
	kallsyms_done(&k);
}

/* kernel.kptr_restrict: names without addresses. */
static void test_hidden(void **state)
{
	struct kallsyms k = read_text("0000000000000000 T _stext\n0000000000000000 T one\n", "");

	(void)state;
	check(&k, 0, NULL, NULL);
	check(&k, 0xffffffff81000000, NULL, NULL);
	assert_int_equal(k.end, 0);
	kallsyms_done(&k);
}

static void test_garbage(void **state)
{
	struct kallsyms k = read_text("\n \nx\nffffffff81000000\nffffffff81000000 T\n"
				      "ffffffff81000000 T \nffffffff8100000000 T long\n"
				      "ffffffff81000000 T good\nffffffff81000010 T unfinished",
				      "nonsense\n 1 2\nnf 99999999999999999999999 0x\n");

	(void)state;
	check(&k, 0xffffffff81000004, "good", NULL);
	check(&k, 0xffffffff81000018, "good", NULL);
	kallsyms_done(&k);
}

struct plain {
	uint64_t address;
	char type;
	char name[128], module[64];
};

static struct plain *read_plain(size_t *ret_nr)
{
	FILE *f = fopen("/proc/kallsyms", "re");
	struct plain *all = NULL;
	size_t cap = 0, nr = 0;
	char line[512];

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		struct plain p = { 0 };
		unsigned long long address;

		if (sscanf(line, "%llx %c %127s %63s", &address, &p.type, p.name, p.module) < 3)
			continue;
		p.address = address;
		assert_int_equal(array_reserve(all, cap, nr + 1), 0);
		all[nr++] = p;
	}
	fclose(f);
	*ret_nr = nr;
	return all;
}

static bool is_function(const struct plain *p)
{
	size_t size = strlen(p->name);

	return strchr("tTwW", p->type) && strcmp(p->name, "_etext") && strcmp(p->name, "_text") &&
	       strcmp(p->name, "_stext") && strcmp(p->name, "_einittext") &&
	       (size < 9 || strcmp(p->name + size - 9, "_text_end")) &&
	       (size < 11 || strcmp(p->name + size - 11, "_text_start"));
}

/* Is it one of the nearest symbols below; or without a name, is there no function at hand? */
static bool plain_has(const struct plain *all, size_t nr, uint64_t address, const char *name)
{
	uint64_t nearest = 0;
	bool functions = false;

	for (size_t i = 0; i < nr; i++)
		if (all[i].address <= address && all[i].address > nearest)
			nearest = all[i].address;
	for (size_t i = 0; i < nr; i++) {
		if (all[i].address != nearest || !is_function(&all[i]))
			continue;
		functions = true;
		if (name && !strcmp(all[i].name, name))
			return true;
	}
	return !name && (!functions || address - nearest >= 1 << 20);
}

/* All starts, and some random addresses, which are slow to look up the plain way. */
static void test_this_kernel(void **state)
{
	struct kallsyms k;
	struct plain *all;
	size_t nr, named = 0;

	(void)state;
	assert_int_equal(
		kallsyms_read(&k, &(struct kallsyms_files){ "/proc/kallsyms", "/proc/modules" }),
		0);
	if (!k.end) {
		print_message("/proc/kallsyms hides addresses from this user\n");
		kallsyms_done(&k);
		skip();
	}
	all = read_plain(&nr);
	srand(7);
	for (int i = 0; i < 500; i++) {
		uint64_t address = k.start + ((uint64_t)rand() << 10 ^ (uint64_t)rand()) %
						     (k.end - k.start + 4096);
		const char *module, *name = kallsyms_find(&k, address, &module);

		if (!plain_has(all, nr, address, name))
			fail_msg("0x%llx is %s", (unsigned long long)address, name ? name : "none");
	}
	for (size_t i = 0; i < nr && named < NR_ADDRESSES; i++) {
		const char *module, *name;

		if (!all[i].address || all[i].type != 'T' || i + 1 == nr ||
		    all[i + 1].address == all[i].address ||
		    (i && all[i - 1].address == all[i].address) || strstr(all[i].name, "text"))
			continue;
		name = kallsyms_find(&k, all[i].address, &module);
		assert_non_null(name);
		assert_string_equal(name, all[i].name);
		named++;
	}
	assert_true(named > 5000);
	free(all);
	kallsyms_done(&k);
}

static void test_build_id(void **state)
{
	const struct symbolizer_settings settings = { 0 };
	struct object kernel = { .kind = OBJECT_KERNEL, .fd = -1 };
	struct resolved_object about = { 0 };
	void *opened = NULL;

	(void)state;
	assert_int_equal(resolver_kernel.open(&kernel, &settings, &opened, &about), 0);
	if (!access("/sys/kernel/notes", R_OK)) {
		FILE *f = popen("od -An -v -tx1 /sys/kernel/notes | tr -d ' \\n'", "r");
		char hex[8192] = "", id[64] = "";

		assert_non_null(fgets(hex, sizeof(hex), f));
		pclose(f);
		for (uint32_t i = 0; i < about.build_id_size; i++)
			snprintf(id + 2 * i, 3, "%02x", about.build_id[i]);
		assert_int_equal(about.build_id_size, 20);
		/* namesz 4, descsz 20, type 3, "GNU": on a little-endian machine */
		assert_non_null(strstr(hex, "040000001400000003000000474e5500"));
		assert_int_equal(
			strncmp(strstr(hex, "040000001400000003000000474e5500") + 32, id, 40), 0);
	}
	resolver_kernel.close(opened);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bounds),	    cmocka_unit_test(test_modules),
		cmocka_unit_test(test_hidden),	    cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_this_kernel), cmocka_unit_test(test_build_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
