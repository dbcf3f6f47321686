// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Notes of probes, as they should be, cut short and lying; and arguments as assemblers write them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "image_fixture.h"
#include "site/usdt.h"

enum { PLACE = MADE_CODE + 0x123, BASE = MADE_DATA + 0x10, SEMAPHORE = MADE_DATA + 0x22 };

static const struct usdt_name wanted[] = { { "python", "gc__start" }, { "python", "gc__done" } };

struct notes {
	char bytes[0x2000];
	size_t size;
};

static void add_words(struct notes *n, const void *words, size_t size)
{
	memcpy(n->bytes + n->size, words, size);
	n->size += size;
}

/* `texts`: three, each with its NUL. */
static void add_note(struct notes *n, uint64_t place, uint64_t base, uint64_t semaphore,
		     const char *texts, size_t texts_size)
{
	uint32_t header[3] = { 8, (uint32_t)(24 + texts_size), 3 };
	uint64_t words[3] = { place, base, semaphore };

	add_words(n, header, sizeof(header));
	add_words(n, "stapsdt", 8);
	add_words(n, words, sizeof(words));
	add_words(n, texts, texts_size);
	n->size = (n->size + 3) & ~3ul;
}
#define NOTE(n, place, base, semaphore, texts) \
	add_note(n, place, base, semaphore, texts, sizeof(texts))

/* All of them are found where each name has one. */
static void check_all(const struct image *im, const struct usdt_site *sites, int nr)
{
	_cleanup_free_ struct usdt_site *all = NULL;
	unsigned seen = 0;
	int nr_all = usdt_find_all(im, wanted, ARRAY_SIZE(wanted), &all);

	for (int i = 0; i < nr; i++)
		seen |= 1u << sites[i].which;
	assert_int_equal(nr_all, seen == (1u << ARRAY_SIZE(wanted)) - 1 ? nr : 0);
	assert_true(nr_all ? !memcmp(all, sites, (size_t)nr * sizeof(*all)) : !all);
}

static int find_bytes(const void *bytes, size_t size, uint64_t base, struct usdt_site **ret)
{
	_cleanup_close_ int fd = -1;
	struct image im;
	struct made m;
	int nr;

	made_init(&m);
	made_add(&m, ".note.stapsdt", SHT_NOTE, bytes, size);
	if (base) {
		Elf64_Shdr *s = made_add(&m, ".stapsdt.base", SHT_PROGBITS, "", 1);

		s->sh_flags = SHF_ALLOC;
		s->sh_addr = base;
	}
	fd = made_open(&m);
	assert_int_equal(image_open(&im, fd), 0);
	nr = usdt_find(&im, wanted, ARRAY_SIZE(wanted), ret);
	assert_true(nr == 0 || *ret);
	check_all(&im, *ret, nr);
	image_done(&im);
	return nr;
}

static int find(const struct notes *n, uint64_t base, struct usdt_site **ret)
{
	return find_bytes(n->bytes, n->size, base, ret);
}

static void notes_as_they_should_be(void **state)
{
	_cleanup_free_ struct usdt_site *sites = NULL;
	struct notes n = { 0 };

	(void)state;
	NOTE(&n, PLACE, BASE, SEMAPHORE, "python\0gc__start\0-4@112(%rsp)");
	NOTE(&n, PLACE + 1, BASE, 0, "python\0audit\0");
	NOTE(&n, PLACE + 2, BASE, 0, "ruby\0gc__start\0");
	NOTE(&n, PLACE + 3, BASE, 0, "python\0gc__done\0-8@%r12");
	NOTE(&n, PLACE + 7, BASE, SEMAPHORE, "python\0gc__start\0-4@%edi");
	assert_int_equal(find(&n, BASE, &sites), 3);
	assert_int_equal(sites[0].which, 0);
	assert_int_equal(sites[0].address, PLACE);
	assert_int_equal(sites[0].offset, PLACE - MADE_CODE + MADE_CODE_AT);
	assert_int_equal(sites[0].semaphore, SEMAPHORE - MADE_DATA + MADE_DATA_AT);
	assert_string_equal(sites[0].arguments, "-4@112(%rsp)");
	assert_int_equal(sites[1].which, 1);
	assert_int_equal(sites[1].semaphore, 0);
	assert_int_equal(sites[2].which, 0);
	assert_string_equal(sites[2].arguments, "-4@%edi");
}

