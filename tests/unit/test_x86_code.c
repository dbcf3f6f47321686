// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Lengths of instructions, each as an assembler has it; and what is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "site/x86_code.h"

#define CODE(text)                     \
	{                              \
		text, sizeof(text) - 1 \
	}

static const struct {
	const char *bytes;
	size_t size;
} instructions[] = {
	CODE("\x90"),
	CODE("\xc3"),
	CODE("\x53"),
	CODE("\x41\x54"),
	CODE("\xf3\x0f\x1e\xfa"),			  /* endbr64 */
	CODE("\x66\x2e\x0f\x1f\x84\x00\x00\x00\x00\x00"), /* nopw */
	CODE("\x89\xd8"),				  /* mov %ebx,%eax */
	CODE("\x8b\x54\x24\x38"),			  /* mov 0x38(%rsp),%edx */
	CODE("\x8b\x95\x1c\xff\xff\xff"),		  /* mov -0xe4(%rbp),%edx */
	CODE("\x48\x8b\x05\x01\x02\x03\x04"),		  /* mov x(%rip),%rax */
	CODE("\x8b\x04\x25\x01\x02\x03\x04"),		  /* mov 0x4030201,%eax */
	CODE("\x64\x48\x8b\x1c\x25\xe8\xff\xff\xff"),	  /* mov %fs:…,%rbx */
	CODE("\x4a\x8d\x04\xcd\x00\x00\x00\x00"),	  /* lea (,%r9,8),%rax */
	CODE("\x8d\x44\x00\x01"),			  /* lea 1(%rax,%rax),%eax */
	CODE("\xbe\x02\x00\x00\x00"),			  /* mov $2,%esi */
	CODE("\x66\xb8\x02\x00"),			  /* mov $2,%ax */
	CODE("\x48\xb8\x01\x02\x03\x04\x05\x06\x07\x08"), /* movabs */
	CODE("\xa1\x01\x02\x03\x04\x05\x06\x07\x08"),	  /* movabs x,%eax */
	CODE("\xc7\x83\x38\x01\x00\x00\x01\x00\x00\x00"), /* movl $1,0x138(%rbx) */
	CODE("\x66\xc7\x03\x01\x00"),			  /* movw $1,(%rbx) */
	CODE("\x48\xc7\x44\x24\x08\x01\x00\x00\x00"),	  /* movq $1,8(%rsp) */
	CODE("\x83\x7c\x24\x3c\x01"),			  /* cmpl $1,0x3c(%rsp) */
	CODE("\x66\x83\x3d\x01\x02\x03\x04\x00"),	  /* cmpw $0,x(%rip) */
	CODE("\xf6\x85\x01\x02\x03\x04\x01"),		  /* testb $1,x(%rbp) */
	CODE("\xf7\xd8"),				  /* neg %eax */
	CODE("\xf7\xc0\x01\x02\x03\x04"),		  /* test $x,%eax */
	CODE("\x66\xf7\xc1\x01\x02"),			  /* test $x,%cx */
	CODE("\xe8\x01\x02\x03\x04"),			  /* call */
	CODE("\x66\x66\x48\xe8\x01\x02\x03\x04"),	  /* of __tls_get_addr */
	CODE("\xff\x15\x01\x02\x03\x04"),		  /* call *x(%rip) */
	CODE("\x74\x05"),				  /* je */
	CODE("\x0f\x84\x01\x02\x03\x04"),		  /* je */
	CODE("\x0f\xba\xe0\x1c"),			  /* bt $0x1c,%eax */
	CODE("\x0f\xb6\x47\x10"),			  /* movzbl 0x10(%rdi),%eax */
	CODE("\x66\x0f\xd4\x44\x24\x10"),		  /* paddq 0x10(%rsp),%xmm0 */
	CODE("\x66\x0f\x3a\x0f\xc1\x08"),		  /* palignr $8,%xmm1,%xmm0 */
	CODE("\x66\x0f\x38\x00\xc1"),			  /* pshufb */
	CODE("\xc5\xf8\x77"),				  /* vzeroupper */
	CODE("\xc5\xfd\x6f\x44\x24\x20"),		  /* vmovdqa 0x20(%rsp),%ymm0 */
	CODE("\xc4\xe3\x7d\x39\xc1\x01"),		  /* vextracti128 $1,%ymm0,%xmm1 */
	CODE("\xc4\xe2\x79\x18\x05\x01\x02\x03\x04"),	  /* vbroadcastss x(%rip),%xmm0 */
	CODE("\x62\xf1\xfd\x48\x6f\x44\x24\x01"),	  /* vmovdqa64 0x40(%rsp),%zmm0 */
	CODE("\xc8\x10\x00\x00"),			  /* enter */
	CODE("\xf0\x48\x0f\xb1\x0b"),			  /* lock cmpxchg %rcx,(%rbx) */
};

