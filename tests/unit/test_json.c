// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "base/json.h"
#include "model/summary.h"

#include "synthetic.h"

struct text {
	char *buf;
	size_t size;
	FILE *f;
};

static void begin(struct text *t, struct json *j)
{
	*t = (struct text){ 0 };
	t->f = open_memstream(&t->buf, &t->size);
	assert_non_null(t->f);
	json_init(j, t->f);
}

static void end(struct text *t, const char *want)
{
	fclose(t->f);
	assert_string_equal(t->buf, want);
	free(t->buf);
}

static void commas_are_right(void **state)
{
	struct text t;
	struct json j;

	(void)state;
	begin(&t, &j);
	json_object(&j, NULL);
	json_end(&j);
	end(&t, "{}\n");
	begin(&t, &j);
	json_object(&j, NULL);
	json_u64(&j, "max", UINT64_MAX);
	json_i64(&j, "min", INT64_MIN);
	json_array(&j, "empty");
	json_end(&j);
	json_array(&j, "rows");
	for (unsigned i = 0; i < 2; i++) {
		json_object(&j, NULL);
		json_string(&j, "a", "b");
		json_array(&j, "c");
		json_u64(&j, NULL, 1);
		json_u64(&j, NULL, 2);
		json_end(&j);
		json_end(&j);
	}
	json_end(&j);
	json_end(&j);
	end(&t,
	    "{\n\"max\": 18446744073709551615,\n\"min\": -9223372036854775808,\n\"empty\": [],\n"
	    "\"rows\": [\n{\"a\": \"b\", \"c\": [1, 2]},\n{\"a\": \"b\", \"c\": [1, 2]}\n]\n}\n");
}

static void check_string(const char *in, const char *want)
{
	struct text t;
	struct json j;

	begin(&t, &j);
	json_string(&j, NULL, in);
	end(&t, want);
}

static void strings_are_escaped(void **state)
{
	(void)state;
	check_string("", "\"\"");
	check_string("a\"b\\c/d", "\"a\\\"b\\\\c/d\"");
	check_string("\n\t\r\x01\x7f", "\"\\n\\t\\u000d\\u0001\\u007f\"");
	check_string("€ \xf0\x9f\x94\xa5", "\"€ \xf0\x9f\x94\xa5\"");
	check_string("\xff\xe2\x82", "\"\\\\xff\\\\xe2\\\\x82\"");
	check_string("\xe2\x80\xa8\xc2\x9b", "\"\\u2028\\u009b\"");
}

static void check(struct profile *p, const char *want)
{
	char *got = exported(p, "json", false, NULL);

	assert_string_equal(got, want);
	free(got);
}

#define QUALITY_JSON                                                                            \
	"\"quality\": {\"events\": 9, \"lost\": 1, \"no_stack\": 0, \"truncated\": 0, "         \
	"\"user_stacks\": 0, \"unwound_to_root\": 0, \"by_frame_pointers\": 0, "                \
	"\"approximate\": 0, \"unreadable\": 0, \"cut\": 0, \"stack_unread\": 0, "              \
	"\"no_unwind\": 0, \"bad_unwind\": 0, \"no_table\": 0, \"tables_dropped\": 0, "         \
	"\"interpreted\": 0, \"interpreted_whole\": 0, \"interpreted_lost\": 0, "               \
	"\"interpreted_late\": 0, \"unjoined\": 0, \"code_lost\": 0, \"calls_left_out\": 0, "   \
	"\"tasks_unnamed\": 0, \"text_lost\": 0, "                                              \
	"\"frames\": 0, "                                                                       \
	"\"unsymbolized_frames\": 0, "                                                          \
	"\"no_process\": 0, "                                                                   \
	"\"process_records_lost\": 0, \"memory_limited\": 0, \"no_start\": 0, \"unfinished\": " \
	"0, \"merged\": 0, \"requeued\": 0, \"split\": 0, \"unreturned\": 0, \"unprobed\": 0, " \
	"\"detached\": 0, \"summed\": 0, \"partly_read\": 0},\n"

