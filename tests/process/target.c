// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A program to be looked at. It says where one of its functions lies and what
 * bytes are there, so that whoever claims to know the file can be checked
 * against the memory:
 *   target MS            tells of work(), then lives for MS milliseconds
 *   target wait          … until its standard input ends
 *   target dlopen FILE   after a line of input, loads FILE and tells of plugin_work()
 *   target maps COUNT    has COUNT executable mappings, then maps and unmaps until input ends
 */
#include <dlfcn.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int work(int x);

__attribute__((noinline)) int work(int x)
{
#ifdef SECOND
	return x * 1003 ^ 77;
#else
	return x * 17 + 5;
#endif
}

static void tell(void *function)
{
	unsigned char code[12];

	memcpy(code, function, sizeof(code));
	printf("%lx ", (unsigned long)function);
	for (size_t i = 0; i < sizeof(code); i++)
		printf("%02x", code[i]);
	printf("\n");
	fflush(stdout);
}

static void wait_for_input(void)
{
	char c;

	while (read(STDIN_FILENO, &c, 1) == 1 && c != '\n')
		continue;
}

static int load(const char *file)
{
#ifdef STATIC
	(void)file;
	return 1;
#else
	void *library, *function;

	wait_for_input();
	library = dlopen(file, RTLD_NOW);
	function = library ? dlsym(library, "plugin_work") : NULL;
	if (!function)
		return 1;
	tell(function);
	wait_for_input();
	return 0;
#endif
}

/* Every second page is executable, so that no two mappings become one. */
static int map(long count)
{
	struct pollfd input = { STDIN_FILENO, POLLIN, 0 };
	size_t size = (size_t)count * 2 * 4096;
	char *at = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	long done = 0;

	if (at == MAP_FAILED)
		return 1;
	while (done < count && !mprotect(at + done * 8192, 4096, PROT_READ | PROT_EXEC))
		done++;
	printf("%lx %ld\n", (unsigned long)at, done);
	fflush(stdout);
	while (!poll(&input, 1, 0)) {
		for (int i = 0; i < 100; i++) {
			void *p = mmap(NULL, 4096, PROT_READ | PROT_EXEC,
				       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

			if (p != MAP_FAILED)
				munmap(p, 4096);
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "dlopen"))
		return load(argv[2]);
	if (argc == 3 && !strcmp(argv[1], "maps"))
		return map(atol(argv[2]));
	if (argc != 2)
		return 2;
	tell((void *)work);
	if (!strcmp(argv[1], "wait"))
		wait_for_input();
	else
		usleep((useconds_t)atoi(argv[1]) * 1000);
	return work(argc) == 0;
}
