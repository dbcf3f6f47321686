// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Stacks of every kind, to be stepped through: it traps once before the first and in the depth of
 * each. Not to be run alone.
 */
#include <alloca.h>
#include <search.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline))
#define TRAP()	 __asm__ volatile("int3" ::: "memory")

static volatile int sink;
static jmp_buf back;
static ucontext_t main_context, other_context;

/* Uses a place on the stack, so that no call to it is the last thing its caller does. */
static void use(const void *p)
{
	__asm__ volatile("" : : "r"(p) : "memory");
}

NOINLINE static int chain(int n)
{
	int here = n;

	use(&here);
	if (n)
		here += chain(n - 1);
	else
		TRAP();
	return here + sink;
}

NOINLINE static int with_alloca(int n)
{
	char *p = alloca((size_t)n * 16 + 1), more[n + 1];

	memset(p, n, (size_t)n);
	memset(more, n, (size_t)n);
	use(p);
	use(more);
	return chain(2) + p[0] + more[0];
}

NOINLINE static int aligned(int n)
{
	_Alignas(64) char place[128];

	memset(place, n, sizeof(place));
	use(place);
	return chain(2) + place[n & 127];
}

NOINLINE static int aligned_variadic(int n, ...)
{
	_Alignas(64) char place[64];
	char *more = alloca((size_t)n * 8);
	va_list list;
	int sum = 0;

	va_start(list, n);
	for (int i = 0; i < n; i++)
		sum += va_arg(list, int);
	va_end(list);
	memset(place, sum, sizeof(place));
	use(place);
	use(more);
	return sum + aligned(sum) + place[1];
}

NOINLINE static int many_arguments(long a, long b, long c, long d, long e, long f, long g, long h)
{
	return (int)(a + b + c + d + e + f + g + h) + chain(1);
}

NOINLINE static int big_frame(void)
{
	char place[20000];

	memset(place, 1, 100);
	use(place);
	return chain(1) + place[77];
}

static int compare_ints(const void *a, const void *b)
{
	static int once;

	if (!once++)
		TRAP();
	return *(const int *)a - *(const int *)b;
}

static void on_signal(int number)
{
	sink += chain(2);
	if (number == SIGUSR1)
		raise(SIGUSR2);
	if (number == SIGALRM)
		siglongjmp(back, 1);
}

static void signals(void)
{
	enum { SIZE = 64 << 10 };
	stack_t stack = { .ss_size = SIZE };
	struct sigaction action = { .sa_handler = on_signal };

	stack.ss_sp = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	sigaltstack(&stack, NULL);
	sigaction(SIGUSR2, &action, NULL);
	sigaction(SIGALRM, &action, NULL);
	action.sa_flags = SA_ONSTACK;
	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR2); /* on this stack */
	raise(SIGUSR1); /* on the other, and from there again */
	if (!sigsetjmp(back, 1))
		raise(SIGALRM);
}

NOINLINE static int jump_from(int n)
{
	int here = n;

	use(&here);
	if (n)
		return jump_from(n - 1) + here;
	longjmp(back, 2);
}

static void coroutine(void)
{
	sink += chain(3);
	swapcontext(&other_context, &main_context);
	sink += chain(1);
}

static void contexts(void)
{
	enum { SIZE = 64 << 10 };

	getcontext(&other_context);
	other_context.uc_stack.ss_sp = malloc(SIZE);
	other_context.uc_stack.ss_size = SIZE;
	other_context.uc_link = &main_context;
	makecontext(&other_context, coroutine, 0);
	swapcontext(&main_context, &other_context);
	swapcontext(&main_context, &other_context);
	free(other_context.uc_stack.ss_sp);
}

/* Code that says nothing of its frames, but keeps a frame pointer. */
__asm__(".pushsection .text\n"
	".type without_cfi,@function\n"
	"without_cfi:\n"
	"	push %rbp\n"
	"	mov %rsp, %rbp\n"
	"	sub $32, %rsp\n"
	"	mov $2, %edi\n"
	"	call *%rax\n"
	"	leave\n"
	"	ret\n"
	".size without_cfi, . - without_cfi\n"
	".popsection\n");

static int through_gap(void)
{
	int r;

	__asm__ volatile("lea -256(%%rsp), %%rsp\n"
			 "call without_cfi\n"
			 "lea 256(%%rsp), %%rsp\n"
			 : "=a"(r)
			 : "0"(chain)
			 : "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "memory", "cc");
	return r;
}

static void library(void)
{
	int numbers[40], key = 7;
	struct timespec now;
	char *big = malloc(300000), text[64];
	pid_t child;

	for (int i = 0; i < 40; i++)
		numbers[i] = (i * 17) % 41;
	qsort(numbers, 40, sizeof(int), compare_ints);
	sink += bsearch(&key, numbers, 40, sizeof(int), compare_ints) != NULL;
	clock_gettime(CLOCK_MONOTONIC, &now);
	time(NULL);
	/* Some bytes by `rep`, each a step. */
	memset(big, 1, 3000);
	memmove(big + 10, big, 600);
	big[3000] = '\0';
	sink += (int)strlen(big) + snprintf(text, sizeof(text), "%.3f %s", 1.5, "text");
	free(big);
	child = vfork();
	if (!child)
		_exit(0);
	waitpid(child, NULL, 0);
}

int main(int argc, char **argv)
{
	_Alignas(64) char place[64];

	(void)argv;
	memset(place, argc, sizeof(place));
	use(place);
	TRAP();
	sink += chain(12);
	if (argc == 1)
		sink += with_alloca(5) + aligned(7) + aligned_variadic(3, 1, 2, 3);
	sink += many_arguments(1, 2, 3, 4, 5, 6, 7, 8) + big_frame();
	if (!setjmp(back))
		jump_from(4);
	signals();
	contexts();
#ifndef NO_GAP
	sink += through_gap();
#endif
	library();
	if (argc > 2)
		sink += chain(atoi(argv[2]));
	return place[0] == 99;
}
