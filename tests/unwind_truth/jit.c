// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * jit SECONDS: code in anonymous memory, which has frame pointers and no tables, called by code
 * that has tables and no frame pointers, and calling such code again: as a JIT's does.
 */
#include <string.h>
#include <sys/mman.h>

#include "chain.h"

typedef uint64_t (*spin_fn)(uint64_t x);
typedef uint64_t (*code_fn)(uint64_t x, spin_fn callee);

FRAME uint64_t spin(uint64_t x)
{
	SPIN_BODY(20000);
}

/*
 * push rbp; mov rbp, rsp; sub rsp, 32; mov [rbp-8], rdi; mov [rbp-16], rsi; mov ecx, 20000;
 * 1: dec ecx; jnz 1b; mov rdi, [rbp-8]; call [rbp-16]; inc rax; leave; ret
 */
static const unsigned char code[] = {
	0x55, 0x48, 0x89, 0xe5, 0x48, 0x83, 0xec, 0x20, 0x48, 0x89, 0x7d, 0xf8, 0x48,
	0x89, 0x75, 0xf0, 0xb9, 0x20, 0x4e, 0x00, 0x00, 0xff, 0xc9, 0x75, 0xfc, 0x48,
	0x8b, 0x7d, 0xf8, 0xff, 0x55, 0xf0, 0x48, 0xff, 0xc0, 0xc9, 0xc3,
};

static code_fn generated;

FRAME uint64_t f1(uint64_t x)
{
	x = generated(x, spin);
	AFTER_CALL;
	return x;
}

LINK(f2, f1, 200)

int main(int argc, char **argv)
{
	uint64_t x = 1;
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return 1;
	memcpy(p, code, sizeof(code));
	if (mprotect(p, 4096, PROT_READ | PROT_EXEC))
		return 1;
	generated = (code_fn)(uintptr_t)p;
	puts("chain: ? f1 f2 main\nchain: spin ? f1 f2 main");
	chain_start(argc, argv);
	while (!chain_is_over())
		for (int i = 0; i < 100; i++)
			x = f2(x);
	return x == 42;
}
