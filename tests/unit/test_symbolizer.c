// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Raw stacks to named ones: in this process, whose functions have addresses that we know. */
#include "symbol_fixture.h"

#include <dlfcn.h>
#include <link.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#include "symbolize/symbolizer.h"

struct bench {
	struct capture capture;
	struct symbolizer *symbolizer;
	struct profile *profile;
};

static struct profile *make_profile(void)
{
	const struct profile_info info = {
		.mode = "cpu", .values = { { "samples", "count" }, { "cpu", "nanoseconds" } }
	};
	struct profile *p;

	assert_int_equal(profile_new(&p, &info), 0);
	return p;
}

static void bench_init(struct bench *b, const struct symbolizer_settings *settings)
{
	assert_int_equal(capture_init(&b->capture), 0);
	assert_int_equal(symbolizer_new(&b->symbolizer, &b->capture, settings), 0);
	b->profile = make_profile();
}

static void bench_done(struct bench *b)
{
	symbolizer_free(b->symbolizer);
	profile_free(b->profile);
	capture_done(&b->capture);
}

static uint32_t add_object(struct bench *b, enum object_kind kind, const char *path, int fd)
{
	struct object o = { .kind = kind, .path = strdup(path), .fd = fd, .uid = getuid() };
	uint32_t id;

	assert_int_equal(capture_object(&b->capture, &o, &id), 0);
	return id;
}

static struct stack resolve(struct bench *b, const struct raw_frame *frames, uint32_t nr)
{
	uint32_t raw, id;

	assert_int_equal(capture_stack(&b->capture, frames, nr, &raw), 0);
	assert_int_equal(symbolizer_stack(b->symbolizer, raw, b->profile, &id), 0);
	return profile_stack_at(b->profile, id);
}

static const struct frame *frame_at(struct bench *b, struct stack s, uint32_t i)
{
	assert_true(i < s.nr);
	return profile_frame_at(b->profile, s.frames[i]);
}

static void check_name(struct bench *b, struct stack s, uint32_t i, const char *expected)
{
	struct strbuf name = STRBUF_INIT;

	assert_true(i < s.nr);
	profile_frame_name(b->profile, s.frames[i], &name);
	assert_string_equal(strbuf_str(&name), expected);
	strbuf_done(&name);
}

static const struct mapping *mapping_of(struct bench *b, const struct frame *f)
{
	assert_int_not_equal(f->mapping, 0);
	return profile_mapping_at(b->profile, f->mapping - 1);
}

/* Where in the file an address of this process is, by /proc/self/maps. */
static uint64_t file_offset(const void *address, char path[static 4096])
{
	FILE *f = fopen("/proc/self/maps", "re");
	unsigned long long start, end, offset;
	char line[8192];

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%llx-%llx %*s %llx %*s %*s %4095s", &start, &end, &offset,
			   path) == 4 &&
		    (uintptr_t)address >= start && (uintptr_t)address < end) {
			fclose(f);
			return (uintptr_t)address - start + offset;
		}
	fail_msg("%p is not mapped", address);
	return 0;
}

/* Known addresses: a function of ours and one of libc, which the linker found by its name. */
static void test_this_process(void **state)
{
	const struct symbolizer_settings settings = { 0 };
	struct bench b;
	struct raw_frame raw[2] = { 0 };
	char path[4096];
	struct stack s;

	(void)state;
	bench_init(&b, &settings);
	raw[0].offset = file_offset((const void *)dlsym(dlopen("libc.so.6", RTLD_NOLOAD | RTLD_NOW),
							"qsort_r"),
				    path) +
			1;
	raw[0].object = add_object(&b, OBJECT_ELF, path, open(path, O_RDONLY | O_CLOEXEC));
	raw[1].offset = file_offset((const void *)make_profile, path) + 1;
	raw[1].object = add_object(&b, OBJECT_ELF, path, open(path, O_RDONLY | O_CLOEXEC));
	s = resolve(&b, raw, 2);
	assert_int_equal(s.nr, 2);
	check_name(&b, s, 0, "qsort_r");
	check_name(&b, s, 1, "make_profile");
	assert_int_equal(frame_at(&b, s, 0)->kind, FRAME_NATIVE);
	assert_string_equal(profile_string_at(b.profile, mapping_of(&b, frame_at(&b, s, 1))->path),
			    path);
	bench_done(&b);
}

