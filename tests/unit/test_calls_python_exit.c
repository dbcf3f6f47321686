// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Where loops of Python end: made-up ones as compilers make them, in a file of which nothing else
 * is Python's; and what must not be taken for an end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "image_fixture.h"
#include "site/calls_python_inside.h"

#if defined(__x86_64__)
/* A symbol that is code. */
#define PLACE(name)	 "\t.type " name ", @function\n" name ":\n"
#define LOOP(name, code) PLACE("loop_" name) code PLACE("loop_" name "_end") "\tint3\n"
#define CALL		 "\tcall made_check\n"
#define TAKEN_32	 "\tadd $8, %rsp\n\tpop %rbx\n\tpop %rbp\n\tret\n"

/* All of it is copied into a file: code that is called lies in it. Nothing of it is executed. */
__asm__("\t.text\n\t.balign 16\n"
	/* clang-format off */
	PLACE("made_begin") PLACE("made_check") "\tret\n"
	PLACE("made_other") "\tret\n"
	/* Of the PLT: with a landing, as linkers wrote it for MPX, and plain. */
	PLACE("made_stub") "\tendbr64\n\tbnd jmp *made_word(%rip)\n"
	PLACE("made_plain_stub") "\tjmp *made_word(%rip)\n"
	PLACE("made_other_stub") "\tjmp *made_other_word(%rip)\n"
	"\t.balign 8\n" PLACE("made_word") "\t.quad 0\n" PLACE("made_other_word") "\t.quad 0\n"
	LOOP("plain", "\tpush %rbp\n\tcall made_other\n" PLACE("at_plain") CALL TAKEN_32)
	LOOP("by_stub", "\tpush %rbp\n\tcall made_other_stub\n" PLACE("at_by_stub")
	     "\tcall made_stub\n" TAKEN_32)
	LOOP("by_plain_stub", "\tpush %rbp\n" PLACE("at_by_plain_stub")
	     "\tcall made_plain_stub\n\tpop %r12\n\tret\n")
	LOOP("without_stack", PLACE("at_without_stack") CALL "\trep ret\n")
	/* The stack is checked, and taken down in a part that it jumps to. */
	LOOP("checked", PLACE("at_checked") CALL "\tjmp 1f\n\tjmp *%rax\n"
	     "1:\tmov 0x108(%rsp), %rdx\n\tsub %fs:0x28, %rdx\n\tjne 2f\n\tadd $0x118, %rsp\n"
	     "\tpop %rbx\n\tpop %r15\n\tret\n2:\tcall made_other\n")
	/* Jumps by a table come before it. */
	LOOP("dispatched", "\tnotrack jmp *%rax\n1:\tpop %rbx\n\tret\n\tjmp *(%r12,%rdx,8)\n"
	     PLACE("at_dispatched") CALL "\tjmp 1b\n")
	/* Called in two places; and refused, which returns NULL without one. */
	LOOP("twice", "\ttest %edi, %edi\n\tje 2f\n\tjs 3f\n" PLACE("at_twice_0") CALL
	     "1:\tadd $8, %rsp\n\tpop %rbx\n\tret\n2:\n" PLACE("at_twice_1") CALL "\tjmp 1b\n"
	     "3:\txor %eax, %eax\n\tjmp 1b\n")
	/* The call is in a part of its own. */
	LOOP("hot", "\ttest %edi, %edi\n\tje loop_cold\n" PLACE("at_hot") CALL
	     "1:\tpop %rbx\n\tret\n")
	LOOP("cold", "\tnop\n" PLACE("at_cold") CALL "\tjmp 1b\n")

	/* What is no loop that can be told: an end that something else leads to, … */
	LOOP("no_around", "\ttest %edi, %edi\n\tje 1f\n" CALL "1:\tpop %rbx\n\tret\n")
	LOOP("no_back", "\tjmp 2f\n1:\tpop %rbx\n\tret\n2:\ttest %edi, %edi\n\tje 1b\n" CALL
	     "\tpop %rbx\n\tret\n")
	/* … from before it, */
	LOOP("no_before", CALL "\tpop %rbx\n\tret\n\tmov %edi, %eax\n\tret\n")
	LOOP("no_called", "\tcall *%rax\n1:\tret\n" CALL "\tjmp 1b\n")
	LOOP("no_called_far", "\tcall *8(%r12)\n1:\tpop %rbx\n\tret\n" CALL "\tjmp 1b\n")
	LOOP("no_compared", "\tcmp $7, %edi\n1:\tpop %rbx\n\tret\n" CALL "\tjmp 1b\n")
	/* … with something in it that may do anything, */
	LOOP("no_more", CALL "\tpop %rbx\n\tmov %rbx, (%rdi)\n\tret\n")
	LOOP("no_call", CALL "\tcall made_other\n\tret\n")
	LOOP("no_leave", CALL "\tmov %rbp, %rsp\n\tpop %rbp\n\tret\n")
	LOOP("no_odd", CALL "\tadd $4, %rsp\n\tret\n")
	LOOP("no_down", CALL "\tadd $-8, %rsp\n\tret\n")
	/* … that is left by a jump, */
	LOOP("no_tail", CALL "\tpop %rbx\n\tret\n\tjmp made_check\n")
	LOOP("no_branch", CALL "\tpop %rbx\n\tret\n\ttest %edi, %edi\n\tje made_other\n")
	/* … that has none, and what is no instruction. */
	LOOP("no_end", "\tcall made_other\n\tret\n")
	LOOP("no_code", CALL "\tret\n\t.byte 0x06\n")
	LOOP("no_forever", CALL "1:\tjmp 1b\n")
	LOOP("no_nine", CALL "\tret\n" CALL "\tret\n" CALL "\tret\n" CALL "\tret\n" CALL "\tret\n" CALL
	     "\tret\n" CALL "\tret\n" CALL "\tret\n" CALL "\tret\n")

	LOOP("returns", "\ttest %edi, %edi\n\tje 1f\n" PLACE("at_returns_0") "\tret\n"
	     "1:\tmov $0xc3c3c3c3, %eax\n" PLACE("at_returns_1") "\trep ret\n"
	     "\txor %eax, %eax\n\tret\n")
	LOOP("many_returns", "\tret\n\tret\n\tret\n\tret\n\tret\n\tret\n\tret\n\tret\n\tret\n")
	PLACE("made_end")
	/* clang-format on */
);

