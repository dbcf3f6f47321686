// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * contexts SECONDS: coroutines on stacks of their own, which begin with their start function, by
 * swapcontext(); every so often one is left for good by setcontext().
 */
#include <ucontext.h>

#include "chain.h"

#define NR	    4
#define STACK_BYTES 65536

static ucontext_t mains, coroutine[NR];
static char stacks[NR][STACK_BYTES];
static volatile unsigned current;
static volatile uint64_t state = 1;

FRAME uint64_t spin(uint64_t x)
{
	SPIN_BODY(5000);
}

LINK(f1, spin, 32)
LINK(f2, f1, 900)

/* Yields with frames on its stack, and goes on there. */
FRAME uint64_t yielding(uint64_t x)
{
	x = f2(x);
	swapcontext(&coroutine[current], &mains);
	x = f2(x);
	AFTER_CALL;
	return x;
}

FRAME void body(void)
{
	for (int i = 0; i < 50; i++)
		state = yielding(state);
	/* The others come back through uc_link. */
	if (current % 2)
		setcontext(&mains);
	AFTER_CALL;
}

FRAME void create(unsigned i)
{
	getcontext(&coroutine[i]);
	coroutine[i].uc_stack.ss_sp = stacks[i];
	coroutine[i].uc_stack.ss_size = STACK_BYTES;
	coroutine[i].uc_link = &mains;
	makecontext(&coroutine[i], body, 0);
	AFTER_CALL;
}

FRAME void resume(unsigned i)
{
	current = i;
	swapcontext(&mains, &coroutine[i]);
	AFTER_CALL;
}

FRAME uint64_t round_of_all(void)
{
	for (unsigned i = 0; i < NR; i++)
		create(i);
	/* 50 yields, and the end. */
	for (unsigned n = 0; n < 51; n++)
		for (unsigned i = 0; i < NR; i++)
			resume(i);
	AFTER_CALL;
	return spin(state) + 1;
}

int main(int argc, char **argv)
{
	volatile uint64_t x = 1;

	puts("chain: spin f1 f2 yielding body\n"
	     "chain: spin round_of_all main\nchain: resume round_of_all main\n"
	     "chain: create round_of_all main\n"
	     "into: *swapcontext* *setcontext* *getcontext* *makecontext*");
	chain_start(argc, argv);
	while (!chain_is_over())
		x += round_of_all();
	return x == 42;
}
