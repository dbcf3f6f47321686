// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* From a made-up capture to a profile: labels, who, sums, and what is counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cmd/naming.h"

static unsigned nr_texts;

static void color_text(uint64_t field, struct strbuf *out)
{
	nr_texts++;
	strbuf_addf(out, "c%u", (unsigned)field);
}

/* Zero has no text: no label. */
static void size_text(uint64_t field, struct strbuf *out)
{
	if (field)
		strbuf_addf(out, "s%llu", (unsigned long long)field);
}

static const struct label_type labels[] = {
	{ "color", 0, 8, color_text },
	{ "size", 8, 56, size_text },
	{ 0 },
};

static const struct mode mode = { .name = "made-up", .labels = labels };
static const struct profile_info info = {
	.mode = "made-up",
	.values = { { "events", "count" }, { "time", "nanoseconds" } },
	.host = "",
	.command = "",
};

struct fixture {
	struct capture capture;
	struct naming *naming;
	uint32_t mark, unknown, who; /* two stacks and somebody */
};

static uint32_t object(struct capture *c, enum object_kind kind, const char *path)
{
	struct object o = { .kind = kind, .path = strdup(path), .fd = -1, .pid = 7 };
	uint32_t id;

	assert_int_equal(capture_object(c, &o, &id), 0);
	return id;
}

static uint32_t text(struct capture *c, const char *s)
{
	uint32_t id;

	assert_int_equal(capture_string(c, s, &id), 0);
	return id;
}

