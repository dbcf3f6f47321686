// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* pointers SECONDS: spins while its stack pointer, and its frame pointer, point at nothing. */
#include <string.h>
#include <sys/mman.h>

#include "chain.h"

__attribute__((used)) static uint64_t saved;

/* The stack is out of reach meanwhile: nothing but registers is used. */
FRAME static void spin_at(uint64_t sp, uint64_t fp)
{
	__asm__ volatile("push %%rbp\n\t"
			 "push %%rbx\n\t"
			 "mov %%rsp, saved(%%rip)\n\t"
			 "mov %0, %%rsp\n\t"
			 "mov %1, %%rbp\n\t"
			 "mov $3000000, %%ecx\n"
			 "1: dec %%ecx\n\t"
			 "jnz 1b\n\t"
			 "mov saved(%%rip), %%rsp\n\t"
			 "pop %%rbx\n\t"
			 "pop %%rbp\n\t"
			 :
			 : "r"(sp), "r"(fp)
			 : "rcx", "memory", "cc");
}

static void spin_by(const char *kind)
{
	static char *pages;
	uint64_t sp = 0x1000, fp = 0xdeadbeefdeadbeefull;

	if (!pages)
		pages = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			     -1, 0);

	if (pages == MAP_FAILED || mprotect(pages + 4096, 4096, PROT_NONE) < 0)
		exit(1);
	if (!strcmp(kind, "guard")) {
		sp = (uint64_t)(uintptr_t)pages + 4096 - 16;
		fp = sp;
	} else if (!strcmp(kind, "unaligned")) {
		sp = (uint64_t)(uintptr_t)&sp - 3;
		fp = sp + 1;
	} else if (!strcmp(kind, "kernel")) {
		sp = 0xffff888000000000ull;
		fp = 0xffffffff81000000ull;
	} else if (!strcmp(kind, "end")) {
		sp = 0x7fffffffeff9ull;
		fp = UINT64_MAX - 7;
	} else if (!strcmp(kind, "itself")) {
		/* Frames that call each other in a circle. */
		uint64_t *w = (uint64_t *)(uintptr_t)pages;

		for (int i = 0; i < 512; i += 2) {
			w[i] = (uint64_t)(uintptr_t)&w[i];
			w[i + 1] = (uint64_t)(uintptr_t)&spin_at + 1;
		}
		sp = fp = (uint64_t)(uintptr_t)pages;
	}
	for (int i = 0; i < 10; i++)
		spin_at(sp, fp);
}

int main(int argc, char **argv)
{
	static const char *const kinds[] = { "nowhere", "guard", "unaligned",
					     "kernel",	"end",	 "itself" };

	chain_start(argc, argv);
	for (unsigned i = 0; !chain_is_over(); i++)
		spin_by(kinds[i % 6]);
	return 0;
}
