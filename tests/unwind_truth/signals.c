// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * signals SECONDS: handlers that burn, on a stack of their own and on the one that they found;
 * the stack goes on through the trampoline into what was interrupted, at any instruction of it.
 */
#include <signal.h>
#include <string.h>
#include <sys/time.h>

#include "chain.h"

FRAME uint64_t spin(uint64_t x)
{
	SPIN_BODY(300);
}

/* Its own name, that what was interrupted can be told from what interrupts. */
FRAME uint64_t handler_spin(uint64_t x)
{
	SPIN_BODY(200000);
}

FRAME uint64_t handler_work(uint64_t x)
{
	x = handler_spin(x);
	AFTER_CALL;
	return x + 1;
}

FRAME void handler(int number)
{
	volatile uint64_t kept = handler_work((uint64_t)number);

	AFTER_CALL;
	(void)kept;
}

LINK(f1, spin, 64)
LINK(f2, f1, 8)
LINK(f3, f2, 500)

int main(int argc, char **argv)
{
	const struct itimerval every = { { 0, 1500 }, { 0, 1500 } };
	stack_t own = { .ss_size = 65536, .ss_sp = malloc(65536) };
	struct sigaction action;
	uint64_t x = 1;

	memset(&action, 0, sizeof(action));
	action.sa_handler = handler;
	action.sa_flags = SA_ONSTACK | SA_RESTART;
	if (!own.ss_sp || sigaltstack(&own, NULL) || sigaction(SIGALRM, &action, NULL))
		return 1;
	action.sa_flags = SA_RESTART;
	if (sigaction(SIGPROF, &action, NULL))
		return 1;
	/* It may strike anywhere. */
	puts("chain: spin f1 f2 f3 main\n"
	     "handler: handler_spin handler_work handler");
	chain_start(argc, argv);
	setitimer(ITIMER_REAL, &every, NULL);
	setitimer(ITIMER_PROF, &every, NULL);
	while (!chain_is_over())
		for (int i = 0; i < 1000; i++)
			x = f3(x);
	return x == 42;
}
