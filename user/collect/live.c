// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "collect/live.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/array.h"
#include "base/file.h"
#include "base/log.h"
#include "base/parse.h"
#include "collect/budget.h"
#include "collect/clock.h"
#include "collect/cpus.h"
#include "collect/drain.h"
#include "process/tracker.h"
#include "collect/sideband.h"
#include "collect/tables.h"
#include "collect/tracepoints.h"

static const uint64_t DEFAULT_MEMORY = 256ull << 20;
/* The kernel half is answered at once, but those who want something all the time have to wait. */
static const uint64_t FIRST_PAUSE_NS = 500000, LAST_PAUSE_NS = 8000000;
static const char CACHE_FOLDER[] = "/var/cache/bpfprof/unwind";
static const uint64_t CACHE_BYTES = 256ull << 20;
enum { NR_SPACES = 8192, NR_RUNTIMES = 1024, PENDING_MS = 2 };

struct live {
	const struct mode *mode;
	struct live_settings settings;
	struct drain_settings drain_settings;
	struct bpf_object *obj;
	struct bpf_link **links;
	size_t nr_links, cap_links;
	struct clocks *clocks;
	struct sideband *sideband;
	struct tracker *tracker;
	struct capture capture;
	struct drain *drain;
	struct tables *tables; /* NULL: the kernel walks user stacks */
	struct cpus online;    /* when last looked at */
	int epoll_fd;
	uint64_t started, stopped;
	uint64_t answered; /* when the kernel half's wishes were last looked at … */
	uint64_t pause;	   /* … and for how long they are not, then */
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

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

/* A program on a tracepoint that not every kernel has, or not every filter needs. */
static bool is_usable(const struct live *l, const struct tracepoints *t,
		      const struct bpf_program *prog)
{
	const char *section = bpf_program__section_name(prog), *slash = strrchr(section, '/');
	const char *name = bpf_program__name(prog);
	uint32_t flags = l->drain_settings.config.flags;

	if (!strcmp(name, "on_exit") && !(flags & ABI_FILTER_PID))
		return false;
	if (!strcmp(name, "on_fork") && !(flags & ABI_CHILDREN && flags & ABI_FILTER_PID))
		return false;
	return slash && tracepoints_nr_args(t, slash + 1) >= 0;
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
		if (!bpf_program__autoload(prog) && is_usable(l, t, prog))
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

static struct tables_settings tables_settings(const struct live *l)
{
	return (struct tables_settings){ .max_bytes = l->drain_settings.budget.tables,
					 .cache_folder = CACHE_FOLDER,
					 .max_cache_bytes = CACHE_BYTES,
					 .nr_spaces = NR_SPACES,
					 .nr_runtimes = NR_RUNTIMES,
					 .code_mask = l->drain_settings.config.code_mask };
}

static int load_once(struct live *l, struct strbuf *error)
{
	const struct tables_settings tables = tables_settings(l);
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

static int watch(struct live *l, int fd)
{
	struct epoll_event e = { .events = EPOLLIN, .data.fd = fd };

	return epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &e) < 0 ? -errno : 0;
}

static int open_buffers(struct live *l, struct strbuf *error)
{
	const struct tables_settings tables = tables_settings(l);
	int r = sideband_open(&l->sideband, l->drain_settings.budget.sideband_pages);

	if (r == -EPERM || r == -EACCES)
		strbuf_adds(error, "not allowed to follow processes: run as root, or with "
				   "CAP_PERFMON ('bpfprof doctor' says what is missing)");
	if (r >= 0)
		r = tracker_new(&l->tracker, &l->capture);
	if (r >= 0 && l->drain_settings.config.flags & ABI_TABLES)
		r = tables_open(&l->tables, &tables, l->obj, l->tracker, &l->capture);
	if (r >= 0)
		r = drain_open(&l->drain, &l->drain_settings, l->obj, &l->capture, l->tracker,
			       l->sideband, l->tables);
	if (r < 0)
		return r;
	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll_fd < 0)
		return -errno;
	r = watch(l, drain_fd(l->drain));
	return r < 0 ? r : watch(l, sideband_fd(l->sideband));
}

static int make_budget(struct live *l, struct strbuf *error)
{
	uint64_t memory = l->settings.max_memory ? l->settings.max_memory : DEFAULT_MEMORY;
	uint32_t nr_cpus = (uint32_t)libbpf_num_possible_cpus();
	int r = budget_divide(memory, nr_cpus, &l->drain_settings.budget);

	if (r == -ENOSPC) {
		strbuf_adds(error, "--max-memory is too small for this machine: ");
		strbuf_addf(error, "%u CPUs need at least ", nr_cpus);
		format_size(budget_least(nr_cpus), error);
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

int live_open(struct live **ret, const struct mode *mode, const struct live_settings *settings,
	      struct strbuf *error)
{
	_cleanup_(live_freep) struct live *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return -ENOMEM;
	l->mode = mode;
	l->settings = *settings;
	l->drain_settings.per_thread = settings->per_thread;
	l->epoll_fd = -1;
	r = capture_init(&l->capture);
	if (r >= 0)
		r = make_budget(l, error);
	if (r >= 0) {
		make_config(l);
		r = load(l, error);
	}
	if (r >= 0)
		r = open_buffers(l, error);
	if (r < 0) {
		if (!error->len)
			strbuf_addf(error, "cannot measure: %s", strerror(-r));
		return r;
	}
	*ret = l;
	l = NULL;
	return 0;
}

static int add_link(struct live *l, struct bpf_link *link)
{
	if (!link)
		return -errno;
	if (array_reserve(l->links, l->cap_links, l->nr_links + 1) < 0) {
		bpf_link__destroy(link);
		return -ENOMEM;
	}
	l->links[l->nr_links++] = link;
	return 0;
}

/* Every program that names its tracepoint. */
static int attach_tracepoints(struct live *l)
{
	struct bpf_program *prog;

	bpf_object__for_each_program(prog, l->obj) {
		int r = bpf_program__autoload(prog) &&
					bpf_program__type(prog) != BPF_PROG_TYPE_PERF_EVENT
				? add_link(l, bpf_program__attach(prog))
				: 0;

		if (r < 0)
			return r;
	}
	return 0;
}

int live_attach_clock(struct live *l, struct strbuf *error)
{
	struct clock_settings clock = { l->settings.mode.event, l->settings.mode.frequency_hz };
	struct bpf_program *prog;

	bpf_object__for_each_program(prog, l->obj)
		if (bpf_program__type(prog) == BPF_PROG_TYPE_PERF_EVENT)
			return clocks_start(&l->clocks, &clock, &l->settings.filter, prog, error);
	return -ENOENT;
}

void live_listen(struct live *l, live_event_fn on_event, void *ctx)
{
	drain_listen(l->drain, on_event, ctx);
}

int live_start(struct live *l, struct strbuf *error)
{
	int r = cpus_read("online", &l->online);

	/* The filter's own programs first: no child may be missed. */
	if (r >= 0)
		r = attach_tracepoints(l);
	if (r >= 0 && l->mode->attach)
		r = l->mode->attach(l, error);
	l->started = drain_begin(l->drain, l->mode->process_times);
	if (r >= 0)
		r = tracker_scan(l->tracker,
				 l->settings.filter.nr_pids && !l->settings.filter.children
					 ? l->settings.filter.pids
					 : NULL,
				 l->settings.filter.nr_pids);
	if (r < 0 && !error->len)
		strbuf_addf(error, "cannot attach: %s", strerror(-r));
	return r;
}

void live_stop(struct live *l)
{
	clocks_stop(l->clocks);
	l->clocks = NULL;
	while (l->nr_links)
		bpf_link__destroy(l->links[--l->nr_links]);
	if (!l->stopped)
		l->stopped = now_ns();
}

int live_add_pid(struct live *l, uint32_t pid)
{
	return filter_add_pid(l->obj, pid);
}

/* CPUs that came online since the last look get their events. */
static int tend_cpus(struct live *l)
{
	struct cpus now = CPUS_INIT;
	int r = cpus_read("online", &now);

	for (uint32_t i = 0; r >= 0 && i < now.nr; i++) {
		if (cpus_has(&l->online, now.ids[i]))
			continue;
		r = sideband_add_cpu(l->sideband, now.ids[i]);
		if (r >= 0 && l->clocks)
			r = clocks_add_cpu(l->clocks, now.ids[i]);
		/* Gone again: the next look will tell. */
		if (r == -ENODEV)
			r = 0;
	}
	if (r < 0) {
		cpus_done(&now);
		return r;
	}
	cpus_done(&l->online);
	l->online = now;
	return 0;
}

/* Pauses if need be, and reads what the kernel half wants. */
static int answer(struct live *l)
{
	uint64_t since = now_ns() - l->answered;
	int r;

	if (since > 2 * l->pause)
		l->pause = FIRST_PAUSE_NS;
	else if (l->pause < LAST_PAUSE_NS)
		l->pause *= 2;
	if (since < l->pause && usleep((useconds_t)((l->pause - since) / 1000)) < 0)
		return -errno;
	r = drain_answer(l->drain);
	l->answered = now_ns();
	return r;
}

int live_poll(struct live *l, int timeout_ms)
{
	bool pending = l->tables && tables_pending(l->tables);
	struct epoll_event e;
	int nr = epoll_wait(l->epoll_fd, &e, 1,
			    pending && timeout_ms > PENDING_MS ? PENDING_MS : timeout_ms);

	if (nr < 0)
		return -errno;
	return nr || pending ? answer(l) : 0;
}

int live_drain(struct live *l)
{
	int r = l->stopped ? 0 : tend_cpus(l);

	return r < 0 ? r : drain_run(l->drain, l->stopped != 0);
}

struct capture *live_capture(struct live *l)
{
	return &l->capture;
}

uint64_t live_started(const struct live *l)
{
	return l->started;
}

uint64_t live_stopped(const struct live *l)
{
	return l->stopped;
}

uint64_t live_period(const struct live *l)
{
	return l->drain_settings.config.period;
}

size_t live_naming_memory(const struct live *l)
{
	return l->drain_settings.budget.growing / 2;
}

bool live_targets_gone(const struct live *l)
{
	return filter_targets_gone(&l->settings.filter, l->obj);
}

void live_free(struct live *l)
{
	if (!l)
		return;
	live_stop(l);
	drain_free(l->drain);
	tables_free(l->tables);
	tracker_free(l->tracker);
	sideband_close(l->sideband);
	bpf_object__close(l->obj);
	cpus_done(&l->online);
	if (l->epoll_fd >= 0)
		close(l->epoll_fd);
	free(l->links);
	capture_done(&l->capture);
	free(l);
}
