// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Functions by pattern: against readelf, and in files that were changed. */
#include "symbol_fixture.h"

#include <elf.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#include "symbolize/functions.h"

enum { MAX = 10000, MAX_FILE = 256 << 10, NR_FLIPPED = 4000 };

static int find_fd(struct functions *ret, int fd, const char *path, const char *pattern, size_t max)
{
	struct function_pattern p;

	function_pattern_init(&p, pattern);
	return functions_find(
		ret,
		&(struct functions_query){
			.fd = fd, .path = path, .patterns = &p, .nr_patterns = 1, .max = max });
}

static int find(struct functions *ret, const char *path, const char *pattern)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), r;

	if (fd < 0)
		fail_msg("%s: %s", path, strerror(errno));
	r = find_fd(ret, fd, path, pattern, MAX);
	close(fd);
	return r;
}

/* The only function that a pattern names. */
static void expect(const char *file, const char *pattern, const char *name)
{
	struct functions found;

	assert_int_equal(find(&found, file, pattern), 0);
	if (found.nr != !!name || (name && strcmp(found.all[0].name, name) != 0))
		fail_msg("%s: '%s': %zu functions, first %s", file, pattern, found.nr,
			 found.nr ? found.all[0].name : "none");
	assert_int_equal(found.nr_matched, found.nr);
	functions_done(&found);
}

static int by_address(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* All addresses of functions that readelf lists, but for start files and parts. */
static size_t ask_readelf(const char *path, uint64_t *ret, size_t max)
{
	FILE *f = run_command("readelf -sW '%s' | awk '$4 == \"FUNC\" && $7 ~ /^[0-9]+$/ && "
			      "($3 != 0 || $5 != \"LOCAL\") && $8 !~ /\\.cold/ { print $2 }'",
			      path);
	unsigned long long address;
	size_t nr = 0, kept = 0;

	while (fscanf(f, "%llx", &address) == 1) {
		assert_true(nr < max);
		ret[nr++] = address;
	}
	assert_int_equal(pclose(f), 0);
	qsort(ret, nr, sizeof(*ret), by_address);
	for (size_t i = 0; i < nr; i++)
		if (!kept || ret[kept - 1] != ret[i])
			ret[kept++] = ret[i];
	return kept;
}

static void test_all(void **state)
{
	static const char *const paths[] = { WORKLOADS "/symbols_lazy", WORKLOADS "/symbols_static",
					     WORKLOADS "/symbols_small.so" };
	static uint64_t expected[MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		size_t nr = ask_readelf(paths[i], expected, ARRAY_SIZE(expected));
		struct functions found;

		assert_int_equal(find(&found, paths[i], "*"), 0);
		assert_true(nr > 5);
		assert_int_equal(found.nr, nr);
		for (size_t k = 0; k < nr; k++)
			assert_int_equal(found.all[k].address, expected[k]);
		assert_false(found.exported_only || found.is_go);
		functions_done(&found);
	}
}

static void test_names(void **state)
{
	static const char path[] = WORKLOADS "/symbols_lazy";

	(void)state;
	/* One address: the name that others link to, of those that were asked for. */
	expect(path, "*alias*", "aliased");
	expect(path, "[_w]*name", "_hidden_name");
	expect(path, "weak_alia?", "weak_alias");
	expect(path, "local_function", "local_function");
	expect(path, "sized", "sized");
	/* No function by its type; no code; a stub of another file's function. */
	expect(path, "sizeless", NULL);
	expect(path, "counter", NULL);
	expect(path, "strdup", NULL);
	expect(path, "deregister_tm_clones", NULL);
}

/* Never inlined, and nothing is done to its code where it is mapped. */
__attribute__((noinline, used)) static int known_to_this_test(int n)
{
	return n * 7 + 3;
}

static void test_offset(void **state)
{
	char in_file[16];
	struct functions found;
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_int_equal(known_to_this_test(1), 10);
	assert_int_equal(find_fd(&found, fd, "/proc/self/exe", "known_to_this_test", 1), 0);
	assert_int_equal(found.nr, 1);
	assert_int_equal(pread(fd, in_file, sizeof(in_file), (off_t)found.all[0].offset),
			 sizeof(in_file));
	assert_memory_equal(in_file, (const void *)(uintptr_t)known_to_this_test, sizeof(in_file));
	functions_done(&found);
	close(fd);
}

static void test_where_symbols_are(void **state)
{
	struct functions found;

	(void)state;
	expect(WORKLOADS "/linked", "local_function", "local_function");
	expect(WORKLOADS "/stripped", "local_function", NULL);
	expect(WORKLOADS "/stripped", "entry", "entry");
	assert_int_equal(find(&found, WORKLOADS "/stripped", "*"), 0);
	assert_true(found.exported_only && found.nr_known);
	functions_done(&found);
	if (access(WORKLOADS "/mini", R_OK)) {
		print_message("no xz: no .gnu_debugdata is tried\n");
		return;
	}
	expect(WORKLOADS "/mini", "local_function", "local_function");
	expect(WORKLOADS "/mini", "entry", "entry");
}

static void test_too_many(void **state)
{
	struct functions found;
	int fd = open(WORKLOADS "/symbols_static", O_RDONLY | O_CLOEXEC);
	size_t nr;

	(void)state;
	assert_int_equal(find_fd(&found, fd, "", "*", MAX), 0);
	nr = found.nr;
	functions_done(&found);
	assert_int_equal(find_fd(&found, fd, "", "*", nr - 1), -E2BIG);
	assert_int_equal(found.nr_matched, nr);
	functions_done(&found);
	assert_int_equal(find_fd(&found, fd, "", "*", 10), -E2BIG);
	assert_int_equal(found.nr_matched, nr);
	assert_int_equal(found.nr, 0);
	functions_done(&found);
	close(fd);
}

static void expect_near(const char *asked, const char *expected)
{
	int fd = open(WORKLOADS "/symbols_lazy", O_RDONLY | O_CLOEXEC);
	struct strbuf out = STRBUF_INIT;
	struct function_pattern p;

	function_pattern_init(&p, asked);
	functions_near(
		&(struct functions_query){ .fd = fd, .path = "", .patterns = &p, .nr_patterns = 1 },
		&out);
	assert_string_equal(strbuf_str(&out), expected);
	strbuf_done(&out);
	close(fd);
}

static void test_near(void **state)
{
	(void)state;
	expect_near("local_funtcion", "local_function");
	expect_near("after", "after_hole");
	expect_near("alaised", "aliased");
	expect_near("xyzzy", "");
	expect_near("", "");
}

static void test_indirect(void **state)
{
	struct functions found;

	(void)state;
	/* The static one has all of the C library. */
	assert_int_equal(find(&found, WORKLOADS "/symbols_static", "strlen"), 0);
#if defined(__GLIBC__) && defined(__x86_64__)
	assert_int_equal(found.nr, 0);
	assert_true(found.nr_indirect > 0);
#endif
	functions_done(&found);
}

static char original[MAX_FILE];
static size_t original_size;

static int load(void **state)
{
	FILE *f = fopen(WORKLOADS "/symbols_small.so", "re");

	(void)state;
	if (!f)
		return -1;
	original_size = fread(original, 1, sizeof(original), f);
	fclose(f);
	return original_size ? 0 : -1;
}

static int file_of(const char *bytes, size_t size)
{
	int fd = memfd_create("hostile", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size), size);
	return fd;
}

