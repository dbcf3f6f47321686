// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * CPython's versions, the offsets that a process says, and what is made of a process: of this one,
 * which has what CPython 3.10 has.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../runtime/fake_python.h"
#include "python_offsets_fixture.h"
#include "base/array.h"
#include "base/cleanup.h"
#include "runtime/python_inside.h"
#include "runtime/python_walk.h"

struct fake_runtime _PyRuntime FAKE_RUNTIME;
const char *Py_GetVersion(void);
void *PyGILState_GetThisThreadState(void);
int _PyEval_EvalFrameDefault(int n);

const char *Py_GetVersion(void)
{
	return "3.10.4";
}

void *PyGILState_GetThisThreadState(void)
{
	return pthread_getspecific(_PyRuntime.key);
}

__attribute__((noinline)) int _PyEval_EvalFrameDefault(int n)
{
	return n + _PyRuntime.is_created;
}

static int read_block(const uint64_t *words, unsigned minor, struct python_layout *l)
{
	struct python_release r = { 3, (uint8_t)minor, 0, PYTHON_FINAL, 0 };
	_cleanup_(strbuf_done) struct strbuf why = STRBUF_INIT;
	int result;

	*l = *python_layout_of(&r, &why);
	result = python_debug_offsets(own_memory(), (uintptr_t)words, l, &why);
	assert_int_equal(result == -ENOTSUP, why.len != 0);
	return result;
}

static void versions_as_text(void **state)
{
	static const char *const wrong[] = {
		"",	    "3",	"3.10",		  "3.10.",   "3.10.4x",
		"3.10.4a",  "3.10.4rc", "03.1.2x",	  "3.256.1", " 3.10.4",
		"3.10.4++", "3.-1.2",	"99999999999.1.1"
	};
	struct python_release r;

	(void)state;
	assert_true(python_release_parse("3.10.4", &r));
	assert_int_equal(r.minor, 10);
	assert_int_equal(r.micro, 4);
	assert_int_equal(r.level, PYTHON_FINAL);
	assert_true(python_release_parse("3.13.0rc12+", &r));
	assert_int_equal(r.level, 0xc);
	assert_int_equal(r.serial, 12);
	assert_true(python_release_parse("3.7.0b3", &r));
	assert_int_equal(r.level, 0xb);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		if (python_release_parse(wrong[i], &r))
			fail_msg("\"%s\" is no version", wrong[i]);
}

static void versions_that_are_refused(void **state)
{
	static const struct {
		struct python_release release;
		const char *why;
	} cases[] = {
		{ { 3, 16, 0, 0xf, 0 }, "Python 3.16: offsets unknown" },
		{ { 3, 5, 9, 0xf, 0 }, "Python 3.5: offsets unknown" },
		{ { 2, 7, 18, 0xf, 0 }, "Python 2.7: offsets unknown" },
		{ { 4, 10, 0, 0xf, 0 }, "Python 4.10: offsets unknown" },
		{ { 3, 7, 3, 0xf, 0 }, "Python 3.7.3: offsets unknown before 3.7.4" },
		{ { 3, 12, 0, 0xc, 1 }, "Python 3.12.0, before its release: offsets unknown" },
		{ { 3, 15, 0, 0xb, 1 }, "Python 3.15.0, before its release: offsets unknown" },
	};
	struct python_release candidate = { 3, 14, 0, 0xc, 2 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(strbuf_done) struct strbuf why = STRBUF_INIT;

		assert_null(python_layout_of(&cases[i].release, &why));
		assert_string_equal(strbuf_str(&why), cases[i].why);
	}
	assert_non_null(python_layout_of(&candidate, NULL));
}

static void offsets_lie_within_what_is_read(void **state)
{
	(void)state;
	for (uint8_t minor = 6; minor <= 12; minor++) {
		struct python_release r = { 3, minor, 9, PYTHON_FINAL, 0 };
		struct python_layout l = *python_layout_of(&r, NULL);

		assert_true(python_layout_is_walkable(&l));
		l.abi.frame_code = minor <= 10 ? 124 : 76;
		assert_false(python_layout_is_walkable(&l));
	}
}

