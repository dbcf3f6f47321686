// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* births SECONDS forks|execs [DEADLINE]: processes that end, or execute themselves, at once. */
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "chain.h"

enum { AT_ONCE = 4 };

FRAME static uint64_t burn(uint64_t x)
{
	SPIN_BODY(500000);
}

int main(int argc, char **argv)
{
	static char deadline[32];
	char *again[] = { argv[0], argv[1], "execs", deadline, NULL };
	int nr = 0;

	if (argc < 3)
		return 2;
	if (argc > 3)
		chain_deadline_ns = strtoull(argv[3], NULL, 10);
	else
		chain_start(argc, argv);
	if (!strcmp(argv[2], "execs")) {
		burn(1);
		snprintf(deadline, sizeof(deadline), "%llu", (unsigned long long)chain_deadline_ns);
		return chain_is_over() ? 0 : execv("/proc/self/exe", again);
	}
	while (!chain_is_over()) {
		pid_t pid = fork();

		if (!pid) {
			burn(1);
			_exit(0);
		}
		nr += pid > 0;
		if (nr == AT_ONCE || pid < 0)
			nr -= wait(NULL) > 0;
	}
	while (wait(NULL) > 0)
		continue;
	return 0;
}
