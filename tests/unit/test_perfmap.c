// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "symbol_fixture.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#include "symbolize/perfmap.h"

static int file_of(const char *text, size_t size)
{
	int fd = memfd_create("perf-map", MFD_CLOEXEC);

	assert_int_equal(write(fd, text, size), size);
	return fd;
}

static struct perfmap read_text(const char *text)
{
	int fd = file_of(text, strlen(text));
	struct perfmap m;

	assert_int_equal(perfmap_read(&m, fd, getuid(), 0), 0);
	close(fd);
	return m;
}

static void check(const struct perfmap *m, uint64_t address, const char *name)
{
	const char *found = perfmap_find(m, address);

	if (name)
		assert_string_equal(found, name);
	else
		assert_null(found);
}

static void test_names(void **state)
{
	struct perfmap m = read_text("1000 20 LazyCompile:*foo /app/x.js:1:2\n"
				     "0x2000 0x10 with prefix\n"
				     "ABCD 1 upper\n");

	(void)state;
	check(&m, 0xfff, NULL);
	check(&m, 0x1000, "LazyCompile:*foo /app/x.js:1:2");
	check(&m, 0x101f, "LazyCompile:*foo /app/x.js:1:2");
	check(&m, 0x1020, NULL);
	check(&m, 0x200f, "with prefix");
	check(&m, 0xabcd, "upper");
	perfmap_done(&m);
}

static void test_last_wins(void **state)
{
	struct perfmap m = read_text("1000 100 old\n"
				     "1040 20 inner\n"
				     "10f0 20 next\n"
				     "1040 8 newest\n"
				     "1048 100 wide\n");

	(void)state;
	check(&m, 0x1000, "old");
	check(&m, 0x103f, "old");
	check(&m, 0x1040, "newest");
	check(&m, 0x1047, "newest");
	check(&m, 0x1048, "wide");
	check(&m, 0x10f8, "wide");
	check(&m, 0x1147, "wide");
	check(&m, 0x1148, NULL);
	perfmap_done(&m);
}

/* Against the plain way: the last line that holds the address. */
static void test_random_overlaps(void **state)
{
	enum { NR = 400, RANGE = 0x1000 };
	static uint64_t starts[NR], sizes[NR];
	struct strbuf text = STRBUF_INIT;
	struct perfmap m;

	(void)state;
	srand(3);
	for (int i = 0; i < NR; i++) {
		starts[i] = (uint64_t)(rand() % RANGE);
		sizes[i] = 1 + (uint64_t)(rand() % 64);
		strbuf_addf(&text, "%llx %llx f%d\n", (unsigned long long)starts[i],
			    (unsigned long long)sizes[i], i);
	}
	m = read_text(strbuf_str(&text));
	for (uint64_t a = 0; a < RANGE + 128; a++) {
		char name[16];
		int last = -1;

		for (int i = 0; i < NR; i++)
			if (a >= starts[i] && a - starts[i] < sizes[i])
				last = i;
		snprintf(name, sizeof(name), "f%d", last);
		check(&m, a, last < 0 ? NULL : name);
	}
	strbuf_done(&text);
	perfmap_done(&m);
}

static void test_garbage(void **state)
{
	struct perfmap m = read_text("\n\n  \nxyz 10 a\n1000\n1000 \n1000 10\n1000 10 \n"
				     "1000 0 zero\n-5 10 minus\n1000 10zz b\n"
				     "11111111111111111 10 long\n"
				     "ffffffffffffff00 200 wraps\n"
				     "2000 10 good\n"
				     "3000 10 still being writt");

	(void)state;
	check(&m, 0x1000, NULL);
	check(&m, 0xffffffffffffff80, NULL);
	check(&m, 0x2000, "good");
	check(&m, 0x3000, NULL);
	perfmap_done(&m);
}

static void test_random_bytes(void **state)
{
	static char bytes[200000];
	static const char likely[] = "0123456789abcdef x\n \n";

	(void)state;
	srand(11);
	for (int round = 0; round < 20; round++) {
		struct perfmap m;
		int fd;

		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = round % 2 ? (char)rand()
					     : likely[(size_t)rand() % (sizeof(likely) - 1)];
		fd = file_of(bytes, sizeof(bytes));
		assert_int_equal(perfmap_read(&m, fd, getuid(), 0), 0);
		for (uint64_t a = 0; a < 4096; a++)
			perfmap_find(&m, a);
		perfmap_done(&m);
		close(fd);
	}
}

