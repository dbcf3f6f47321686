// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Names of ELF files against what readelf and objdump say of the same files. */
#include "symbol_fixture.h"

#include <elf.h>
#include <sys/stat.h>

#include "symbolize/debugfile.h"

/* Where a section lies: readelf's columns after "[Nr]" are name, type, address, offset, size. */
static void section_range(const char *path, const char *name, uint64_t *ret_start,
			  uint64_t *ret_end)
{
	FILE *f = run_command("readelf -SW '%s' | sed 's/^ *\\[ *[0-9]*\\]//'", path);
	char line[1024], found[256];
	unsigned long long address, offset, size;

	*ret_start = *ret_end = 0;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, " %255s %*s %llx %llx %llx", found, &address, &offset, &size) ==
			    4 &&
		    !strcmp(found, name)) {
			*ret_start = address;
			*ret_end = address + size;
		}
	pclose(f);
}

/* Functions and labels of .symtab in code. */
static void read_symbols(const char *path, struct known_list *ret)
{
	FILE *f = run_command("readelf -sW '%s' | sed -n '/\\.symtab/,$p'", path);
	char line[2048], type[32], bind[32], index[32];

	*ret = (struct known_list){ 0 };
	while (fgets(line, sizeof(line), f)) {
		struct known k;
		unsigned long long start;
		long long size;

		if (sscanf(line, " %*d: %llx %lli %31s %31s %*s %31s %511s", &start, &size, type,
			   bind, index, k.name) != 6)
			continue;
		if ((strcmp(type, "FUNC") && strcmp(type, "NOTYPE") && strcmp(type, "IFUNC")) ||
		    !strcmp(index, "UND") || !strcmp(index, "ABS"))
			continue;
		k.start = start;
		k.size = (uint64_t)size;
		k.stub = !size && !strcmp(bind, "LOCAL") && !strcmp(type, "FUNC");
		known_add(ret, &k);
	}
	pclose(f);
}

/* Where the symbol that names an address begins, found the slow way; 0: none does. */
static uint64_t find_start(const struct known_list *l, uint64_t address, uint64_t section)
{
	uint64_t sized = 0, any = 0;

	for (size_t i = 0; i < l->nr; i++) {
		const struct known *k = &l->at[i];

		if (k->start > address || k->start < section)
			continue;
		if (k->start > any)
			any = k->start;
		if (address - k->start < k->size && k->start > sized)
			sized = k->start;
	}
	if (sized)
		return sized;
	/* The last before the address has no size, unless that is a label inside another. */
	for (size_t i = 0; i < l->nr; i++)
		if (any >= l->at[i].start && any - l->at[i].start < l->at[i].size)
			return 0;
	/* The compiler's start files say nowhere where their functions end. */
	for (size_t i = 0; i < l->nr; i++)
		if (l->at[i].start == any && !l->at[i].stub)
			return any;
	return 0;
}

static bool is_named(const struct known_list *l, uint64_t start, const char *name)
{
	for (size_t i = 0; i < l->nr; i++)
		if (l->at[i].start == start && !strcmp(l->at[i].name, name))
			return true;
	return false;
}

/* Every step-th address of .text. */
static void check_text(const char *path, uint64_t step)
{
	struct subject s;
	struct known_list l;
	uint64_t start, end, named = 0;

	subject_open(&s, path);
	read_symbols(path, &l);
	section_range(path, ".text", &start, &end);
	assert_true(end > start);
	for (uint64_t a = start; a < end; a += step) {
		const char *name = subject_name(&s, a);
		uint64_t known = find_start(&l, a, start);

		if (!known != !name || (known && !is_named(&l, known, name)))
			fail_msg("%s: 0x%llx is %s, not of the symbol at 0x%llx", path,
				 (unsigned long long)a, name ? name : "unnamed",
				 (unsigned long long)known);
		named += name != NULL;
	}
	assert_true(named > (end - start) / step / 2);
	free(l.at);
	subject_close(&s);
}

static void test_every_address(void **state)
{
	(void)state;
	check_text(WORKLOADS "/symbols_lazy", 1);
	check_text(WORKLOADS "/symbols_now", 1);
	check_text(WORKLOADS "/symbols_small.so", 1);
}

static void test_static(void **state)
{
	(void)state;
	check_text(WORKLOADS "/symbols_static", 997);
}

