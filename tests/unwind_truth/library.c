// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * library SECONDS PATH calls|loads: calls a library through PLT stubs; or loads it again and again,
 * so that many samples are of ld.so, of its resolver, and of code that is there for a moment.
 */
#include <dlfcn.h>
#include <string.h>

#include "chain.h"

typedef uint64_t (*work_fn)(uint64_t x);

FRAME uint64_t calls(work_fn work, uint64_t x)
{
	for (int i = 0; i < 10; i++)
		x = work(x);
	AFTER_CALL;
	return x;
}

FRAME uint64_t loads(const char *path, uint64_t x)
{
	void *library = dlopen(path, RTLD_LAZY | RTLD_LOCAL);
	work_fn each, work;

	if (!library)
		return x;
	each = (work_fn)(uintptr_t)dlsym(library, "lazy_calls");
	work = (work_fn)(uintptr_t)dlsym(library, "lazy_work");
	x = each(x);
	for (int i = 0; i < 5; i++)
		x = work(x);
	dlclose(library);
	AFTER_CALL;
	return x;
}

int main(int argc, char **argv)
{
	work_fn work = NULL;
	uint64_t x = 1;

	if (argc < 4)
		return 2;
	if (!strcmp(argv[3], "calls")) {
		void *library = dlopen(argv[2], RTLD_LAZY | RTLD_LOCAL);

		work = library ? (work_fn)(uintptr_t)dlsym(library, "lazy_work") : NULL;
		if (!work)
			return 1;
		puts("chain: lazy_spin lazy_work calls main\n"
		     "chain: lazy_spin@plt lazy_work calls main");
	} else {
		puts("chain: lazy_spin lazy_work loads main\n"
		     "chain: lazy_spin@plt lazy_work loads main\n"
		     "chain: lazy_*[0-9] lazy_calls loads main\n"
		     "chain: lazy_*@plt lazy_calls loads main\n"
		     "chain: ? lazy_calls loads main\n"
		     "into: *dlopen* *dlsym* *dlclose* _dl_runtime_resolve*");
	}
	chain_start(argc, argv);
	while (!chain_is_over())
		x = work ? calls(work, x) : loads(argv[2], x);
	return x == 42;
}