static void offsets_that_a_process_says(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(blocks); i++) {
		unsigned minor = blocks[i].minor;
		struct python_layout l;
		uint64_t words[128];

		fill_block(words, i);
		assert_int_equal(read_block(words, minor, &l), 0);
		assert_true(python_layout_is_walkable(&l));
		assert_int_equal(l.abi.state_frame, 72);
		assert_int_equal(l.abi.state_thread, minor == 15 ? 176 : 152);
		assert_int_equal(l.abi.frame_previous, 8);
		assert_int_equal(l.abi.frame_at, 56);
		assert_int_equal(l.abi.frame_owner, minor == 13 ? 70 : 74);
		assert_int_equal(l.abi.code_qualname, 128);
		assert_int_equal(l.abi.code_first_line, 68);
		assert_int_equal(l.abi.code_instructions, minor == 13 ? 200 : 208);
		assert_int_equal(l.abi.text_ascii, 40);
		assert_int_equal(l.abi.text_other, 56);
		assert_int_equal(l.abi.text_state, 32);
		assert_int_equal(l.abi.bytes_data, 32);
		assert_int_equal(l.abi.object_type, 8);
		assert_int_equal(l.interpreters, minor == 13 ? 632 : minor == 14 ? 808 : 936);
		assert_int_equal(l.interpreter_threads, minor == 15 ? 7336 : 7344);
		/* Tasks are followed from 3.14 on. */
		assert_int_equal(l.abi.state_task, minor == 13 ? 0 : minor == 14 ? 872 : 1032);
		assert_int_equal(l.abi.frame_stack, minor == 13 ? 0 : 64);
		assert_int_equal(l.abi.type_flags, minor == 13 ? 0 : 168);
		assert_int_equal(l.abi.coroutine_frame, minor == 13 ? 0 : 72);
		assert_int_equal(l.abi.coroutine_state, minor == 13 ? 0 : 67);
		assert_int_equal(l.abi.free_threaded, 0);
		assert_int_equal(l.abi.frame_copy, 0);
		/* It says that it is free-threaded, but not where copies of instructions are. */
		words[2] = 1;
		assert_int_equal(read_block(words, minor, &l), minor == 13 ? 0 : -ENOTSUP);
	}
}

static struct abi_python find_tasks(unsigned which, const uint64_t *tasks)
{
	struct runtime_process p = { .memory = *own_memory(), .libc_fd = -1 };
	_cleanup_(strbuf_done) struct strbuf why = STRBUF_INIT;
	struct python_release r = { 3, blocks[which].minor, 0, PYTHON_FINAL, 0 };
	struct python_build b = { .layout = python_layout_of(&r, NULL), .tasks = (uintptr_t)tasks };
	struct python_layout l;
	uint64_t words[128], head;

	fill_block(words, which);
	b.runtime = (uintptr_t)words;
	assert_int_equal(python_find_layout(&b, &p, &l, &head, &why), 0);
	return l.abi;
}

/* What the module of tasks says; Python's stacks don't hang on it. */
static void offsets_of_tasks(void **state)
{
	static const uint64_t said[] = { 168, 144, 104, 116, 117, 136, 160, 8, 0, 0, 0, 1000, 0 };
	static const uint8_t absurd_at[] = { 1, 2, 3, 4, 5, 11 };
	uint64_t words[ARRAY_SIZE(said)];
	struct abi_python l;

	(void)state;
	for (unsigned i = 1; i < ARRAY_SIZE(blocks); i++) {
		l = find_tasks(i, said);
		assert_int_equal(l.state_task, 1000);
		assert_int_equal(l.task_name, 144);
		assert_int_equal(l.task_awaiter, 104);
		assert_int_equal(l.task_is_task, 116);
		assert_int_equal(l.task_awaiters, 117);
		assert_int_equal(l.task_coroutine, 136);
		for (size_t k = 0; k < ARRAY_SIZE(absurd_at); k++) {
			memcpy(words, said, sizeof(words));
			words[absurd_at[k]] = k & 1 ? UINT64_MAX : 65544;
			assert_int_equal(find_tasks(i, words).state_task, 0);
		}
		memcpy(words, said, sizeof(words));
		words[11] = 1001;
		assert_int_equal(find_tasks(i, words).state_task, 0);
		/* It is in another file, or can't be read. */
		l = find_tasks(i, NULL);
		assert_int_equal(l.state_task, i == 1 ? 872 : 1032);
		assert_int_equal(l.task_awaiter, 96);
		assert_int_equal(l.task_is_task, 108);
		assert_int_equal(l.task_awaiters, 109);
		assert_int_equal(l.task_coroutine, 128);
		assert_int_equal(l.task_name, 136);
		l = find_tasks(i, (const uint64_t *)8);
		assert_int_equal(l.state_task, i == 1 ? 872 : 1032);
	}
	/* No version before has them. */
	assert_int_equal(find_tasks(0, said).state_task, 0);
}