static void lengths(void **state)
{
	uint8_t bytes[32];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(instructions); i++) {
		size_t size = instructions[i].size;

		memset(bytes, 0xcc, sizeof(bytes));
		memcpy(bytes, instructions[i].bytes, size);
		if (x86_length(bytes, sizeof(bytes)) != size || x86_length(bytes, size) != size)
			fail_msg("instruction %zu: %zu, not %zu", i,
				 x86_length(bytes, sizeof(bytes)), size);
		for (size_t left = 0; left < size; left++)
			assert_int_equal(x86_length(bytes, left), 0);
	}
}

static void what_is_no_instruction(void **state)
{
	static const uint8_t unknown[] = { 0x06, 0x0e, 0x27, 0x60, 0x82, 0x9a, 0xce, 0xd5, 0xea };
	uint8_t bytes[32] = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(unknown); i++) {
		bytes[0] = unknown[i];
		assert_int_equal(x86_length(bytes, sizeof(bytes)), 0);
	}
	/* Prefixes without an end. */
	memset(bytes, 0x66, sizeof(bytes));
	assert_int_equal(x86_length(bytes, sizeof(bytes)), 0);
}

/* Whatever the bytes, no more are read than there are, and no more taken than an instruction has.
 */
static void any_bytes(void **state)
{
	unsigned seed = 5;

	(void)state;
	for (int i = 0; i < 300000; i++) {
		size_t left = (size_t)rand_r(&seed) % 17;
		uint8_t bytes[17];
		size_t length;

		for (size_t k = 0; k < left; k++)
			bytes[k] = (uint8_t)(rand_r(&seed) >> 7);
		length = x86_length(bytes, left);
		assert_true(length <= left && length <= 15);
	}
}

static void jumps(void **state)
{
	struct x86_jump j;

	(void)state;
	assert_true(x86_jump((const uint8_t *)"\xe8\xfb\xff\xff\xff", 5, 0x1000, &j));
	assert_true(j.is_call && !j.is_conditional);
	assert_int_equal(j.target, 0x1000);
	assert_true(x86_jump((const uint8_t *)"\xe9\x00\x01\x00\x00", 5, 0x1000, &j));
	assert_true(!j.is_call && !j.is_conditional);
	assert_int_equal(j.target, 0x1105);
	assert_true(x86_jump((const uint8_t *)"\x74\xfe", 2, 0x1000, &j));
	assert_true(!j.is_call && j.is_conditional);
	assert_int_equal(j.target, 0x1000);
	assert_true(x86_jump((const uint8_t *)"\xeb\x7f", 2, 0x1000, &j));
	assert_false(j.is_conditional);
	assert_int_equal(j.target, 0x1081);
	assert_true(x86_jump((const uint8_t *)"\x0f\x85\xff\xff\xff\x7f", 6, 0x1000, &j));
	assert_true(j.is_conditional);
	assert_int_equal(j.target, 0x80001005);
	assert_false(x86_jump((const uint8_t *)"\xff\xd0", 2, 0x1000, &j));
	assert_false(x86_jump((const uint8_t *)"\xbe\x02\x00\x00\x00", 5, 0x1000, &j));
	assert_false(x86_jump((const uint8_t *)"\xc3", 1, 0x1000, &j));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lengths),
		cmocka_unit_test(what_is_no_instruction),
		cmocka_unit_test(any_bytes),
		cmocka_unit_test(jumps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
