// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What is written is read back; what is cut, stretched or no profile gives one line. */
#include "pprof/pprof.h"

#include <errno.h>
#include <unistd.h>
#include <zlib.h>

#include "base/array.h"
#include "synthetic.h"

static char path[] = "/tmp/bpfprof-test-pprof-XXXXXX";

static void put(const void *bytes, size_t size)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, size, f), size);
	assert_int_equal(fclose(f), 0);
}

static struct profile *reread(const struct profile *p)
{
	struct strbuf error = STRBUF_INIT;
	struct profile *back = NULL;
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(pprof_write(p, f), 0);
	assert_int_equal(fclose(f), 0);
	if (pprof_read(path, &back, &error) < 0)
		fail_msg("%s", strbuf_str(&error));
	strbuf_done(&error);
	return back;
}

/* A bad file: an error, one line with the path, and no profile. */
static void check_bad(int want, const char *words)
{
	struct strbuf error = STRBUF_INIT;
	struct profile *p = NULL;

	assert_int_equal(pprof_read(path, &p, &error), want);
	assert_null(p);
	assert_non_null(strstr(strbuf_str(&error), path));
	assert_non_null(strstr(strbuf_str(&error), words));
	assert_null(strchr(strbuf_str(&error), '\n'));
	strbuf_done(&error);
}

static void assert_equal_frames(const struct profile *a, uint32_t x, const struct profile *b,
				uint32_t y)
{
	const struct frame *f = profile_frame_at(a, x), *g = profile_frame_at(b, y);

	assert_int_equal(f->address, g->address);
	assert_int_equal(f->kind, g->kind);
	assert_int_equal(f->line, g->line);
	assert_int_equal(f->first_line, g->first_line);
	assert_int_equal(!f->function, !g->function);
	assert_string_equal(profile_string_at(a, f->function), profile_string_at(b, g->function));
	assert_string_equal(profile_string_at(a, f->file), profile_string_at(b, g->file));
	assert_int_equal(!f->mapping, !g->mapping);
	if (f->mapping) {
		const struct mapping *m = profile_mapping_at(a, f->mapping - 1);
		const struct mapping *n = profile_mapping_at(b, g->mapping - 1);

		assert_string_equal(profile_string_at(a, m->path), profile_string_at(b, n->path));
		assert_string_equal(profile_string_at(a, m->build_id),
				    profile_string_at(b, n->build_id));
		assert_true(m->start == n->start && m->limit == n->limit && m->offset == n->offset);
	}
}

static void assert_equal_samples(const struct profile *a, const struct profile *b, uint32_t i)
{
	const struct sample *s = profile_sample_at(a, i), *t = profile_sample_at(b, i);
	struct stack x = profile_stack_at(a, s->stack), y = profile_stack_at(b, t->stack);
	struct label_set l = profile_labels_at(a, s->labels), m = profile_labels_at(b, t->labels);
	const struct who *v = profile_who_at(a, s->who), *w = profile_who_at(b, t->who);

	assert_int_equal(x.nr, y.nr);
	for (uint32_t k = 0; k < x.nr; k++)
		assert_equal_frames(a, x.frames[k], b, y.frames[k]);
	assert_int_equal(l.nr, m.nr);
	for (uint32_t k = 0; k < l.nr; k++) {
		assert_string_equal(profile_string_at(a, l.labels[k].name),
				    profile_string_at(b, m.labels[k].name));
		assert_string_equal(profile_string_at(a, l.labels[k].value),
				    profile_string_at(b, m.labels[k].value));
	}
	assert_int_equal(v->pid, w->pid);
	assert_int_equal(v->tid, w->tid);
	assert_string_equal(profile_string_at(a, v->comm), profile_string_at(b, w->comm));
	assert_string_equal(profile_string_at(a, v->container), profile_string_at(b, w->container));
	assert_string_equal(profile_string_at(a, v->cgroup), profile_string_at(b, w->cgroup));
	assert_int_equal(s->bucket, t->bucket);
	assert_true(s->count == t->count && s->total == t->total);
	assert_true(s->min == t->min && s->max == t->max);
}

