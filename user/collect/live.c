// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "collect/live.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/array.h"
#include "base/now.h"
#include "collect/live_inside.h"
#include "walk/runtimes.h"

/* The kernel half is answered at once, but those who want something all the time have to wait. */
static const uint64_t FIRST_PAUSE_NS = 500000, LAST_PAUSE_NS = 8000000;
/* A program's first calls come soon after it is mapped. */
static const uint64_t LAST_EAGER_PAUSE_NS = 1000000;
enum { PENDING_MS = 2 };
/* One process's names may come to so much of what grows. */
enum { NAMES_SHARE = 16 };

static int watch(struct live *l, int fd)
{
	struct epoll_event e = { .events = EPOLLIN, .data.fd = fd };

	return epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &e) < 0 ? -errno : 0;
}

static uint32_t place_runtime(void *ctx, const struct abi_runtime *runtime)
{
	return runtimes_place_file(tables_runtimes(ctx), runtime);
}

static int open_probes(struct live *l)
{
	if (l->tables) {
		l->probes_settings.place_runtime = place_runtime;
		l->probes_settings.place_ctx = l->tables;
	}
	return probes_open(&l->probes, &l->probes_settings, l->obj, l->tracker, &l->capture);
}

static int open_buffers(struct live *l, struct strbuf *error)
{
	const struct tables_settings tables = live_tables_settings(l);
	unsigned pages = l->drain_settings.budget.sideband_pages;
	int r = live_has_probes(l) ? sideband_open_eager(&l->sideband, pages)
				   : sideband_open(&l->sideband, pages);

	if (r == -EPERM || r == -EACCES)
		strbuf_adds(error, "not allowed to follow processes: run as root, or with "
				   "CAP_PERFMON ('bpfprof doctor' says what is missing)");
	if (r >= 0)
		r = tracker_new(&l->tracker, &l->capture);
	if (r >= 0 && l->drain_settings.config.flags & ABI_TABLES)
		r = tables_open(&l->tables, &tables, l->obj, l->tracker, &l->capture);
	if (r >= 0 && l->tables && tables_runtimes(l->tables))
		runtimes_bound_names(tables_runtimes(l->tables),
				     l->drain_settings.budget.growing / NAMES_SHARE);
	if (r >= 0)
		r = drain_open(&l->drain, &l->drain_settings, l->obj, &l->capture, l->tracker,
			       l->sideband, l->tables);
	if (r >= 0 && live_has_probes(l) && l->probes_settings.finder->ledger) {
		r = ledgers_open(&l->ledgers, &l->settings, l->probes_settings.finder->ledger,
				 l->drain, l->tracker, &l->capture);
		l->probes_settings.instead = r < 0 ? NULL : ledgers_instead(l->ledgers);
	}
	if (r >= 0 && live_has_probes(l))
		r = open_probes(l);
	if (r < 0)
		return r;
	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll_fd < 0)
		return -errno;
	r = watch(l, drain_fd(l->drain));
	return r < 0 ? r : watch(l, sideband_fd(l->sideband));
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
	l->drain_settings.again = mode->again;
	l->drain_settings.has_texts = mode->has_texts;
	l->epoll_fd = -1;
	r = capture_init(&l->capture);
	if (r >= 0)
		r = live_load(l, error);
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

static bool names_tracepoint(const struct bpf_program *prog)
{
	enum bpf_prog_type type = bpf_program__type(prog);

	return bpf_program__autoload(prog) && type != BPF_PROG_TYPE_PERF_EVENT &&
	       type != BPF_PROG_TYPE_KPROBE;
}

