// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A chain of calls whose truth is known: main, chain_0 to chain_15, and its
 * time in `leaf`, which makes no frame, or in what each link does by itself.
 * Built without frame pointers, and again with signed return addresses; says
 * whether those on its stack are.
 *   chain SECONDS          the chain
 *   chain signal SECONDS   the same in a handler of a signal that came in the middle of `work`
 */
#include <alloca.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define KEEP __attribute__((noinline, noclone, no_icf))

enum { ADDRESS_BITS = 48, CALLS = 200, DEPTH = 20 };

static volatile uint64_t sink;
static volatile sig_atomic_t handled;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

KEEP static uint64_t leaf(uint64_t x)
{
	for (int i = 0; i < 20000; i++)
		x = x * 6364136223846793005u + 1442695040888963407u;
	return x;
}

/* Each with a frame of another size, which gcc finds by sp; every third one by a register. */
#define LINK(n, next)                                                  \
	KEEP static uint64_t chain_##n(uint64_t x)                     \
	{                                                              \
		volatile uint64_t local[3 * (n) + 1];                  \
                                                                       \
		local[x % (3 * (n) + 1)] = x;                          \
		if ((n) % 3 == 2)                                      \
			*(volatile uint64_t *)alloca(16 + x % 64) = x; \
		for (int i = 0; i < 100; i++)                          \
			local[i % (3 * (n) + 1)] += i;                 \
		return next(x + local[0]) + local[x % (3 * (n) + 1)];  \
	}

LINK(15, leaf)
LINK(14, chain_15)
LINK(13, chain_14)
LINK(12, chain_13)
LINK(11, chain_12)
LINK(10, chain_11)
LINK(9, chain_10)
LINK(8, chain_9)
LINK(7, chain_8)
LINK(6, chain_7)
LINK(5, chain_6)
LINK(4, chain_5)
LINK(3, chain_4)
LINK(2, chain_3)
LINK(1, chain_2)
LINK(0, chain_1)

/*
 * Asking for its frame makes one, with the return address as the stack has it. A signature may be
 * 0, of as few bits as 3: several addresses are looked at.
 */
KEEP static int nr_signed(int depth)
{
	uint64_t *frame = __builtin_frame_address(0);

	return (depth ? nr_signed(depth - 1) : 0) + (frame[1] >> ADDRESS_BITS != 0);
}

static void handler(int number)
{
	(void)number;
	for (int i = 0; i < CALLS; i++)
		sink += chain_0(sink);
	handled = 1;
}

/* Calls nothing: what a signal interrupts has its caller in a register. */
KEEP static void work(void)
{
	uint64_t x = sink;

	while (!handled)
		x = x * 6364136223846793005u + 1442695040888963407u;
	sink += x;
}

static int interrupted(double seconds)
{
	struct itimerspec soon = { .it_value.tv_nsec = 2000000 };
	struct sigaction act = { .sa_handler = handler };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM };
	timer_t timer;

	if (sigaction(SIGALRM, &act, NULL) || timer_create(CLOCK_MONOTONIC, &event, &timer))
		return 1;
	for (double end = now() + seconds; now() < end;) {
		handled = 0;
		if (timer_settime(timer, 0, &soon, NULL))
			return 1;
		work();
	}
	return 0;
}

int main(int argc, char **argv)
{
	printf("%s\n", nr_signed(DEPTH) ? "signed" : "plain");
	fflush(stdout);
	if (argc == 3 && !strcmp(argv[1], "signal"))
		return interrupted(atof(argv[2]));
	if (argc != 2)
		return 2;
	for (double end = now() + atof(argv[1]); now() < end;)
		for (int i = 0; i < CALLS; i++)
			sink += chain_0(sink);
	return 0;
}
