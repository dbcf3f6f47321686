// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "collect/ledgers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/kcmp.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/allowance.h"
#include "base/array.h"
#include "base/file.h"
#include "base/log.h"
#include "base/now.h"
#include "bucket.h"
#include "model/profile.h"
#include "process/proc_stat.h"
#include "walk/runtimes.h"

/* What is followed; of more it is said that it is not. */
enum { MAX_PROCESSES = 4096, MAX_RUNTIMES = 16384, MAX_COMM = 64 };

struct followed {
	struct space_key key;
	uint64_t start_ns;  /* of the process, CLOCK_BOOTTIME */
	uint64_t looked_ns; /* for the first time */
	bool our_clock;	    /* its CLOCK_MONOTONIC is ours */
	struct ledger *ledger;
	uint32_t nr;	/* runtimes in it */
	bool has_ended; /* … of which one was seen to be there no longer */
	uint32_t who;	/* of the capture … */
	bool has_who;	/* … if anything was read yet */
};

struct ledgers {
	const struct live_settings *settings;
	const struct ledger_reader *reader;
	struct drain *drain;
	struct tracker *tracker;
	struct capture *capture;
	struct probes_instead instead;
	live_event_fn on_event;
	void *on_event_ctx;
	struct followed *processes;
	uint32_t nr_runtimes;	/* in all of them */
	uint32_t nr, cap, next; /* next: where the next look begins */
	bool has_stacks;	/* they are wanted */
	uint32_t mark;		/* … and this one is put in their place */
	struct allowance reading;
	int proc_fd;
	bool begun; /* all that was there when measuring began should be followed */
	bool full;  /* it was said */
};

/* What a process wrote down itself doesn't say which thread it was in, where, or under what name.
 */
static bool can_tell(const struct filter *f)
{
	return !(filter_flags(f) &
		 (ABI_FILTER_TID | ABI_FILTER_COMM | ABI_FILTER_CGROUP | ABI_FILTER_CPU));
}

static int find(void *ctx, const struct runtime_image *image, uint64_t *ret_at, struct strbuf *why)
{
	const struct ledgers *l = ctx;
	int r = l->reader->find(image, ret_at);

	if (r <= 0)
		return r;
	if (!can_tell(&l->settings->filter)) {
		strbuf_adds(why, "; what it writes down itself can't be told by thread, name, "
				 "control group or CPU");
		return 0;
	}
	strbuf_addf(why, "; %s", l->reader->text);
	return 1;
}

static struct followed *followed_of(struct ledgers *l, const struct space_key *key)
{
	for (uint32_t i = 0; i < l->nr; i++)
		if (l->processes[i].key.tgid == key->tgid && l->processes[i].key.seq == key->seq)
			return &l->processes[i];
	return NULL;
}

static bool has_room(struct ledgers *l)
{
	if (l->nr < MAX_PROCESSES && l->nr_runtimes < MAX_RUNTIMES)
		return true;
	if (!l->full)
		log_warn("of more than %u processes, or %u runtimes in them, nothing can be read",
			 MAX_PROCESSES, MAX_RUNTIMES);
	l->full = true;
	return false;
}

static void let_go(struct ledgers *l, struct followed *f)
{
	l->reader->free(f->ledger);
	l->nr_runtimes -= f->nr;
	*f = l->processes[--l->nr];
}

static int see(struct ledgers *l, struct followed *f)
{
	struct strbuf comm = STRBUF_INIT;
	struct raw_who who = { .pid = f->key.tgid };
	char path[32];
	int r;

	if (f->has_who)
		return 0;
	snprintf(path, sizeof(path), "%u/comm", f->key.tgid);
	if (file_read_at(l->proc_fd, path, MAX_COMM, &comm) <= 0)
		strbuf_adds(&comm, "[unknown]");
	while (comm.len && comm.buf[comm.len - 1] == '\n')
		comm.buf[--comm.len] = '\0';
	r = capture_string(l->capture, strbuf_str(&comm), &who.comm);
	strbuf_done(&comm);
	if (r >= 0)
		r = tracker_cgroup(l->tracker, who.pid, &who.container, &who.cgroup);
	if (r >= 0)
		r = capture_who(l->capture, &who, &f->who);
	f->has_who = r >= 0;
	return r;
}