/* The file was prelinked: the notes know nothing of it. */
static void files_that_were_moved(void **state)
{
	_cleanup_free_ struct usdt_site *sites = NULL;
	struct notes n = { 0 };

	(void)state;
	NOTE(&n, PLACE - 0x400000, BASE - 0x400000, SEMAPHORE - 0x400000,
	     "python\0gc__start\0-4@%edi");
	NOTE(&n, PLACE, 0, SEMAPHORE, "python\0gc__done\0");
	assert_int_equal(find(&n, BASE, &sites), 2);
	assert_int_equal(sites[0].address, PLACE);
	assert_int_equal(sites[0].semaphore, SEMAPHORE - MADE_DATA + MADE_DATA_AT);
	assert_int_equal(sites[1].address, PLACE);
}

static void places_that_are_none(void **state)
{
	static const uint64_t places[] = { 0,	      MADE_CODE - 1, MADE_CODE + 0x1000,
					   MADE_DATA, UINT64_MAX,    UINT64_MAX / 2 };
	_cleanup_free_ struct usdt_site *sites = NULL;
	struct notes n = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		NOTE(&n, places[i], BASE, 0, "python\0gc__start\0");
	/* A semaphore that the file does not have can't be counted up. */
	NOTE(&n, PLACE, BASE, MADE_DATA + MADE_DATA_SIZE, "python\0gc__start\0");
	NOTE(&n, PLACE, BASE, UINT64_MAX, "python\0gc__start\0");
	/* Nor one between two words, nor one in code. */
	NOTE(&n, PLACE, BASE, SEMAPHORE + 1, "python\0gc__start\0");
	NOTE(&n, PLACE, BASE, MADE_CODE + 0x10, "python\0gc__start\0");
	assert_int_equal(find(&n, BASE, &sites), 0);
	assert_null(sites);
}

/* Texts without an end, notes of others, of other versions and of no size. */
static void notes_to_pass_over(void **state)
{
	_cleanup_free_ struct usdt_site *sites = NULL;
	uint32_t others[] = { 8, 4, 3, 0, 0, 7, 0, 0, 9 };
	struct notes n = { 0 };

	(void)state;
	add_words(&n, others, sizeof(others));
	add_note(&n, PLACE, BASE, 0, "python", 6);
	add_note(&n, PLACE, BASE, 0, "python\0gc__start", 16);
	/* Without arguments that end it is a probe all the same. */
	add_note(&n, PLACE, BASE, 0, "python\0gc__start\0-4@%edi", 24);
	NOTE(&n, PLACE, BASE, 0, "python\0gc__done\0");
	assert_int_equal(find(&n, BASE, &sites), 2);
	assert_string_equal(sites[0].arguments, "");
	assert_int_equal(sites[1].which, 1);
}

static void notes_that_were_cut(void **state)
{
	struct notes n = { 0 };

	(void)state;
	NOTE(&n, PLACE, BASE, SEMAPHORE, "python\0gc__start\0-4@112(%rsp)");
	NOTE(&n, PLACE + 3, BASE, 0, "python\0gc__done\0-8@%r12");
	for (size_t size = 0; size < n.size; size++) {
		_cleanup_free_ struct usdt_site *sites = NULL;
		int nr = find_bytes(n.bytes, size, BASE, &sites);

		assert_true(nr == 0 || nr == 1 || (nr == 2 && size >= n.size - 3));
	}
}

