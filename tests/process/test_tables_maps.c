// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Tables in the kernel's own maps: those of the cpu mode's object, loaded without its programs.
 * What is published of real processes is read back through the kernel, block by block.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/now.h"
#include "collect/mode.h"
#include "process/inside.h"
#include "unwind/compile.h"
#include "walk/tables.h"

static int outer = -1;

struct walk;

/* As the kernel has it: looked up anew each time, for what was read must not be our mapping. */
static const __u32 *walk_block(const struct walk *w, __u32 location)
{
	static __u32 words[4][ABI_BLOCK_WORDS];
	static int next;
	__u32 segment = location / ABI_BLOCK_WORDS / ABI_SEGMENT_BLOCKS, id;
	__u32 block = location / ABI_BLOCK_WORDS % ABI_SEGMENT_BLOCKS;
	int fd;

	(void)w;
	if (bpf_map_lookup_elem(outer, &segment, &id))
		return NULL;
	fd = bpf_map_get_fd_by_id(id);
	assert_true(fd >= 0);
	next = (next + 1) % 4;
	assert_int_equal(bpf_map_lookup_elem(fd, &block, words[next]), 0);
	close(fd);
	return words[next];
}

static long walk_copy(const struct walk *w, void *to, __u32 size, __u64 from)
{
	(void)w;
	memcpy(to, (const void *)(uintptr_t)from, size);
	return 0;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
struct walk_known;

static __u64 walk_thread(const struct walk *w)
{
	(void)w;
	return 0;
}

/* Nothing is remembered: it is the search that is tested. */
static struct walk_known *walk_known(const struct walk *w, __u64 hash)
{
	(void)w;
	(void)hash;
	return NULL;
}

static __u64 walk_code_mask(const struct walk *w)
{
	(void)w;
	return ~0ull;
}

#include "walk.h"
#pragma GCC diagnostic pop

enum { NR_SPACES = 1024 };

struct kernel {
	struct bpf_object *obj;
	struct capture capture;
	struct tracker *tracker;
	struct tables *tables;
};

static int set_up(void **state)
{
	const struct tables_settings settings = { .max_bytes = 16 << 20,
						  .nr_spaces = NR_SPACES,
						  .nr_runtimes = 4 };
	static struct kernel k;
	struct bpf_program *prog;
	size_t size;
	const void *elf = mode_find("cpu")->object(&size);

	k.obj = bpf_object__open_mem(elf, size, NULL);
	assert_non_null(k.obj);
	bpf_object__for_each_program(prog, k.obj)
		bpf_program__set_autoload(prog, false);
	assert_int_equal(tables_prepare(&settings, k.obj), 0);
	assert_int_equal(bpf_object__load(k.obj), 0);
	assert_int_equal(capture_init(&k.capture), 0);
	assert_int_equal(tracker_new(&k.tracker, &k.capture), 0);
	assert_int_equal(tables_open(&k.tables, &settings, k.obj, k.tracker, &k.capture), 0);
	outer = bpf_object__find_map_fd_by_name(k.obj, "segments");
	*state = &k;
	return 0;
}

static int tear_down(void **state)
{
	struct kernel *k = *state;

	tables_free(k->tables);
	tracker_free(k->tracker);
	capture_done(&k->capture);
	bpf_object__close(k->obj);
	return 0;
}

static void ask(struct kernel *k, pid_t pid, uint64_t token, const void *address)
{
	const uint32_t tgid = (uint32_t)pid;
	struct abi_ask a = { .type = ABI_ASK,
			     .tgid = tgid,
			     .space = token,
			     .time = now_ns(),
			     .nr = 1,
			     .addresses = { (uint64_t)(uintptr_t)address } };

	assert_int_equal(tracker_scan(k->tracker, &tgid, 1), 0);
	assert_int_equal(tables_answer(k->tables, &a), 0);
}

static struct walk list_of(struct kernel *k, uint64_t token)
{
	int fd = bpf_object__find_map_fd_by_name(k->obj, "spaces");
	struct walk w = { 0 };

	for (uint32_t i = 0; i < ABI_SPACE_PROBES; i++) {
		uint32_t at = ((uint32_t)token + i) % NR_SPACES;
		struct abi_space s;

		assert_int_equal(bpf_map_lookup_elem(fd, &at, &s), 0);
		if (s.token != token)
			continue;
		w.mappings = (__u32)s.mappings;
		w.nr_mappings = (__u32)(s.mappings >> 32);
	}
	return w;
}

/* The rule at an address of ours, by what the kernel has, is that of the file's own table. */
static void check_rule(struct kernel *k, uint64_t token, const void *address)
{
	_cleanup_(unwind_table_freep) struct unwind_table *u = NULL;
	struct walk w = list_of(k, token);
	uint64_t at = (uint64_t)(uintptr_t)address;
	struct cfi_rule full;
	uint32_t index;
	Dl_info info;
	int fd;

	assert_int_not_equal(dladdr(address, &info), 0);
	fd = open(info.dli_fname, O_RDONLY | O_CLOEXEC);
	assert_int_equal(unwind_compile(fd, 0, &u), 0);
	close(fd);
	assert_true(walk_find_mapping(&w, at));
	assert_int_equal(w.kind, ABI_MAPPING_TABLE);
	for (uint32_t i = 0; i < 64; i++)
		assert_int_equal(
			walk_find_rule(&w, at + i, &index),
			unwind_table_rule(u, at + i - (uint64_t)(uintptr_t)info.dli_fbase, &full));
}

static void test_own(void **state)
{
	struct kernel *k = *state;
	const void *qsort_at = dlsym(RTLD_DEFAULT, "qsort"), *pow_at = dlsym(RTLD_DEFAULT, "pow");

	assert_int_equal(list_of(k, 77).nr_mappings, 0);
	ask(k, getpid(), 77, qsort_at);
	assert_true(list_of(k, 77).nr_mappings > 0);
	check_rule(k, 77, qsort_at);
	usleep(6000);
	ask(k, getpid(), 77, pow_at);
	check_rule(k, 77, pow_at);
	check_rule(k, 77, qsort_at);
	assert_true(tables_memory(k->tables) > 1 << 20);
}

/* One that needs several segments, where there is such a library. */
static void test_large(void **state)
{
	struct kernel *k = *state;
	void *library = dlopen("libLLVM-14.so.1", RTLD_NOW), *code;
	uint64_t begin;

	if (!library) {
		print_message("skipped: no libLLVM-14.so.1\n");
		return;
	}
	code = dlsym(library, "LLVMContextCreate");
	assert_non_null(code);
	begin = now_ns();
	ask(k, getpid(), 44, code);
	print_message("%.1f ms, %.1f MB\n", (double)(now_ns() - begin) / 1e6,
		      (double)tables_memory(k->tables) / 1e6);
	check_rule(k, 44, code);
}

/* A segment that is empty is taken from the kernel; a space that ended is, too. */
static void test_ends(void **state)
{
	struct kernel *k = *state;
	pid_t child = fork();

	if (!child) {
		pause();
		_exit(0);
	}
	ask(k, child, 99, dlsym(RTLD_DEFAULT, "qsort"));
	assert_true(list_of(k, 99).nr_mappings > 0);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	assert_int_equal(tracker_rescan(k->tracker), 0);
	tracker_forget(k->tracker, now_ns() + 3000000000);
	assert_int_equal(tables_tend(k->tables), 0);
	assert_int_equal(list_of(k, 99).nr_mappings, 0);
}

/* libm's code in anonymous memory, as for huge pages. */
static void remap_libm(void *page)
{
	static char copy[4096];

	memcpy(copy, page, sizeof(copy));
	if (mmap(page, sizeof(copy), PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
		_exit(1);
	memcpy(page, copy, sizeof(copy));
	mprotect(page, sizeof(copy), PROT_READ | PROT_EXEC);
}

static void test_continued(void **state)
{
	struct kernel *k = *state;
	void *pow_at = dlsym(RTLD_DEFAULT, "pow"),
	     *page = (void *)((uintptr_t)pow_at & ~(uintptr_t)4095);
	int ready[2];
	pid_t child;
	char byte;

	assert_int_equal(pipe(ready), 0);
	child = fork();
	if (!child) {
		remap_libm(page);
		if (write(ready[1], "", 1) == 1)
			pause();
		_exit(0);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	ask(k, child, 55, pow_at);
	check_rule(k, 55, pow_at);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	close(ready[0]);
	close(ready[1]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(test_own), TEST(test_large), TEST(test_ends),
					    TEST(test_continued) };
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "probe", 4, 4, 1, NULL);

	if (fd < 0) {
		print_message("skipped: no BPF maps: %s\n", strerror(errno));
		return 77;
	}
	close(fd);
	/* So that libm is mapped, whatever the linker thinks of it. */
	if (pow((double)getpid(), 0.5) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