extern const char made_begin[], made_end[], made_check[], made_other[], made_word[],
	made_other_word[];

/* A loop's ranges. */
struct limits {
	const char *start, *end;
};

struct file {
	struct made m;
	struct image im;
	int fd;
};

static uint64_t address_of(const char *symbol)
{
	return (uint64_t)(symbol - made_begin) + MADE_CODE;
}

enum how { EXPORTED, HIDDEN, LINKED };

/* The code, and a symbol of the function that checks what is returned: its own, or another file's.
 */
static void open_file(struct file *f, enum how how)
{
	static const char names[] = "\0_Py_CheckFunctionResult\0_Py_Other";
	Elf64_Sym symbols[3] = { 0 };
	Elf64_Rela relocations[2] = { 0 };
	Elf64_Shdr *s;

	made_init(&f->m);
	assert_true(made_end - made_begin < 0x1000);
	memcpy(f->m.bytes + MADE_CODE_AT, made_begin, (size_t)(made_end - made_begin));
	for (int i = 1; i < 3; i++) {
		symbols[i].st_name = i == 1 ? 1 : sizeof("_Py_CheckFunctionResult") + 1;
		symbols[i].st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC);
		symbols[i].st_shndx = how == EXPORTED ? 1 : SHN_UNDEF;
		symbols[i].st_value = how == EXPORTED ? address_of(i == 1 ? made_check : made_other)
						      : 0;
		relocations[i - 1].r_offset = address_of(i == 1 ? made_word : made_other_word);
		relocations[i - 1].r_info = ELF64_R_INFO((uint64_t)i, R_X86_64_JUMP_SLOT);
	}
	if (how != HIDDEN) {
		s = made_add(&f->m, ".dynsym", SHT_DYNSYM, symbols, sizeof(symbols));
		s->sh_entsize = sizeof(*symbols);
		s->sh_link = f->m.header.e_shnum;
		made_add(&f->m, ".dynstr", SHT_STRTAB, names, sizeof(names));
		made_add(&f->m, ".rela.plt", SHT_RELA, relocations, sizeof(relocations));
	}
	f->fd = made_open(&f->m);
	assert_int_equal(image_open(&f->im, f->fd), 0);
}

