// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Functions as compilers made them of CPython, in files that have nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "runtime/python_inside.h"

/* A file of one page of code, one of constants and one of data. */
enum {
	CODE = 0x401000,
	CONSTANTS = 0x402000,
	DATA = 0x403000,
	PAGE = 0x1000,
	RUNTIME = DATA + 0x100,
	RUNTIME_SIZE = 0xe00,
};

struct subject {
	struct image image;
	struct image_symbol function;
	int fd;
};

static void open_subject(struct subject *s, const void *code, size_t size, const char *constant)
{
	static const uint32_t flags[] = { PF_R | PF_X, PF_R, PF_R | PF_W };
	struct {
		Elf64_Ehdr header;
		Elf64_Phdr segments[3];
	} head = { .header = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB },
			       .e_type = ET_EXEC,
			       .e_machine = EM_X86_64,
			       .e_phoff = sizeof(Elf64_Ehdr),
			       .e_phnum = 3,
			       .e_phentsize = sizeof(Elf64_Phdr) } };

	for (unsigned i = 0; i < 3; i++)
		head.segments[i] = (Elf64_Phdr){ .p_type = PT_LOAD,
						 .p_flags = flags[i],
						 .p_offset = (i + 1) * PAGE,
						 .p_vaddr = CODE + i * PAGE,
						 .p_filesz = PAGE,
						 .p_memsz = PAGE };
	s->fd = memfd_create("subject", MFD_CLOEXEC);
	assert_true(s->fd >= 0);
	assert_int_equal(ftruncate(s->fd, 4 * PAGE), 0);
	assert_int_equal(pwrite(s->fd, &head, sizeof(head), 0), sizeof(head));
	assert_int_equal(pwrite(s->fd, code, size, PAGE), size);
	assert_int_equal(pwrite(s->fd, constant, strlen(constant), 2 * PAGE), strlen(constant));
	assert_int_equal(image_open(&s->image, s->fd), 0);
	s->function = (struct image_symbol){ "f", CODE, size, true };
}

static void close_subject(struct subject *s)
{
	image_done(&s->image);
	close(s->fd);
}

/* A call's or operand's 32 bits: to an address from the byte behind them. */
#define NUMBER(value) \
	(value) & 0xff, (value) >> 8 & 0xff, (value) >> 16 & 0xff, (value) >> 24 & 0xff
#define TO(address, end) NUMBER((address) - (CODE + (end)))

struct variable_case {
	const char *name;
	struct python_variable wanted;
	uint8_t code[48];
};

static const struct variable_case variables[] = {
	{ "local-exec, endbr64",
	  { PYTHON_VARIABLE_FIXED, -24, 0 },
	  { 0xf3, 0x0f, 0x1e, 0xfa, 0x64, 0x48, 0x8b, 0x04, 0x25, NUMBER(-24), 0xc3 } },
	{ "local-exec, behind the stack's canary",
	  { PYTHON_VARIABLE_FIXED, -24, 0 },
	  { 0x64, 0x48, 0x8b, 0x04, 0x25, NUMBER(0x28), 0x64, 0x48, 0x8b, 0x04, 0x25,
	    NUMBER(-24) } },
	{ "local-exec, relaxed from initial-exec",
	  { PYTHON_VARIABLE_FIXED, -32, 0 },
	  { 0x48, 0xc7, 0xc0, NUMBER(-32), 0x64, 0x48, 0x8b, 0x00, 0xc3 } },
	{ "initial-exec",
	  { PYTHON_VARIABLE_OFFSET, 0, DATA + 0x40 },
	  { 0x48, 0x8b, 0x05, TO(DATA + 0x40, 7), 0x64, 0x48, 0x8b, 0x00, 0xc3 } },
	{ "general-dynamic",
	  { PYTHON_VARIABLE_MODULE, 0, DATA + 0x80 },
	  { 0x48, 0x83, 0xec, 0x08, 0x66,	  0x48, 0x8d, 0x3d, TO(DATA + 0x80, 12),
	    0x66, 0x66, 0x48, 0xe8, TO(CODE, 20), 0x48, 0x8b, 0x00, 0x48,
	    0x83, 0xc4, 0x08, 0xc3 } },
	{ "general-dynamic without a stub",
	  { PYTHON_VARIABLE_MODULE, 8, DATA + 0x80 },
	  { 0x66, 0x48, 0x8d, 0x3d, TO(DATA + 0x80, 8), 0x66, 0x48, 0xff, 0x15, TO(DATA, 16), 0x48,
	    0x8b, 0x40, 0x08, 0xc3 } },
	{ "local-dynamic, frame pointer",
	  { PYTHON_VARIABLE_MODULE, 0x28, DATA + 0x90 },
	  { 0xf3,	  0x0f,		0x1e, 0xfa, 0x55, 0x48,
	    0x89,	  0xe5,		0x48, 0x8d, 0x3d, TO(DATA + 0x90, 15),
	    0xe8,	  TO(CODE, 20), 0x5d, 0x48, 0x8b, 0x80,
	    NUMBER(0x28), 0xc3 } },
	{ "a variable of all threads",
	  { PYTHON_VARIABLE_NONE, 0, 0 },
	  { 0x48, 0x8b, 0x05, TO(DATA, 7), 0xc3 } },
	{ "another register's base",
	  { PYTHON_VARIABLE_NONE, 0, 0 },
	  { 0x65, 0x48, 0x8b, 0x04, 0x25 } },
};

