// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * mappings SECONDS KIND [NUMBER]: code at many places of an address space, and none for long.
 *   many    NUMBER mappings, of a file and of anonymous memory in turns, all of which are run
 *   churn   maps, runs and unmaps memory of both kinds
 *   lists   as much of our own code as a list may have mappings, in NUMBER processes
 */
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "chain.h"

enum { PAGE = 4096, LIST = 2720 };

typedef void (*code_fn)(void);

/* mov ecx, rounds; dec ecx; jnz; ret */
static void write_code(char *to, uint32_t rounds)
{
	memcpy(to, "\xb9\0\0\0\0\xff\xc9\x75\xfc\xc3", 10);
	memcpy(to + 1, &rounds, sizeof(rounds));
}

static int code_file(uint32_t rounds)
{
	char page[PAGE] = { 0 };
	int fd = fileno(tmpfile());

	write_code(page, rounds);
	return write(fd, page, sizeof(page)) == sizeof(page) ? fd : -1;
}

static char *map(char *at, int fd, uint32_t rounds)
{
	char *p;

	if (fd >= 0)
		return mmap(at, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE | (at ? MAP_FIXED : 0), fd,
			    0);
	p = mmap(at, PAGE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | (at ? MAP_FIXED : 0), -1, 0);
	if (p == MAP_FAILED)
		return p;
	write_code(p, rounds);
	return mprotect(p, PAGE, PROT_READ | PROT_EXEC) < 0 ? MAP_FAILED : p;
}

static void run(const char *code)
{
	((code_fn)(uintptr_t)code)();
	AFTER_CALL;
}

/* How many there are. */
static long many(char *at, long nr, int fd)
{
	for (long i = 0; i < nr; i++)
		if (map(at + i * PAGE, i % 2 ? fd : -1, 20000) == MAP_FAILED)
			return i;
	return nr;
}

/* A page of our own, which has unwind information. */
__attribute__((aligned(4096), noinline)) static void burn(void)
{
	__asm__ volatile("mov $20000, %%ecx\n1: dec %%ecx\n\tjnz 1b" : : : "rcx", "cc");
}

/* Where burn() is in our file. */
static int find_burn(struct dl_phdr_info *info, size_t size, void *offset)
{
	uint64_t at = (uint64_t)(uintptr_t)burn - info->dlpi_addr;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_LOAD &&
		    at - info->dlpi_phdr[i].p_vaddr < info->dlpi_phdr[i].p_filesz)
			*(uint64_t *)offset = at - info->dlpi_phdr[i].p_vaddr +
					      info->dlpi_phdr[i].p_offset;
	return 1;
}

static long own_code(char *at, long nr)
{
	uint64_t offset = 0;
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	dl_iterate_phdr(find_burn, &offset);
	for (long i = 0; i < nr; i++)
		if (mmap(at + i * PAGE, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, fd,
			 (off_t)offset) == MAP_FAILED)
			return i;
	return nr;
}

static int lists(char *at, long nr_processes, long nr)
{
	for (long i = 0; i < nr_processes; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return 1;
		while (!pid && !chain_is_over()) {
			for (int n = 0; n < 10; n++)
				run(at + nr / 2 * PAGE);
			/* All of them get their turn, and others the CPU. */
			usleep(50000);
		}
		if (!pid)
			_exit(0);
	}
	while (wait(NULL) > 0)
		continue;
	return 0;
}

int main(int argc, char **argv)
{
	const char *kind = argc > 2 ? argv[2] : "";
	long nr = argc > 3 ? atol(argv[3]) : 1000, there = !strcmp(kind, "lists") ? LIST : nr;
	int fd = code_file(20000);
	char *at = mmap(NULL, (size_t)there * PAGE, PROT_NONE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (fd < 0 || at == MAP_FAILED)
		return 1;
	if (!strcmp(kind, "churn")) {
		chain_start(argc, argv);
		for (long i = 0; !chain_is_over(); i++) {
			char *p = map(NULL, i % 2 ? fd : -1, 20000);

			if (p == MAP_FAILED)
				return 1;
			run(p);
			munmap(p, PAGE);
		}
		return 0;
	}
	there = !strcmp(kind, "lists") ? own_code(at, there) : many(at, there, fd);
	printf("mappings: %ld\n", there);
	chain_start(argc, argv);
	if (!strcmp(kind, "lists"))
		return lists(at, nr, there);
	for (uint64_t x = 1; !chain_is_over(); x = x * 6364136223846793005ull + 1)
		run(at + (long)(x >> 33) % there * PAGE);
	return 0;
}