/* Whatever the file says, what is found lies in it. */
static int ask(int fd, const char *pattern)
{
	struct functions found;
	struct stat st;
	int r = find_fd(&found, fd, "/hostile", pattern, MAX);

	assert_int_equal(fstat(fd, &st), 0);
	for (size_t i = 0; i < found.nr; i++) {
		assert_true(found.all[i].offset < (uint64_t)st.st_size);
		assert_true(found.all[i].name[0]);
	}
	r = r < 0 ? r : (int)found.nr;
	functions_done(&found);
	return r;
}

static void test_cut_short(void **state)
{
	(void)state;
	for (size_t size = 0; size < original_size; size += 64) {
		int fd = file_of(original, size);

		ask(fd, "*");
		close(fd);
	}
}

static void test_flipped(void **state)
{
	static char bytes[MAX_FILE];
	int fd = file_of(original, original_size), found = ask(fd, "*");
	unsigned same = 0;

	(void)state;
	close(fd);
	assert_true(found > 5);
	srand(1);
	for (int i = 0; i < NR_FLIPPED; i++) {
		/* Most of them where they hurt: in headers, which are at both ends. */
		size_t at = (size_t)rand() % (i % 2 ? original_size : 1024);

		memcpy(bytes, original, original_size);
		bytes[i % 4 < 2 ? at : original_size - 1 - at] ^= (char)(1 << rand() % 8);
		fd = file_of(bytes, original_size);
		same += ask(fd, "*_*") > 0;
		close(fd);
	}
	assert_true(same > NR_FLIPPED / 2);
}

/* A file that claims more than there is, and is as large as it claims: all of it is a hole. */
static void test_sparse(void **state)
{
	static char bytes[MAX_FILE];
	Elf64_Ehdr *h = (void *)bytes;
	Elf64_Shdr *s;
	clock_t began = clock();
	int fd;

	(void)state;
	memcpy(bytes, original, original_size);
	s = (void *)(bytes + h->e_shoff);
	for (unsigned i = 0; i < h->e_shnum; i++)
		if (s[i].sh_type == SHT_SYMTAB || s[i].sh_type == SHT_STRTAB ||
		    s[i].sh_type == SHT_DYNSYM)
			s[i].sh_size = (uint64_t)24 << 32;
	fd = file_of(bytes, original_size);
	ask(fd, "*");
	assert_int_equal(ftruncate(fd, (off_t)1 << 40), 0);
	ask(fd, "*");
	close(fd);
	assert_true(clock() - began < 20 * CLOCKS_PER_SEC);
}

static void test_no_program(void **state)
{
	static char bytes[MAX_FILE];
	int fd = file_of("#!/bin/sh\n", 10);

	(void)state;
	assert_int_equal(ask(fd, "*"), -ENOEXEC);
	close(fd);
	assert_int_equal(ask((fd = open("/dev/null", O_RDONLY | O_CLOEXEC)), "*"), -ENOEXEC);
	close(fd);
	memcpy(bytes, original, original_size);
	bytes[EI_CLASS] = ELFCLASS32;
	fd = file_of(bytes, original_size);
	assert_true(ask(fd, "*") < 0);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all),	   cmocka_unit_test(test_names),
		cmocka_unit_test(test_offset),	   cmocka_unit_test(test_where_symbols_are),
		cmocka_unit_test(test_too_many),   cmocka_unit_test(test_near),
		cmocka_unit_test(test_indirect),   cmocka_unit_test(test_cut_short),
		cmocka_unit_test(test_flipped),	   cmocka_unit_test(test_sparse),
		cmocka_unit_test(test_no_program),
	};

	return cmocka_run_group_tests(tests, load, NULL);
}
