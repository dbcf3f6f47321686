// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Work whose truth is known. Linked statically, without frame pointers.
 *   spin SECONDS              three quarters in spin_heavy(), one in spin_light()
 *   syscalls SECONDS          reads of /dev/zero, a page each
 *   asleep SECONDS            in asleep_inner(), of asleep_outer()
 *   short SECONDS PROGRAM     one program after the other; PROGRAM is a link to this one
 *                             called shortlived, which lives about 20 ms
 *   read PATH COUNT BYTES     direct reads, one at a time
 *   calls FILE                known numbers of calls once there is the file (workload_calls.c)
 */
#include "workload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define KEEP __attribute__((noinline, noclone))

static volatile uint64_t sink;

static double now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

KEEP static void turn(unsigned rounds)
{
	for (unsigned i = 0; i < rounds; i++)
		sink = sink * 6364136223846793005u + 1442695040888963407u;
}

KEEP static void spin_heavy(void)
{
	for (int i = 0; i < 3; i++)
		turn(100000);
	sink++;
}

KEEP static void spin_light(void)
{
	turn(100000);
	sink++;
}

static int spin(double seconds)
{
	for (double end = now(CLOCK_MONOTONIC) + seconds; now(CLOCK_MONOTONIC) < end;) {
		spin_heavy();
		spin_light();
	}
	return 0;
}

KEEP static void asleep_inner(double seconds)
{
	const struct timespec t = { (time_t)seconds, 0 };

	nanosleep(&t, NULL);
	sink++;
}

KEEP static int asleep_outer(double seconds)
{
	asleep_inner(seconds);
	sink++;
	return 0;
}

static int syscalls(double seconds)
{
	static char page[4096];
	int fd = open("/dev/zero", O_RDONLY);

	for (double end = now(CLOCK_MONOTONIC) + seconds; now(CLOCK_MONOTONIC) < end;)
		for (int i = 0; i < 1000; i++)
			if (read(fd, page, sizeof(page)) != sizeof(page))
				return 1;
	return 0;
}

KEEP static void short_spin(void)
{
	double end = now(CLOCK_PROCESS_CPUTIME_ID) + 0.02;

	while (now(CLOCK_PROCESS_CPUTIME_ID) < end)
		turn(20000);
	sink++;
}

static int shorts(double seconds, const char *program)
{
	char name[] = "shortlived", *argv[] = { name, NULL };
	int status;

	for (double end = now(CLOCK_MONOTONIC) + seconds; now(CLOCK_MONOTONIC) < end;) {
		pid_t pid = fork();

		if (!pid) {
			execv(program, argv);
			_exit(127);
		}
		if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
			return 1;
	}
	return 0;
}

static int direct_reads(const char *path, unsigned long count, unsigned long bytes)
{
	int fd = open(path, O_RDONLY | O_DIRECT);
	off_t end = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
	unsigned long blocks = end < 0 ? 0 : (unsigned long)end / bytes;
	void *buffer;

	if (!blocks || posix_memalign(&buffer, 4096, bytes)) {
		fprintf(stderr, "workload: %s: %s\n", path, strerror(errno));
		return 1;
	}
	for (unsigned long i = 0; i < count; i++)
		if (pread(fd, buffer, bytes, (off_t)(i * 7919 % blocks * bytes)) !=
		    (ssize_t)bytes) {
			fprintf(stderr, "workload: %s: %s\n", path, strerror(errno));
			return 1;
		}
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (!strcmp(argv[0], "shortlived")) {
		short_spin();
		return 0;
	}
	if (!strcmp(what, "spin") && argc == 3)
		return spin(atof(argv[2]));
	if (!strcmp(what, "syscalls") && argc == 3)
		return syscalls(atof(argv[2]));
	if (!strcmp(what, "asleep") && argc == 3)
		return asleep_outer(atof(argv[2]));
	if (!strcmp(what, "short") && argc == 4)
		return shorts(atof(argv[2]), argv[3]);
	if (!strcmp(what, "read") && argc == 5)
		return direct_reads(argv[2], strtoul(argv[3], NULL, 10),
				    strtoul(argv[4], NULL, 10));
	if (!strcmp(what, "calls") && argc == 3)
		return calls(argv[2]);
	fputs("workload: spin|syscalls|asleep SECONDS, short SECONDS PROGRAM, "
	      "read PATH COUNT BYTES, calls FILE\n",
	      stderr);
	return 2;
}
