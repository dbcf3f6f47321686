// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Runs reads.bpf.c at 999 Hz for a second; prints nanoseconds of the first read of a tick, and of
 * each that follows, by size, as JSON. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/perf_event.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { READS = 64, SIZES = 4 };

struct sums {
	uint64_t runs, clock, first[SIZES], more[SIZES];
};

static char memory[4096] __attribute__((aligned(4096)));

static void spin(void)
{
	time_t end = time(NULL) + 2;

	while (time(NULL) < end)
		((volatile char *)memory)[0]++;
}

int main(int argc, char **argv)
{
	struct {
		uint64_t from;
		uint32_t tgid, sizes[SIZES];
	} settings = { (uintptr_t)memory, (uint32_t)getpid(), { 8, 64, 512, 1024 } };
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_freq = 999,
		.freq = 1,
	};
	struct bpf_object *object = argc > 1 ? bpf_object__open_file(argv[1], NULL) : NULL;
	struct bpf_map *map = NULL, *result = NULL;
	struct bpf_program *program;
	uint32_t zero = 0;
	struct sums s;
	int fd;

	if (!object)
		return 1;
	bpf_object__for_each_map(map, object) {
		if (strstr(bpf_map__name(map), ".rodata") &&
		    bpf_map__set_initial_value(map, &settings, sizeof(settings)))
			return 1;
		if (strstr(bpf_map__name(map), ".data.sums"))
			result = map;
	}
	program = bpf_object__find_program_by_name(object, "reads");
	fd = (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
	if (!result || fd < 0 || bpf_object__load(object) ||
	    !bpf_program__attach_perf_event(program, fd))
		return 1;
	spin();
	if (bpf_map_lookup_elem(bpf_map__fd(result), &zero, &s))
		return 1;
	for (int i = 0; i < SIZES && s.runs >= SIZES; i++) {
		double runs = (double)s.runs / SIZES, clock = (double)s.clock / (double)s.runs;

		printf("%s\"%u\": [%.1f, %.1f]", i ? ", " : "{", settings.sizes[i],
		       (double)s.first[i] / runs - clock,
		       ((double)s.more[i] / runs - clock) / READS);
	}
	puts("}");
	return 0;
}
