// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * verifier_load OBJECT…: gives each BPF object to this kernel's verifier as user/collect would,
 * under the settings that lead longest through it, and prints a line a program:
 * `OBJECT SETTINGS PROGRAM INSTRUCTIONS`, or `refused` with the verifier's last words on stderr.
 * Nothing is attached.
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi.h"
#include "kernel/tracepoints.h"

enum {
	LOG_STATS = 4, /* BPF_LOG_STATS; more would not fit into any buffer */
	LOG_BYTES = 4 << 20,
	LAST_WORDS = 3000,
	SLOTS = 4096,
	SEEN = 65536,
	SPACES = 8192,
	PROBES = 256,
	RING_BYTES = 128 << 10,
	ALL_STACKS = ABI_USER_STACK | ABI_KERNEL_STACK,
	ALL_FILTERS = ABI_FILTER_PID | ABI_FILTER_TID | ABI_FILTER_COMM | ABI_FILTER_CGROUP |
		      ABI_FILTER_CPU | ABI_CHILDREN | ABI_QUEUE_PHASE,
};

static const struct settings {
	const char *name;
	struct abi_config config;
} all_settings[] = {
	{ "tables", { .flags = ALL_STACKS | ABI_TABLES } },
	{ "filters",
	  { .flags = ALL_STACKS | ABI_TABLES | ALL_FILTERS,
	    .slower = 1000,
	    .comm_glob = "w*rkl?ad" } },
	{ "fp", { .flags = ALL_STACKS } },
};

/* One way of loading one object. */
struct attempt {
	const char *path;
	const struct settings *settings;
	struct bpf_object *obj;
	char *logs; /* LOG_BYTES a program */
};

static int show_warnings(enum libbpf_print_level level, const char *format, va_list args)
{
	return level == LIBBPF_WARN ? vfprintf(stderr, format, args) : 0;
}

static bool has_cookies(void)
{
	return libbpf_probe_bpf_helper(BPF_PROG_TYPE_KPROBE, BPF_FUNC_get_attach_cookie, NULL) > 0;
}

static bool is_usable(const struct bpf_program *prog, const struct tracepoints *t, __u32 flags)
{
	const char *name = bpf_program__name(prog);

	/* By its cookie where there are any; else one that programs of places go on in. */
	if (!strcmp(name, "on_probe"))
		return has_cookies();
	if (!strcmp(name, "on_any_probe"))
		return !has_cookies();
	return tracepoints_is_usable(t, prog, flags);
}

static int resize(struct bpf_object *obj, const char *name, __u32 entries)
{
	struct bpf_map *map = bpf_object__find_map_by_name(obj, name);

	return map ? bpf_map__set_max_entries(map, entries) : -ENOENT;
}

/* Of modes that have probes. */
static int size_probes(struct bpf_object *obj)
{
	static const char *const names[] = { "probes", "probe_hits", "spans", "span_threads",
					     "outermost" };
	int r = 0;

	for (size_t i = 0; r >= 0 && i < sizeof(names) / sizeof(*names); i++)
		if (bpf_object__find_map_by_name(obj, names[i]))
			r = resize(obj, names[i], PROBES);
	return r;
}

static int size_maps(struct bpf_object *obj, __u32 nr_cpus)
{
	struct bpf_map *regions = bpf_object__find_map_by_name(obj, "regions");
	int r = regions ? bpf_map__set_value_size(regions, sizeof(struct abi_region) +
								   SLOTS * sizeof(struct abi_slot))
			: -ENOENT;

	if (r >= 0)
		r = resize(obj, "regions", ABI_GENERATIONS * nr_cpus);
	if (r >= 0)
		r = resize(obj, "ring", RING_BYTES);
	if (r >= 0)
		r = resize(obj, "seen", SEEN);
	if (r >= 0)
		r = resize(obj, "spaces", SPACES);
	if (r >= 0)
		r = size_probes(obj);
	return r < 0 ? r : resize(obj, "segments", ABI_MAX_SEGMENTS);
}

static int write_config(const struct attempt *a, const struct tracepoints *t, __u32 nr_cpus)
{
	struct bpf_map *map = bpf_object__find_map_by_name(a->obj, ".rodata.cfg");
	struct abi_config c = a->settings->config;

	c.seed = 0x9e3779b97f4a7c15;
	c.period = 10101010;
	c.max_depth = 127;
	c.max_user_depth = ABI_DEFAULT_DEPTH;
	c.slot_mask = SLOTS - 1;
	c.seen_mask = SEEN - 1;
	c.space_mask = SPACES - 1;
	c.nr_regions = nr_cpus;
	c.code_mask = UINT64_MAX >> 17;
	c.rq_arg = tracepoints_nr_args(t, "block_rq_issue") > 1;
	return map ? bpf_map__set_initial_value(map, &c, sizeof(c)) : -ENOENT;
}

