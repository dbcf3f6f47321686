// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The BPF object of a measurement: what it is told, and loading it. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/random.h>

#include "base/file.h"
#include "base/log.h"
#include "base/now.h"
#include "base/parse.h"
#include "collect/budget.h"
#include "collect/live_inside.h"
#include "kernel/tracepoints.h"

static const uint64_t DEFAULT_MEMORY = 256ull << 20;
static const char CACHE_FOLDER[] = "/var/cache/bpfprof/unwind";
static const uint64_t CACHE_BYTES = 256ull << 20;
enum {
	NR_SPACES = 8192,
	NR_RUNTIMES = 1024,
	FEW_PROBES = 2048, /* where nobody names functions */
	FEW_SPANS = 4096,  /* … of which a thread has one or two at a time */
	MANY_SPANS = 32768,
};

/* The kernel's own walk goes no deeper than this. */
static uint32_t kernel_depth(uint32_t wanted)
{
	unsigned long long limit = 127;

	file_read_u64("/proc/sys/kernel/perf_event_max_stack", &limit);
	return wanted < limit ? wanted : (uint32_t)limit;
}

/* What user addresses may consist of: our own stack lies at their end, within a gigabyte. */
static uint64_t user_address_mask(void)
{
	unsigned long at = getauxval(AT_RANDOM);

	return at ? UINT64_MAX >> __builtin_clzl(at) : UINT64_MAX;
}

static void make_config(struct live *l)
{
	const struct live_settings *s = &l->settings;
	struct abi_config *c = &l->drain_settings.config;

	c->flags = filter_flags(&s->filter) | (uint32_t)s->mode.flags |
		   (s->user_stacks ? ABI_USER_STACK : 0) |
		   (s->kernel_stacks ? ABI_KERNEL_STACK : 0) |
		   (s->user_stacks && s->unwind != LIVE_UNWIND_FP ? ABI_TABLES : 0);
	c->max_user_depth = s->max_depth ? s->max_depth : ABI_DEFAULT_DEPTH;
	c->max_depth = kernel_depth(c->max_user_depth);
	c->space_mask = NR_SPACES - 1;
	c->code_mask = user_address_mask();
	c->slower = s->mode.slower_ns;
	c->period = s->mode.frequency_hz ? 1000000000u / s->mode.frequency_hz : 0;
	c->slot_mask = l->drain_settings.budget.slots - 1;
	c->seen_mask = l->drain_settings.budget.seen - 1;
	c->nr_regions = l->drain_settings.budget.nr_cpus;
	if (s->filter.comm)
		strncpy(c->comm_glob, s->filter.comm, sizeof(c->comm_glob) - 1);
	if (getrandom(&c->seed, sizeof(c->seed), GRND_NONBLOCK) != sizeof(c->seed))
		c->seed = now_ns();
}

/* What must be known of this kernel's tracepoints before the object is loaded. */
static int adapt(struct live *l)
{
	struct tracepoints *t = NULL;
	struct bpf_program *prog;
	bool any = false;
	int r;

	bpf_object__for_each_program(prog, l->obj)
		any = any || bpf_program__type(prog) == BPF_PROG_TYPE_TRACING;
	if (!any)
		return 0;
	r = tracepoints_open(&t);
	if (r < 0)
		return r;
	bpf_object__for_each_program(prog, l->obj)
		if (!bpf_program__autoload(prog) &&
		    tracepoints_is_usable(t, prog, l->drain_settings.config.flags))
			bpf_program__set_autoload(prog, true);
	l->drain_settings.config.rq_arg = tracepoints_nr_args(t, "block_rq_issue") > 1;
	tracepoints_close(t);
	return 0;
}

static int say_why_not_loaded(int r, struct strbuf *error)
{
	if (r == -EPERM || r == -EACCES)
		strbuf_adds(error, "not allowed to load BPF programs: run as root, or with CAP_BPF "
				   "and CAP_PERFMON ('bpfprof doctor' says what is missing)");
	else
		strbuf_addf(error,
			    "the kernel did not take the BPF programs: %s ('bpfprof doctor' "
			    "says why; -v shows the kernel's own words)",
			    strerror(-r));
	return r;
}

struct tables_settings live_tables_settings(const struct live *l)
{
	return (struct tables_settings){ .max_bytes = l->drain_settings.budget.tables,
					 .cache_folder = CACHE_FOLDER,
					 .max_cache_bytes = CACHE_BYTES,
					 .nr_spaces = NR_SPACES,
					 .nr_runtimes = NR_RUNTIMES,
					 .code_mask = l->drain_settings.config.code_mask };
}

