// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Calls functions as often as it is told: "one N" or "many N" on standard input, N the rounds;
 * answers "done". An argument is the first such line, done before anything is read.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void counted(void);
void many_0(void);

enum { MANY = 2000, MANY_SIZE = 16 };

#if defined(__x86_64__)
#define BODY "push %rbp\n pop %rbp\n ret\n"
#define TYPE "@function"
#else
#define BODY "nop\n ret\n"
#define TYPE "%function"
#endif

__asm__(".text\n .p2align 4\n .globl counted\n .type counted, " TYPE "\n"
	"counted: " BODY " .size counted, .-counted\n"
	".altmacro\n"
	".macro one n\n .p2align 4\n .globl many_\\n\n .type many_\\n, " TYPE "\n"
	"many_\\n: " BODY " .size many_\\n, .-many_\\n\n .endm\n"
	".set i, 0\n .rept 2000\n one %i\n .set i, i + 1\n .endr\n"
	".noaltmacro\n");

static void call(const char *line)
{
	unsigned long n = strtoul(strchr(line, ' ') ? strchr(line, ' ') : "0", NULL, 10);

	for (unsigned long i = 0; i < n; i++) {
		if (line[0] == 'o') {
			counted();
			continue;
		}
		for (size_t k = 0; k < MANY; k++) {
			void (*fn)(void) = (void (*)(void))((char *)many_0 + k * MANY_SIZE);

			fn();
		}
	}
	puts("done");
	fflush(stdout);
}

int main(int argc, char **argv)
{
	char line[64];

	if (argc > 1)
		call(argv[1]);
	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin))
		call(line);
	return 0;
}
