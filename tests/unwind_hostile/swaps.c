// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * swaps SECONDS FIRST SECOND [apart]: loads two libraries in turns, to the same place, and gives
 * each the same time. `apart`: called from a function each.
 */
#include <dlfcn.h>
#include <stdbool.h>
#include <string.h>

#include "chain.h"

#define STAY_NS 50000000

typedef uint64_t (*work_fn)(uint64_t x);

#define RUN(name)                                         \
	FRAME uint64_t name(work_fn work, uint64_t until) \
	{                                                 \
		uint64_t x = 1;                           \
                                                          \
		while (chain_now_ns() < until)            \
			for (int i = 0; i < 20; i++)      \
				x = work(x);              \
		AFTER_CALL;                               \
		return x;                                 \
	}
RUN(run)
RUN(run_first)
RUN(run_second)

int main(int argc, char **argv)
{
	void *place[2] = { NULL, NULL };
	bool apart = argc > 4 && !strcmp(argv[4], "apart");

	if (argc < 4)
		return 2;
	puts(apart ? "chain: a_spin a_low a_middle entry run_first main\n"
		     "chain: b_spin b_low b_middle entry run_second main\n"
		     "into: run_first run_second"
		   : "chain: a_spin a_low a_middle entry run main\n"
		     "chain: b_spin b_low b_middle entry run main\n"
		     "into: run");
	puts("into: *dlopen* *dlsym* *dlclose* _dl_runtime_resolve*");
	for (int i = 0; chain_deadline_ns == 0 || !chain_is_over(); i++) {
		void *library = dlopen(argv[2 + i % 2], RTLD_NOW | RTLD_LOCAL);
		work_fn work = library ? (work_fn)(uintptr_t)dlsym(library, "entry") : NULL;
		uint64_t until = chain_now_ns() + STAY_NS;

		if (!work)
			return 1;
		place[i % 2] = (void *)(uintptr_t)work;
		if (i == 1) {
			printf("same place: %d\n", place[0] == place[1]);
			chain_start(argc, argv);
		}
		if (apart)
			(i % 2 ? run_second : run_first)(work, until);
		else
			run(work, until);
		dlclose(library);
	}
	return 0;
}