/* Whatever it says: it is refused, or the walk stays within what it reads. */
static void offsets_that_are_absurd(void **state)
{
	static const uint64_t absurd[] = { 1,	       7,	  127,	     128,   255,
					   256,	       4095,	  65528,     65535, 65536,
					   UINT32_MAX, INT64_MAX, UINT64_MAX };
	unsigned nr_refused = 0;

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(blocks); i++)
		for (unsigned at = 0; at < blocks[i].size / 8u; at++)
			for (size_t j = 0; j < ARRAY_SIZE(absurd); j++) {
				struct python_layout l;
				uint64_t words[128];
				int r;

				fill_block(words, i);
				words[at] = absurd[j];
				r = read_block(words, blocks[i].minor, &l);
				if (!r && python_layout_is_walkable(&l)) {
					assert_true(l.abi.frame_owner < PYTHON_FRAME_SHORT);
					assert_true(l.abi.frame_at <= PYTHON_FRAME_SHORT - 8);
					assert_true(l.abi.frame_stack <= PYTHON_FRAME_SHORT - 8);
					assert_in_range(l.abi.code_qualname, PYTHON_CODE_FROM, 152);
				} else {
					nr_refused++;
				}
				if (at < 2)
					assert_int_equal(r, -ENOTSUP);
			}
	assert_true(nr_refused > 500);
}

static void blocks_that_are_not_there(void **state)
{
	struct python_layout l;
	uint64_t words[128];

	(void)state;
	assert_int_equal(read_block((const uint64_t *)8, 13, &l), -EAGAIN);
	fill_block(words, 0);
	assert_int_equal(read_block(words, 14, &l), -ENOTSUP);
}

static struct fake_text names[] = { { .length = 4, .state = 0xe4, .ascii = "leaf" },
				    { .length = 8, .state = 0xe4, .ascii = "<module>" } };
static struct fake_code codes[2];
static struct fake_frame frames[2];
static struct fake_state states[2];
static struct fake_interpreter interpreter;

static uint64_t thread_pointer(void)
{
	uint64_t pointer;

	__asm__("mov %%fs:0, %0" : "=r"(pointer));
	return pointer;
}

static int begin(void **state)
{
	(void)state;
	memset(states, 0, sizeof(states));
	if (!_PyRuntime.is_created && pthread_key_create(&_PyRuntime.key, NULL))
		return -1;
	_PyRuntime.is_created = 1;
	for (int i = 0; i < 2; i++) {
		codes[i].name = codes[i].file = &names[i];
		frames[i].code = &codes[i];
	}
	frames[0].back = &frames[1];
	states[0].frame = &frames[0];
	states[0].thread = thread_pointer();
	interpreter = (struct fake_interpreter){ .first = &states[0] };
	_PyRuntime.interpreters = &interpreter;
	_PyRuntime.holder = NULL;
	return pthread_setspecific(_PyRuntime.key, &states[0]);
}

static int take_bias(struct dl_phdr_info *info, size_t size, void *ret)
{
	(void)size;
	*(uint64_t *)ret = info->dlpi_addr;
	return 1;
}

struct own {
	struct runtime_build build;
	struct runtime_process process;
	struct abi_runtime runtime;
	struct strbuf why;
};

static void open_own(struct own *o)
{
	uint64_t bias = 0;
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	/* The first one is the program. */
	dl_iterate_phdr(take_bias, &bias);
	*o = (struct own){ .process = { *own_memory(), { fd, "self", bias }, -1, 0 } };
	assert_int_equal(runtime_python.detect(&o->process.image, &o->build, &o->why), 1);
	assert_string_equal(o->build.version, "Python 3.10");
	assert_true(o->build.nr_loop >= 1);
	assert_int_equal(o->build.loop[0].start + bias, (uintptr_t)&_PyEval_EvalFrameDefault);
}

static void close_own(struct own *o)
{
	runtime_build_done(&o->build);
	strbuf_done(&o->why);
	close(o->process.image.fd);
}

static int describe_own(struct own *o)
{
	return runtime_python.describe(&o->build, &o->process, &o->runtime, &o->why);
}