struct taking {
	struct ledgers *ledgers;
	struct followed *process;
};

static int take(void *ctx, const struct ledger_pause *p)
{
	const struct taking *t = ctx;
	struct ledgers *l = t->ledgers;
	struct raw_sample s = { .stack = l->mark,
				.tag = p->tag,
				.bucket = BUCKET_NONE,
				.count = p->count,
				.total = p->total_ns };
	uint64_t *quality = l->capture->quality.n;
	int r = see(l, t->process);

	if (r >= 0)
		r = drain_see(l->drain, t->process->key.tgid, t->process->start_ns);
	if (r < 0)
		return r;
	s.who = t->process->who;
	quality[QUALITY_EVENTS] += p->count;
	quality[QUALITY_NO_STACK] += l->has_stacks ? p->count : 0;
	if (p->is_sum) {
		quality[QUALITY_SUMMED] += p->count;
		return capture_add(l->capture, &s);
	}
	s.bucket = bucket_of(p->total_ns);
	s.min = s.max = p->total_ns;
	if (l->on_event && l->settings->mode.slower_ns &&
	    p->total_ns >= l->settings->mode.slower_ns)
		l->on_event(l->on_event_ctx,
			    &(struct live_event){ .time = t->process->our_clock ? p->end : now_ns(),
						  .value = p->total_ns,
						  .tag = p->tag,
						  .who = s.who,
						  .stack = s.stack });
	return capture_add(l->capture, &s);
}

/*
 * What is not known any more of runtimes in it: at least one lived there. It may have ended, and
 * been counted, before its process did.
 */
static void count_end(struct ledgers *l, const struct followed *f)
{
	uint32_t nr = l->reader->nr(f->ledger);

	l->capture->quality.n[QUALITY_PARTLY_READ] += nr || f->has_ended ? nr : 1;
}

/*
 * A child shared its parent's memory and executed another program just before the two were
 * compared: no interpreter of its own ever was in it.
 */
static bool was_never(const struct followed *f, const struct space_version *v)
{
	return v->forked && v->until <= f->looked_ns;
}

/* 1: it is followed no longer. 0, -ENOMEM. */
static int read_one(struct ledgers *l, struct followed *f, bool last)
{
	_cleanup_(strbuf_done) struct strbuf why = STRBUF_INIT;
	struct taking t = { l, f };
	struct space_version version;
	uint64_t nr_unknown = 0;
	int r;

	if (!tracker_space_version(l->tracker, &f->key, &version)) {
		count_end(l, f);
		return 1;
	}
	if (version.until) {
		if (!was_never(f, &version))
			count_end(l, f);
		return 1;
	}
	r = l->reader->read(f->ledger, take, &t, &nr_unknown, &why);
	l->capture->quality.n[QUALITY_PARTLY_READ] += nr_unknown;
	f->has_ended |= l->reader->nr(f->ledger) < f->nr;
	l->nr_runtimes += l->reader->nr(f->ledger) - f->nr;
	f->nr = l->reader->nr(f->ledger);
	if (r == -ENOMEM)
		return r;
	if (r == -ENOTSUP)
		log_warn("nothing is known of the pauses of process %u: %s", f->key.tgid,
			 strbuf_str(&why));
	if (r == -ENOTSUP || r == -ESRCH || (last && r == -EAGAIN))
		count_end(l, f);
	return r == -ENOTSUP || r == -ESRCH;
}

void ledgers_begin(struct ledgers *l)
{
	l->begun = true;
}

int ledgers_read(struct ledgers *l, bool last)
{
	uint32_t nr = l->nr;

	while (nr-- && (last || allowance_permits(&l->reading))) {
		uint64_t began = now_thread_ns();
		struct followed *f;
		int r;

		if (l->next >= l->nr)
			l->next = 0;
		f = &l->processes[l->next];
		r = read_one(l, f, last);
		allowance_spent(&l->reading, began);
		if (r < 0)
			return r;
		if (r > 0)
			let_go(l, f);
		else
			l->next++;
	}
	return 0;
}

static enum ledger_from from_of(const struct space_version *v)
{
	return !v->from ? LEDGER_FROM_NOW : v->forked ? LEDGER_FROM_TIME : LEDGER_FROM_BEGIN;
}

