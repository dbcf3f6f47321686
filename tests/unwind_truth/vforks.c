// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * vforks SECONDS: children that run on their parent's stack, in its memory, while it waits; and
 * the system call itself, whose return address is in a register (vfork has to keep it from the
 * child).
 */
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "chain.h"

FRAME uint64_t spin(uint64_t x)
{
	SPIN_BODY(400000);
}

FRAME void child(uint64_t x)
{
	volatile uint64_t kept = spin(x);

	AFTER_CALL;
	syscall(SYS_exit_group, kept == 42);
	__builtin_unreachable();
}

FRAME uint64_t parent(uint64_t x)
{
	int status = 0;
	pid_t pid = vfork();

	if (!pid)
		child(x);
	if (pid > 0)
		waitpid(pid, &status, 0);
	AFTER_CALL;
	return x + (uint64_t)status;
}

LINK(f1, parent, 100)
LINK(f2, f1, 8)

int main(int argc, char **argv)
{
	uint64_t x = 1;

	puts("chain: spin child parent f1 f2 main\n"
	     "into: *vfork* *waitpid* *wait4* syscall*");
	chain_start(argc, argv);
	while (!chain_is_over())
		x = f2(x);
	return x == 42;
}