static void describes_itself(void **state)
{
	struct abi_call calls[ABI_MAX_CALLS];
	__u64 entries[ABI_MAX_ENTRIES];
	struct python_target t = { .memory = own_memory() };
	struct own o;

	(void)state;
	open_own(&o);
	o.runtime.family = 77;
	assert_int_equal(describe_own(&o), 0);
	assert_int_equal(o.runtime.family, 77);
	assert_int_equal(o.runtime.kind, ABI_RUNTIME_PYTHON);
	assert_int_equal(o.runtime.python.key, (uintptr_t)&_PyRuntime.key);
	assert_int_equal(o.runtime.python.holder, (uintptr_t)&_PyRuntime.holder);
	assert_int_equal(o.runtime.python.interpreters, (uintptr_t)&_PyRuntime.interpreters);
	assert_int_equal(python_begin(&t.walk, &o.runtime.python, thread_pointer()), 0);
	while (!python_step(&t.walk, &o.runtime.python, calls, entries))
		;
	assert_int_equal(t.walk.stop, ABI_INTERPRETED_WHOLE);
	assert_int_equal(t.walk.nr, 2);
	assert_int_equal(calls[0].code, (uintptr_t)&codes[0]);
	close_own(&o);
}

/* Not yet, or never: told apart, and in any case over soon. */
static void what_can_not_be_described(void **state)
{
	struct own o;

	(void)state;
	open_own(&o);
	_PyRuntime.interpreters = NULL;
	assert_int_equal(describe_own(&o), -EAGAIN);
	_PyRuntime.interpreters = (struct fake_interpreter *)8;
	assert_int_equal(describe_own(&o), -EAGAIN);
	begin(NULL);
	interpreter.first = NULL;
	assert_int_equal(describe_own(&o), -EAGAIN);
	/* Listed, but not found by its key yet, and running nothing. */
	begin(NULL);
	pthread_setspecific(_PyRuntime.key, NULL);
	states[0].frame = NULL;
	assert_int_equal(describe_own(&o), -EAGAIN);
	/* It runs, and who holds the GIL is known at least. */
	states[0].frame = &frames[0];
	assert_int_equal(describe_own(&o), 0);
	assert_int_equal(o.runtime.python.key, 0);
	assert_true(o.runtime.python.holder != 0);
	o.process.memory.pid = 0x7ffffffe;
	assert_int_equal(describe_own(&o), -EAGAIN);
	close_own(&o);
}

static void lists_without_an_end(void **state)
{
	struct own o;

	(void)state;
	open_own(&o);
	states[0].next = &states[1];
	states[1].next = &states[1];
	interpreter.next = &interpreter;
	assert_int_equal(describe_own(&o), 0);
	assert_int_equal(o.runtime.python.key, (uintptr_t)&_PyRuntime.key);
	states[0].thread = 0;
	states[1].next = &states[0];
	assert_int_equal(describe_own(&o), -EAGAIN);
	close_own(&o);
}

static volatile bool is_over;

/* Writes anything anywhere in its structures. */
static void *rewrite(void *unused)
{
	unsigned seed = 11;

	while (!is_over) {
		void *values[] = { NULL,	&states[0], &states[1], &interpreter, (void *)8,
				   (void *)-8l, &frames[0], &codes[0],	&_PyRuntime };
		void **places[] = {
			(void **)&interpreter.first, (void **)&interpreter.next,
			(void **)&states[0].next,    (void **)&states[0].frame,
			(void **)&states[1].next,    (void **)&states[0].thread,
			(void **)&frames[0].code,    (void **)&_PyRuntime.interpreters
		};
		void **place = places[(unsigned)rand_r(&seed) % ARRAY_SIZE(places)];

		__atomic_store_n(place, values[(unsigned)rand_r(&seed) % ARRAY_SIZE(values)],
				 __ATOMIC_RELAXED);
	}
	return unused;
}

static void rewritten_while_it_is_read(void **state)
{
	pthread_t thread;
	struct own o;

	(void)state;
	open_own(&o);
	is_over = false;
	assert_int_equal(pthread_create(&thread, NULL, rewrite, NULL), 0);
	for (int i = 0; i < 3000; i++) {
		int r = describe_own(&o);

		assert_true(r == 0 || r == -EAGAIN);
		if (!r)
			assert_true(!o.runtime.python.key ||
				    o.runtime.python.key == (uintptr_t)&_PyRuntime.key);
	}
	is_over = true;
	pthread_join(thread, NULL);
	close_own(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(versions_as_text),
		cmocka_unit_test(versions_that_are_refused),
		cmocka_unit_test(offsets_lie_within_what_is_read),
		cmocka_unit_test(offsets_that_a_process_says),
		cmocka_unit_test(offsets_of_tasks),
		cmocka_unit_test(offsets_that_are_absurd),
		cmocka_unit_test(blocks_that_are_not_there),
		cmocka_unit_test_setup(describes_itself, begin),
		cmocka_unit_test_setup(what_can_not_be_described, begin),
		cmocka_unit_test_setup(lists_without_an_end, begin),
		cmocka_unit_test_setup(rewritten_while_it_is_read, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
