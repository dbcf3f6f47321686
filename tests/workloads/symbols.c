// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Functions of all sorts that a symbol table may hold; what they compute does not matter. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int counter;

__attribute__((noinline)) static int local_function(int n)
{
	return n * 3 + counter;
}

__attribute__((noinline)) int global_function(int n)
{
	return local_function(n) + counter++;
}

/* At one address: global_alias and global_function are as good, _hidden_name is not. */
int _hidden_name(int n) __attribute__((alias("aliased")));
__attribute__((weak)) int weak_alias(int n) __attribute__((alias("aliased")));

__attribute__((noinline)) int aliased(int n)
{
	return n + counter * 2;
}

/* Functions without a size, as in assembler; then a hole that belongs to none. */
__asm__(".text\n"
	".globl sizeless\n"
	"sizeless:\n"
	".rept 16\n"
	"nop\n"
	".endr\n"
	".globl sizeless_too\n"
	"sizeless_too:\n"
	".rept 16\n"
	"nop\n"
	".endr\n"
	".globl sized\n"
	".type sized, %function\n"
	"sized:\n"
	".rept 16\n"
	"nop\n"
	".endr\n"
	"inner_label:\n"
	".rept 16\n"
	"nop\n"
	".endr\n"
	".size sized, . - sized\n"
	".rept 64\n"
	"nop\n"
	".endr\n"
	".globl after_hole\n"
	".type after_hole, %function\n"
	"after_hole:\n"
	".rept 16\n"
	"nop\n"
	".endr\n"
	".size after_hole, . - after_hole\n");

int entry(const char *s)
{
	char *copy = strdup(s);

	puts(copy);
	free(copy);
	/* A function whose address is taken and that is called goes through .plt.got. */
	qsort(&counter, 1, sizeof(counter), (int (*)(const void *, const void *))memcmp);
	counter += memcmp(s, "x", strlen(s));
	return global_function((int)strlen(s)) + aliased(counter);
}