static void assert_equal(const struct profile *a, const struct profile *b)
{
	static const char *const formats[] = { "folded", "json", "speedscope" };
	const struct profile_info *x = profile_facts(a), *y = profile_facts(b);

	assert_int_equal(profile_nr_samples(a), profile_nr_samples(b));
	for (uint32_t i = 0; i < profile_nr_samples(a); i++)
		assert_equal_samples(a, b, i);
	assert_int_equal(x->time_ns, y->time_ns);
	assert_int_equal(x->period, y->period);
	assert_memory_equal(&x->quality, &y->quality, sizeof(x->quality));
	for (unsigned i = 0; i < 6; i++) {
		char *one = exported(a, formats[i % 3], i > 2, NULL);
		char *two = exported(b, formats[i % 3], i > 2, NULL);

		assert_string_equal(one, two);
		free(one);
		free(two);
	}
}

static void cpu_comes_back(void **state)
{
	struct profile *p = new_profile(&cpu_info), *back;
	uint32_t kernel = mapping(p, "[kernel]", ""), lib = mapping(p, "/lib/x.so", "00ff12");
	uint32_t jit = mapping(p, "[jit]", "");
	uint32_t frames[] = {
		frame(p, FRAME_KERNEL, "do_sys", kernel, 0xffffffff81000010, "", 0),
		frame(p, FRAME_KERNEL, "", kernel, 0xffffffff81000020, "", 0),
		frame(p, FRAME_INLINED, "in1", lib, 0x1234, "a.h", 3),
		frame(p, FRAME_INLINED, "in2", lib, 0x1234, "b.h", 4),
		frame(p, FRAME_NATIVE, "outer", lib, 0x1234, "a.c", 5),
		frame(p, FRAME_NATIVE, "", lib, 0x2000, "", 0),
		frame(p, FRAME_NATIVE, "", lib, 0x2000, "known.c", 9),
		frame(p, FRAME_JIT, "LazyCompile", jit, 0x7f0000001000, "x.js", 1),
		frame(p, FRAME_JIT, "", jit, 0x7f0000002000, "", 0),
		interpreted(p, "run", "m.py", 70, 77),
		interpreted(p, "run", "m.py", 70, 78),
		interpreted(p, "run", "m.py", 0, 78),
		interpreted(p, "", "m.py", UINT32_MAX, 78),
		frame(p, FRAME_NATIVE, "", 0, 0xdead, "", 0),
		frame(p, FRAME_MARK, "[stack lost]", 0, 0, "", 0),
		/* Inlined into nothing, twice; then one at another address. */
		frame(p, FRAME_INLINED, "lone", lib, 0x3000, "", 0),
		frame(p, FRAME_INLINED, "lone2", lib, 0x3000, "", 0),
		frame(p, FRAME_INLINED, "", lib, 0x3001, "", 0),
	};

	(void)state;
	for (uint32_t i = 0; i <= ARRAY_SIZE(frames); i++)
		for (uint32_t k = 0; k < i; k++)
			sample(p, stack_n(p, i - k, frames + k), who(p, i, k, "worker"), i + 1, k);
	for (unsigned i = 0; i < QUALITY_COUNT; i++)
		profile_info(p)->quality.n[i] = i * 1000003;
	back = reread(p);
	assert_equal(p, back);
	assert_string_equal(profile_facts(back)->mode, "cpu");
	assert_string_equal(profile_facts(back)->host, "box 6.18");
	assert_string_equal(profile_facts(back)->command, "bpfprof cpu -d 10");
	profile_free(p);
	profile_free(back);
}