static void variables_of_threads(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(variables); i++) {
		const struct variable_case *c = &variables[i];
		struct python_variable v = { 0 };
		struct subject s;

		open_subject(&s, c->code, sizeof(c->code), "");
		if (python_decode_variable(&s.image, &s.function, &v) !=
			    (c->wanted.kind != PYTHON_VARIABLE_NONE) ||
		    v.kind != c->wanted.kind || v.offset != c->wanted.offset ||
		    v.got != c->wanted.got)
			fail_msg("%s: %d %ld %#lx", c->name, v.kind, v.offset, v.got);
		close_subject(&s);
	}
}

struct key_case {
	const char *name;
	uint64_t runtime, wanted;
	uint8_t code[48];
};

static const struct key_case keys[] = {
	{ "3.6: alone", 0, DATA + 0x20, { 0x8b, 0x3d, TO(DATA + 0x20, 6), 0xe9, TO(CODE, 11) } },
	{ "Debian 3.11",
	  RUNTIME,
	  RUNTIME + 596,
	  { 0x48, 0x83, 0x3d, TO(RUNTIME + 584, 8), 0x00, 0x0f, 0x84, NUMBER(64), 0x8b, 0x3d,
	    TO(RUNTIME + 596, 20) } },
	{ "Debian 3.13, endbr64",
	  RUNTIME,
	  RUNTIME + 2164,
	  { 0xf3, 0x0f, 0x1e, 0xfa, 0x83, 0x3d, TO(RUNTIME + 2160, 11), 0x00, 0x8b, 0x3d,
	    TO(RUNTIME + 2164, 17), 0xe9, TO(CODE, 22) } },
	{ "Debian 3.14",
	  RUNTIME,
	  RUNTIME + 2340,
	  { 0x74, 0x0a, 0xbf, NUMBER(RUNTIME + 2336), 0xe9, TO(CODE, 12), 0x31, 0xc0, 0xc3 } },
	{ "Ubuntu 3.10",
	  RUNTIME,
	  RUNTIME + 588,
	  { 0x48, 0x8d, 0x05, TO(RUNTIME, 7), 0x48, 0x83, 0xb8, NUMBER(576), 0x00, 0x74, 0x0b, 0x8b,
	    0xb8, NUMBER(588), 0xe9, TO(CODE, 28) } },
	{ "shared 3.9, by the GOT",
	  RUNTIME,
	  RUNTIME + 588,
	  { 0x48, 0x8b, 0x05, TO(DATA, 7), 0x48, 0x83, 0xb8, NUMBER(576), 0x00, 0x74, 0x0f, 0x48,
	    0x8d, 0xb8, NUMBER(584), 0xe9, TO(CODE, 29) } },
	{ "two words, the second is the key",
	  RUNTIME,
	  RUNTIME + 1548,
	  { 0x8b, 0x05, TO(RUNTIME + 1544, 6), 0x85, 0xc0, 0x8b, 0x3d, TO(RUNTIME + 1548, 14) } },
	{ "two that do not belong together",
	  RUNTIME,
	  0,
	  { 0x8b, 0x05, TO(RUNTIME + 1544, 6), 0x85, 0xc0, 0x8b, 0x3d, TO(RUNTIME + 1560, 14) } },
	{ "outside of the runtime",
	  RUNTIME,
	  0,
	  { 0x8b, 0x3d, TO(RUNTIME + RUNTIME_SIZE, 6), 0xc3 } },
};

