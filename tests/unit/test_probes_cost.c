// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Which first instructions the kernel emulates: what a hit costs depends on it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "probe/inside.h"

struct instruction {
	const char *bytes;
	size_t size;
	bool emulated;
};

#define CODE(bytes) bytes, sizeof(bytes) - 1

static void test_emulated(void **state)
{
	static const struct instruction cases[] = {
#if defined(__x86_64__)
		{ CODE("\x55"), true },			    /* push %rbp */
		{ CODE("\x41\x57"), true },		    /* push %r15 */
		{ CODE("\x90"), true },			    /* nop */
		{ CODE("\x0f\x1f\x44\x00\x00"), true },	    /* nop, of 5 bytes */
		{ CODE("\xe9\x00\x00\x00\x00"), true },	    /* jmp */
		{ CODE("\xeb\x00"), true },		    /* jmp, short */
		{ CODE("\x74\x02"), true },		    /* je */
		{ CODE("\x0f\x84\x00\x00\x00\x00"), true }, /* je, near */
		{ CODE("\xe8\x00\x00\x00\x00"), true },	    /* call */
		{ CODE("\xf3\x0f\x1e\xfa"), false },	    /* endbr64 */
		{ CODE("\x48\x89\xe5"), false },	    /* mov %rsp, %rbp */
		{ CODE("\x48\x83\xec\x08"), false },	    /* sub $8, %rsp */
		{ CODE("\x31\xc0"), false },		    /* xor %eax, %eax */
		{ CODE("\x41\x89\xf8"), false },	    /* mov %edi, %r8d */
		{ CODE("\x0f\x0b"), false },		    /* ud2 */
		{ CODE("\xc3"), false },		    /* ret */
		{ CODE("\x5d"), false },		    /* pop %rbp */
		{ CODE("\x0f"), false },		    /* cut off */
		{ CODE("\x41"), false },
		{ CODE("\x66\x66"), false },
#else
		{ CODE("\x1f\x20\x03\xd5"), true },  /* nop */
		{ CODE("\x00\x00\x00\x14"), true },  /* b */
		{ CODE("\x3f\x23\x03\xd5"), false }, /* paciasp */
		{ CODE("\xfd\x7b\xbf\xa9"), false }, /* stp x29, x30, [sp, #-16]! */
		{ CODE("\x1f\x20\x03"), false },     /* cut off */
#endif
		{ "", 0, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(probes_is_emulated((const uint8_t *)cases[i].bytes, cases[i].size),
				 cases[i].emulated);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_emulated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
