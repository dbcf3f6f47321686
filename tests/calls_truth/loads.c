// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* loads LIBRARY: opens it a second before it calls its function so many times. */
#include "known.h"

#include <dlfcn.h>

int main(int argc, char **argv)
{
	const struct timespec second = { 1, 0 };
	void (*called)(void) = NULL;
	void *library;

	if (argc != 2 || known_wait())
		return 1;
	library = dlopen(argv[1], RTLD_NOW);
	if (library)
		*(void **)&called = dlsym(library, "library_called");
	if (!called) {
		fprintf(stderr, "loads: %s\n", dlerror());
		return 1;
	}
	nanosleep(&second, NULL);
	for (int i = 0; i < 500; i++)
		called();
	puts("library_called 500");
	return 0;
}