/* Every program that names its tracepoint. */
static int attach_tracepoints(struct live *l)
{
	struct bpf_program *prog;

	bpf_object__for_each_program(prog, l->obj) {
		int r = names_tracepoint(prog) ? add_link(l, bpf_program__attach(prog)) : 0;

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
	if (l->ledgers)
		ledgers_listen(l->ledgers, on_event, ctx);
}

/* What runs already. All of it is looked at, where it is to be probed. */
static int scan(struct live *l)
{
	const struct filter *f = &l->settings.filter;
	const uint32_t *pids = f->nr_pids && !f->children ? f->pids : NULL;
	int r;

	do {
		r = tracker_scan(l->tracker, pids, f->nr_pids);
	} while (r > 0 && l->probes);
	if (r < 0 || !l->probes)
		return r;
	r = probes_tend(l->probes);
	if (l->ledgers)
		ledgers_begin(l->ledgers);
	/* Until now most of it was not measured. */
	l->started = now_ns();
	return r;
}

int live_start(struct live *l, struct strbuf *error)
{
	int r = cpus_read("online", &l->online);

	/* The filter's own programs first: no child may be missed. */
	if (r >= 0)
		r = attach_tracepoints(l);
	if (r >= 0)
		r = filter_add_children(&l->settings.filter, l->obj);
	if (r >= 0 && l->mode->attach)
		r = l->mode->attach(l, error);
	l->started = drain_begin(l->drain, l->mode->process_times);
	if (r >= 0)
		r = scan(l);
	if (r < 0 && !error->len)
		strbuf_addf(error, "cannot attach: %s", strerror(-r));
	return r;
}

int live_expect(struct live *l, const char *program)
{
	return l->probes ? probes_expect(l->probes, program) : 0;
}

int live_expect_file(struct live *l, const char *path)
{
	return l->probes ? probes_expect_file(l->probes, path) : 0;
}

void live_stop(struct live *l)
{
	if (l->ledgers && !l->stopped)
		ledgers_read(l->ledgers, true);
	if (l->drain && !l->stopped)
		drain_end(l->drain);
	clocks_stop(l->clocks);
	l->clocks = NULL;
	probes_stop(l->probes);
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

/* Of what the kernel half asks, not of what we have pending: pauses if need be, and reads it. */
static int answer(struct live *l)
{
	uint64_t since = now_ns() - l->answered;
	int r;

	if (since > 2 * l->pause)
		l->pause = FIRST_PAUSE_NS;
	else if (l->pause < (l->probes ? LAST_EAGER_PAUSE_NS : LAST_PAUSE_NS))
		l->pause *= 2;
	if (since < l->pause && usleep((useconds_t)((l->pause - since) / 1000)) < 0)
		return -errno;
	r = drain_answer(l->drain);
	if (r >= 0 && l->probes)
		r = probes_tend(l->probes);
	l->answered = now_ns();
	return r;
}

int live_poll(struct live *l, int timeout_ms)
{
	bool pending = (l->tables && tables_pending(l->tables)) ||
		       (l->probes && probes_pending(l->probes));
	struct epoll_event e;
	int nr = epoll_wait(l->epoll_fd, &e, 1,
			    pending && timeout_ms > PENDING_MS ? PENDING_MS : timeout_ms);

	if (nr > 0)
		return answer(l);
	return nr < 0 ? -errno : pending ? drain_answer(l->drain) : 0;
}

int live_drain(struct live *l)
{
	int r = l->stopped ? 0 : tend_cpus(l);

	if (r >= 0)
		r = drain_run(l->drain, l->stopped != 0);
	if (r >= 0 && l->ledgers && !l->stopped)
		r = ledgers_read(l->ledgers, false);
	return r < 0 || !l->probes ? r : probes_tend(l->probes);
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

bool live_found_nothing(const struct live *l)
{
	return l->probes && !probes_found(l->probes);
}

void live_watched(struct live *l, struct strbuf *out)
{
	if (l->probes)
		probes_watched(l->probes, out);
}

bool live_refused(const struct live *l)
{
	return l->probes && probes_refused(l->probes);
}

const char *live_note(const struct live *l, size_t n)
{
	return l->probes ? probes_note(l->probes, n) : NULL;
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
	probes_free(l->probes);
	ledgers_free(l->ledgers);
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
