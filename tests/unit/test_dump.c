// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What `bpfprof dump` prints of threads that it was given, and copies of a stack: our own memory.
 */
#include "synthetic.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abi.h"
#include "cmd/dump.h"
#include "snapshot/copy.h"

enum { PID = 7 };

/* Of threads 7 and 9, one of another process, and another stack of 8, which was sampled. */
static void make_profiles(struct profile **ret_taken, struct profile **ret_sampled)
{
	struct profile *t = new_profile(&cpu_info), *s = new_profile(&cpu_info);
	uint32_t lib = mapping(t, "/usr/lib/libx.so", "");
	uint32_t wait = frame(t, FRAME_KERNEL, "do_wait", lib, 0, "", 0);
	uint32_t read = frame(t, FRAME_NATIVE, "read\033", lib, 0, "/src/io/read.c", 12);
	uint32_t python = interpreted(t, "K.f", "/app/pack/mod.py", 1, 5);
	uint32_t nameless = frame(t, FRAME_NATIVE, "", lib, 0, "", 0);

	profile_split_lines(t, true);
	sample(t, stack_of(t, read), who(t, PID, 9, "x"), 1, 1);
	sample(t, stack_of(t, wait, read, python, nameless), who(t, PID, 7, "x"), 1, 1);
	sample(t, stack_of(t, wait), who(t, 70, 8, "x"), 1, 1);
	lib = mapping(s, "/usr/lib/libx.so", "");
	sample(s, stack_of(s, frame(s, FRAME_NATIVE, "spin", lib, 0, "", 0)), who(s, PID, 8, "x"),
	       1, 1);
	/* Newer, but of a time when its interpreter was not known. */
	sample(s, stack_of(s, frame(s, FRAME_NATIVE, "loop", lib, 0, "", 0)), who(s, PID, 12, "x"),
	       1, 1);
	python = interpreted(s, "K.g", "/app/pack/mod.py", 1, 6);
	sample(s, stack_of(s, python), who(s, PID, 12, "x"), 1, 1);
	sample(s, stack_of(s, interpreted(s, "K.h", "/app/pack/mod.py", 7, 8), python),
	       who(s, PID, 12, "x"), 1, 1);
	sample(s, stack_of(s, frame(s, FRAME_NATIVE, "late", lib, 0, "", 0)), who(s, PID, 12, "x"),
	       1, 1);
	*ret_taken = t;
	*ret_sampled = s;
}

static struct snapshot_thread threads[] = {
	{ .tid = 7,
	  .comm = "ma\nin",
	  .state = SNAPSHOT_SLEEPING,
	  .result = SNAPSHOT_TAKEN,
	  .stop = ABI_STOP_ROOT,
	  .holds_gil = true },
	{ .tid = 8, .comm = "hot", .state = SNAPSHOT_RUNNING, .result = SNAPSHOT_ON_CPU },
	{ .tid = 9,
	  .comm = "cut",
	  .state = SNAPSHOT_BLOCKED,
	  .result = SNAPSHOT_TAKEN,
	  .stop = ABI_STOP_MEMORY },
	{ .tid = 10, .comm = "hotter", .state = SNAPSHOT_RUNNING, .result = SNAPSHOT_ON_CPU },
	{ .tid = 12, .comm = "py", .state = SNAPSHOT_RUNNING, .result = SNAPSHOT_ON_CPU },
	{ .tid = 13, .comm = "old", .state = SNAPSHOT_ZOMBIE, .result = SNAPSHOT_NOTHING },
};

/* What is printed of the same process `nr` times, with what was sampled or without. */
static char *printed(bool as_json, bool with_sampled, uint32_t nr)
{
	struct dump_settings settings = { .as_json = as_json,
					  .view = { .width = 80, .utf8 = true } };
	struct snapshot_process process = {
		.pid = PID, .threads = threads, .nr_threads = 6, .runtime = "Python 3.11"
	};
	struct dump_shown shown[2];
	struct profile *taken, *sampled;
	char *bytes = NULL;
	size_t size;
	FILE *out = open_memstream(&bytes, &size);

	make_profiles(&taken, &sampled);
	strbuf_adds(&process.command, "python3 \033[31m\xff");
	shown[0] = shown[1] = (struct dump_shown){ &process, taken, with_sampled ? sampled : NULL };
	assert_int_equal(dump_print(&settings, shown, nr, out), 0);
	fclose(out);
	strbuf_done(&process.command);
	profile_free(taken);
	profile_free(sampled);
	return bytes;
}

