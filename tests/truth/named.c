// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Built several times with another WORK_NAME, so that two files have another function at one
 * offset: named SECONDS [delete]. With `delete`, its file is gone before it works.
 */
#include <string.h>
#include <unistd.h>

#include "work.h"

uint64_t WORK_NAME(uint64_t seed);

WORK_NOINLINE uint64_t WORK_NAME(uint64_t seed)
{
	WORK_BODY(7)
}

static void delete_own_file(void)
{
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (n < 0)
		exit(1);
	path[n] = 0;
	if (unlink(path)) {
		perror(path);
		exit(1);
	}
}

int main(int argc, char **argv)
{
	uint64_t deadline;

	if (argc < 2)
		return 2;
	if (argc > 2 && !strcmp(argv[2], "delete"))
		delete_own_file();
	deadline = work_deadline(argv[1]);
	while (work_clock_ns(CLOCK_MONOTONIC) < deadline)
		work_spend(WORK_NAME, 10000000);
	return 0;
}