/* As after a vfork(): what is written there is the other one's. */
static bool shares_memory(uint32_t pid, uint32_t parent)
{
	return parent && !syscall(SYS_kcmp, pid, parent, KCMP_VM, 0, 0);
}

/* Is it in our time namespace? */
static bool has_our_clock(const struct ledgers *l, uint32_t pid)
{
	struct stat own, its;
	char path[32];

	snprintf(path, sizeof(path), "%u/ns/time", pid);
	if (fstatat(l->proc_fd, "self/ns/time", &own, 0))
		return true;
	return !fstatat(l->proc_fd, path, &its, 0) && its.st_ino == own.st_ino;
}

/* At once: from here on it counts. */
static int read_first(struct ledgers *l, struct followed *f, enum ledger_from from)
{
	int r = read_one(l, f, false);

	/* It collected before it was found, and nobody knows since when. */
	if (!r && l->begun && from == LEDGER_FROM_NOW && l->reader->nr(f->ledger))
		l->capture->quality.n[QUALITY_PARTLY_READ]++;
	if (r > 0)
		let_go(l, f);
	return r < 0 ? r : 0;
}

static int on_mapped(void *ctx, const struct probes_mapped *m, uint64_t at)
{
	struct ledgers *l = ctx;
	struct ledger_process process = { .memory = { (pid_t)m->key.tgid } };
	struct followed f = { .key = m->key };
	struct space_version version;
	struct proc_stat stat;
	int r;

	if (!tracker_space_version(l->tracker, &m->key, &version) || followed_of(l, &m->key) ||
	    !runtimes_find_bias(m->fd, m->start, m->offset, &process.bias) || !has_room(l))
		return 0;
	/* Of those that are forked many do nothing but execute another program. */
	if (version.forked && (version.until || shares_memory(m->key.tgid, version.parent)))
		return 0;
	f.looked_ns = now_ns();
	if (version.until || proc_stat_read(l->proc_fd, m->key.tgid, &stat) < 0) {
		l->capture->quality.n[QUALITY_PARTLY_READ]++;
		return 0;
	}
	f.start_ns = stat.start_ns;
	f.our_clock = has_our_clock(l, m->key.tgid);
	process.from = from_of(&version);
	if (process.from == LEDGER_FROM_TIME && !f.our_clock)
		process.from = LEDGER_FROM_NOW;
	process.time = version.from;
	if (array_reserve(l->processes, l->cap, l->nr + 1u) < 0)
		return -ENOMEM;
	r = l->reader->open(&process, at, &f.ledger);
	if (r < 0)
		return r;
	l->processes[l->nr++] = f;
	return read_first(l, &l->processes[l->nr - 1], process.from);
}

int ledgers_open(struct ledgers **ret, const struct live_settings *settings,
		 const struct ledger_reader *reader, struct drain *drain, struct tracker *tracker,
		 struct capture *capture)
{
	_cleanup_(ledgers_freep) struct ledgers *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return -ENOMEM;
	*l = (struct ledgers){ .settings = settings,
			       .reader = reader,
			       .drain = drain,
			       .tracker = tracker,
			       .capture = capture,
			       .has_stacks = settings->user_stacks || settings->kernel_stacks,
			       .instead = { find, on_mapped, l } };
	l->proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	/* A fiftieth of a CPU; some thousand processes at first. */
	allowance_init(&l->reading, 50, 100000000);
	r = l->has_stacks ? capture_mark_stack(capture, reader->mark, &l->mark) : 0;
	if (r < 0)
		return r;
	*ret = l;
	l = NULL;
	return 0;
}

void ledgers_free(struct ledgers *l)
{
	if (!l)
		return;
	for (uint32_t i = 0; i < l->nr; i++)
		l->reader->free(l->processes[i].ledger);
	if (l->proc_fd >= 0)
		close(l->proc_fd);
	free(l->processes);
	free(l);
}

const struct probes_instead *ledgers_instead(const struct ledgers *l)
{
	return &l->instead;
}

void ledgers_listen(struct ledgers *l, live_event_fn fn, void *ctx)
{
	l->on_event = fn;
	l->on_event_ctx = ctx;
}