static void test_kinds(void **state)
{
	const struct symbolizer_settings settings = { 0 };
	struct bench b;
	struct raw_frame raw[4] = { 0 };
	struct stack s;
	int map = memfd_create("map", MFD_CLOEXEC);

	(void)state;
	bench_init(&b, &settings);
	/* A runtime's name that looks mangled is its own affair. */
	assert_int_equal(write(map, "1000 10 _Z1fv x\n", 16), 16);
	raw[0] = (struct raw_frame){ .offset = 0x1008,
				     .object = add_object(&b, OBJECT_JIT, "//anon", map) };
	raw[1] = (struct raw_frame){ .offset = 0x5000, .object = raw[0].object };
	raw[2] = (struct raw_frame){ .offset = 0x7000,
				     .object = add_object(&b, OBJECT_NONE, "", -1) };
	raw[3].object = add_object(&b, OBJECT_MARK, "[stack lost]", -1);
	s = resolve(&b, raw, 4);
	assert_int_equal(s.nr, 4);
	check_name(&b, s, 0, "_Z1fv x");
	check_name(&b, s, 1, "[jit+0x5000]");
	check_name(&b, s, 2, "[unknown+0x7000]");
	check_name(&b, s, 3, "[stack lost]");
	assert_int_equal(frame_at(&b, s, 0)->kind, FRAME_JIT);
	assert_int_equal(frame_at(&b, s, 1)->kind, FRAME_JIT);
	assert_int_equal(frame_at(&b, s, 2)->kind, FRAME_NATIVE);
	assert_int_equal(frame_at(&b, s, 2)->function, 0);
	assert_int_equal(frame_at(&b, s, 3)->kind, FRAME_MARK);
	assert_int_equal(frame_at(&b, s, 3)->mapping, 0);
	bench_done(&b);
}

static void test_kernel(void **state)
{
	const struct symbolizer_settings settings = { 0 };
	struct bench b;
	struct raw_frame raw[2] = { { 0 }, { .offset = 16 } };
	char line[512];
	FILE *f = fopen("/proc/kallsyms", "re");
	unsigned long long address = 0;
	struct stack s;

	(void)state;
	while (f && fgets(line, sizeof(line), f))
		if (strstr(line, " do_nanosleep\n"))
			address = strtoull(line, NULL, 16);
	if (f)
		fclose(f);
	raw[0].offset = address + 1;
	bench_init(&b, &settings);
	s = resolve(&b, raw, 2);
	assert_int_equal(s.nr, 2);
	check_name(&b, s, 1, "[kernel+0x10]");
	assert_int_equal(frame_at(&b, s, 0)->kind, FRAME_KERNEL);
	if (address)
		check_name(&b, s, 0, "do_nanosleep");
	else
		print_message("/proc/kallsyms hides addresses from this user\n");
	assert_string_equal(profile_string_at(b.profile, mapping_of(&b, frame_at(&b, s, 0))->path),
			    "[kernel]");
	bench_done(&b);
}

static void test_vdso(void **state)
{
	const struct symbolizer_settings settings = { 0 };
	void *vdso = dlopen("linux-vdso.so.1", RTLD_NOLOAD | RTLD_NOW);
	const char *base = (const char *)getauxval(AT_SYSINFO_EHDR);
	const char *function = vdso ? dlsym(vdso, "__vdso_gettimeofday") : NULL;
	struct bench b;
	struct raw_frame raw[2] = { 0 };
	struct stack s;

	(void)state;
	if (!base || !function)
		skip();
	bench_init(&b, &settings);
	raw[0].object = raw[1].object = add_object(&b, OBJECT_VDSO, "[vdso]", -1);
	raw[0].offset = (uint64_t)(function - base) + 2;
	raw[1].offset = 1;
	s = resolve(&b, raw, 2);
	check_name(&b, s, 0, "__vdso_gettimeofday");
	check_name(&b, s, 1, "[vdso+0x1]");
	bench_done(&b);
}

/* The same stack into another profile, also into one at the place where a freed one was. */
static void test_other_profiles(void **state)
{
	const struct symbolizer_settings settings = { 0 };
	struct bench b;
	struct raw_frame raw[2] = { 0 };

	(void)state;
	bench_init(&b, &settings);
	raw[0].object = add_object(&b, OBJECT_MARK, "[a]", -1);
	raw[1].object = add_object(&b, OBJECT_MARK, "[b]", -1);
	for (int i = 0; i < 8; i++) {
		struct profile *kept = b.profile;
		struct stack s;

		if (i % 2) {
			/* Ids in it are others than those of the profile before. */
			b.profile = make_profile();
			resolve(&b, &raw[1], 1);
		}
		s = resolve(&b, raw, 2);
		check_name(&b, s, 0, "[a]");
		check_name(&b, s, 1, "[b]");
		if (i % 2)
			profile_free(kept);
		if (i % 4 == 2) {
			profile_free(b.profile);
			b.profile = make_profile();
		}
	}
	bench_done(&b);
}