static void sizes_that_lie(void **state)
{
	static const uint32_t lies[] = { 0,	     1,		 3,	     7,		0x7fffffff,
					 0x80000000, 0xfffffffc, 0xfffffffd, 0xffffffff };
	struct notes n = { 0 };

	(void)state;
	for (int i = 0; i < 8; i++)
		NOTE(&n, PLACE, BASE, SEMAPHORE, "python\0gc__start\0-4@112(%rsp)");
	for (size_t at = 0; at + 4 <= n.size; at++)
		for (size_t i = 0; i < ARRAY_SIZE(lies); i++) {
			_cleanup_free_ struct usdt_site *sites = NULL;
			struct notes changed = n;

			memcpy(changed.bytes + at, &lies[i], 4);
			assert_in_range(find(&changed, BASE, &sites), 0, 8);
		}
}

/* The section itself: not there, of another type, beyond the file. */
static void sections_that_lie(void **state)
{
	static const uint64_t lies[] = { MADE_SIZE, MADE_SIZE - 1, 1ull << 40, UINT64_MAX };
	struct notes n = { 0 };

	(void)state;
	NOTE(&n, PLACE, BASE, SEMAPHORE, "python\0gc__start\0-4@112(%rsp)");
	for (size_t i = 0; i < 2 * ARRAY_SIZE(lies) + 2; i++) {
		_cleanup_free_ struct usdt_site *sites = NULL;
		_cleanup_close_ int fd = -1;
		Elf64_Shdr *s;
		struct image im;
		struct made m;

		made_init(&m);
		s = made_add(&m, ".note.stapsdt", SHT_NOTE, n.bytes, n.size);
		if (i < 2 * ARRAY_SIZE(lies))
			*(i & 1 ? &s->sh_size : &s->sh_offset) = lies[i / 2];
		else
			s->sh_type = i & 1 ? SHT_PROGBITS : SHT_NOBITS;
		fd = made_open(&m);
		assert_int_equal(image_open(&im, fd), 0);
		assert_int_equal(usdt_find(&im, wanted, 2, &sites), 0);
		assert_null(sites);
		image_done(&im);
	}
}

/* A compiler that puts a function into many others makes as many places. */
static void many_places_of_one_probe(void **state)
{
	enum { MANY = 100 };
	_cleanup_free_ struct usdt_site *sites = NULL;
	struct notes n = { 0 };

	(void)state;
	for (int i = 0; i < MANY; i++)
		NOTE(&n, PLACE + (unsigned)i, BASE, 0, "python\0gc__start\0");
	assert_int_equal(find(&n, 0, &sites), MANY);
	for (int i = 0; i < MANY; i++)
		assert_int_equal(sites[i].address, PLACE + i);
}

#define ARGUMENT(how_, reg_, size_, sign, offset_)                                               \
	{                                                                                        \
		.how = ABI_ARGUMENT_##how_, .reg = (reg_), .size = (size_), .is_signed = (sign), \
		.offset = (offset_)                                                              \
	}

static void arguments_of_x86(void **state)
{
	static const struct {
		const char *text;
		struct abi_argument a;
	} cases[] = {
		{ "-4@%edi", ARGUMENT(REGISTER, 14, 4, 1, 0) },
		{ "8@%rax", ARGUMENT(REGISTER, 10, 8, 0, 0) },
		{ "1@%r15b", ARGUMENT(REGISTER, 0, 1, 0, 0) },
		{ "-2@%bp", ARGUMENT(REGISTER, 4, 2, 1, 0) },
		{ "1@%sil", ARGUMENT(REGISTER, 13, 1, 0, 0) },
		{ "4@%r8d", ARGUMENT(REGISTER, 9, 4, 0, 0) },
		{ "-4@$2", ARGUMENT(VALUE, 0, 4, 1, 2) },
		{ "-4@$-2", ARGUMENT(VALUE, 0, 4, 1, -2) },
		{ "4@$4294967295", ARGUMENT(VALUE, 0, 4, 0, -1) },
		{ "-4@112(%rsp)", ARGUMENT(MEMORY, 19, 4, 1, 112) },
		{ "4@-20(%rbp)", ARGUMENT(MEMORY, 4, 4, 0, -20) },
		{ "8@(%r12)", ARGUMENT(MEMORY, 3, 8, 0, 0) },
	};
	struct abi_argument a;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		memset(&a, 0xff, sizeof(a));
		assert_true(usdt_argument(cases[i].text, 0, EM_X86_64, &a));
		assert_memory_equal(&a, &cases[i].a, sizeof(a));
	}
	assert_true(usdt_argument("8@%rdi  -4@8(%rsp) 8@name(%rip) 1@$7", 1, EM_X86_64, &a));
	assert_int_equal(a.offset, 8);
	assert_false(usdt_argument("8@%rdi -4@8(%rsp) 8@name(%rip) 1@$7", 2, EM_X86_64, &a));
	assert_true(usdt_argument("8@%rdi -4@8(%rsp) 8@name(%rip) 1@$7", 3, EM_X86_64, &a));
	assert_int_equal(a.offset, 7);
	assert_false(usdt_argument("8@%rdi", 1, EM_X86_64, &a));
	assert_false(usdt_argument("8@%rdi ", 1, EM_X86_64, &a));
	assert_false(usdt_argument("8@%rdi", UINT32_MAX, EM_X86_64, &a));
	assert_false(usdt_argument("8@%rdi", 0, EM_PPC64, &a));
}

