// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * brief COUNT MILLISECONDS [FILE]: a parent that starts COUNT processes, one after the other,
 * each of which executes this file anew, works so long, and is gone.
 */
#include <inttypes.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "work.h"

uint64_t brief_work(uint64_t seed);

WORK_NOINLINE uint64_t brief_work(uint64_t seed)
{
	WORK_BODY(20)
}

/* By its path, not as /proc/self/exe: that would be its name. */
static pid_t start(const char *path, const char *milliseconds)
{
	pid_t child = fork();

	if (!child) {
		execl(path, "brief", "live", milliseconds, (char *)NULL);
		_exit(127);
	}
	return child;
}

static int live(const char *milliseconds)
{
	work_spend(brief_work, strtoull(milliseconds, NULL, 10) * 1000000);
	return 0;
}

int main(int argc, char **argv)
{
	char path[4096];
	int count, failed = 0;
	ssize_t n;
	FILE *out;

	if (argc < 3)
		return 2;
	if (!strcmp(argv[1], "live"))
		return live(argv[2]);
	n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	if (n < 0)
		return 1;
	path[n] = 0;
	count = atoi(argv[1]);
	for (int i = 0; i < count; i++) {
		int status = 0;
		pid_t child = start(path, argv[2]);

		if (child < 0 || waitpid(child, &status, 0) != child || status)
			failed++;
	}
	out = work_result(argv[3]);
	fprintf(out, "{\"count\": %d, \"failed\": %d, \"ns_each\": %" PRIu64 "}\n", count, failed,
		(uint64_t)strtoull(argv[2], NULL, 10) * 1000000);
	return fclose(out) || failed ? 1 : 0;
}
