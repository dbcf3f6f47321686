// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* loaded LIBRARY: has it, and never calls it. Says "ready", then rests until its input ends. */
#include <dlfcn.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	if (argc < 2 || !dlopen(argv[1], RTLD_NOW | RTLD_GLOBAL)) {
		fputs("can't be loaded\n", stderr);
		return 1;
	}
	puts("ready");
	fflush(stdout);
	while (getchar() != EOF)
		;
	return 0;
}
