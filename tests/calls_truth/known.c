// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* known WHAT: calls of known numbers, times, and ways out. */
#include "known.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <ucontext.h>

enum {
	LEAVES = 5000,
	FIB = 18, /* 8361 calls */
	EVENS = 60,
	DEEP = 300,
	TURNS = 300,
	TURN_NS = 100000,
	THREADS = 4,
	THREAD_CALLS = 700,
	JUMPS = 60,
	DEPTH = 5,
	SWITCHES = 200,
	SIGNALS = 100,
	STACK_BYTES = 256 << 10,
};

static volatile unsigned sink;
static jmp_buf back;
static ucontext_t home, away;
static char away_stack[STACK_BYTES], signal_stack[STACK_BYTES];

KNOWN void known_leaf(void)
{
	sink++;
}

KNOWN unsigned known_fib(unsigned n)
{
	return n < 2 ? n : known_fib(n - 1) + known_fib(n - 2);
}

KNOWN unsigned known_odd(unsigned n);

KNOWN unsigned known_even(unsigned n)
{
	unsigned r = n ? known_odd(n - 1) : 1;

	sink++;
	return r;
}

KNOWN unsigned known_odd(unsigned n)
{
	unsigned r = n ? known_even(n - 1) : 0;

	sink++;
	return r;
}

KNOWN void known_inner(void)
{
	known_leaf();
	sink++;
}

KNOWN void known_outer(void)
{
	known_inner();
	known_inner();
	sink++;
}

static int counts(void)
{
	for (int i = 0; i < LEAVES; i++)
		known_leaf();
	known_fib(FIB);
	known_even(EVENS - 1);
	for (int i = 0; i < 100; i++)
		known_outer();
	printf("known_leaf %d\nknown_fib 8361\nknown_even %d\nknown_odd %d\n"
	       "known_inner 200\nknown_outer 100\n",
	       LEAVES + 200, EVENS / 2, EVENS / 2);
	return 0;
}

KNOWN unsigned known_deep(unsigned n)
{
	unsigned r = n ? known_deep(n - 1) : 1;

	sink++;
	return r;
}

static int deep(void)
{
	for (int i = 0; i < 10; i++)
		known_deep(DEEP - 1);
	printf("calls %d\n", 10 * DEEP);
	return 0;
}

KNOWN void known_turn(uint64_t ns)
{
	uint64_t began = known_ns();

	while (known_ns() - began < ns)
		sink++;
}

/* By its own clock around each call. */
static int turns(void)
{
	uint64_t all = 0;

	for (int i = 0; i < TURNS; i++) {
		uint64_t began = known_ns();

		known_turn(TURN_NS / 2 + (uint64_t)i % 10 * (TURN_NS / 10));
		all += known_ns() - began;
	}
	printf("known_turn %d\nns %llu\n", TURNS, (unsigned long long)all);
	return 0;
}

KNOWN void known_thread(void)
{
	sink++;
}

KNOWN void known_exits(void)
{
	sink++;
	pthread_exit(NULL);
}

static void *in_thread(void *arg)
{
	for (int i = 0; i < THREAD_CALLS; i++)
		known_thread();
	known_exits();
	return arg;
}

static int threads(void)
{
	pthread_t all[THREADS];

	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&all[i], NULL, in_thread, NULL))
			return 1;
	for (int i = 0; i < THREADS; i++)
		pthread_join(all[i], NULL);
	printf("known_thread %d\nleft %d\n", THREADS * THREAD_CALLS, THREADS);
	return 0;
}

KNOWN void known_jump(int deeper, int leave)
{
	if (deeper > 1)
		known_jump(deeper - 1, leave);
	else if (leave)
		longjmp(back, 1);
	known_leaf();
	sink++;
}

KNOWN void known_dies(void)
{
	sink++;
	printf("known_jump %d\nknown_leaf %d\nleft %d\n", JUMPS / 2 * DEPTH, JUMPS / 2 * DEPTH,
	       JUMPS / 2 * DEPTH + 1);
	fflush(stdout);
	exit(0);
}

static int jumps(void)
{
	for (volatile int i = 0; i < JUMPS; i++)
		if (!setjmp(back))
			known_jump(DEPTH, i % 2);
	known_dies();
	return 1;
}