/* Start of a function in a file that still has its table. */
static uint64_t address_of(const char *path, const char *name)
{
	struct known_list l;
	uint64_t start = 0;

	read_symbols(path, &l);
	for (size_t i = 0; i < l.nr; i++)
		if (!strcmp(l.at[i].name, name))
			start = l.at[i].start;
	free(l.at);
	assert_int_not_equal(start, 0);
	return start;
}

static void test_best_name(void **state)
{
	const char *path = WORKLOADS "/symbols_lazy";
	struct subject s;
	uint64_t sized = address_of(path, "sized");

	(void)state;
	subject_open(&s, path);
	assert_string_equal(subject_name(&s, address_of(path, "aliased")), "aliased");
	/* A label inside a function is no function, and the hole behind it is nobody's. */
	assert_string_equal(subject_name(&s, sized + 16), "sized");
	assert_string_equal(subject_name(&s, sized + 31), "sized");
	assert_null(subject_name(&s, sized + 32));
	assert_null(subject_name(&s, address_of(path, "after_hole") - 1));
	assert_string_equal(subject_name(&s, sized - 1), "sizeless_too");
	/* One that does not say where it ends does not name the padding behind it. */
	assert_null(subject_name(&s, address_of(path, "register_tm_clones")));
	assert_null(subject_name(&s, address_of(path, "deregister_tm_clones") + 32));
	subject_close(&s);
}

/* The lines "0000000000401030 <free@plt>:" of objdump. */
static void check_plt(const char *path, size_t expected)
{
	FILE *f = run_command("objdump -d '%s' | grep '@plt>:'", path);
	char name[256];
	unsigned long long start;
	size_t nr = 0;
	struct subject s;

	subject_open(&s, path);
	while (fscanf(f, "%llx <%255[^>]>:\n", &start, name) == 2) {
		assert_non_null(subject_name(&s, start));
		assert_string_equal(subject_name(&s, start), name);
		assert_string_equal(subject_name(&s, start + 7), name);
		nr++;
	}
	pclose(f);
	subject_close(&s);
	if (nr < expected)
		fail_msg("%s: objdump names %zu entries", path, nr);
}

static void test_plt(void **state)
{
	(void)state;
	check_plt(WORKLOADS "/symbols_lazy", 5);
	check_plt(WORKLOADS "/symbols_now", 5);
	check_plt(WORKLOADS "/symbols_small.so", 5);
	if (!access(WORKLOADS "/symbols_ibt", R_OK))
		check_plt(WORKLOADS "/symbols_ibt", 5);
	if (!access(WORKLOADS "/symbols_lld", R_OK))
		check_plt(WORKLOADS "/symbols_lld", 5);
}

static void check_names(struct subject *s, const char *with_symbols)
{
	static const char *const names[] = { "local_function", "global_function", "sized", "main" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *name = subject_name(s, address_of(with_symbols, names[i]) + 3);

		assert_non_null(name);
		assert_string_equal(name, names[i]);
	}
}

static void test_debuglink(void **state)
{
	struct subject s;

	(void)state;
	subject_open(&s, WORKLOADS "/linked");
	check_names(&s, WORKLOADS "/symbols_now");
	subject_close(&s);
}

/* One byte of another debug file, and its CRC is another: it does not belong. */
static void test_debuglink_wrong_crc(void **state)
{
	char folder[] = "/tmp/bpfprof-debuglink-XXXXXX", command[8192];
	struct subject s;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(command, sizeof(command),
		 "cp '%1$s/linked' %2$s/ && cp '%1$s/.debug/linked.debug' %2$s/ &&"
		 " printf x >> %2$s/linked.debug",
		 WORKLOADS, folder);
	assert_int_equal(system(command), 0);
	snprintf(command, sizeof(command), "%s/linked", folder);
	subject_open(&s, command);
	assert_null(subject_name(&s, address_of(WORKLOADS "/symbols_now", "local_function")));
	subject_close(&s);
	snprintf(command, sizeof(command), "rm -r %s", folder);
	assert_int_equal(system(command), 0);
}

static int open_by_build_id(const char *root, int *ret_fd)
{
	struct elf_file file = ELF_FILE_INIT;
	int fd = open(WORKLOADS "/stripped", O_RDONLY | O_CLOEXEC), r;
	uint8_t id[BUILD_ID_MAX];
	struct debugfile_query q = { .file = &file, .path = "/x", .root = root, .build_id = id };

	assert_int_equal(elf_file_open(&file, fd), 0);
	q.build_id_size = elf_file_build_id(&file, id);
	assert_int_equal(q.build_id_size, 20);
	r = debugfile_open(&q, ret_fd);
	elf_file_close(&file);
	close(fd);
	return r;
}

