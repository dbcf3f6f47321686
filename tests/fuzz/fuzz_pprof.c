// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * fuzz_pprof [ROUNDS [SEED]]: saved profiles are mutated and read; what is read as a
 * profile is written in every format. The same arguments do the same; built
 * with sanitizers it finds what a crash alone does not.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "../unit/synthetic.h"
#include "base/array.h"
#include "pprof/gzip.h"
#include "pprof/pprof.h"

enum { NR_SEEDS = 2, MAX_MS = 2000 };

static uint64_t state;

static uint64_t below(uint64_t n)
{
	state ^= state << 13, state ^= state >> 7, state ^= state << 17;
	return n ? state % n : 0;
}

static struct profile *make_cpu(void)
{
	struct profile *p = new_profile(&cpu_info);
	uint32_t lib = mapping(p, "/lib/x.so", "00ff"), kernel = mapping(p, "[kernel]", "");
	uint32_t frames[] = { frame(p, FRAME_KERNEL, "do_sys", kernel, 1, "", 0),
			      frame(p, FRAME_KERNEL, "", kernel, 2, "", 0),
			      frame(p, FRAME_INLINED, "in", lib, 3, "a.h", 3),
			      frame(p, FRAME_NATIVE, "out", lib, 3, "a.c", 4),
			      frame(p, FRAME_NATIVE, "", lib, 5, "", 0),
			      frame(p, FRAME_JIT, "jit", 0, 6, "", 0),
			      frame(p, FRAME_INTERPRETER, "run", 0, 0, "m.py", 7),
			      frame(p, FRAME_MARK, "[stack lost]", 0, 0, "", 0) };

	for (uint32_t i = 1; i <= ARRAY_SIZE(frames); i++)
		sample(p, stack_n(p, i, frames), who(p, i, i, "worker"), i, i * 10101010);
	return p;
}

static struct profile *make_io(void)
{
	struct profile *p = new_profile(&io_info);
	uint32_t set = labels(p, (const char *[]){ "device", "vda", "op", "read", NULL });

	for (uint32_t i = 0; i < 8; i++)
		latency(p, 0, who(p, i, i, "fio"), set, 1ull << (i * 7));
	return p;
}

static struct strbuf plain_bytes(struct profile *p)
{
	struct strbuf gzipped = STRBUF_INIT, plain = STRBUF_INIT;
	size_t size;
	char *bytes = exported(p, "pprof", false, &size);

	strbuf_add(&gzipped, bytes, size);
	assert_int_equal(gzip_inflate(&gzipped, 1 << 20, &plain), 0);
	strbuf_done(&gzipped);
	free(bytes);
	profile_free(p);
	return plain;
}

/* Varints at the edges of what fields can hold. */
static size_t put_varint(char *to, size_t room)
{
	static const uint64_t edges[] = { 0,	     1,		 2,	    127,
					  128,	     65535,	 1u << 31,  UINT32_MAX,
					  INT64_MAX, 1ull << 63, UINT64_MAX };
	uint64_t v = edges[below(ARRAY_SIZE(edges))];
	size_t n = 0;

	do {
		if (n == room)
			break;
		to[n++] = (char)((v & 0x7f) | (v > 0x7f ? 0x80 : 0));
	} while (v >>= 7);
	return n;
}

static void mutate(struct strbuf *b, const struct strbuf *other)
{
	size_t at = below(b->len), n = below(24) + 1;

	n = n < b->len - at ? n : b->len - at;
	switch (below(7)) {
	case 0:
		b->buf[at] ^= (char)(1 << below(8));
		break;
	case 1:
		b->buf[at] = (char)below(256);
		break;
	case 2:
		put_varint(b->buf + at, b->len - at);
		break;
	case 3:
		memmove(b->buf + at, b->buf + below(b->len - n + 1), n);
		break;
	case 4:
		n = n < other->len ? n : other->len;
		n = n < b->len - at ? n : b->len - at;
		memcpy(b->buf + at, other->buf + below(other->len - n + 1), n);
		break;
	case 5:
		memmove(b->buf + at, b->buf + at + n, b->len - at - n);
		b->len -= b->len - n ? n : 0;
		break;
	case 6:
		/* A part of the message once more: protobuf takes it as more of the same. */
		strbuf_reserve(b, n);
		memmove(b->buf + at + n, b->buf + at, b->len - at);
		b->len += n;
		break;
	}
}

static void put_file(int fd, const struct strbuf *b, bool gzipped)
{
	FILE *f;
	struct gzip_out g;

	assert_int_equal(ftruncate(fd, 0), 0);
	f = fdopen(dup(fd), "w");
	assert_non_null(f);
	rewind(f);
	if (gzipped) {
		assert_int_equal(gzip_out_init(&g, f), 0);
		assert_int_equal(gzip_out_add(&g, b->buf, b->len, true), 0);
		gzip_out_done(&g);
	} else {
		fwrite(b->buf, 1, b->len, f);
	}
	fclose(f);
}

/* True: it was a profile. */
static bool read_and_write(const char *path)
{
	struct strbuf error = STRBUF_INIT;
	struct profile *p = NULL;
	int r = pprof_read(path, &p, &error);

	assert_int_equal(r < 0, !p);
	assert_int_equal(r<0, error.len> 0);
	if (p)
		for (const struct exporter *const *e = exporters; *e; e++)
			free(exported(p, (*e)->name, true, NULL));
	profile_free(p);
	strbuf_done(&error);
	return r == 0;
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void fuzz(unsigned rounds, int fd, const char *path)
{
	struct strbuf seeds[NR_SEEDS] = { plain_bytes(make_cpu()), plain_bytes(make_io()) };
	unsigned nr_good = 0;
	uint64_t slowest = 0;

	for (unsigned i = 0; i < rounds; i++) {
		const struct strbuf *seed = &seeds[i % NR_SEEDS];
		struct strbuf b = STRBUF_INIT;
		uint64_t start = now_ms(), took;

		strbuf_add(&b, seed->buf, seed->len);
		for (uint64_t n = below(2) ? 1 : below(6) + 1; n; n--)
			mutate(&b, &seeds[(i + 1) % NR_SEEDS]);
		put_file(fd, &b, i % 8 == 0);
		nr_good += read_and_write(path);
		took = now_ms() - start;
		slowest = took > slowest ? took : slowest;
		strbuf_done(&b);
	}
	printf("%u rounds, %u read as a profile, slowest %llu ms\n", rounds, nr_good,
	       (unsigned long long)slowest);
	/* A mutation that nothing survives would test only the first check. */
	assert_true(nr_good > rounds / 100 && nr_good < rounds);
	assert_true(slowest < MAX_MS);
	for (unsigned i = 0; i < NR_SEEDS; i++)
		strbuf_done(&seeds[i]);
}

static unsigned nr_rounds = 20000;

static void mutated_files_are_read_or_refused(void **unused)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	char path[64];

	(void)unused;
	assert_true(fd >= 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	fuzz(nr_rounds, fd, path);
	close(fd);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(mutated_files_are_read_or_refused) };

	if (argc > 1)
		nr_rounds = (unsigned)strtoul(argv[1], NULL, 10);
	state = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
	state = state ? state : 88172645463325252u;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