static int set_up(void **state)
{
	static struct fixture f;
	const struct symbolizer_settings settings = { 0 };
	struct raw_frame frames[2] = { 0 };
	struct raw_who who = { .pid = 7, .tid = 8 };
	struct capture *c = &f.capture;

	assert_int_equal(capture_init(c), 0);
	frames[0].object = object(c, OBJECT_MARK, "[a mark]");
	assert_int_equal(capture_stack(c, frames, 1, &f.mark), 0);
	frames[0].object = object(c, OBJECT_NONE, "[unknown]");
	frames[1].object = frames[0].object;
	frames[0].offset = 0x1000;
	frames[1].offset = 0x2000;
	assert_int_equal(capture_stack(c, frames, 2, &f.unknown), 0);
	who.comm = text(c, "a;\x01\xff");
	who.container = text(c, "abc");
	who.cgroup = text(c, "/x");
	assert_int_equal(capture_who(c, &who, &f.who), 0);
	assert_int_equal(naming_new(&f.naming, &mode, c, &settings), 0);
	nr_texts = 0;
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

static void add(struct fixture *f, uint32_t stack, uint64_t tag, uint32_t bucket, uint64_t count)
{
	struct raw_sample s = { .stack = stack,
				.who = f->who,
				.tag = tag,
				.bucket = bucket,
				.count = count,
				.total = count * 10,
				.min = 3,
				.max = 30 };

	assert_int_equal(capture_add(&f->capture, &s), 0);
}

static struct profile *name(struct fixture *f)
{
	struct profile *p = NULL;

	assert_int_equal(naming_profile(f->naming, &info, &p), 0);
	return p;
}

static void test_sample(void **state)
{
	struct fixture *f = *state;
	struct profile *p;
	const struct sample *s;
	const struct who *w;
	struct label_set l;

	add(f, f->mark, 5 | 70000ull << 8, 12, 4);
	p = name(f);
	assert_int_equal(profile_nr_samples(p), 1);
	s = profile_sample_at(p, 0);
	assert_int_equal(s->count, 4);
	assert_int_equal(s->total, 40);
	assert_int_equal(s->min, 3);
	assert_int_equal(s->max, 30);
	assert_int_equal(s->bucket, 12);
	w = profile_who_at(p, s->who);
	assert_int_equal(w->pid, 7);
	assert_int_equal(w->tid, 8);
	assert_string_equal(profile_string_at(p, w->comm), "a;\x01\xff");
	assert_string_equal(profile_string_at(p, w->container), "abc");
	assert_string_equal(profile_string_at(p, w->cgroup), "/x");
	l = profile_labels_at(p, s->labels);
	assert_int_equal(l.nr, 2);
	assert_string_equal(profile_string_at(p, l.labels[0].name), "color");
	assert_string_equal(profile_string_at(p, l.labels[0].value), "c5");
	assert_string_equal(profile_string_at(p, l.labels[1].name), "size");
	assert_string_equal(profile_string_at(p, l.labels[1].value), "s70000");
	profile_free(p);
}

static void test_task(void **state)
{
	struct fixture *f = *state;
	struct raw_sample s = {
		.stack = f->mark, .who = f->who, .tag = 5, .bucket = BUCKET_NONE, .count = 1
	};
	struct label_set l;
	struct profile *p;

	assert_int_equal(capture_add(&f->capture, &s), 0);
	s.task = text(&f->capture, "so;\n");
	s.count = 2;
	assert_int_equal(capture_add(&f->capture, &s), 0);
	assert_int_equal(capture_add(&f->capture, &s), 0);
	p = name(f);
	assert_int_equal(profile_nr_samples(p), 2);
	assert_int_equal(profile_labels_at(p, profile_sample_at(p, 0)->labels).nr, 1);
	assert_int_equal(profile_sample_at(p, 1)->count, 4);
	l = profile_labels_at(p, profile_sample_at(p, 1)->labels);
	assert_int_equal(l.nr, 2);
	assert_string_equal(profile_string_at(p, l.labels[0].name), "color");
	assert_string_equal(profile_string_at(p, l.labels[1].name), "task");
	assert_string_equal(profile_string_at(p, l.labels[1].value), "so;\n");
	profile_free(p);
}

/* A field may stand for a file that is read: once a tag. What has no text is no label. */
static void test_tags(void **state)
{
	struct fixture *f = *state;
	struct profile *p;

	for (uint32_t bucket = 0; bucket < 9; bucket++)
		for (uint64_t tag = 1; tag < 4; tag++)
			add(f, f->mark, tag, bucket, 1);
	p = name(f);
	assert_int_equal(profile_nr_samples(p), 27);
	assert_int_equal(nr_texts, 3);
	for (uint32_t i = 0; i < 27; i++)
		assert_int_equal(profile_labels_at(p, profile_sample_at(p, i)->labels).nr, 1);
	profile_free(p);
}

static void test_frames_are_counted(void **state)
{
	struct fixture *f = *state;
	const struct quality *q;
	struct profile *p;

	add(f, f->mark, 0, BUCKET_NONE, 5);
	add(f, f->unknown, 0, BUCKET_NONE, 100);
	p = name(f);
	q = &profile_facts(p)->quality;
	assert_int_equal(q->n[QUALITY_FRAMES], 5 + 200);
	assert_int_equal(q->n[QUALITY_UNSYMBOLIZED], 200);
	profile_free(p);
}

/* Intervals: what was named before is there, what was counted before is not. */
static void test_restart(void **state)
{
	struct fixture *f = *state;
	struct profile *p;

	add(f, f->mark, 1, BUCKET_NONE, 5);
	profile_free(name(f));
	capture_restart(&f->capture);
	p = name(f);
	assert_int_equal(profile_nr_samples(p), 0);
	profile_free(p);
	add(f, f->unknown, 2, BUCKET_NONE, 2);
	p = name(f);
	assert_int_equal(profile_nr_samples(p), 1);
	assert_int_equal(profile_sample_at(p, 0)->count, 2);
	assert_int_equal(profile_stack_at(p, profile_sample_at(p, 0)->stack).nr, 2);
	profile_free(p);
}

static void test_tag_text(void **state)
{
	struct fixture *f = *state;
	struct strbuf out = STRBUF_INIT;

	naming_tag(f->naming, 9 | 4ull << 8, &out);
	assert_string_equal(strbuf_str(&out), "color=c9 size=s4");
	strbuf_done(&out);
	/* As in the profile: what has no text is no label. */
	naming_tag(f->naming, 9, &out);
	assert_string_equal(strbuf_str(&out), "color=c9");
	strbuf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_sample, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_task, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_tags, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_frames_are_counted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_restart, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_tag_text, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