static void test_build_id_folder(void **state)
{
	char root[] = "/tmp/bpfprof-buildid-XXXXXX", command[8192];
	struct stat found, expected;
	int fd = -1;

	(void)state;
	assert_non_null(mkdtemp(root));
	assert_int_equal(open_by_build_id(root, &fd), -ENOENT);
	snprintf(command, sizeof(command),
		 "id=$(readelf -nW '%1$s/stripped' | sed -n 's/.*Build ID: //p') &&"
		 " d=%2$s/.build-id/$(echo $id | cut -c1-2) && mkdir -p $d &&"
		 " f=$d/$(echo $id | cut -c3-).debug && ln -sf '%1$s/'$WHICH $f",
		 WORKLOADS, root);
	/* A file of another build-id in its place, the file itself, and the right one. */
	setenv("WHICH", "symbols_small.so", 1);
	assert_int_equal(system(command), 0);
	assert_int_equal(open_by_build_id(root, &fd), -ENOENT);
	setenv("WHICH", "stripped", 1);
	assert_int_equal(system(command), 0);
	assert_int_equal(open_by_build_id(root, &fd), -ENOENT);
	setenv("WHICH", "stripped.debug", 1);
	assert_int_equal(system(command), 0);
	assert_int_equal(open_by_build_id(root, &fd), 0);
	assert_int_equal(fstat(fd, &found), 0);
	assert_int_equal(stat(WORKLOADS "/stripped.debug", &expected), 0);
	assert_int_equal(found.st_ino, expected.st_ino);
	close(fd);
	snprintf(command, sizeof(command), "rm -r %s", root);
	assert_int_equal(system(command), 0);
}

static void test_debugdata(void **state)
{
	const char *with_symbols = WORKLOADS "/symbols_lazy";
	struct subject s;

	(void)state;
	if (access(WORKLOADS "/mini", R_OK)) {
		print_message("xz is not installed\n");
		skip();
	}
	subject_open(&s, WORKLOADS "/mini");
	/* Two are in .gnu_debugdata, one in .dynsym, one in neither. */
	assert_string_equal(subject_name(&s, address_of(with_symbols, "local_function")),
			    "local_function");
	assert_string_equal(subject_name(&s, address_of(with_symbols, "sized") + 20), "sized");
	assert_string_equal(subject_name(&s, address_of(with_symbols, "entry") + 20), "entry");
	assert_null(subject_name(&s, address_of(with_symbols, "global_function")));
	subject_close(&s);
}

static void test_describes(void **state)
{
	struct subject s;
	char hex[64] = "", said[64] = "";
	FILE *f = run_command("readelf -nW '%s' | sed -n 's/.*Build ID: //p'",
			      WORKLOADS "/symbols_lazy");

	(void)state;
	assert_int_equal(fscanf(f, "%63s", said), 1);
	pclose(f);
	subject_open(&s, WORKLOADS "/symbols_lazy");
	for (uint32_t i = 0; i < s.about.build_id_size; i++)
		snprintf(hex + 2 * i, 3, "%02x", s.about.build_id[i]);
	assert_string_equal(hex, said);
	assert_int_equal(s.about.start, 0x401000);
	assert_int_equal(s.about.offset, 0x1000);
	assert_true(s.about.limit > s.about.start);
	subject_close(&s);
}

/* The file at the path is no longer the one that was mapped. */
static void test_replaced(void **state)
{
	const struct symbolizer_settings settings = { .no_lines = true };
	int fd = open(WORKLOADS "/symbols_lazy", O_RDONLY | O_CLOEXEC);
	struct object o = { .kind = OBJECT_ELF,
			    .path = (char *)"/x",
			    .fd = fd,
			    .build_id = { 1, 2, 3 },
			    .build_id_size = 20 };
	struct resolved_object about;
	void *opened = NULL;

	(void)state;
	assert_int_equal(resolver_elf.open(&o, &settings, &opened, &about), -ESTALE);
	o.fd = -1;
	assert_int_equal(resolver_elf.open(&o, &settings, &opened, &about), -ENOENT);
	assert_null(opened);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_address),	cmocka_unit_test(test_static),
		cmocka_unit_test(test_best_name),	cmocka_unit_test(test_plt),
		cmocka_unit_test(test_debuglink),	cmocka_unit_test(test_debuglink_wrong_crc),
		cmocka_unit_test(test_build_id_folder), cmocka_unit_test(test_debugdata),
		cmocka_unit_test(test_describes),	cmocka_unit_test(test_replaced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