bool live_has_probes(const struct live *l)
{
	return l->settings.finder || l->mode->finder;
}

static int prepare_probes(struct live *l, struct strbuf *error)
{
	uint32_t flags = 0;
	int r;

	l->probes_settings = (struct probes_settings){
		.finder = l->settings.finder ? l->settings.finder : l->mode->finder,
		.filter = &l->settings.filter,
		.max_probes = l->mode->operands ? PROBES_MAX : FEW_PROBES,
		.max_spans = l->mode->operands ? MANY_SPANS : FEW_SPANS,
		.max_overhead = l->settings.mode.max_overhead,
	};
	r = probes_prepare(&l->probes_settings, l->obj, &flags);
	l->drain_settings.config.flags |= flags;
	if (r == -ENODEV)
		strbuf_adds(error, "this kernel has no uprobes (CONFIG_UPROBE_EVENTS): functions "
				   "of programs can't be probed");
	return r;
}

static int load_once(struct live *l, struct strbuf *error)
{
	const struct tables_settings tables = live_tables_settings(l);
	struct bpf_map *config;
	size_t size;
	const void *elf = l->mode->object(&size);
	int r;

	l->obj = bpf_object__open_mem(elf, size, NULL);
	if (!l->obj)
		return say_why_not_loaded(-errno, error);
	r = adapt(l);
	if (r < 0) {
		strbuf_addf(error,
			    "cannot read the kernel's type information (BTF): %s; a kernel "
			    "built with CONFIG_DEBUG_INFO_BTF is needed",
			    strerror(-r));
		return r;
	}
	r = drain_prepare(&l->drain_settings, l->obj);
	if (r >= 0 && l->drain_settings.config.flags & ABI_TABLES)
		r = tables_prepare(&tables, l->obj);
	if (r >= 0)
		r = filter_prepare(&l->settings.filter, l->obj);
	if (r >= 0 && live_has_probes(l))
		r = prepare_probes(l, error);
	config = bpf_object__find_map_by_name(l->obj, ".rodata.cfg");
	if (r >= 0)
		r = config ? bpf_map__set_initial_value(config, &l->drain_settings.config,
							sizeof(l->drain_settings.config))
			   : -ENOENT;
	if (r >= 0)
		r = bpf_object__load(l->obj);
	return r;
}

static int load(struct live *l, struct strbuf *error)
{
	int r = load_once(l, error);

	/* A verifier may refuse the walk and take the rest. */
	if (r < 0 && r != -EPERM && !error->len && l->settings.unwind == LIVE_UNWIND_AUTO &&
	    l->drain_settings.config.flags & ABI_TABLES) {
		log_verbose("the kernel did not take the walk by tables: %s", strerror(-r));
		bpf_object__close(l->obj);
		l->drain_settings.config.flags &= ~(uint32_t)ABI_TABLES;
		r = load_once(l, error);
		if (r >= 0)
			log_warn("user stacks are walked by frame pointers: the kernel did not "
				 "take the program that walks by tables");
	}
	if (r < 0)
		return error->len ? r : say_why_not_loaded(r, error);
	return filter_install(&l->settings.filter, l->obj, error);
}

enum { MIB = 1 << 20 };

static int make_budget(struct live *l, struct strbuf *error)
{
	uint64_t memory = l->settings.max_memory ? l->settings.max_memory : DEFAULT_MEMORY;
	uint32_t nr_cpus = (uint32_t)libbpf_num_possible_cpus();
	int r = budget_divide(memory, nr_cpus, &l->drain_settings.budget);

	if (r == -ENOSPC) {
		/* Rounded up: what is said must be enough. */
		strbuf_addf(error,
			    "--max-memory is too small for this machine: %u CPUs need at least "
			    "%llu MiB",
			    nr_cpus, (unsigned long long)(budget_least(nr_cpus) + MIB - 1) / MIB);
	}
	return r;
}

static int log_libbpf(enum libbpf_print_level level, const char *format, va_list args)
{
	struct strbuf line = STRBUF_INIT;

	strbuf_addvf(&line, format, args);
	if (line.len && line.buf[line.len - 1] == '\n')
		line.buf[line.len - 1] = '\0';
	log_at(level == LIBBPF_WARN ? LOG_VERBOSE : LOG_TRACE, "%s", strbuf_str(&line));
	strbuf_done(&line);
	return 0;
}

void live_log_libbpf(void)
{
	libbpf_set_print(log_libbpf);
}

int live_load(struct live *l, struct strbuf *error)
{
	int r = make_budget(l, error);

	if (r < 0)
		return r;
	make_config(l);
	return load(l, error);
}