static void test_long_line(void **state)
{
	struct strbuf text = STRBUF_INIT;
	struct perfmap m;

	(void)state;
	strbuf_adds(&text, "1000 10 ");
	for (int i = 0; i < 200000; i++)
		strbuf_addch(&text, 'n');
	strbuf_adds(&text, "\n2000 10 good\n");
	m = read_text(strbuf_str(&text));
	check(&m, 0x2000, "good");
	perfmap_done(&m);
	strbuf_done(&text);
}

static void test_owner(void **state)
{
	struct perfmap m;
	int fd = file_of("1000 10 a\n", 10), ends[2];

	(void)state;
	if (getuid() != 0)
		assert_int_equal(perfmap_read(&m, fd, getuid() + 1, 0), -EPERM);
	else {
		/* Root's file is good for all, another's only for its owner. */
		assert_int_equal(perfmap_read(&m, fd, 12345, 0), 0);
		perfmap_done(&m);
		assert_int_equal(fchown(fd, 12346, (gid_t)-1), 0);
		assert_int_equal(perfmap_read(&m, fd, 12345, 0), -EPERM);
		assert_int_equal(perfmap_read(&m, fd, 12346, 0), 0);
		perfmap_done(&m);
	}
	close(fd);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(perfmap_read(&m, ends[0], getuid(), 0), -EPERM);
	close(ends[0]);
	close(ends[1]);
	assert_int_equal(perfmap_read(&m, -1, getuid(), 0), -ENOENT);
}

/* A runtime appends while it is measured. */
static void test_grows(void **state)
{
	const struct symbolizer_settings settings = { 0 };
	struct object o = { .kind = OBJECT_JIT, .uid = getuid() };
	struct resolved_object about;
	struct symbol symbol;
	uint64_t address;
	void *jit;

	(void)state;
	o.fd = file_of("1000 10 a\n", 10);
	assert_int_equal(resolver_perfmap.open(&o, &settings, &jit, &about), 0);
	assert_int_equal(resolver_perfmap.resolve(jit, 0x1000, &address, &symbol, 1), 1);
	assert_string_equal(symbol.name, "a");
	assert_int_equal(symbol.kind, FRAME_JIT);
	assert_int_equal(resolver_perfmap.resolve(jit, 0x2000, &address, &symbol, 1), 0);
	assert_int_equal(write(o.fd, "2000 10 b\n", 10), 10);
	nanosleep(&(struct timespec){ 2, 0 }, NULL);
	assert_int_equal(resolver_perfmap.resolve(jit, 0x2000, &address, &symbol, 1), 1);
	assert_string_equal(symbol.name, "b");
	assert_int_equal(address, 0x2000);
	resolver_perfmap.close(jit);
	close(o.fd);
}

/* A map is no way around --max-memory. */
static void test_bounded(void **state)
{
	enum { LINES = 20000 };
	struct perfmap m = PERFMAP_INIT;
	FILE *f = tmpfile();

	(void)state;
	assert_non_null(f);
	for (unsigned i = 0; i < LINES; i++)
		fprintf(f, "%x 10 function_%u\n", 0x1000 + i * 16, i);
	fflush(f);
	assert_int_equal(perfmap_read(&m, fileno(f), getuid(), LINES * sizeof(struct span)),
			 -EFBIG);
	assert_null(m.names.buf);
	assert_int_equal(perfmap_read(&m, fileno(f), getuid(), 8 << 20), 0);
	assert_string_equal(perfmap_find(&m, 0x1000 + 16 * (LINES - 1)), "function_19999");
	perfmap_done(&m);
	fclose(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),		cmocka_unit_test(test_last_wins),
		cmocka_unit_test(test_random_overlaps), cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_random_bytes),	cmocka_unit_test(test_long_line),
		cmocka_unit_test(test_owner),		cmocka_unit_test(test_grows),
		cmocka_unit_test(test_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