static void io_comes_back(void **state)
{
	struct profile *p = new_profile(&io_info), *back;
	uint32_t set[] = { labels(p, (const char *[]){ "device", "vda", "op", "read", NULL }),
			   labels(p, (const char *[]){ "device", "vdb", "op", "", NULL }),
			   labels(p, (const char *[]){ "device", "1", "device", "2", NULL }) };
	struct who w = { .pid = UINT32_MAX,
			 .tid = 0,
			 .comm = text(p, "fio"),
			 .container = text(p, "0123abc"),
			 .cgroup = text(p, "/sys.slice/x") };
	uint64_t seed = 99;
	uint32_t id;

	(void)state;
	assert_int_equal(profile_who(p, &w, &id), 0);
	for (unsigned i = 0; i < 3000; i++) {
		seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
		latency(p, 0, i % 2 ? id : who(p, 0, 0, "swapper/0"), set[i % 3],
			i < 64 ? i : (seed >> 12) >> i % 50);
	}
	back = reread(p);
	assert_equal(p, back);
	assert_true(profile_has_distribution(back));
	profile_free(p);
	profile_free(back);
}

static void hostile_names_come_back(void **state)
{
	static const char *const names[] = {
		"kernel:foo",
		"kernel:",
		"jit:x",
		"native:",
		":",
		"a;b\nc 7",
		"\x1b[2J\x7f",
		"\"\\/",
		"bpfprof mode=x",
		"%s%n%d",
		"µ€\xf0\x9f\x94\xa5",
		"[kernel+0x10]",
		"std::map<a, b>::operator[](int)",
		" ",
	};
	struct profile *p = new_profile(&cpu_info), *back;
	uint32_t stack[64], nr = 0;

	(void)state;
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		uint32_t m = mapping(p, names[i], names[i]);

		for (unsigned kind = 0; kind < FRAME_KINDS; kind++)
			stack[kind] = frame(p, (enum frame_kind)kind, names[i], m, i, names[i], i);
		nr = FRAME_KINDS;
		sample(p, stack_n(p, nr, stack), who(p, i, i, names[i]), 1, 1);
	}
	profile_info(p)->command = names[5];
	back = reread(p);
	assert_equal(p, back);
	profile_free(p);
	profile_free(back);
}

/* The format is UTF-8, or other tools refuse the file: such bytes come back as every output shows
 * them. */
static void bytes_that_are_no_utf8_look_the_same(void **state)
{
	struct profile *p = new_profile(&cpu_info), *back;
	char *one, *two;

	(void)state;
	sample(p, stack_of(p, frame(p, FRAME_NATIVE, "a\xff\xc3(\xe2\x82", 0, 1, "\xfe", 1)),
	       who(p, 1, 1, "\x80"), 1, 1);
	back = reread(p);
	for (unsigned i = 0; i < 2; i++) {
		one = exported(p, i ? "json" : "folded", true, NULL);
		two = exported(back, i ? "json" : "folded", true, NULL);
		assert_string_equal(one, two);
		free(one);
		free(two);
	}
	profile_free(p);
	profile_free(back);
}

static void nothing_comes_back(void **state)
{
	struct profile *p = new_profile(&cpu_info), *back = reread(p);

	(void)state;
	assert_equal(p, back);
	profile_free(p);
	profile_free(back);
}

static void the_same_profile_is_the_same_file(void **state)
{
	struct profile *p = new_profile(&cpu_info);
	size_t a, b;
	char *one, *two;

	(void)state;
	sample(p, stack_of(p, frame(p, FRAME_NATIVE, "a", 0, 1, "", 1)), who(p, 1, 1, "a"), 1, 1);
	one = exported(p, "pprof", false, &a);
	two = exported(p, "pprof", false, &b);
	assert_int_equal(a, b);
	assert_memory_equal(one, two, a);
	free(one);
	free(two);
	profile_free(p);
}

static void every_cut_is_an_error(void **state)
{
	struct profile *p = new_profile(&cpu_info);
	size_t size;
	char *bytes;

	(void)state;
	for (uint32_t i = 0; i < 20; i++)
		sample(p, stack_of(p, frame(p, FRAME_NATIVE, "f", 0, i * 77, "", 1)),
		       who(p, i, i, "a"), 1, 1);
	bytes = exported(p, "pprof", false, &size);
	for (size_t i = 2; i < size; i++) {
		put(bytes, i);
		check_bad(-ENODATA, "truncated");
	}
	put(bytes, 0);
	check_bad(-ENODATA, "empty");
	bytes[size - 6] ^= 1;
	put(bytes, size);
	check_bad(-EBADMSG, "damaged");
	free(bytes);
	profile_free(p);
}

