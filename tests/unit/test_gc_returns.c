// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Where functions are left: of functions of this program, as compilers make them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "site/gc_sites.h"

#if defined(__x86_64__)
/* A symbol that is code. */
#define PLACE(name) "\t.type " name ", @function\n" name ":\n"
#define FUNCTION(name, code)                                              \
	"\t.type " name ", @function\n" name ":\n\t.cfi_startproc\n" code \
	"\t.cfi_endproc\n\t.size " name ", . - " name "\n"

/* Places that are to be found are called after their function, and numbered. */
__asm__("\t.text\n"
	/* clang-format off */
	FUNCTION("returns_other", "\tret\n")
	FUNCTION("returns_twice",
		 "\tendbr64\n\tpush %rbx\n\ttest %edi, %edi\n\tje 1f\n\tmov $0xc3c3c3c3, %eax\n"
		 "\tpop %rbx\n" PLACE("returns_twice_0") "\tret\n"
		 "1:\tcall returns_other\n\tpop %rbx\n" PLACE("returns_twice_1") "\trep ret\n")
	FUNCTION("returns_elsewhere",
		 "\ttest %edi, %edi\n\tje 1f\n" PLACE("returns_elsewhere_0") "\tret\n"
		 "1:\n" PLACE("returns_elsewhere_1") "\tjmp returns_other\n")
	FUNCTION("returns_in_part",
		 "\tpush %rbx\n\ttest %edi, %edi\n\tje returns_in_part_cold\n"
		 "2:\tpop %rbx\n" PLACE("returns_in_part_0") "\tret\n")
	/* As GCC's: its frame is there from the first instruction on. */
	"\t.type returns_in_part_cold, @function\nreturns_in_part_cold:\n\t.cfi_startproc\n"
	"\t.cfi_def_cfa_offset 16\n\ttest %esi, %esi\n\tjne 2b\n\tpop %rbx\n"
	"" PLACE("returns_in_part_1") "\tret $8\n\t.cfi_endproc\n"
	FUNCTION("returns_if", "\ttest %edi, %edi\n\tje returns_other\n\tret\n")
	FUNCTION("returns_into", "\ttest %edi, %edi\n\tje returns_other + 1\n\tret\n")
	FUNCTION("returns_unknown", "\t.byte 0x06\n\tret\n")
	FUNCTION("returns_often", "\tret\n\tret\n\tret\n\tret\n\tret\n\tret\n\tret\n\tret\n\tret\n")
	/* clang-format on */
);

struct wanted {
	const char *name;
	int r;
};

static const struct wanted functions[] = {
	{ "returns_other", 1 },
	{ "returns_twice", 2 },
	{ "returns_elsewhere", 2 },
	{ "returns_in_part", 2 },
	/* A jump only some take, one into a function, what is no instruction, too many. */
	{ "returns_if", 0 },
	{ "returns_into", 0 },
	{ "returns_unknown", 0 },
	{ "returns_often", 0 },
};

static uint64_t address_of(const struct image *im, const char *name, unsigned n)
{
	char text[64];
	struct image_symbol s = { .name = text };
	int r;

	snprintf(text, sizeof(text), n == UINT32_MAX ? "%s" : "%s_%u", name, n);
	r = image_symbols(im, SHT_SYMTAB, &s, 1);
	return r == 1 ? s.address : 0;
}
#endif

static void each_is_found(void **state)
{
	(void)state;
#if defined(__x86_64__)
	_cleanup_close_ int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	const struct probe_site site = { .role = ABI_PROBE_END, .tag = 7 };
	struct image im;

	assert_int_equal(image_open(&im, fd), 0);
	for (size_t i = 0; i < ARRAY_SIZE(functions); i++) {
		struct probe_sites s = PROBE_SITES_INIT;
		uint64_t address = address_of(&im, functions[i].name, UINT32_MAX), offset;

		assert_int_not_equal(address, 0);
		assert_int_equal(gc_add_returns(&im, address, &site, &s), functions[i].r);
		assert_int_equal(s.nr, functions[i].r);
		for (size_t j = 0; j < s.nr && s.nr > 1; j++) {
			address = address_of(&im, functions[i].name, (unsigned)j);
			assert_int_equal(image_offset(&im, address, &offset), 0);
			assert_int_equal(s.sites[j].offset, offset);
			assert_int_equal(s.sites[j].tag, 7);
			assert_int_equal(s.sites[j].role, ABI_PROBE_END);
		}
		probe_sites_done(&s);
	}
	image_done(&im);
#else
	skip(); /* Code of other machines isn't read. */
#endif
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
