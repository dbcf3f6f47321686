// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * From open to usable: one file's table made, and put where programs find it, by what the
 * profiler does when it starts and when a sample asks. A line: milliseconds that passed, and those
 * of CPU time; between them lies the kernel's wait for programs. Once a process: its memory is new.
 */
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "walk/tables_inside.h"

enum { MAX_BYTES = 32 << 20, NR_SPACES = 64, NR_RUNTIMES = 16, MAX_PHASE_US = 20000 };

static double clock_ms(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* The object's maps alone. */
static struct bpf_object *load(const char *path, const struct tables_settings *settings)
{
	struct bpf_object *obj = bpf_object__open_file(path, NULL);
	struct bpf_program *program;

	if (!obj)
		return NULL;
	bpf_object__for_each_program(program, obj)
		bpf_program__set_autoload(program, false);
	if (!tables_prepare(settings, obj) && !bpf_object__load(obj))
		return obj;
	bpf_object__close(obj);
	return NULL;
}

/* The wait is a few of the kernel's ticks: begin anywhere between two. */
static void sleep_some(void)
{
	struct timespec now, pause = { 0 };

	clock_gettime(CLOCK_MONOTONIC, &now);
	pause.tv_nsec = 1000L * (20000 + now.tv_nsec % MAX_PHASE_US);
	nanosleep(&pause, NULL);
}

static int measure(struct tables *t, struct capture *capture, const char *path)
{
	double passed, cpu;
	uint32_t id;

	sleep_some();
	passed = clock_ms(CLOCK_MONOTONIC);
	cpu = clock_ms(CLOCK_PROCESS_CPUTIME_ID);
	if (capture_object(capture,
			   &(struct object){ .kind = OBJECT_ELF,
					     .path = strdup(path),
					     .fd = open(path, O_RDONLY | O_CLOEXEC) },
			   &id) < 0 ||
	    tables_load(t, id) < 0 || t->tables[id]->state != TABLE_LOADED) {
		fprintf(stderr, "%s: no table\n", path);
		return 1;
	}
	printf("%.3f %.3f\n", clock_ms(CLOCK_MONOTONIC) - passed,
	       clock_ms(CLOCK_PROCESS_CPUTIME_ID) - cpu);
	return 0;
}

int main(int argc, char **argv)
{
	struct tables_settings settings = { .max_bytes = MAX_BYTES,
					    .nr_spaces = NR_SPACES,
					    .nr_runtimes = NR_RUNTIMES };
	struct capture capture;
	struct bpf_object *obj;
	struct tables *t;
	int r;

	if (argc != 3) {
		fprintf(stderr, "bench_usable CPU.BPF.O FILE\n");
		return 2;
	}
	obj = load(argv[1], &settings);
	if (!obj || capture_init(&capture) || tables_open(&t, &settings, obj, NULL, &capture)) {
		fprintf(stderr, "%s: maps can't be made\n", argv[1]);
		return 1;
	}
	r = measure(t, &capture, argv[2]);
	tables_free(t);
	capture_done(&capture);
	bpf_object__close(obj);
	return r;
}