static void functions_are_rows(void **state)
{
	struct profile *p = new_profile(&cpu_info);
	uint32_t exe = mapping(p, "/bin/x", "");
	uint32_t leaf = frame(p, FRAME_KERNEL, "leaf", 0, 1, "", 0);
	uint32_t root = frame(p, FRAME_NATIVE, "root<\"a\">", exe, 2, "x.c", 5);

	(void)state;
	profile_info(p)->quality.n[QUALITY_EVENTS] = 9;
	profile_info(p)->quality.n[QUALITY_LOST] = 1;
	sample(p, stack_of(p, leaf, root), who(p, 1, 1, "x"), 3, 30);
	sample(p, stack_of(p, root), who(p, 1, 1, "x"), 4, 40);
	check(p, "{\n\"mode\": \"cpu\",\n\"host\": \"box 6.18\",\n"
		 "\"command\": \"bpfprof cpu -d 10\",\n\"time_ns\": 1700000000123456789,\n"
		 "\"duration_ns\": 10000000000,\n\"values\": [\n{\"name\": \"samples\", \"unit\": "
		 "\"count\"},\n{\"name\": \"cpu\", \"unit\": \"nanoseconds\"}\n],\n" QUALITY_JSON
		 "\"rows\": [\n"
		 "{\"labels\": {\"function\": \"root<\\\"a\\\">\", \"kind\": \"native\", "
		 "\"module\": \"/bin/x\", \"file\": \"x.c\"}, \"self\": 4, \"total\": 7, "
		 "\"self_ns\": 40, \"total_ns\": 70},\n"
		 "{\"labels\": {\"function\": \"leaf\", \"kind\": \"kernel\"}, \"self\": 3, "
		 "\"total\": 3, \"self_ns\": 30, \"total_ns\": 30}\n]\n}\n");
	profile_free(p);
}

static void distributions_are_rows(void **state)
{
	struct profile *p = new_profile(&io_info);
	uint32_t set = labels(p, (const char *[]){ "device", "vda", "op", "read", NULL });

	(void)state;
	profile_info(p)->quality.n[QUALITY_EVENTS] = 9;
	profile_info(p)->quality.n[QUALITY_LOST] = 1;
	for (unsigned i = 0; i < 4; i++)
		latency(p, 0, who(p, i, i, "x"), set, 61440);
	latency(p, 0, who(p, 1, 1, "x"), set, 63489);
	check(p,
	      "{\n\"mode\": \"io\",\n\"host\": \"box 6.18\",\n"
	      "\"command\": \"bpfprof io --latency\",\n\"time_ns\": 1700000000000000000,\n"
	      "\"duration_ns\": 5000000000,\n\"values\": [\n{\"name\": \"latency\", \"unit\": "
	      "\"nanoseconds\"},\n{\"name\": \"requests\", \"unit\": \"count\"}\n],\n" QUALITY_JSON
	      "\"rows\": [\n"
	      "{\"labels\": {\"device\": \"vda\", \"op\": \"read\"}, \"count\": 5, \"total_ns\": "
	      "309249, \"min_ns\": 61440, \"max_ns\": 63489, \"p50_ns\": 62720, \"p90_ns\": "
	      "63489, \"p99_ns\": 63489, \"p999_ns\": 63489, \"buckets\": [[61440, 63488, 4], "
	      "[63488, 65536, 1]]}\n]\n}\n");
	profile_free(p);
}

static void tasks_have_rows(void **state)
{
	struct profile *p = new_profile(&cpu_info);
	uint32_t f = frame(p, FRAME_NATIVE, "f", 0, 1, "", 0), w = who(p, 1, 1, "x");
	struct sample s = { .stack = stack_of(p, f), .who = w, .bucket = BUCKET_NONE };
	const char *const names[] = { "one", "a \"b\"\n", "one" };
	struct task_sum *rows = NULL;
	char *got;

	(void)state;
	assert_int_equal(summary_tasks(p, &rows), 0);
	free(rows);
	for (unsigned i = 0; i < 3; i++) {
		s.labels = labels(p, (const char *[]){ i < 2 ? "task" : "op", names[i], NULL });
		s.count = i + 1;
		s.total = 10 * s.count;
		assert_int_equal(profile_add(p, &s), 0);
	}
	s.labels = labels(p, (const char *[]){ "op", "x", "task", "one", NULL });
	assert_int_equal(profile_add(p, &s), 0);
	got = exported(p, "json", false, NULL);
	assert_non_null(
		strstr(got, "],\n\"tasks\": [\n"
			    "{\"labels\": {\"task\": \"one\"}, \"count\": 4, \"total_ns\": 40},\n"
			    "{\"labels\": {\"task\": \"a \\\"b\\\"\\n\"}, \"count\": 2, "
			    "\"total_ns\": 20}\n]\n}\n"));
	free(got);
	profile_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commas_are_right),   cmocka_unit_test(strings_are_escaped),
		cmocka_unit_test(functions_are_rows), cmocka_unit_test(distributions_are_rows),
		cmocka_unit_test(tasks_have_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
