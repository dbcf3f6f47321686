// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "collect/cputimes.h"

#include <bpf/bpf.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "abi.h"
#include "base/array.h"
#include "base/intern.h"
#include "base/now.h"
#include "process/proc_stat.h"

/* Processes that are followed; nothing is known of more. A share of its time that may be missing.
 */
enum { MAX_PROCESSES = 16384, MOST_UNREAD = 50 };

struct timed {
	uint32_t pid;
	bool there;	   /* it is followed: not known to have ended */
	bool verified;	   /* the pid is still that process's */
	bool stopped;	   /* it was read when measuring ended: `last_cpu` */
	uint64_t start_ns; /* CLOCK_BOOTTIME */
	uint64_t from;	   /* when it began, or measuring did … */
	uint64_t read;	   /* … when it was read last … */
	uint64_t cpu;	   /* … and what it had used then, ns; TIME_UNKNOWN */
	uint64_t last_cpu;
};

struct cputimes {
	struct capture *capture;
	const struct tracker *tracker;
	int proc_fd, ends_fd;
	uint64_t began;	    /* CLOCK_MONOTONIC */
	uint64_t boot;	    /* what CLOCK_BOOTTIME is ahead of that */
	uint64_t interval;  /* when the capture was last made empty, or measuring began */
	uint64_t last_read; /* of all */
	uint64_t stopped;   /* when measuring ended; 0: it did not */
	uint32_t restarts;  /* of the capture, that were seen */
	struct intern before_pids, pids;
	uint64_t *before; /* by id of before_pids: used before measuring began */
	struct timed *processes;
	uint32_t cap_before, cap_processes;
};

/* All that a process's threads ever used, also those that ended. false: there is no such process.
 */
static bool read_clock(uint32_t pid, uint64_t *ret_ns)
{
	struct timespec t;
	clockid_t clock;

	if (clock_getcpuclockid((pid_t)pid, &clock) || clock_gettime(clock, &t))
		return false;
	*ret_ns = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
	return true;
}

static int read_before(struct cputimes *t, uint32_t pid)
{
	uint64_t used;
	uint32_t id;

	if (!read_clock(pid, &used))
		return 0;
	if (intern_add(&t->before_pids, &pid, sizeof(pid), &id) < 0 ||
	    array_reserve(t->before, t->cap_before, id + 1u) < 0)
		return -ENOMEM;
	t->before[id] = used;
	return 0;
}

static int read_all_before(struct cputimes *t)
{
	_cleanup_closedir_ DIR *dir = opendir("/proc");
	struct dirent *e;
	int r = 0;

	while (dir && r >= 0 && (e = readdir(dir)))
		if (isdigit((unsigned char)e->d_name[0]))
			r = read_before(t, (uint32_t)strtoul(e->d_name, NULL, 10));
	return r;
}

int cputimes_new(struct cputimes **ret, struct capture *capture, const struct tracker *tracker,
		 int ends_fd, uint64_t now)
{
	_cleanup_(cputimes_freep) struct cputimes *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return -ENOMEM;
	*t = (struct cputimes){ .capture = capture,
				.tracker = tracker,
				.ends_fd = ends_fd,
				.began = now,
				.boot = now_of(CLOCK_BOOTTIME) - now_ns(),
				.interval = now,
				.last_read = now,
				.restarts = capture->restarts };
	t->proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	r = read_all_before(t);
	if (r < 0)
		return r;
	*ret = t;
	t = NULL;
	return 0;
}

void cputimes_free(struct cputimes *t)
{
	if (!t)
		return;
	if (t->proc_fd >= 0)
		close(t->proc_fd);
	intern_done(&t->before_pids);
	intern_done(&t->pids);
	free(t->before);
	free(t->processes);
	free(t);
}

/* What was in the capture has become a report: from the last look on, it is another interval. */
static void note_restart(struct cputimes *t)
{
	if (t->restarts == t->capture->restarts)
		return;
	t->restarts = t->capture->restarts;
	t->interval = t->last_read;
}

static struct timed make_timed(const struct cputimes *t, uint32_t pid, uint64_t start_ns)
{
	struct timed p = { .pid = pid, .there = true, .start_ns = start_ns, .from = t->began };
	uint32_t id;

	if (start_ns > t->began + t->boot)
		p.from = start_ns - t->boot;
	else if (intern_find(&t->before_pids, &pid, sizeof(pid), &id))
		p.cpu = t->before[id];
	else
		p.cpu = TIME_UNKNOWN;
	p.read = p.from;
	/* Nobody looked at it when this interval began. */
	if (p.from < t->interval) {
		p.read = t->interval;
		p.cpu = TIME_UNKNOWN;
	}
	return p;
}

