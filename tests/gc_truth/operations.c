// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Has HotSpot's probes, and says of its operations what no JVM does: names that can't be read, that
 * have no end, that are all different. operations NR: so many different ones, once each. The other
 * names are test_operations.py's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARGUMENTS "8@%%rdi 8@%%rsi -4@%%edx"
#define FIRST	  "rdi"
#define SECOND	  "rsi"
#define THIRD	  "edx"
#elif defined(__aarch64__)
#define ARGUMENTS "8@x0 8@x1 -4@x2"
#define FIRST	  "x0"
#define SECOND	  "x1"
#define THIRD	  "w2"
#endif

/* A note as SystemTap's sys/sdt.h makes it. */
#define PROBE(name, arguments, ...)                                   \
	__asm__ volatile("1: nop\n"                                   \
			 ".pushsection .note.stapsdt,\"\",\"note\"\n" \
			 ".balign 4\n"                                \
			 ".4byte 3f-2f, 5f-4f, 3\n"                   \
			 "2: .asciz \"stapsdt\"\n"                    \
			 "3: .balign 4\n"                             \
			 "4: .8byte 1b, 0, 0\n"                       \
			 ".asciz \"hotspot\"\n"                       \
			 ".asciz \"" name "\"\n"                      \
			 ".asciz \"" arguments "\"\n"                 \
			 "5: .balign 4\n"                             \
			 ".popsection\n" ::__VA_ARGS__                \
			 : "memory")

/* By these a file is known to be HotSpot's. */
int gHotSpotVMStructs;
int JNI_CreateJavaVM(void);
int JNI_CreateJavaVM(void)
{
	return 0;
}

static __attribute__((noinline)) void collect(void)
{
	PROBE("gc__begin", "", "r"(0));
	PROBE("gc__end", "", "r"(0));
}

static __attribute__((noinline)) void operate(const char *name)
{
	register const char *first __asm__(FIRST) = name;
	register size_t second __asm__(SECOND) = 1ul << 60;
	register int third __asm__(THIRD) = 0;

	PROBE("vmops__begin", ARGUMENTS, "r"(first), "r"(second), "r"(third));
	PROBE("vmops__end", ARGUMENTS, "r"(first), "r"(second), "r"(third));
}

/* As HotSpot does, which asks for its length: what nobody read isn't in memory. */
static const char *touched(const char *name)
{
	for (const volatile char *c = name; *c; c++)
		;
	return name;
}

int main(int argc, char **argv)
{
	long page = sysconf(_SC_PAGESIZE);
	char *memory = mmap(NULL, 2 * (size_t)page, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int nr = argc > 1 ? atoi(argv[1]) : 0;
	char name[32];

	if (memory == MAP_FAILED || munmap(memory + page, (size_t)page))
		return 1;
	memset(memory, 'x', (size_t)page);
	collect();
	for (int i = 0; i < 100; i++) {
		operate(touched("plain"));
		operate(touched("\033[2J\xff name"));
		operate(touched("a name of 48 bytes, which is all that is shown ."));
		operate(touched("a name of 49 bytes, of which the last isn't shown"));
		operate(memory);
	}
	for (int i = 0; i < 10; i++) {
		operate(NULL);
		operate("");
		operate((const char *)1);
		operate((const char *)~0ul);
		operate(memory + page);
		/* It ends where nothing is mapped. */
		operate(memory + page - 3);
	}
	for (int i = 0; i < nr; i++) {
		snprintf(name, sizeof(name), "operation %d", i);
		operate(name);
	}
	return 0;
}
