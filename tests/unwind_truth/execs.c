// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* execs SECONDS: executes itself as a child of 50 ms, again and again; a new process each time. */
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "chain.h"

FRAME uint64_t spin(uint64_t x)
{
	SPIN_BODY(20000);
}

LINK(f1, spin, 64)
LINK(f2, f1, 3000)
LINK(f3, f2, 8)

FRAME uint64_t child(void)
{
	uint64_t x = 1, end = chain_now_ns() + 50000000;

	while (chain_now_ns() < end)
		x = f3(x);
	AFTER_CALL;
	return x;
}

FRAME void parent(const char *path)
{
	pid_t pid = fork();

	if (!pid) {
		execl(path, "execs", "child", (char *)NULL);
		_exit(1);
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
	AFTER_CALL;
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "child"))
		return child() == 42;
	/* A process begins in ld.so, and ends in exit(), which are not told. */
	puts("chain: spin f1 f2 f3 child main\nchain: parent main\n"
	     "into: *clock_gettime* *fork* *execl* *waitpid* *wait4* _dl_runtime_resolve* exit* "
	     "_start _dl_start _exit "
	     "__libc_start_main*");
	chain_start(argc, argv);
	while (!chain_is_over())
		parent("/proc/self/exe");
	return 0;
}