/* They would need more than one register, or are no numbers. */
static void arguments_that_can_not_be_said(void **state)
{
	static const char *const refused[] = {
		"",
		"@",
		"4@",
		"%rax",
		"8@name(%rip)",
		"8@8(%rip)",
		"3@%eax",
		"-4@(%rax,%rbx,8)",
		"16@%xmm0",
		"4f@%xmm0",
		"8@%fs:12",
		"8@%ah",
		"8@%raxx",
		"8@%",
		"8@(%eax)",
		"8@(%rax",
		"8@(%rax)x",
		"8@4294967296(%rax)",
		"8@$99999999999",
		"8@$99999999999999999999999999",
		"8@12",
		"8@-(%rax)",
		"-8@$",
		"9223372036854775808@%rax",
	};
	struct abi_argument a;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		if (usdt_argument(refused[i], 0, EM_X86_64, &a))
			fail_msg("\"%s\" is no argument", refused[i]);
}

static void arguments_of_arm64(void **state)
{
	static const struct {
		const char *text;
		struct abi_argument a;
	} cases[] = {
		{ "-4@x0", ARGUMENT(REGISTER, 0, 4, 1, 0) },
		{ "8@x30", ARGUMENT(REGISTER, 30, 8, 0, 0) },
		{ "4@w19", ARGUMENT(REGISTER, 19, 4, 0, 0) },
		{ "-4@[sp, 12]", ARGUMENT(MEMORY, 31, 4, 1, 12) },
		{ "8@[x29,-16]", ARGUMENT(MEMORY, 29, 8, 0, -16) },
		{ "8@[x1]", ARGUMENT(MEMORY, 1, 8, 0, 0) },
		{ "-4@2", ARGUMENT(VALUE, 0, 4, 1, 2) },
	};
	static const char *const refused[] = {
		"8@x31",   "8@x",  "8@[w0]", "8@[sp",	   "8@[sp,]",
		"8@[sp]!", "8@q0", "8@x-1",  "8@[x1, x2]", "8@[x1, 99999999999]"
	};
	struct abi_argument a;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_true(usdt_argument(cases[i].text, 0, EM_AARCH64, &a));
		assert_memory_equal(&a, &cases[i].a, sizeof(a));
	}
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		if (usdt_argument(refused[i], 0, EM_AARCH64, &a))
			fail_msg("\"%s\" is no argument", refused[i]);
	assert_true(usdt_argument("-4@[sp, 12] 8@x1", 1, EM_AARCH64, &a));
	assert_int_equal(a.reg, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(notes_as_they_should_be),
		cmocka_unit_test(files_that_were_moved),
		cmocka_unit_test(places_that_are_none),
		cmocka_unit_test(notes_to_pass_over),
		cmocka_unit_test(notes_that_were_cut),
		cmocka_unit_test(sizes_that_lie),
		cmocka_unit_test(sections_that_lie),
		cmocka_unit_test(many_places_of_one_probe),
		cmocka_unit_test(arguments_of_x86),
		cmocka_unit_test(arguments_that_can_not_be_said),
		cmocka_unit_test(arguments_of_arm64),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
