// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * fake_python: has what CPython 3.10 has in its symbols, its structures and its threads, for C
 * libraries and ways of linking that no CPython of this machine was built with. Prints as target.py
 * does; ends when its input does.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fake_python.h"

#ifndef KEYS_BEFORE
#define KEYS_BEFORE 3
#endif
#ifndef VERSION
#define VERSION "3.10.4"
#endif

struct fake_runtime _PyRuntime FAKE_RUNTIME;
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

static volatile int nr_seldom;

__attribute__((cold, noinline)) static void seldom(void)
{
	nr_seldom++;
}

/* What runs the frames: it sits here until the input ends. A part of it goes where cold code is. */
__attribute__((noinline)) void _PyEval_EvalFrameDefault(void)
{
	char c;

	while (read(0, &c, 1) > 0) {
		if (c == 'x') {
			seldom();
			nr_seldom += c;
		}
	}
}

static struct fake_text names[] = {
	{ .length = 4, .state = 0xe4, .ascii = "leaf" },
	{ .length = 8, .state = 0xe4, .ascii = "<module>" },
};
static struct fake_code codes[2];
static struct fake_frame frames[2];
static struct fake_state states[2];
static struct fake_interpreter interpreter = { .first = &states[0] };

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

static void begin(struct fake_state *s)
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
