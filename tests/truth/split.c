// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* split SECONDS [FILE]: 60, 30 and 10 % of its time in three functions; says what it measured. */
#include <inttypes.h>

#include "work.h"

uint64_t burn_sixty(uint64_t seed);
uint64_t burn_thirty(uint64_t seed);
uint64_t burn_ten(uint64_t seed);

WORK_NOINLINE uint64_t burn_sixty(uint64_t seed){ WORK_BODY(60) }

WORK_NOINLINE uint64_t burn_thirty(uint64_t seed){ WORK_BODY(30) }

WORK_NOINLINE uint64_t burn_ten(uint64_t seed)
{
	WORK_BODY(10)
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		work_fn work;
		unsigned percent;
	} parts[] = {
		{ "burn_sixty", burn_sixty, 60 },
		{ "burn_thirty", burn_thirty, 30 },
		{ "burn_ten", burn_ten, 10 },
	};
	uint64_t deadline, state = 1, spent[3] = { 0 };
	FILE *out;

	if (argc < 2)
		return 2;
	deadline = work_deadline(argv[1]);
	while (work_clock_ns(CLOCK_MONOTONIC) < deadline) {
		uint64_t round = work_jitter(&state, 10000000);

		for (int i = 0; i < 3; i++)
			spent[i] += work_spend(parts[i].work, round * parts[i].percent / 100);
	}
	out = work_result(argv[2]);
	fprintf(out, "{\"cpu_ns\": %" PRIu64, work_clock_ns(CLOCK_PROCESS_CPUTIME_ID));
	for (int i = 0; i < 3; i++)
		fprintf(out, ", \"%s\": %" PRIu64, parts[i].name, spent[i]);
	fprintf(out, "}\n");
	return fclose(out) ? 1 : 0;
}