static void test_text(void **state)
{
	char *text = printed(false, true, 1);

	(void)state;
	assert_string_equal(text, "python3 \\x1b[31m\\xff (pid 7, Python 3.11), 6 threads\n"
				  "Thread 7 \"ma\\x0ain\", sleeping, holds the GIL\n"
				  "    do_wait_[k]\n"
				  "    read\\x1b (read.c:12)\n"
				  "    K.f (pack/mod.py:5)\n"
				  "    [libx.so+0x0]\n"
				  "Thread 8 \"hot\", running\n"
				  "    spin (libx.so)\n"
				  "Thread 9 \"cut\", in uninterruptible sleep\n"
				  "    read\\x1b (read.c:12)\n"
				  "    [incomplete: its stack goes on where memory can't be read]\n"
				  "Thread 10 \"hotter\", running\n"
				  "    [running; no sample within 100 ms]\n"
				  "Thread 12 \"py\", running\n"
				  "    K.h (pack/mod.py:7)\n"
				  "    K.g (pack/mod.py:1)\n"
				  "Thread 13 \"old\", ended\n");
	free(text);
	text = printed(false, false, 1);
	assert_null(strstr(text, "spin"));
	assert_non_null(strstr(text, "Thread 8 \"hot\", running\n    [running; no sample within"));
	free(text);
	text = printed(false, true, 2);
	assert_non_null(strstr(text, "\"old\", ended\n\npython3 "));
	free(text);
}

static void test_json(void **state)
{
	static const char first[] =
		"{\n\"processes\": [\n{\"pid\": 7, \"command\": \"python3 \\u001b[31m\\\\xff\", "
		"\"runtime\": \"Python 3.11\", \"without_gil\": 0, \"threads\": [{\"tid\": 7, "
		"\"name\": \"ma\\nin\", "
		"\"state\": \"sleeping\", \"holds_gil\": 1, \"lacks\": \"\", \"frames\": ["
		"{\"name\": \"do_wait\", \"kind\": \"kernel\", \"module\": \"/usr/lib/libx.so\"}, "
		"{\"name\": \"read\\u001b\", \"kind\": \"native\", \"file\": \"/src/io/read.c\", "
		"\"line\": 12, \"module\": \"/usr/lib/libx.so\"}, "
		"{\"name\": \"K.f\", \"kind\": \"interpreter\", \"file\": \"/app/pack/mod.py\", "
		"\"line\": 5}, ";
	char *text = printed(true, true, 2);

	(void)state;
	assert_memory_equal(text, first, sizeof(first) - 1);
	assert_non_null(strstr(text, "\"name\": \"old\", \"state\": \"ended\", \"holds_gil\": 0, "
				     "\"lacks\": \"\", \"frames\": []}"));
	free(text);
}

static void fill_task(struct dump_task *t, const char *sp)
{
	memset(t, 0, sizeof(*t));
	t->sp = (uintptr_t)sp;
	t->registers[0] = 0x1234;
}

static void check_copy(const struct abi_copy *c, uint64_t from, uint64_t end)
{
	assert_int_equal(c->from, from);
	assert_int_equal(c->size, end - from);
	assert_memory_equal(c->memory, (const void *)(uintptr_t)from, c->size);
	assert_int_equal(c->registers[0], 0x1234);
}

static void test_copy(void **state)
{
	enum { PAGE = 4096, PAGES = 40 };
	char *m = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		       0);
	uint64_t from;
	struct dump_task task;
	struct abi_copy *c;

	(void)state;
	assert_ptr_not_equal(m, MAP_FAILED);
	for (int i = 0; i < PAGES * PAGE; i++)
		m[i] = (char)(i / 7);
	munmap(m + 30 * PAGE, PAGE);
	/* Up to the hole, from below the stack pointer on. */
	fill_task(&task, m + 20 * PAGE + 4);
	from = (uint64_t)(uintptr_t)m + 20 * PAGE - ABI_RED_ZONE;
	assert_int_equal(snapshot_copy(getpid(), &task, 64 << 10, &c), 0);
	check_copy(c, from, (uintptr_t)m + 30 * PAGE);
	assert_false(snapshot_copy_is_full(c, 64 << 10));
	free(c);
	assert_int_equal(snapshot_copy(getpid(), &task, PAGE, &c), 0);
	check_copy(c, from, from + PAGE);
	assert_true(snapshot_copy_is_full(c, PAGE));
	free(c);
	/* Nothing below it. */
	fill_task(&task, m + 31 * PAGE);
	assert_int_equal(snapshot_copy(getpid(), &task, PAGE, &c), 0);
	check_copy(c, (uintptr_t)m + 31 * PAGE, (uintptr_t)m + 32 * PAGE);
	free(c);
	/* Nothing at all, nor anywhere near the end of addresses. */
	fill_task(&task, m + 30 * PAGE + 256);
	assert_int_equal(snapshot_copy(getpid(), &task, PAGE, &c), 0);
	assert_int_equal(c->size, 0);
	free(c);
	fill_task(&task, (char *)UINTPTR_MAX - 20);
	assert_int_equal(snapshot_copy(getpid(), &task, SNAPSHOT_COPY_MOST, &c), 0);
	assert_int_equal(c->size, 0);
	free(c);
	munmap(m, PAGES * PAGE);
}

static void test_copy_of_nobody(void **state)
{
	struct dump_task task;
	struct abi_copy *c;
	pid_t pid = fork();

	(void)state;
	if (!pid)
		_exit(0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	fill_task(&task, (char *)&task);
	assert_int_equal(snapshot_copy(pid, &task, 4096, &c), -ESRCH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_copy),
		cmocka_unit_test(test_copy_of_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