/* A file that can't be read costs its own names only. */
static void test_unreadable(void **state)
{
	const struct symbolizer_settings settings = { 0 };
	struct bench b;
	struct raw_frame raw[3] = { { .offset = 0x1234 }, { .offset = 0x10 }, { .offset = 0x20 } };
	struct stack s;

	(void)state;
	bench_init(&b, &settings);
	raw[0].object = add_object(&b, OBJECT_ELF, "/gone/lib.so (deleted)", -1);
	raw[1].object = add_object(&b, OBJECT_ELF, "/dev/null", open("/dev/null", O_RDONLY));
	raw[2].object = add_object(&b, OBJECT_JIT, "//anon", -1);
	s = resolve(&b, raw, 3);
	check_name(&b, s, 0, "[lib.so (deleted)+0x1234]");
	check_name(&b, s, 1, "[null+0x10]");
	check_name(&b, s, 2, "[jit+0x20]");
	bench_done(&b);
}

/* Two mounts of one file: the second is not read again. */
static void test_same_build_id(void **state)
{
	const struct symbolizer_settings settings = { .no_lines = true };
	const char *path = WORKLOADS "/symbols_lazy";
	struct raw_frame raw = { .offset = 0x1100 };
	struct bench b;
	size_t one, two;

	(void)state;
	bench_init(&b, &settings);
	raw.object = add_object(&b, OBJECT_ELF, path, open(path, O_RDONLY | O_CLOEXEC));
	resolve(&b, &raw, 1);
	one = symbolizer_memory(b.symbolizer);
	raw.object = add_object(&b, OBJECT_ELF, "/other", open(path, O_RDONLY | O_CLOEXEC));
	resolve(&b, &raw, 1);
	two = symbolizer_memory(b.symbolizer);
	assert_int_equal(one, two);
	bench_done(&b);
}

/* The line of a function, from its DWARF. */
static void test_lines(void **state)
{
	const char *path = WORKLOADS "/symbols_lazy";
	char said[4096] = "";
	FILE *f = run_command("a=$(nm '%1$s' | sed -n 's/ T global_function//p'); echo -n $a;"
			      " addr2line -e '%1$s' $a",
			      path);
	struct raw_frame raw = { 0 };
	struct bench b;
	struct stack s;

	(void)state;
	assert_non_null(fgets(said, sizeof(said), f));
	pclose(f);
	assert_non_null(strrchr(said, ':'));
	for (int no_lines = 0; no_lines < 2; no_lines++) {
		const struct symbolizer_settings settings = { .no_lines = no_lines };
		const struct frame *frame;

		bench_init(&b, &settings);
		raw.object = add_object(&b, OBJECT_ELF, path, open(path, O_RDONLY | O_CLOEXEC));
		/* A program that is linked at 0x400000, whose segments stand as in the file. */
		raw.offset = strtoull(said, NULL, 16) - 0x400000;
		s = resolve(&b, &raw, 1);
		check_name(&b, s, 0, "global_function");
		frame = frame_at(&b, s, 0);
		assert_int_equal(frame->address, raw.offset + 0x400000);
		assert_int_equal(frame->line, no_lines ? 0 : atoi(strrchr(said, ':') + 1));
		if (!no_lines)
			assert_non_null(
				strstr(profile_string_at(b.profile, frame->file), "symbols.c"));
		bench_done(&b);
	}
}

/* Memory is bounded: lines go first, then names; both is said. */
static void test_max_memory(void **state)
{
	char path[4096];
	uint64_t offset = file_offset((const void *)make_profile, path);
	size_t bounds[] = { 0, 1 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bounds); i++) {
		bool limited = false;
		const struct symbolizer_settings settings = { .max_memory = bounds[i],
							      .ret_limited = &limited };
		struct raw_frame raw = { .offset = offset };
		struct bench b;

		bench_init(&b, &settings);
		raw.object = add_object(&b, OBJECT_ELF, path, open(path, O_RDONLY | O_CLOEXEC));
		resolve(&b, &raw, 1);
		raw.offset++;
		if (bounds[i]) {
			assert_true(limited);
			/* 0 names are left, and what is held is small. */
			assert_int_equal(frame_at(&b, resolve(&b, &raw, 1), 0)->function, 0);
			assert_true(symbolizer_memory(b.symbolizer) < 64 << 10);
		} else {
			check_name(&b, resolve(&b, &raw, 1), 0, "make_profile");
			assert_false(limited);
		}
		bench_done(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_this_process),   cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_kernel),	       cmocka_unit_test(test_vdso),
		cmocka_unit_test(test_other_profiles), cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_same_build_id),  cmocka_unit_test(test_lines),
		cmocka_unit_test(test_max_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
