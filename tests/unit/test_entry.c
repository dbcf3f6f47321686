// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The cheapest place of a function's entry, by its first bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "image_fixture.h"
#include "site/entry.h"

static void behind_what_lands_there(void **state)
{
	static const struct {
		const char *bytes;
		unsigned behind;
	} cases[] = {
		{ "\xf3\x0f\x1e\xfa\x53\x90", 4 }, /* endbr64; push %rbx */
		{ "\xf3\x0f\x1e\xfa\x41\x54", 4 }, /* endbr64; push %r12 */
		{ "\xf3\x0f\x1e\xfa\x41\x89", 0 }, /* endbr64; mov */
		{ "\xf3\x0f\x1e\xfa\x48\x83", 0 }, /* endbr64; sub */
		{ "\xf3\x0f\x1e\xfa\x5b\x90", 0 }, /* endbr64; pop: arguments would be gone */
		{ "\xf3\x0f\x1e\xfb\x53\x90", 0 }, /* endbr32 */
		{ "\x55\x48\x89\xe5\x53\x90", 0 }, /* push is there at once */
		{ "\x41\x57\x41\x56\x41\x55", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_close_ int fd = -1;
		struct image im;
		struct made m;
		uint64_t offset;

		made_init(&m);
		memcpy(m.bytes + MADE_CODE_AT + 16, cases[i].bytes, 6);
		fd = made_open(&m);
		assert_int_equal(image_open(&im, fd), 0);
		assert_int_equal(entry_cheapest(&im, MADE_CODE + 16),
				 MADE_CODE + 16 + cases[i].behind);
		assert_int_equal(entry_offset(&im, MADE_CODE + 16, &offset), 0);
		assert_int_equal(offset, MADE_CODE_AT + 16 + cases[i].behind);
		im.machine = EM_AARCH64;
		assert_int_equal(entry_cheapest(&im, MADE_CODE + 16), MADE_CODE + 16);
		image_done(&im);
	}
}

static void where_no_code_is(void **state)
{
	static const uint64_t addresses[] = { 0,	 MADE_CODE - 1, MADE_CODE + 0x1000,
					      MADE_DATA, UINT64_MAX,	UINT64_MAX / 2 };
	_cleanup_close_ int fd = -1;
	struct image im;
	struct made m;
	uint64_t offset = 7;

	(void)state;
	made_init(&m);
	/* At the end of what there is nothing follows. */
	memcpy(m.bytes + MADE_CODE_AT + 0x1000 - 4, "\xf3\x0f\x1e\xfa", 4);
	fd = made_open(&m);
	assert_int_equal(image_open(&im, fd), 0);
	assert_int_equal(entry_cheapest(&im, MADE_CODE + 0x1000 - 4), MADE_CODE + 0x1000 - 4);
	for (size_t i = 0; i < ARRAY_SIZE(addresses); i++)
		assert_int_equal(entry_offset(&im, addresses[i], &offset), -EFAULT);
	assert_int_equal(offset, 7);
	image_done(&im);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(behind_what_lands_there),
		cmocka_unit_test(where_no_code_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
