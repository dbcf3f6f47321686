// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * embedded LIBPYTHON ARG…: a program that has CPython as a plugin. With EMBEDDED_WAITS in its
 * environment it says "ready" when that is loaded, and runs it when it is told to.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	void *library = argc > 1 ? dlopen(argv[1], RTLD_NOW | RTLD_GLOBAL) : NULL;
	int (*run)(int, char **);

	if (!library) {
		fprintf(stderr, "%s\n", dlerror());
		return 2;
	}
	*(void **)&run = dlsym(library, "Py_BytesMain");
	if (!run) {
		fprintf(stderr, "no Py_BytesMain: before CPython 3.8\n");
		return 2;
	}
	if (getenv("EMBEDDED_WAITS")) {
		puts("ready");
		fflush(stdout);
		/* Of the pipe not a byte more: the rest is the interpreter's. */
		setvbuf(stdin, NULL, _IONBF, 0);
		getchar();
	}
	return run(argc - 1, argv + 1);
}
