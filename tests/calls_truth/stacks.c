// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Who calls is known: two ways to one function. */
#include "known.h"

static volatile unsigned sink;

KNOWN void stacks_leaf(void)
{
	sink++;
}

KNOWN void stacks_left(void)
{
	for (int i = 0; i < 30; i++)
		stacks_leaf();
	sink++;
}

KNOWN void stacks_right(void)
{
	for (int i = 0; i < 50; i++)
		stacks_leaf();
	sink++;
}

/* With an argument: at once, before there are any. */
int main(int argc, char **argv)
{
	const struct timespec tenth = { 0, 100000000 };

	if (known_wait())
		return 1;
	(void)argv;
	/* Whose unwinding tables come with the first call. */
	if (argc == 1)
		stacks_leaf();
	for (int i = 0; argc == 1 && i < 10; i++)
		nanosleep(&tenth, NULL);
	for (int i = 0; i < 20; i++) {
		stacks_left();
		stacks_right();
	}
	puts("left 600\nright 1000");
	return 0;
}