static void keys_of_threads(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const struct key_case *c = &keys[i];
		struct subject s;
		uint64_t key;

		open_subject(&s, c->code, sizeof(c->code), "");
		key = python_decode_key(&s.image, &s.function, c->runtime,
					c->runtime ? RUNTIME_SIZE : 0);
		if (key != c->wanted)
			fail_msg("%s: %#lx, not %#lx", c->name, key, c->wanted);
		close_subject(&s);
	}
}

static void versions(void **state)
{
	static const uint8_t relative[] = { 0x48, 0x8d, 0x0d, TO(CONSTANTS, 7), 0xc3 };
	static const uint8_t absolute[] = { 0x50, 0xb9, NUMBER(CONSTANTS), 0xc3 };
	struct python_release r;
	struct subject s;

	(void)state;
	open_subject(&s, relative, sizeof(relative), "3.9.18");
	assert_true(python_decode_release(&s.image, &s.function, &r));
	assert_int_equal(r.minor, 9);
	assert_int_equal(r.micro, 18);
	close_subject(&s);
	open_subject(&s, absolute, sizeof(absolute), "3.10.0rc2+");
	assert_true(python_decode_release(&s.image, &s.function, &r));
	assert_int_equal(r.level, 0xc);
	close_subject(&s);
	open_subject(&s, absolute, sizeof(absolute), "%.80s (%.80s) %.80s");
	assert_false(python_decode_release(&s.image, &s.function, &r));
	/* What is no code is not looked at. */
	s.function.is_code = false;
	assert_false(python_decode_release(&s.image, &s.function, &r));
	close_subject(&s);
}

static void getters(void **state)
{
	static const uint8_t plain[] = { 0x48, 0x8b, 0x05, TO(DATA + 8, 7), 0xc3 };
	static const uint8_t marked[] = { 0xf3, 0x0f, 0x1e, 0xfa,
					  0x48, 0x8b, 0x05, TO(DATA + 8, 11),
					  0xc3 };
	static const uint8_t more[] = { 0x48, 0x8b, 0x05, TO(DATA + 8, 7), 0x48, 0x8b, 0x40, 0xc3 };
	struct subject s;

	(void)state;
	open_subject(&s, plain, sizeof(plain), "");
	assert_int_equal(python_decode_getter(&s.image, &s.function), DATA + 8);
	close_subject(&s);
	open_subject(&s, marked, sizeof(marked), "");
	assert_int_equal(python_decode_getter(&s.image, &s.function), DATA + 8);
	close_subject(&s);
	open_subject(&s, more, sizeof(more), "");
	assert_int_equal(python_decode_getter(&s.image, &s.function), 0);
	close_subject(&s);
}

/* Any bytes, at the end of what the file has. */
static void any_bytes(void **state)
{
	uint8_t code[256];
	unsigned seed = 7;

	(void)state;
	for (int i = 0; i < 2000; i++) {
		static const uint8_t likely[] = { 0x48, 0x8d, 0x3d, 0x66, 0xe8, 0xff, 0x15, 0x8b,
						  0x05, 0x64, 0x25, 0x00, 0x80, 0xbf, 0xc7, 0xc0 };
		struct python_variable v;
		struct python_release r;
		struct subject s;

		for (size_t j = 0; j < sizeof(code); j++)
			code[j] = likely[(unsigned)rand_r(&seed) % ARRAY_SIZE(likely)];
		open_subject(&s, code, 1 + (size_t)i % sizeof(code), "3.9.1");
		s.function.size = i % 3 ? sizeof(code) : UINT64_MAX;
		if (i % 5 == 0)
			s.function.address = CODE + PAGE - 8;
		python_decode_variable(&s.image, &s.function, &v);
		python_decode_release(&s.image, &s.function, &r);
		python_decode_key(&s.image, &s.function, RUNTIME, RUNTIME_SIZE);
		python_decode_getter(&s.image, &s.function);
		close_subject(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(variables_of_threads),
		cmocka_unit_test(keys_of_threads),
		cmocka_unit_test(versions),
		cmocka_unit_test(getters),
		cmocka_unit_test(any_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
