// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* How much is kept of one who has new code all the time, and what others' names need of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <errno.h>

#include "base/now.h"
#include "collect/records.h"
#include "walk/runtimes_inside.h"

enum {
	NOBODY = 4194000, /* no kernel hands it out */
	MANY = 40000,	  /* more than may be kept of one at once */
	LARGE = 1 << 20,
	NR_LARGE = 150,
	STEP = 64,
	SPACE = 5,
};

/* 3.13's, as far as code objects go. */
static const struct abi_runtime of_file = { .kind = ABI_RUNTIME_PYTHON,
					    .of_file = 1,
					    .python = { .minor = 13,
							.code_first_line = 68,
							.code_file = 112,
							.code_name = 120,
							.code_qualname = 128,
							.code_lines = 136,
							.text_ascii = 40,
							.text_other = 56,
							.text_length = 16,
							.text_state = 32,
							.bytes_size = 16,
							.bytes_data = 32,
							.object_type = 8,
							.code_instructions = 200 } };

static struct {
	struct abi_runtime entries[4];
	struct capture capture;
	struct runtimes *runtimes;
	uint32_t place;
} f;

static uint8_t lines[LARGE + NR_LARGE * STEP + 64];

static int open_all(void **state)
{
	(void)state;
	memset(&f, 0, sizeof(f));
	for (size_t i = 0; i < sizeof(lines); i++)
		lines[i] = (uint8_t)(i * i >> 7);
	assert_int_equal(capture_init(&f.capture), 0);
	assert_int_equal(runtimes_new(&f.runtimes, f.entries, 4, NULL, &f.capture), 0);
	f.place = runtimes_place_file(f.runtimes, &of_file);
	assert_int_not_equal(f.place, 0);
	return 0;
}

static int close_all(void **state)
{
	(void)state;
	runtimes_free(f.runtimes);
	capture_done(&f.capture);
	return 0;
}

static void put_text(uint8_t *to, const char *text)
{
	uint64_t length = strlen(text);
	uint32_t state = 1 << 2 | 8 << 2 | 16 << 2;

	memcpy(to + of_file.python.text_length, &length, sizeof(length));
	memcpy(to + of_file.python.text_state, &state, sizeof(state));
	memcpy(to + of_file.python.text_ascii, text, length);
}

enum { RECORD = offsetof(struct abi_code, lines) };

/* A record of all but the lines, which are left where they are. */
static struct abi_code *make(uint64_t code, uint32_t tgid, const void *from)
{
	static struct abi_code c;
	uint64_t at = (uintptr_t)from;

	c = (struct abi_code){ .type = ABI_CODE,
			       .tgid = tgid,
			       .family = SPACE,
			       .code = code,
			       .runtime = f.place,
			       .object_size = ABI_CODE_BYTES,
			       .text_sizes = { ABI_CODE_TEXT, ABI_CODE_TEXT } };
	memcpy(c.object + of_file.python.code_lines, &at, sizeof(at));
	put_text(c.texts[0], "/app/main.py");
	put_text(c.texts[1], "function");
	return &c;
}

/* What passing time allows would else depend on how fast we are. */
static void stop_time(void)
{
	f.runtimes->placed[f.place].since_ns = now_ns();
}

static void take(uint64_t code, uint32_t tgid, const void *from)
{
	stop_time();
	assert_int_equal(runtimes_take_code(f.runtimes, make(code, tgid, from), RECORD), 0);
}

static int is_known(uint64_t code)
{
	const struct abi_stack s = { .runtime = f.place, .space = SPACE, .tgid = NOBODY };
	const struct abi_call call = { .code = code };
	struct raw_frame frame;

	stop_time();
	return runtimes_frame(f.runtimes, &s, &call, &frame);
}

static void what_is_new(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < MANY; i++)
		take(0x1000 + i * 64, NOBODY, NULL);
	assert_int_equal(is_known(0x1000), 1);
	assert_int_equal(is_known(0x1000 + (MANY - 1) * 64), 0);
}

/* The kernel half forgets what it has sent. */
static void what_is_sent_again(void **state)
{
	(void)state;
	for (int i = 0; i < MANY; i++)
		take(0x1000, NOBODY, NULL);
	take(0x2000, NOBODY, NULL);
	assert_int_equal(is_known(0x1000), 1);
	assert_int_equal(is_known(0x2000), 1);
}

/* The nth table of lines, each some bytes further than the last one. */
static const void *lines_at(uint32_t n)
{
	uint64_t size = LARGE;

	memcpy(lines + n * STEP + of_file.python.bytes_size, &size, sizeof(size));
	return lines + n * STEP;
}

static void what_is_large(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < NR_LARGE; i++)
		take(0x1000 + i * 256, (uint32_t)getpid(), lines_at(i));
	/* Some were taken, … */
	assert_true(capture_memory(&f.capture) > 16 * LARGE);
	/* … but memory is others', too. */
	assert_true(capture_memory(&f.capture) < 80 * LARGE);
	assert_true(runtimes_names_memory(f.runtimes) < LARGE);
}

/* Records that come at once do not take more than all may have. */
static void what_comes_at_once(void **state)
{
	const struct tables_settings tables = { .max_bytes = 8 << 20,
						.nr_spaces = 64,
						.nr_runtimes = 4 };
	struct drain_settings settings = { .budget.growing = 16 << 20 };
	static struct abi_space spaces[64];
	struct tracker *tracker;
	struct sideband *sideband;
	struct records *records;
	struct tables *t;
	int r = sideband_open(&sideband, 4);

	(void)state;
	if (r == -EPERM || r == -EACCES) {
		printf("skipped: not allowed to follow processes (CAP_PERFMON)\n");
		skip();
	}
	assert_int_equal(r, 0);
	assert_int_equal(tracker_new(&tracker, &f.capture), 0);
	assert_int_equal(tables_open_here(&t, &tables, spaces, f.entries, tracker, &f.capture), 0);
	f.place = runtimes_place_file(tables_runtimes(t), &of_file);
	assert_int_equal(records_new(&records, &settings, &f.capture, tracker, sideband, t), 0);
	for (uint32_t i = 0; i < NR_LARGE; i++)
		assert_int_equal(
			records_take(records,
				     make(0x1000 + i * 256, (uint32_t)getpid(), lines_at(i)),
				     RECORD),
			0);
	assert_int_equal(records_settle(records), 0);
	assert_true(capture_memory(&f.capture) > LARGE);
	assert_true(capture_memory(&f.capture) < settings.budget.growing);
	records_free(records);
	tables_free(t);
	tracker_free(tracker);
	sideband_close(sideband);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_new, open_all, close_all),
		cmocka_unit_test_setup_teardown(what_is_sent_again, open_all, close_all),
		cmocka_unit_test_setup_teardown(what_is_large, open_all, close_all),
		cmocka_unit_test_setup_teardown(what_comes_at_once, open_all, close_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
