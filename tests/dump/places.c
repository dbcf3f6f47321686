// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * places FILE [zombie]: threads that stand at known places, each of a name of its own, until a
 * minute is over. "ready" is printed when all are there. `watch` keeps in FILE, a u64, the longest
 * time in ns that it slept too long; who reads it may write 0. zombie: the first thread ends.
 */
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { SECONDS = 60, DEPTH = 400, FRAME = 1500, MANY = 40 };

#define noinline __attribute__((noinline, noclone))

static volatile uint64_t *gap;
static volatile uint64_t count;
static volatile char sink;
static int pipes[2];
static uint32_t word;

static noinline void read_3(void)
{
	char c;

	if (read(pipes[0], &c, 1) == 1)
		count++;
}

static noinline void read_2(void)
{
	read_3();
	count++;
}

static noinline void read_1(void)
{
	read_2();
	count++;
}

static noinline void nap_2(void)
{
	const struct timespec t = { SECONDS, 0 };

	nanosleep(&t, NULL);
	count++;
}

static noinline void nap_1(void)
{
	nap_2();
	count++;
}

static noinline void futex_2(void)
{
	syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
	count++;
}

static noinline void futex_1(void)
{
	futex_2();
	count++;
}

static noinline void spin_3(void)
{
	for (int i = 0; i < 1000; i++)
		count++;
}

static noinline void spin_2(void)
{
	spin_3();
	count++;
}

static noinline void spin_1(void)
{
	for (;;)
		spin_2();
}

/* More stack than is copied at first. */
static noinline void deep(int n)
{
	volatile char room[FRAME];

	memset((char *)room, n, sizeof(room));
	if (n > 1)
		deep(n - 1);
	else
		pause();
	sink += room[n];
}

static noinline void deep_1(void)
{
	deep(DEPTH);
	count++;
}

/* Above all others, so that only who stops it keeps it from waking up in time. */
static noinline void watch_1(void)
{
	const struct sched_param first = { .sched_priority = 50 };
	const struct timespec pause = { 0, 500000 };
	struct timespec a, b;

	pthread_setschedparam(pthread_self(), SCHED_FIFO, &first);
	for (;;) {
		uint64_t slept;

		clock_gettime(CLOCK_MONOTONIC, &a);
		nanosleep(&pause, NULL);
		clock_gettime(CLOCK_MONOTONIC, &b);
		slept = (uint64_t)(b.tv_sec - a.tv_sec) * 1000000000u + (uint64_t)b.tv_nsec -
			(uint64_t)a.tv_nsec;
		if (slept > *gap + (uint64_t)pause.tv_nsec)
			*gap = slept - (uint64_t)pause.tv_nsec;
	}
}

static const struct thread {
	const char *name;
	void (*run)(void);
} threads[] = {
	{ "reader", read_1 }, { "napper", nap_1 },  { "futex", futex_1 },      { "busy", spin_1 },
	{ "deep", deep_1 },   { "watch", watch_1 }, { "a\033[31m\nb", nap_1 },
};

static noinline void *begin(void *arg)
{
	const struct thread *t = arg;

	prctl(PR_SET_NAME, t->name);
	t->run();
	return NULL;
}

static void start(const struct thread *t)
{
	pthread_t id;

	if (pthread_create(&id, NULL, begin, (void *)t))
		exit(1);
}

int main(int argc, char **argv)
{
	static const struct thread many = { "many", nap_1 };
	int fd = argc > 1 ? open(argv[1], O_RDWR | O_CREAT, 0600) : -1;

	alarm(SECONDS);
	if (fd < 0 || ftruncate(fd, sizeof(*gap)) || pipe(pipes))
		return 1;
	gap = mmap(NULL, sizeof(*gap), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (gap == MAP_FAILED)
		return 1;
	for (size_t i = 0; i < sizeof(threads) / sizeof(threads[0]); i++)
		start(&threads[i]);
	for (int i = 0; i < MANY; i++)
		start(&many);
	usleep(200000);
	puts("ready");
	fflush(stdout);
	if (argc > 2 && !strcmp(argv[2], "zombie"))
		pthread_exit(NULL);
	nap_1();
	return 0;
}