static void close_file(struct file *f)
{
	image_done(&f->im);
	close(f->fd);
}

static int exits_of(const struct file *f, const struct limits *limits, uint32_t nr,
		    struct calls_python_exit ret[CALLS_PYTHON_EXITS])
{
	struct runtime_range ranges[4];

	for (uint32_t i = 0; i < nr; i++)
		ranges[i] = (struct runtime_range){ address_of(limits[i].start),
						    address_of(limits[i].end) };
	return calls_python_exits(&f->im, ranges, nr, ret);
}

#define LIMITS(name)                                                  \
	({                                                            \
		extern const char loop_##name[], loop_##name##_end[]; \
		(struct limits){ loop_##name, loop_##name##_end };    \
	})
#define AT(name)                               \
	({                                     \
		extern const char at_##name[]; \
		address_of(at_##name);         \
	})

static void ends_by_a_call(void **state)
{
	const struct {
		struct limits limits;
		uint64_t address;
		uint32_t above_sp;
		enum how how;
	} cases[] = {
		{ LIMITS(plain), AT(plain), 32, EXPORTED },
		{ LIMITS(by_stub), AT(by_stub), 32, EXPORTED },
		{ LIMITS(by_stub), AT(by_stub), 32, LINKED },
		{ LIMITS(by_plain_stub), AT(by_plain_stub), 16, LINKED },
		{ LIMITS(without_stack), AT(without_stack), 8, EXPORTED },
		{ LIMITS(checked), AT(checked), 0x118 + 24, EXPORTED },
		{ LIMITS(dispatched), AT(dispatched), 16, EXPORTED },
	};
	struct calls_python_exit exits[CALLS_PYTHON_EXITS];
	struct file f;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		open_file(&f, cases[i].how);
		if (exits_of(&f, &cases[i].limits, 1, exits) != 1)
			fail_msg("case %zu has no end", i);
		assert_int_equal(exits[0].address, cases[i].address);
		assert_int_equal(exits[0].above_sp, cases[i].above_sp);
		close_file(&f);
	}
}

static void ends_in_more_places(void **state)
{
	struct calls_python_exit exits[CALLS_PYTHON_EXITS];
	struct limits limits = LIMITS(twice), parts[] = { LIMITS(hot), LIMITS(cold) };
	struct file f;

	(void)state;
	open_file(&f, EXPORTED);
	assert_int_equal(exits_of(&f, &limits, 1, exits), 2);
	assert_int_equal(exits[0].address, AT(twice_0));
	assert_int_equal(exits[0].above_sp, 24);
	assert_int_equal(exits[1].address, AT(twice_1));
	assert_int_equal(exits[1].above_sp, 24);
	assert_int_equal(exits_of(&f, parts, 2, exits), 2);
	assert_int_equal(exits[0].address, AT(hot));
	assert_int_equal(exits[1].address, AT(cold));
	assert_int_equal(exits[1].above_sp, 16);
	/* A part that isn't known: what leads there leads out. */
	assert_int_equal(exits_of(&f, parts, 1, exits), 0);
	assert_int_equal(exits_of(&f, parts + 1, 1, exits), 0);
	close_file(&f);
}

static void what_has_no_sure_end(void **state)
{
	const struct {
		const char *name;
		struct limits limits;
	} cases[] = {
		{ "around", LIMITS(no_around) },
		{ "back", LIMITS(no_back) },
		{ "before", LIMITS(no_before) },
		{ "called", LIMITS(no_called) },
		{ "called far", LIMITS(no_called_far) },
		{ "compared", LIMITS(no_compared) },
		{ "more", LIMITS(no_more) },
		{ "call", LIMITS(no_call) },
		{ "leave", LIMITS(no_leave) },
		{ "odd", LIMITS(no_odd) },
		{ "down", LIMITS(no_down) },
		{ "tail", LIMITS(no_tail) },
		{ "branch", LIMITS(no_branch) },
		{ "end", LIMITS(no_end) },
		{ "code", LIMITS(no_code) },
		{ "forever", LIMITS(no_forever) },
		{ "nine", LIMITS(no_nine) },
	};
	struct calls_python_exit exits[CALLS_PYTHON_EXITS];
	struct file f;

	(void)state;
	open_file(&f, EXPORTED);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (exits_of(&f, &cases[i].limits, 1, exits) != 0)
			fail_msg("%s has an end", cases[i].name);
	close_file(&f);
}

/* Nothing says which function is called. */
static void calls_of_nobody(void **state)
{
	const struct limits plain = LIMITS(plain), by_stub = LIMITS(by_stub);
	struct calls_python_exit exits[CALLS_PYTHON_EXITS];
	struct file f;

	(void)state;
	open_file(&f, HIDDEN);
	assert_int_equal(exits_of(&f, &plain, 1, exits), 0);
	assert_int_equal(exits_of(&f, &by_stub, 1, exits), 0);
	close_file(&f);
	open_file(&f, LINKED);
	assert_int_equal(exits_of(&f, &plain, 1, exits), 0);
	f.im.machine = EM_AARCH64;
	assert_int_equal(exits_of(&f, &by_stub, 1, exits), 0);
	close_file(&f);
}

static void where_it_returns(void **state)
{
	const struct limits two = LIMITS(returns), many = LIMITS(many_returns);
	struct calls_python_exit exits[CALLS_PYTHON_EXITS];
	struct runtime_range range = { address_of(two.start), address_of(two.end) };
	struct file f;

	(void)state;
	open_file(&f, HIDDEN);
	assert_int_equal(calls_python_returns(&f.im, &range, 1, exits), 2);
	assert_int_equal(exits[0].address, AT(returns_0));
	assert_int_equal(exits[0].above_sp, 8);
	assert_int_equal(exits[1].address, AT(returns_1));
	range = (struct runtime_range){ address_of(many.start), address_of(many.end) };
	assert_int_equal(calls_python_returns(&f.im, &range, 1, exits), 0);
	close_file(&f);
}

static void ranges_that_lie(void **state)
{
	static const struct runtime_range lies[] = {
		{ MADE_CODE, MADE_CODE },
		{ MADE_CODE + 16, MADE_CODE },
		{ MADE_CODE, UINT64_MAX },
		{ MADE_CODE, MADE_CODE + (1 << 20) },
		{ MADE_CODE - 1, MADE_CODE + 64 },
		{ MADE_DATA + MADE_DATA_SIZE, MADE_DATA + MADE_DATA_SIZE + 16 },
		{ UINT64_MAX - 8, 8 },
	};
	struct calls_python_exit exits[CALLS_PYTHON_EXITS];
	struct file f;

	(void)state;
	open_file(&f, EXPORTED);
	for (size_t i = 0; i < ARRAY_SIZE(lies); i++) {
		assert_int_equal(calls_python_exits(&f.im, &lies[i], 1, exits), 0);
		assert_int_equal(calls_python_returns(&f.im, &lies[i], 1, exits), 0);
	}
	assert_int_equal(calls_python_exits(&f.im, lies, 0, exits), 0);
	close_file(&f);
}

/* Sections of the linker that lie, and code changed at random: an answer, with places in the loop.
 */
static void anything(void **state)
{
	const struct limits limits = LIMITS(twice), by_stub = LIMITS(by_stub);
	const struct runtime_range ranges[] = {
		{ address_of(limits.start), address_of(limits.end) },
		{ address_of(by_stub.start), address_of(by_stub.end) }
	};
	struct file f;
	unsigned seed = 7;

	(void)state;
	open_file(&f, LINKED);
	for (int round = 0; round < 20000; round++) {
		struct calls_python_exit exits[CALLS_PYTHON_EXITS];
		static struct made m;
		struct image im;
		int nr;

		m = f.m;
		for (int i = rand_r(&seed) % 4; i >= 0; i--) {
			static const size_t from[] = { MADE_CODE_AT, MADE_SECTIONS_AT,
						       MADE_FREE_AT };
			size_t at = from[rand_r(&seed) % 3] + (size_t)rand_r(&seed) % 0x400;

			m.bytes[at] = (char)(rand_r(&seed) & 1 ? 0xff : rand_r(&seed) >> 5);
		}
		assert_int_equal(pwrite(f.fd, m.bytes, sizeof(m.bytes), 0), sizeof(m.bytes));
		if (image_open(&im, f.fd)) {
			image_done(&im);
			continue;
		}
		nr = calls_python_exits(&im, ranges, 2, exits);
		assert_in_range(nr, 0, CALLS_PYTHON_EXITS);
		for (int i = 0; i < nr; i++)
			assert_true((exits[i].address >= ranges[0].start &&
				     exits[i].address < ranges[0].end) ||
				    (exits[i].address >= ranges[1].start &&
				     exits[i].address < ranges[1].end));
		image_done(&im);
	}
	close_file(&f);
}

/*
 * Two hundred thousand calls by stubs, none of which leads there, of a file with as large tables of
 * the linker as are read: once.
 */
static void many_stubs(void **state)
{
	enum { SIZE = 1000000, TABLE = 30 << 20, CALLS = SIZE / 5 };
	const uint64_t code = MADE_CODE, stubs[] = { code + SIZE, code + SIZE + 6 };
	const uint8_t stub[] = { 0xff, 0x25, 0, 1, 0, 0, 0xff, 0x25, 0, 2, 0, 0 };
	const struct runtime_range range = { code, code + SIZE };
	struct calls_python_exit exits[CALLS_PYTHON_EXITS];
	_cleanup_free_ uint8_t *bytes = malloc(SIZE + sizeof(stub));
	struct timespec t[2];
	struct file f;
	Elf64_Phdr *p;

	(void)state;
	assert_non_null(bytes);
	for (unsigned i = 0; i < CALLS; i++) {
		int32_t far = (int32_t)(stubs[i & 1] - (code + 5 * (i + 1)));

		bytes[5 * i] = 0xe8;
		memcpy(bytes + 5 * i + 1, &far, sizeof(far));
	}
	memcpy(bytes + SIZE, stub, sizeof(stub));
	open_file(&f, LINKED);
	for (unsigned i = 1; i < f.m.header.e_shnum; i++) {
		Elf64_Shdr *s = made_section(&f.m, i);

		s->sh_offset = 2 << 20;
		s->sh_size = TABLE;
	}
	p = (Elf64_Phdr *)(f.m.bytes + sizeof(Elf64_Ehdr));
	p->p_offset = 0x8000;
	p->p_filesz = p->p_memsz = SIZE + sizeof(stub);
	p[1].p_vaddr = 1 << 30;
	image_done(&f.im);
	assert_int_equal(pwrite(f.fd, f.m.bytes, sizeof(f.m.bytes), 0), sizeof(f.m.bytes));
	assert_int_equal(pwrite(f.fd, bytes, SIZE + sizeof(stub), 0x8000), SIZE + sizeof(stub));
	assert_int_equal(ftruncate(f.fd, 64 << 20), 0);
	assert_int_equal(image_open(&f.im, f.fd), 0);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t[0]);
	assert_int_equal(calls_python_exits(&f.im, &range, 1, exits), 0);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t[1]);
	assert_in_range(t[1].tv_sec - t[0].tv_sec, 0, 9);
	close_file(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends_by_a_call),
		cmocka_unit_test(ends_in_more_places),
		cmocka_unit_test(what_has_no_sure_end),
		cmocka_unit_test(calls_of_nobody),
		cmocka_unit_test(where_it_returns),
		cmocka_unit_test(ranges_that_lie),
		cmocka_unit_test(anything),
		cmocka_unit_test(many_stubs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
#else
int main(void)
{
	return 0;
}
#endif
