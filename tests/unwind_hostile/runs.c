// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* runs SECONDS LIBRARY...: calls the spin() of each in turn. */
#include <dlfcn.h>

#include "chain.h"

enum { MOST = 16 };

int main(int argc, char **argv)
{
	void (*spin[MOST])(void);
	int nr = 0;

	for (int i = 2; i < argc && nr < MOST; i++, nr++) {
		void *library = dlopen(argv[i], RTLD_NOW);

		spin[nr] = library ? (void (*)(void))(uintptr_t)dlsym(library, "spin") : NULL;
		if (!spin[nr]) {
			fprintf(stderr, "%s\n", dlerror());
			return 1;
		}
	}
	chain_start(argc, argv);
	for (int i = 0; nr && !chain_is_over(); i++)
		spin[i % nr]();
	return 0;
}
