// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Whatever finds places to probe, in copies of this program with bytes changed, round after round
 * from fixed seeds: its notes of probes, its table of functions of Go, symbols, unwind information
 * and code. And files that are made to take long. There is an answer, in time, and places lie in
 * the file.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "image_fixture.h"
#include "site/entry.h"
#include "site/gc_python_inside.h"
#include "site/gopclntab.h"
#include "site/usdt.h"
#include "site/x86_code.h"

#ifdef __x86_64__
#include "gc_python_fixture.h"

enum { ROUNDS = 1500, CHANGES = 6, MAX_TARGETS = 16, MAX_S = 10 };

/* clang-format off */
#define NOTE(name, place, semaphore)                                              \
	"\t.pushsection .note.stapsdt, \"\", \"note\"\n\t.balign 4\n"               \
	"\t.4byte 8, 994f - 993f, 3\n\t.asciz \"stapsdt\"\n"                        \
	"993:\t.8byte " place ", made_base, " semaphore "\n"                        \
	"\t.asciz \"python\"\n\t.asciz \"" name "\"\n\t.asciz \"-4@%edi\"\n994:\n"  \
	"\t.popsection\n"

__asm__("\t.section .stapsdt.base, \"a\"\nmade_base:\t.byte 0\n"
	"\t.section .probes, \"aw\"\nmade_semaphore:\t.2byte 0\n\t.text\n"
	NOTE("gc__start", "gc_collect_main", "made_semaphore")
	NOTE("gc__done", "PyGC_Collect", "0")
	/* Of Go 1.20, with three functions. */
	"\t.section .gopclntab, \"a\"\n\t.balign 8\n"
	"made_table:\t.4byte 0xfffffff1\n\t.byte 0, 0, 1, 8\n\t.8byte 3, 1, 0\n"
	"\t.8byte made_names - made_table, made_names_end - made_table, 0, 0\n"
	"\t.8byte made_functions - made_table\n"
	"made_names:\t.byte 0\nmade_1:\t.asciz \"runtime.gcStart\"\n"
	"made_2:\t.asciz \"runtime.stopTheWorldWithSema\"\n"
	"made_3:\t.asciz \"main.main\"\nmade_names_end:\n\t.balign 4\n"
	"made_functions:\t.4byte 16, made_info_1 - made_functions\n"
	"\t.4byte 32, made_info_2 - made_functions, 48, made_info_3 - made_functions, 64\n"
	"made_info_1:\t.4byte 16, made_1 - made_names\n"
	"made_info_2:\t.4byte 32, made_2 - made_names\n"
	"made_info_3:\t.4byte 48, made_3 - made_names\n\t.text\n");
/* clang-format on */

/* A piece of the file to be changed. */
struct target {
	uint64_t start, size;
};

struct program {
	int fd;
	uint64_t size;
	struct target targets[MAX_TARGETS];
	size_t nr_targets;
	uint64_t collector; /* gc_collect_main */
};

static struct program program;

static void add_target(struct program *p, uint64_t start, uint64_t size)
{
	assert_true(p->nr_targets < MAX_TARGETS && start + size <= p->size);
	p->targets[p->nr_targets++] = (struct target){ start, size };
}

static int open_program(void **state)
{
	static const char *const sections[] = { ".note.stapsdt", ".gopclntab", ".symtab",
						".eh_frame_hdr", ".eh_frame",  ".stapsdt.base" };
	struct image_symbol s = { .name = "gc_collect_main" };
	_cleanup_close_ int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	off_t size = lseek(from, 0, SEEK_END), at = 0;
	Elf64_Ehdr h;
	struct image im;

	(void)state;
	program = (struct program){ .fd = memfd_create("program", MFD_CLOEXEC),
				    .size = (uint64_t)size };
	while (at < size) {
		char some[1 << 16];
		ssize_t n = pread(from, some, sizeof(some), at);

		assert_true(n > 0);
		assert_int_equal(write(program.fd, some, (size_t)n), n);
		at += n;
	}
	assert_int_equal(pread(program.fd, &h, sizeof(h), 0), sizeof(h));
	assert_int_equal(image_open(&im, program.fd), 0);
	add_target(&program, 0, sizeof(h));
	add_target(&program, h.e_phoff, h.e_phnum * sizeof(Elf64_Phdr));
	add_target(&program, h.e_shoff, h.e_shnum * sizeof(Elf64_Shdr));
	for (size_t i = 0; i < ARRAY_SIZE(sections); i++) {
		const Elf64_Shdr *section = image_section_header(&im, sections[i]);

		assert_non_null(section);
		add_target(&program, section->sh_offset, section->sh_size);
	}
	assert_int_equal(image_symbols(&im, SHT_SYMTAB, &s, 1), 1);
	program.collector = s.address;
	assert_int_equal(image_offset(&im, s.address, &s.size), 0);
	add_target(&program, s.size, 0x180);
	image_done(&im);
	return 0;
}

static int close_program(void **state)
{
	(void)state;
	close(program.fd);
	return 0;
}