int cputimes_see(struct cputimes *t, uint32_t tgid, uint64_t start_ns)
{
	uint32_t id;
	int r = intern_find(&t->pids, &tgid, sizeof(tgid), &id);

	note_restart(t);
	if (r && proc_same_start(t->processes[id].start_ns, start_ns))
		return 0;
	if (!r) {
		if (t->pids.count == MAX_PROCESSES)
			return 0;
		if (array_reserve(t->processes, t->cap_processes, t->pids.count + 1u) < 0 ||
		    intern_add(&t->pids, &tgid, sizeof(tgid), &id) < 0)
			return -ENOMEM;
	}
	t->processes[id] = make_timed(t, tgid, start_ns);
	return 0;
}

static int add_time(struct cputimes *t, const struct timed *p, uint64_t until, uint64_t cpu)
{
	struct process_time time = { .pid = p->pid,
				     .began = p->from > t->began && p->from >= t->interval,
				     .wall_ns = until > p->read ? until - p->read : 0,
				     .cpu_ns = cpu };

	return process_times_add(&t->capture->times, &time);
}

static uint64_t end_of(const struct cputimes *t, const struct timed *p)
{
	const struct process_id id = { .tgid = p->pid, .start_ns = p->start_ns, .time = p->read };

	return tracker_ended(t->tracker, &id);
}

/* What it used after the last look, as the kernel half saw it end; TIME_UNKNOWN. */
static uint64_t used_to_end(const struct cputimes *t, const struct timed *p)
{
	struct abi_process_end e;

	if (t->ends_fd < 0 || bpf_map_lookup_elem(t->ends_fd, &p->pid, &e) ||
	    e.start_ns != p->start_ns)
		return TIME_UNKNOWN;
	bpf_map_delete_elem(t->ends_fd, &p->pid);
	return e.cpu_ns && p->cpu != TIME_UNKNOWN && e.cpu_ns >= p->cpu ? e.cpu_ns - p->cpu
									: TIME_UNKNOWN;
}

/* It can't be read any more. */
static int note_end(struct cputimes *t, struct timed *p, uint64_t now)
{
	uint64_t end = end_of(t, p), used = used_to_end(t, p);
	uint64_t from = p->from > t->interval ? p->from : t->interval;

	p->there = false;
	if (end < p->read || end > now)
		end = now;
	if (used == TIME_UNKNOWN && (end - p->read) * MOST_UNREAD <= end - from)
		used = 0;
	return add_time(t, p, end, used);
}

/* It can still be read, since nobody waited for it yet. Other threads may outlive the first one. */
static bool is_over(const struct cputimes *t, const struct timed *p, uint64_t *ret_end)
{
	struct proc_stat stat;
	uint64_t end = end_of(t, p);

	if (end < p->read || proc_stat_read(t->proc_fd, p->pid, &stat) < 0 ||
	    (stat.state != 'Z' && stat.state != 'X') || stat.nr_threads > 1)
		return false;
	*ret_end = end;
	return true;
}

/* The kernel hands out pids in turn: between two looks none comes back to another process. */
static bool is_same(struct cputimes *t, struct timed *p, bool last)
{
	struct proc_stat stat;

	if (p->verified && !last)
		return true;
	p->verified = proc_stat_read(t->proc_fd, p->pid, &stat) >= 0 &&
		      proc_same_start(stat.start_ns, p->start_ns);
	return p->verified;
}

static int read_one(struct cputimes *t, struct timed *p, uint64_t now, bool last)
{
	uint64_t used = p->last_cpu, more = TIME_UNKNOWN;
	int r;

	if ((!p->stopped && !read_clock(p->pid, &used)) || !is_same(t, p, last))
		return note_end(t, p, now);
	if (p->cpu != TIME_UNKNOWN && used >= p->cpu)
		more = used - p->cpu;
	p->there = !is_over(t, p, &now);
	r = add_time(t, p, now, more);
	p->read = now;
	p->cpu = used;
	return r;
}

void cputimes_stop(struct cputimes *t, uint64_t now)
{
	t->stopped = now;
	for (uint32_t i = 0; i < t->pids.count; i++) {
		struct timed *p = &t->processes[i];

		p->stopped = p->there && read_clock(p->pid, &p->last_cpu);
	}
}

int cputimes_read(struct cputimes *t, uint64_t now, bool last)
{
	int r = 0;

	note_restart(t);
	if (t->stopped)
		now = t->stopped;
	for (uint32_t i = 0; i < t->pids.count && r >= 0; i++)
		if (t->processes[i].there)
			r = read_one(t, &t->processes[i], now, last);
	t->last_read = now;
	return r;
}
