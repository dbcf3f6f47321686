// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What --slower prints of one event: a line, its stack below it, at once. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cmd/events.h"

enum { DEPTH = 20 };

static void kind_text(uint64_t field, struct strbuf *out)
{
	strbuf_addf(out, "k%u\033", (unsigned)field);
}

static const struct label_type labels[] = { { "kind", 0, 8, kind_text }, { 0 } };
static const struct mode mode = { .name = "made-up", .labels = labels, .events_have_stacks = true },
			 no_stacks = { .name = "made-up", .labels = labels };

struct fixture {
	struct capture capture;
	struct naming *naming;
	struct measure_settings settings;
	struct events events;
	struct live_event event;
	uint32_t lost;
};

static uint32_t text(struct capture *c, const char *s)
{
	uint32_t id;

	assert_int_equal(capture_string(c, s, &id), 0);
	return id;
}

static uint32_t deep_stack(struct capture *c)
{
	struct raw_frame frames[DEPTH];
	uint32_t id;

	for (uint32_t i = 0; i < DEPTH; i++) {
		char name[16];
		struct raw_code code = { .file = text(c, "/a/b.py"), .first_line = i + 1 };

		snprintf(name, sizeof(name), "f%u\033", i);
		code.name = text(c, name);
		assert_int_equal(capture_code(c, &code, &id), 0);
		assert_int_equal(capture_code_frame(c, id, CODE_NOWHERE, &frames[i]), 0);
	}
	assert_int_equal(capture_stack(c, frames, DEPTH, &id), 0);
	return id;
}

static int set_up(void **state)
{
	static struct fixture f;
	const struct symbolizer_settings names = { 0 };
	struct object mark = { .kind = OBJECT_MARK, .path = strdup("[stack lost]"), .fd = -1 };
	struct raw_who who = { .pid = 42 };
	struct raw_frame frame = { 0 };
	struct capture *c = &f.capture;

	f = (struct fixture){ .event = { .time = 1500000000, .value = 12700000, .tag = 3 } };
	assert_int_equal(capture_init(c), 0);
	f.event.stack = deep_stack(c);
	assert_int_equal(capture_object(c, &mark, &frame.object), 0);
	assert_int_equal(capture_stack(c, &frame, 1, &f.lost), 0);
	who.comm = text(c, "py\a\xff");
	assert_int_equal(capture_who(c, &who, &f.event.who), 0);
	assert_int_equal(naming_new(&f.naming, &mode, c, &names), 0);
	f.settings.view = (struct view_settings){ .width = 80, .utf8 = true };
	f.events = (struct events){ .settings = &f.settings,
				    .mode = &mode,
				    .naming = f.naming,
				    .capture = c,
				    .realtime = 1700000000000000000 };
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	naming_free(f->naming);
	capture_done(&f->capture);
	return 0;
}

/* What comes out of a descriptor. */
static char *shown(struct fixture *f, int descriptor)
{
	int saved = dup(descriptor), file = open("/tmp", O_TMPFILE | O_RDWR, 0600);
	char *text_of = calloc(1, 4096);

	fflush(stdout);
	assert_true(file >= 0);
	dup2(file, descriptor);
	events_show(&f->events, &f->event);
	dup2(saved, descriptor);
	close(saved);
	assert_true(pread(file, text_of, 4095, 0) >= 0);
	close(file);
	return text_of;
}

static void a_line_and_its_stack(void **state)
{
	static const char head[] = "13:21.500  py\\x07\\xff       "
				   "      42  kind=k3\\x1b ";
	struct fixture *f = *state;
	char *got = shown(f, STDOUT_FILENO), *line = strchr(got, '\n');

	/* Hours are those of the zone that tests run in. */
	assert_memory_equal(got + 3, head, sizeof(head) - 1);
	assert_memory_equal(line - 7, "12.7 ms\n", 8);
	assert_memory_equal(line + 1, "              f0\\x1b (a/b.py:1)\n", 31);
	assert_non_null(
		strstr(got, "              f11\\x1b (a/b.py:12)\n              \u2026 8 more\n"));
	assert_null(strstr(got, "f12"));
	free(got);
	f->settings.view.width = 20;
	got = shown(f, STDOUT_FILENO);
	assert_non_null(strstr(got, "\n              f0\\x1\u2026\n"));
	free(got);
	f->event.stack = f->lost;
	f->settings.view.width = 80;
	got = shown(f, STDOUT_FILENO);
	assert_string_equal(strchr(got, '\n'), "\n              [stack lost]\n");
	free(got);
}

static void only_where_a_report_has_stacks(void **state)
{
	struct fixture *f = *state;
	char *got;

	f->events.mode = &no_stacks;
	got = shown(f, STDOUT_FILENO);
	assert_int_equal(strchr(got, '\n')[1], '\0');
	free(got);
	/* None was taken. */
	f->events.mode = &mode;
	f->event.stack = 0;
	got = shown(f, STDOUT_FILENO);
	assert_int_equal(strchr(got, '\n')[1], '\0');
	free(got);
}

static void data_stays_alone_on_standard_output(void **state)
{
	struct fixture *f = *state;
	char *got;

	f->settings.output.json = true;
	got = shown(f, STDERR_FILENO);
	assert_non_null(strstr(got, "kind=k3"));
	free(got);
}

/* It would end us by a signal. */
static void nobody_reads(void **state)
{
	struct fixture *f = *state;
	int saved = dup(STDOUT_FILENO), ends[2];

	fflush(stdout);
	assert_int_equal(pipe(ends), 0);
	close(ends[0]);
	dup2(ends[1], STDOUT_FILENO);
	close(ends[1]);
	events_show(&f->events, &f->event);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	assert_true(f->events.unread);
	/* Nothing of it is left to be written later. */
	f->events.unread = false;
	char *got = shown(f, STDOUT_FILENO);

	assert_null(strstr(strchr(got, '\n'), "kind=k3"));
	free(got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_line_and_its_stack, set_up, tear_down),
		cmocka_unit_test_setup_teardown(only_where_a_report_has_stacks, set_up, tear_down),
		cmocka_unit_test_setup_teardown(data_stays_alone_on_standard_output, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(nobody_reads, set_up, tear_down),
	};

	/* As a shell starts us, whatever we were started by. */
	signal(SIGPIPE, SIG_DFL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