static uint64_t random_below(unsigned *seed, uint64_t limit)
{
	return ((uint64_t)rand_r(seed) << 16 ^ (uint64_t)rand_r(seed)) % limit;
}

static void check_notes(const struct image *im)
{
	static const struct usdt_name wanted[] = { { "python", "gc__start" },
						   { "python", "gc__done" } };
	_cleanup_free_ struct usdt_site *sites = NULL;
	int nr = usdt_find(im, wanted, ARRAY_SIZE(wanted), &sites);

	assert_in_range(nr, 0, 4096);
	for (int i = 0; i < nr; i++) {
		struct abi_argument argument;

		assert_true(sites[i].offset < im->size && sites[i].semaphore < im->size);
		assert_true(sites[i].which < 2 && !(sites[i].semaphore & 1));
		assert_non_null(memchr(sites[i].arguments, '\0', sizeof(sites[i].arguments)));
		usdt_argument(sites[i].arguments, 0, EM_X86_64, &argument);
	}
}

static void check_table(const struct image *im)
{
	struct gopclntab_function functions[] = { { .name = "runtime.stopTheWorldWithSema" },
						  { .name = "main.main" } };
	struct gopclntab table;
	int found = 0;

	if (gopclntab_open(im, &table))
		found = gopclntab_find(im, &table, functions, ARRAY_SIZE(functions));
	assert_in_range(found, 0, 2);
	assert_int_equal(found, functions[0].is_found + functions[1].is_found);
}

static void check_python(const struct image *im)
{
	static const unsigned minors[] = { 9, 12, 13 };

	for (size_t i = 0; i < ARRAY_SIZE(minors); i++) {
		struct python_release release = { .major = 3, .minor = (uint8_t)minors[i] };
		struct gc_python_collector found[GC_PYTHON_COLLECTORS];
		struct gc_python_start start;
		const char *how;
		uint64_t stops[4];
		int nr = gc_python_collectors(im, &release, found, &how);

		assert_in_range(nr, 0, GC_PYTHON_COLLECTORS);
		for (int k = 0; k < nr; k++)
			assert_true(image_is_code(im, found[k].address));
		if (!gc_python_start(im, program.collector, &start))
			assert_true(image_is_code(im, start.branch) &&
				    image_is_code(im, start.call));
		assert_in_range(gc_python_stops(im, program.collector, stops, ARRAY_SIZE(stops)), 0,
				ARRAY_SIZE(stops));
	}
}

static void check_code(const struct image *im, unsigned *seed)
{
	uint64_t address = program.collector + random_below(seed, 0x200), offset;
	struct x86_code code = { 0 };

	if (!entry_offset(im, address, &offset))
		assert_true(offset < im->size);
	if (!x86_code_read(im, address, &code))
		assert_true(code.end > code.start && code.end - code.start <= X86_MAX_CODE);
	x86_code_done(&code);
}

static void check_all(unsigned *seed)
{
	struct image im;

	if (!image_open(&im, program.fd)) {
		check_notes(&im);
		check_table(&im);
		check_python(&im);
		check_code(&im, seed);
	}
	image_done(&im);
}

/* A word of the piece becomes what is on the edge, a number, or what stands elsewhere in it. */
static void change(const struct target *t, unsigned *seed)
{
	static const uint64_t edges[] = { 0,	   1,	       0x7fffffff, 0x80000000,
					  1 << 20, UINT32_MAX, 1ull << 40, UINT64_MAX };
	size_t size = (size_t)1 << rand_r(seed) % 4;
	uint64_t at = t->start + random_below(seed, t->size), word = random_below(seed, 1 << 20);

	if (t->start + t->size - at < size)
		size = 1;
	if (rand_r(seed) & 1)
		word = edges[rand_r(seed) % ARRAY_SIZE(edges)];
	else if (rand_r(seed) & 1)
		assert_int_equal(pread(program.fd, &word, size,
				       (off_t)(t->start + random_below(seed, t->size - size + 1))),
				 size);
	assert_int_equal(pwrite(program.fd, &word, size, (off_t)at), size);
}

