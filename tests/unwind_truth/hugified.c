// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * hugified SECONDS: replaces a part of its own text by anonymous memory with the same bytes, as
 * those do who want it in huge pages. Names are lost with the file, unless somebody sees that the
 * hole is between two mappings of one file.
 */
#include <string.h>
#include <sys/mman.h>

#include "chain.h"

#define MOVED __attribute__((section("moved_text")))

/* Alone in their pages: what moves them stays where it is. */
MOVED __attribute__((aligned(4096))) FRAME uint64_t spin(uint64_t x)
{
	SPIN_BODY(20000);
}

MOVED LINK(f1, spin, 64) MOVED LINK(f2, f1, 600) MOVED LINK(f3, f2, 8)

	MOVED __attribute__((aligned(4096))) FRAME uint64_t last(uint64_t x)
{
	return x + 1;
}

LINK(f4, f3, 100)

static int move(void)
{
	char *from = (char *)(uintptr_t)spin;
	size_t size = (size_t)((char *)(uintptr_t)last - from);
	char *copy = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (copy == MAP_FAILED)
		return -1;
	memcpy(copy, from, size);
	if (mprotect(copy, size, PROT_READ | PROT_EXEC))
		return -1;
	return mremap(copy, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, from) == from ? 0 : -1;
}

int main(int argc, char **argv)
{
	uint64_t x = 1;

	if (move()) {
		perror("mremap");
		return 1;
	}
	puts("chain: spin f1 f2 f3 f4 main\nchain: ? ? ? ? f4 main");
	chain_start(argc, argv);
	while (!chain_is_over())
		for (int i = 0; i < 100; i++)
			x = f4(x);
	return x == 42;
}