static void put_gzipped_zeros(size_t mib)
{
	gzFile f = gzopen(path, "w9");
	static char zeros[1 << 20];

	assert_non_null(f);
	for (size_t i = 0; i < mib; i++)
		assert_int_equal(gzwrite(f, zeros, sizeof(zeros)), sizeof(zeros));
	assert_int_equal(gzclose(f), Z_OK);
}

/* A few hundred KiB that become more than is ever read. */
static void bombs_are_bounded(void **state)
{
	(void)state;
	put_gzipped_zeros(257);
	check_bad(-EFBIG, "larger");
}

/* Two bytes each for millions of samples, each of which takes a hundred in memory. */
static void many_empty_messages_are_bounded(void **state)
{
	enum { SIZE = 64 << 20 };
	gzFile f = gzopen(path, "w1");
	char *pairs = malloc(SIZE);

	(void)state;
	assert_non_null(f);
	assert_non_null(pairs);
	for (size_t i = 0; i < SIZE; i += 2)
		pairs[i] = 0x12, pairs[i + 1] = 0;
	assert_int_equal(gzwrite(f, pairs, SIZE), SIZE);
	assert_int_equal(gzclose(f), Z_OK);
	free(pairs);
	check_bad(-EFBIG, "more memory");
}

/* 90 times a location of 700 lines, in each of thousands of samples: 400 KiB, 300 million frames.
 */
static void many_frames_are_bounded(void **state)
{
	static const char start[] = "\x0a\x00\x32\x00\x22\xfa\x0a\x08\x01";
	static const char sample_start[] = "\x12\x5f\x12\x01\x01\x0a\x5a";
	struct strbuf b = STRBUF_INIT;

	(void)state;
	strbuf_add(&b, start, sizeof(start) - 1);
	for (unsigned i = 0; i < 700; i++)
		strbuf_add(&b, "\x22\x00", 2);
	for (unsigned i = 0; i < 4500; i++) {
		strbuf_add(&b, sample_start, sizeof(sample_start) - 1);
		for (unsigned k = 0; k < 90; k++)
			strbuf_addch(&b, 1);
	}
	put(b.buf, b.len);
	check_bad(-EFBIG, "more frames");
	strbuf_done(&b);
}

/* Each of them would get a histogram of 8 KiB. */
static void many_distributions_are_bounded(void **state)
{
	struct profile *p = new_profile(&io_info);
	size_t size;
	char *bytes;

	(void)state;
	for (unsigned i = 0; i <= 1 << 14; i++) {
		char name[16];

		snprintf(name, sizeof(name), "%u", i);
		latency(p, 0, who(p, 1, 1, "x"), labels(p, (const char *[]){ "n", name, NULL }), 9);
	}
	bytes = exported(p, "pprof", false, &size);
	put(bytes, size);
	check_bad(-EFBIG, "more distributions");
	free(bytes);
	profile_free(p);
}

static void other_files_are_no_profiles(void **state)
{
	static const char *const texts[] = { "hello\n", "{\"a\": 1}",
					     "\x7f"
					     "ELF",
					     "\x08\x01" };

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		put(texts[i], strlen(texts[i]));
		check_bad(-EBADMSG, "no pprof profile");
	}
	unlink(path);
	check_bad(-ENOENT, "No such file");
	put("", 0);
}

static int make_file(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cpu_comes_back),
		cmocka_unit_test(io_comes_back),
		cmocka_unit_test(hostile_names_come_back),
		cmocka_unit_test(bytes_that_are_no_utf8_look_the_same),
		cmocka_unit_test(nothing_comes_back),
		cmocka_unit_test(the_same_profile_is_the_same_file),
		cmocka_unit_test(every_cut_is_an_error),
		cmocka_unit_test(bombs_are_bounded),
		cmocka_unit_test(many_empty_messages_are_bounded),
		cmocka_unit_test(many_frames_are_bounded),
		cmocka_unit_test(many_distributions_are_bounded),
		cmocka_unit_test(other_files_are_no_profiles),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
