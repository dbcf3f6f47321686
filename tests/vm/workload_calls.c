// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Calls whose number, and where it matters time, is known: workload calls FILE. */
#include "workload.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define KEEP __attribute__((noinline, noclone))

enum {
	LEAVES = 2000,
	FIB = 15, /* 1973 calls */
	SPINS = 40,
	SPIN_NS = 3000000,
	JUMPS = 50, /* of which every second one leaves … */
	DEPTH = 3,  /* … so many calls */
	THREADS = 4,
	THREAD_CALLS = 300,
	EVENS = 60, /* at once: the kernel sees the outermost 64 return */
	MANY_CALLS = 10,
};

static volatile unsigned sink;
static jmp_buf back;
static uint64_t spun_ns;

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

KEEP static void calls_leaf(void)
{
	sink++;
}

KEEP static unsigned calls_fib(unsigned n)
{
	return n < 2 ? n : calls_fib(n - 1) + calls_fib(n - 2);
}

KEEP static void calls_spin(void)
{
	uint64_t began = now_ns(), now = began;

	while (now - began < SPIN_NS)
		now = now_ns();
	spun_ns += now - began;
}

KEEP static void calls_jump(int deeper, int leave)
{
	if (deeper > 1)
		calls_jump(deeper - 1, leave);
	else if (leave)
		longjmp(back, 1);
	sink++;
}

KEEP static unsigned calls_odd(unsigned n);

KEEP static unsigned calls_even(unsigned n)
{
	unsigned r = n ? calls_odd(n - 1) : 1;

	sink++;
	return r;
}

KEEP static unsigned calls_odd(unsigned n)
{
	unsigned r = n ? calls_even(n - 1) : 0;

	sink++;
	return r;
}

KEEP static void calls_thread(void)
{
	sink++;
}

/* No return is seen of this one. */
KEEP static void calls_ended(void)
{
	sink++;
	pthread_exit(NULL);
}

static void *in_thread(void *arg)
{
	for (int i = 0; i < THREAD_CALLS; i++)
		calls_thread();
	calls_ended();
	return arg;
}

#define MANY(n)                         \
	KEEP static void many_##n(void) \
	{                               \
		sink += 1##n;           \
	}
#define TEN(f, n) f(n##0) f(n##1) f(n##2) f(n##3) f(n##4) f(n##5) f(n##6) f(n##7) f(n##8) f(n##9)
#define EACH(f)	  TEN(f, 1) TEN(f, 2) TEN(f, 3) TEN(f, 4) TEN(f, 5) TEN(f, 6)
#define CALL(n)	  many_##n();
EACH(MANY)

static void jumps(void)
{
	for (volatile int i = 0; i < JUMPS; i++)
		if (!setjmp(back))
			calls_jump(DEPTH, i % 2);
}

static int threads(void)
{
	pthread_t all[THREADS];

	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&all[i], NULL, in_thread, NULL))
			return 1;
	for (int i = 0; i < THREADS; i++)
		pthread_join(all[i], NULL);
	return 0;
}

int calls(const char *path)
{
	const struct timespec wait = { 0, 50000000 };

	puts("ready");
	fflush(stdout);
	while (access(path, F_OK))
		nanosleep(&wait, NULL);
	for (int i = 0; i < LEAVES; i++)
		calls_leaf();
	calls_fib(FIB);
	for (int i = 0; i < SPINS; i++)
		calls_spin();
	jumps();
	calls_even(EVENS - 1);
	if (threads())
		return 1;
	for (int i = 0; i < MANY_CALLS; i++) {
		EACH(CALL)
	}
	printf("calls_leaf %d\ncalls_fib 1973\ncalls_spin %d\ncalls_jump %d\n"
	       "calls_even %d\ncalls_odd %d\ncalls_thread %d\nleft %d\nmany %d\nspun_ns %llu\n",
	       LEAVES, SPINS, JUMPS / 2 * DEPTH, EVENS / 2, EVENS / 2, THREADS * THREAD_CALLS,
	       JUMPS / 2 * DEPTH + THREADS, MANY_CALLS, (unsigned long long)spun_ns);
	return 0;
}