static double cpu_time(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void as_it_is(void **state)
{
	struct gopclntab_function f = { .name = "runtime.stopTheWorldWithSema" };
	static const struct usdt_name wanted[] = { { "python", "gc__start" } };
	_cleanup_free_ struct usdt_site *sites = NULL;
	struct gopclntab table;
	struct image im;

	(void)state;
	assert_int_equal(image_open(&im, program.fd), 0);
	assert_int_equal(usdt_find(&im, wanted, 1, &sites), 1);
	assert_int_not_equal(sites[0].semaphore, 0);
	assert_int_equal(gopclntab_open(&im, &table), 1);
	assert_int_equal(gopclntab_find(&im, &table, &f, 1), 1);
	assert_int_equal(f.entry, 32);
	image_done(&im);
}

static void changed_everywhere(void **state)
{
	_cleanup_free_ char *kept = malloc(program.size);

	(void)state;
	assert_non_null(kept);
	for (size_t i = 0; i < program.nr_targets; i++) {
		const struct target *t = &program.targets[i];
		unsigned seed = (unsigned)i;

		assert_int_equal(pread(program.fd, kept, t->size, (off_t)t->start), t->size);
		for (int round = 0; round < ROUNDS / (int)program.nr_targets; round++) {
			double began = cpu_time();

			for (int k = rand_r(&seed) % CHANGES; k >= 0; k--)
				change(t, &seed);
			check_all(&seed);
			assert_true(cpu_time() - began < MAX_S);
			assert_int_equal(pwrite(program.fd, kept, t->size, (off_t)t->start),
					 t->size);
		}
	}
}

/* A file of which sections are given their places by hand, behind all that the fixture has. */
static void open_large(struct image *ret, struct made *m, int fd, uint64_t size)
{
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	assert_int_equal(pwrite(fd, m->bytes, sizeof(m->bytes), 0), sizeof(m->bytes));
	assert_int_equal(image_open(ret, fd), 0);
}

static int take_none(void *ctx, const Elf64_Sym *symbol, const char *name)
{
	(void)symbol;
	*(size_t *)ctx += strlen(name);
	return 0;
}

/* A million symbols of one name, which has four million letters. */
static void names_that_are_shared(void **state)
{
	enum { NAME = 4 << 20, SYMBOLS = 1 << 20, NAMES_AT = 1 << 16 };
	_cleanup_close_ int fd = memfd_create("names", MFD_CLOEXEC);
	_cleanup_free_ char *name = malloc(NAME);
	double began = cpu_time();
	static struct made m;
	size_t letters = 0;
	struct image im;
	Elf64_Shdr *s;

	(void)state;
	assert_non_null(name);
	made_init(&m);
	s = made_add(&m, ".symtab", SHT_SYMTAB, NULL, 0);
	s->sh_entsize = sizeof(Elf64_Sym);
	s->sh_offset = NAMES_AT + NAME;
	s->sh_size = SYMBOLS * sizeof(Elf64_Sym);
	s->sh_link = m.header.e_shnum;
	s = made_add(&m, ".strtab", SHT_STRTAB, NULL, 0);
	s->sh_offset = NAMES_AT;
	s->sh_size = NAME;
	open_large(&im, &m, fd, NAMES_AT + NAME + SYMBOLS * sizeof(Elf64_Sym));
	memset(name, 'x', NAME);
	assert_int_equal(pwrite(fd, name, NAME, NAMES_AT), NAME);
	assert_int_equal(image_each_symbol(&im, SHT_SYMTAB, take_none, &letters), 0);
	assert_int_equal(letters, 0);
	image_done(&im);
	assert_true(cpu_time() - began < MAX_S);
}

/* Two million functions, described at the table's end and at its beginning in turn. */
static void table_that_jumps(void **state)
{
	enum { FUNCTIONS = 2 << 20, AT = 1 << 16, FAR = FUNCTIONS * 8, SIZE = FAR + (1 << 20) };
	_cleanup_close_ int fd = memfd_create("table", MFD_CLOEXEC);
	_cleanup_free_ uint32_t *entries = calloc(FUNCTIONS, 2 * sizeof(*entries));
	uint64_t words[] = { FUNCTIONS, 0, 0, 96, 128, 0, 0, 256 };
	struct gopclntab_function wanted = { .name = "missing" };
	double began = cpu_time();
	struct gopclntab table;
	static struct made m;
	struct image im;
	Elf64_Phdr *p;
	Elf64_Shdr *s;

	(void)state;
	assert_non_null(entries);
	for (size_t i = 0; i < FUNCTIONS; i++)
		entries[2 * i + 1] = i & 1 ? FAR : 1 << 17;
	made_init(&m);
	p = (Elf64_Phdr *)(m.bytes + sizeof(Elf64_Ehdr));
	p[1].p_vaddr = 1ull << 40;
	p[0].p_offset = AT;
	p[0].p_filesz = p[0].p_memsz = SIZE;
	s = made_add(&m, ".gopclntab", SHT_PROGBITS, NULL, 0);
	s->sh_flags = SHF_ALLOC;
	s->sh_addr = MADE_CODE;
	s->sh_size = 1ull << 50;
	open_large(&im, &m, fd, AT + SIZE);
	assert_int_equal(pwrite(fd, "\xf1\xff\xff\xff\0\0\1\x8", 8, AT), 8);
	assert_int_equal(pwrite(fd, words, sizeof(words), AT + 8), sizeof(words));
	assert_int_equal(pwrite(fd, "\0missing", 9, AT + 96), 9);
	assert_int_equal(pwrite(fd, entries, FUNCTIONS * 8, AT + 256), FUNCTIONS * 8);
	assert_int_equal(gopclntab_open(&im, &table), 1);
	/* The name is that of nobody. */
	assert_int_equal(gopclntab_find(&im, &table, &wanted, 1), 0);
	image_done(&im);
	assert_true(cpu_time() - began < MAX_S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(as_it_is, open_program, close_program),
		cmocka_unit_test_setup_teardown(changed_everywhere, open_program, close_program),
		cmocka_unit_test(names_that_are_shared),
		cmocka_unit_test(table_that_jumps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
#else
int main(void)
{
	return 0;
}
#endif
