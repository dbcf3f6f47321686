// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * fake_python: has what CPython 3.10 has in its symbols, its structures and its threads, for C
 * libraries and ways of linking that no CPython of this machine was built with. Prints as target.py
 * does; ends when its input does.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#ifndef KEYS_BEFORE
#define KEYS_BEFORE 3
#endif
#ifndef VERSION
#define VERSION "3.10.4"
#endif

struct text {
	uint64_t refs, type, length, hash;
	uint32_t state, pad;
	uint64_t wide;
	char ascii[16];
};

struct code {
	char before[40];
	int first_line;
	char between[60];
	struct text *file, *name;
	void *lines;
	char more[128];
};

struct frame {
	char before[24];
	struct frame *back;
	struct code *code;
	char between[56];
	int at;
	char more[64];
};

struct state {
	struct state *previous, *next;
	void *interpreter;
	struct frame *frame;
	char between[144];
	uint64_t thread;
};

struct interpreter {
	struct interpreter *next;
	struct state *first;
};

struct {
	char before[32];
	struct interpreter *interpreters;
	char between[528];
	struct state *holder;
	void *automatic;
	int is_created;
	pthread_key_t key;
	char more[64];
} _PyRuntime __attribute__((section(".PyRuntime"))) = { .before = "x" };

_Static_assert(__builtin_offsetof(struct code, file) == 104, "co_filename");
_Static_assert(__builtin_offsetof(struct frame, at) == 96, "f_lasti");
_Static_assert(__builtin_offsetof(struct state, thread) == 176, "thread_id");
_Static_assert(__builtin_offsetof(__typeof__(_PyRuntime), key) == 588, "autoTSSkey");

char PyCode_Type[416];
const char *Py_GetVersion(void);
void *PyGILState_GetThisThreadState(void);
void _PyEval_EvalFrameDefault(void);

static char version[64];

const char *Py_GetVersion(void)
{
	snprintf(version, sizeof(version), "%.80s (fake)", VERSION);
	return version;
}

void *PyGILState_GetThisThreadState(void)
{
	return _PyRuntime.automatic ? pthread_getspecific(_PyRuntime.key) : NULL;
}

/* What runs the frames: it sits here until the input ends. */
__attribute__((noinline)) void _PyEval_EvalFrameDefault(void)
{
	char c;

	while (read(0, &c, 1) > 0)
		;
}

static struct text names[] = {
	{ .length = 4, .state = 0xe4, .ascii = "leaf" },
	{ .length = 8, .state = 0xe4, .ascii = "<module>" },
};
static struct code codes[2];
static struct frame frames[2];
static struct state states[2];
static struct interpreter interpreter = { .first = &states[0] };

static uint64_t thread_pointer(void)
{
	uint64_t pointer;

	__asm__("mov %%fs:0, %0" : "=r"(pointer));
	return pointer;
}

static void say(const char *name)
{
	printf("thread %s %llu leaf <module>\n", name, (unsigned long long)thread_pointer());
}

static void begin(struct state *s)
{
	s->frame = &frames[0];
	s->thread = thread_pointer();
	pthread_setspecific(_PyRuntime.key, s);
}

static void *other(void *unused)
{
	begin(&states[1]);
	say("idle");
	puts("ready");
	fflush(stdout);
	_PyEval_EvalFrameDefault();
	return unused;
}

int main(void)
{
	pthread_key_t unused;
	pthread_t thread;

	for (int i = 0; i < KEYS_BEFORE; i++)
		pthread_key_create(&unused, NULL);
	pthread_key_create(&_PyRuntime.key, NULL);
	_PyRuntime.is_created = 1;
	_PyRuntime.automatic = &interpreter;
	for (int i = 0; i < 2; i++) {
		codes[i].name = codes[i].file = &names[i];
		frames[i].code = &codes[i];
	}
	frames[0].back = &frames[1];
	states[0].next = &states[1];
	begin(&states[0]);
	_PyRuntime.interpreters = &interpreter;
	say("main");
	fprintf(stderr, "%s, state %p\n", Py_GetVersion(), PyGILState_GetThisThreadState());
	pthread_create(&thread, NULL, other, NULL);
	pthread_join(thread, NULL);
	return 0;
}