static int choose_programs(const struct attempt *a, const struct tracepoints *t)
{
	struct bpf_program *prog;
	char *log = a->logs;
	int r = 0;

	bpf_object__for_each_program(prog, a->obj) {
		if (!bpf_program__autoload(prog) && is_usable(prog, t, a->settings->config.flags))
			r = bpf_program__set_autoload(prog, true);
		if (r >= 0)
			r = bpf_program__set_log_buf(prog, log, LOG_BYTES);
		if (r >= 0)
			r = bpf_program__set_log_level(prog, LOG_STATS);
		if (r < 0)
			return r;
		log += LOG_BYTES;
	}
	return 0;
}

/* The total; newer kernels say before it, in another form, what each function took. */
static long instructions(const char *log)
{
	const char *at = log;
	long found = -1, n;
	char unit[6];

	while ((at = strstr(at, "processed "))) {
		if (sscanf(at, "processed %ld %5s", &n, unit) == 2 && !strcmp(unit, "insns"))
			found = n;
		at++;
	}
	return found;
}

static void print_refused(const struct attempt *a, const char *program, const char *log, int r)
{
	size_t len = strlen(log);

	printf("%s %s %s refused\n", a->path, a->settings->name, program);
	fprintf(stderr, "%s, %s, %s: %s\n%s\n", a->path, a->settings->name, program, strerror(-r),
		log + (len > LAST_WORDS ? len - LAST_WORDS : 0));
}

/* `r`: what loading came to. Programs are loaded in this order, up to the first that is refused. */
static int report(const struct attempt *a, int r)
{
	const char *log = a->logs, *last = NULL, *last_log = NULL;
	struct bpf_program *prog;

	bpf_object__for_each_program(prog, a->obj) {
		if (*log) {
			last = bpf_program__name(prog);
			last_log = log;
		}
		log += LOG_BYTES;
	}
	log = a->logs;
	bpf_object__for_each_program(prog, a->obj) {
		const char *name = bpf_program__name(prog);
		long n = instructions(log);

		if (bpf_program__autoload(prog) && (r >= 0 || (*log && log != last_log))) {
			printf("%s %s %s %ld\n", a->path, a->settings->name, name, n);
			if (n < 0)
				r = -EPROTO;
		}
		log += LOG_BYTES;
	}
	if (r < 0 && r != -EPROTO)
		print_refused(a, last ? last : "-", last ? last_log : "", r);
	return r;
}

static size_t nr_programs(struct bpf_object *obj)
{
	struct bpf_program *prog;
	size_t nr = 0;

	bpf_object__for_each_program(prog, obj)
		nr++;
	return nr;
}

/* Not a mode's: it has no settings, and nothing to be sized. */
static bool is_plain(const struct bpf_object *obj)
{
	return !bpf_object__find_map_by_name(obj, "regions");
}

static int load(const char *path, const struct settings *settings, const struct tracepoints *t)
{
	struct attempt a = { .path = path, .settings = settings };
	__u32 nr_cpus = (__u32)libbpf_num_possible_cpus();
	int r;

	a.obj = bpf_object__open(path);
	if (!a.obj) {
		r = -errno;
		print_refused(&a, "-", "", r);
		return r;
	}
	if (is_plain(a.obj) && settings != all_settings) {
		bpf_object__close(a.obj);
		return 0;
	}
	a.logs = calloc(nr_programs(a.obj) + 1, LOG_BYTES);
	r = a.logs ? 0 : -ENOMEM;
	if (r >= 0 && !is_plain(a.obj)) {
		r = size_maps(a.obj, nr_cpus);
		if (r >= 0)
			r = write_config(&a, t, nr_cpus);
	}
	if (r >= 0)
		r = choose_programs(&a, t);
	if (r < 0)
		print_refused(&a, "-", "", r);
	else
		r = report(&a, bpf_object__load(a.obj));
	bpf_object__close(a.obj);
	free(a.logs);
	return r;
}

int main(int argc, char **argv)
{
	struct tracepoints *t = NULL;
	int r = tracepoints_open(&t), wrong = 0;

	if (r < 0) {
		fprintf(stderr, "verifier_load: the kernel's BTF: %s\n", strerror(-r));
		return EXIT_FAILURE;
	}
	libbpf_set_print(show_warnings);
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int i = 1; i < argc; i++)
		for (size_t s = 0; s < sizeof(all_settings) / sizeof(*all_settings); s++)
			wrong |= load(argv[i], &all_settings[s], t) < 0;
	tracepoints_close(t);
	return wrong ? EXIT_FAILURE : EXIT_SUCCESS;
}