/* A call that is left for another stack, and gone on with later. */
KNOWN void known_yields(ucontext_t *from, ucontext_t *to)
{
	known_leaf();
	swapcontext(from, to);
	known_leaf();
}

static void coroutine(void)
{
	for (;;)
		known_yields(&away, &home);
}

KNOWN void known_handler(int sig)
{
	known_leaf();
	sink += (unsigned)sig;
}

KNOWN void known_raises(void)
{
	raise(SIGUSR1);
	sink++;
}

static int switches(void)
{
	const stack_t other = { .ss_sp = signal_stack, .ss_size = sizeof(signal_stack) };
	struct sigaction act = { .sa_handler = known_handler, .sa_flags = SA_ONSTACK };

	getcontext(&away);
	away.uc_stack.ss_sp = away_stack;
	away.uc_stack.ss_size = sizeof(away_stack);
	makecontext(&away, coroutine, 0);
	if (sigaltstack(&other, NULL) || sigaction(SIGUSR1, &act, NULL))
		return 1;
	for (int i = 0; i < SWITCHES; i++) {
		swapcontext(&home, &away);
		known_thread();
	}
	for (int i = 0; i < SIGNALS; i++)
		known_raises();
	/* The coroutine is left as it began its last switch. */
	printf("known_leaf %d\nknown_yields %d\nknown_thread %d\nknown_handler %d\n"
	       "known_raises %d\n",
	       2 * SWITCHES - 1 + SIGNALS, SWITCHES, SWITCHES, SIGNALS, SIGNALS);
	return 0;
}

#if defined(__x86_64__)
/* As strchrnul() of the C library begins where there is AVX-512: 7a is a jump without its prefix.
 */
unsigned vector_known(unsigned n);
__asm__(".pushsection .text\n.globl vector_known\n.type vector_known, @function\n"
	"vector_known:\n\tvpbroadcastb %edi, %ymm17\n\tvmovd %xmm17, %eax\n"
	"\tmovzbl %al, %eax\n\tret\n.size vector_known, .-vector_known\n.popsection\n");

static int vectors(void)
{
	unsigned wrong = 0;

	if (!__builtin_cpu_supports("avx512vl") || !__builtin_cpu_supports("avx512bw"))
		return 77;
	for (unsigned i = 0; i < 100; i++)
		wrong += vector_known(i) != i;
	printf("wrong %u\n", wrong);
	return 0;
}
#else
static int vectors(void)
{
	return 77;
}
#endif

static uint64_t ns_of_a_thousand(void)
{
	uint64_t began = known_ns();

	for (int i = 0; i < 1000; i++)
		known_leaf();
	return known_ns() - began;
}

static _Atomic bool over;

static void *steadily(void *ret_calls)
{
	const struct timespec pause = { .tv_nsec = 50000 };
	int nr = 0;

	for (; !over; nr++) {
		known_thread();
		nanosleep(&pause, NULL);
	}
	*(int *)ret_calls = nr;
	return NULL;
}

/*
 * Says how long a call takes, in rounds: the first thousand of them, and the fastest. Another
 * thread calls something else meanwhile, now and then.
 */
static int millions(void)
{
	uint64_t until = known_ns() + 4000000000u;
	pthread_t other;
	int calls;

	if (pthread_create(&other, NULL, steadily, &calls))
		return 1;
	while (known_ns() < until) {
		uint64_t began = known_ns(), first = ns_of_a_thousand(), least = first;

		while (known_ns() - began < 250000000) {
			uint64_t ns = ns_of_a_thousand();

			least = ns < least ? ns : least;
		}
		known_outer();
		printf("ns_a_call %llu %llu\n", (unsigned long long)first / 1000,
		       (unsigned long long)least / 1000);
	}
	over = true;
	pthread_join(other, NULL);
	printf("known_thread %d\n", calls);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(void);
	} all[] = {
		{ "counts", counts },	  { "deep", deep },	  { "turns", turns },
		{ "threads", threads },	  { "jumps", jumps },	  { "switches", switches },
		{ "millions", millions }, { "vectors", vectors },
	};

	for (size_t i = 0; argc == 2 && i < sizeof(all) / sizeof(*all); i++)
		if (!strcmp(argv[1], all[i].name))
			return known_wait() ? 1 : all[i].run();
	fputs("known counts|deep|turns|threads|jumps|switches|millions|vectors\n", stderr);
	return 2;
}
