// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <time.h>

#include "base/array.h"
#include "base/file.h"
#include "base/now.h"
#include "snapshot/inside.h"
#include "walk/runtimes.h"
#include "walk/tables.h"

enum {
	ROUNDS = 12, /* looks at a process; two alike are needed of each thread */
	PAUSE_NS = 1000000,
	GIL_TRIES = 4,
	MAX_TABLES = 256 << 20,
	MAX_STATUS = 64 << 10,
	MAX_COMMAND = 4096,
};

/* What user addresses may consist of: our own stack lies at their end, within a gigabyte. */
static uint64_t user_address_mask(void)
{
	unsigned long at = getauxval(AT_RANDOM);

	return at ? UINT64_MAX >> __builtin_clzl(at) : UINT64_MAX;
}

static int open_tables(struct snapshot *s)
{
	const struct tables_settings settings = { .max_bytes = MAX_TABLES,
						  .nr_spaces = 1,
						  .nr_runtimes = ARRAY_SIZE(s->runtimes),
						  .code_mask = user_address_mask() };

	return tables_open_here(&s->tables, &settings, s->spaces, s->runtimes, s->tracker,
				s->capture);
}

int snapshot_open(struct snapshot **ret, const struct snapshot_settings *settings,
		  struct capture *capture, struct strbuf *error)
{
	_cleanup_(snapshot_freep) struct snapshot *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->settings = *settings;
	s->capture = capture;
	r = snapshot_tasks_open(&s->tasks, settings->object, settings->object_size, error);
	if (r >= 0)
		r = tracker_new(&s->tracker, capture);
	if (r >= 0)
		r = open_tables(s);
	if (r >= 0) {
		s->drain.config.max_depth = DUMP_MAX_KERNEL + 1;
		s->drain.config.max_user_depth = ABI_MAX_DEPTH;
		r = stacks_init(&s->stacks, &s->drain, capture, s->tracker, s->tables);
	}
	if (r < 0)
		return r;
	*ret = s;
	s = NULL;
	return 0;
}

void snapshot_free(struct snapshot *s)
{
	if (!s)
		return;
	stacks_done(&s->stacks);
	tables_free(s->tables);
	tracker_free(s->tracker);
	snapshot_tasks_free(s->tasks);
	free(s->pending);
	free(s);
}

void snapshot_process_done(struct snapshot_process *p)
{
	free(p->threads);
	strbuf_done(&p->command);
	*p = (struct snapshot_process){ 0 };
}

/* include/linux/sched.h: TASK_INTERRUPTIBLE … TASK_FROZEN. */
static enum snapshot_state state_of(const struct dump_task *t)
{
	if (t->exit_state)
		return SNAPSHOT_ZOMBIE;
	if (t->flags & DUMP_ON_CPU)
		return SNAPSHOT_RUNNING;
	if (!t->state)
		return SNAPSHOT_RUNNABLE;
	if (t->state & 0x4)
		return SNAPSHOT_STOPPED;
	if (t->state & 0x8)
		return SNAPSHOT_TRACED;
	if (t->state & 0x8000)
		return SNAPSHOT_FROZEN;
	return t->state & 0x2 ? SNAPSHOT_BLOCKED : SNAPSHOT_SLEEPING;
}

/* Did it not run between two looks? */
static bool stood_still(const struct dump_task *a, const struct dump_task *b)
{
	return !((a->flags | b->flags) & DUMP_ON_CPU) && a->runtime == b->runtime &&
	       a->switches == b->switches;
}

/* A thread that has no stack yet: was the last copy of it good? If not, it is copied anew. */
static int look_at(struct snapshot *s, struct snapshot_thread *t, struct pending *p,
		   const struct dump_task *task)
{
	t->state = state_of(task);
	memcpy(t->comm, task->comm, sizeof(t->comm));
	t->comm[sizeof(t->comm) - 1] = '\0';
	p->thread_pointer = task->thread_pointer;
	t->result = task->exit_state		? SNAPSHOT_NOTHING
		    : task->flags & DUMP_ON_CPU ? SNAPSHOT_ON_CPU
						: SNAPSHOT_MOVING;
	p->is_good = p->looked && t->result == SNAPSHOT_MOVING && stood_still(&p->task, task);
	if (p->is_good)
		return 0;
	snapshot_drop(s, p);
	return t->result == SNAPSHOT_MOVING ? snapshot_keep(s, p, task) : 0;
}

static bool is_settled(const struct snapshot_thread *t)
{
	return t->result == SNAPSHOT_TAKEN || t->result == SNAPSHOT_NOTHING;
}

static int add_thread(struct snapshot *s, struct snapshot_process *p, uint32_t tid)
{
	uint32_t nr = p->nr_threads;
	struct snapshot_thread *threads = reallocarray(p->threads, nr + 1u, sizeof(*threads));

	if (!threads)
		return -ENOMEM;
	p->threads = threads;
	if (array_reserve(s->pending, s->cap_pending, nr + 1u) < 0)
		return -ENOMEM;
	p->threads[nr] = (struct snapshot_thread){ .tid = tid, .result = SNAPSHOT_MOVING };
	s->pending[nr] = (struct pending){ .size = SNAPSHOT_COPY_FIRST };
	p->nr_threads++;
	return 0;
}

/* All threads that there are at the first look; what is made later is of a later moment. */
static int add_threads(struct snapshot *s, struct snapshot_process *p,
		       const struct dump_task *tasks, uint32_t nr)
{
	int r = 0;

	for (uint32_t i = 0; r >= 0 && i < nr; i++)
		r = add_thread(s, p, tasks[i].tid);
	return r;
}

static void has_gone(struct snapshot *s, struct snapshot_thread *t, struct pending *p)
{
	t->result = SNAPSHOT_NOTHING;
	t->state = SNAPSHOT_ZOMBIE;
	snapshot_drop(s, p);
}

static int look(struct snapshot *s, struct snapshot_process *p, const struct dump_task *tasks,
		uint32_t nr)
{
	uint32_t k = 0;
	int r = 0;

	for (uint32_t i = 0; r >= 0 && i < p->nr_threads; i++) {
		struct snapshot_thread *t = &p->threads[i];

		while (k < nr && tasks[k].tid < t->tid)
			k++;
		if (is_settled(t))
			continue;
		if (k < nr && tasks[k].tid == t->tid)
			r = look_at(s, t, &s->pending[i], &tasks[k]);
		else
			has_gone(s, t, &s->pending[i]);
	}
	return r;
}

/*
 * Walks what was copied well; after all that is copied, for it takes longer. How many threads
 * have no stack yet, or a negative errno.
 */
static int settle(struct snapshot *s, struct snapshot_process *p, bool *ret_any_off_cpu)
{
	int waiting = 0, r;

	*ret_any_off_cpu = false;
	for (uint32_t i = 0; i < p->nr_threads; i++) {
		struct snapshot_thread *t = &p->threads[i];

		if (s->pending[i].is_good) {
			r = snapshot_settle(s, &s->pending[i], t);
			if (r < 0)
				return r;
			snapshot_drop(s, &s->pending[i]);
		}
		waiting += !is_settled(t);
		*ret_any_off_cpu |= t->result == SNAPSHOT_MOVING;
	}
	return waiting;
}

/* What a process without memory is. */
static int say_what_it_is(const struct snapshot *s, const struct dump_task *tasks)
{
	if (tasks[0].flags & DUMP_KERNEL_THREAD) {
		strbuf_addf(s->error,
			    "process %u is a thread of the kernel and runs no program; "
			    "/proc/%u/stack says where it is",
			    s->pid, s->pid);
		return -ENOTSUP;
	}
	strbuf_addf(s->error, "process %u has ended: it is a zombie that waits for its parent",
		    s->pid);
	return -ESRCH;
}

static int find_reader(struct snapshot *s, const struct dump_task *tasks, uint32_t nr)
{
	s->reader = 0;
	for (uint32_t i = 0; i < nr && !s->reader; i++)
		if (tasks[i].flags & DUMP_HAS_MEMORY && !tasks[i].exit_state)
			s->reader = (pid_t)tasks[i].tid;
	return s->reader ? 0 : say_what_it_is(s, tasks);
}

/* What is known of its mappings, and of its threads, is of the program that it was. */
static int check_same(struct snapshot *s, const struct dump_task *task, bool is_first)
{
	if (is_first) {
		s->start_ns = task->start_ns;
		s->exec_id = task->exec_id;
	}
	if (s->start_ns == task->start_ns && s->exec_id == task->exec_id)
		return 0;
	strbuf_addf(s->error, "process %u began another program just now: ask again", s->pid);
	return -ESTALE;
}

/* The process that a thread is of; 0: there is no such thread. */
static uint32_t process_of(uint32_t tid)
{
	_cleanup_(strbuf_done) struct strbuf text = STRBUF_INIT;
	unsigned process = 0;
	const char *line;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%u/status", tid);
	if (file_read(path, MAX_STATUS, &text) < 0)
		return 0;
	line = strstr(strbuf_str(&text), "\nTgid:");
	return line && sscanf(line, "\nTgid: %u", &process) == 1 ? process : 0;
}

static int say_nobody(const struct snapshot *s)
{
	uint32_t process = process_of(s->pid);

	if (process && process != s->pid)
		strbuf_addf(s->error, "%u is a thread of process %u: give that", s->pid, process);
	else if (process)
		strbuf_addf(s->error, "the kernel keeps the threads of process %u to itself",
			    s->pid);
	else
		strbuf_addf(s->error, "there is no process %u: 'ps -e' lists those that run",
			    s->pid);
	return -ESRCH;
}

static void read_command(struct snapshot_process *p, const char *comm)
{
	struct strbuf *c = &p->command;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%u/cmdline", p->pid);
	/* A longer one is cut. */
	file_read(path, MAX_COMMAND, c);
	while (c->len && !c->buf[c->len - 1])
		c->len--;
	for (size_t i = 0; i < c->len; i++)
		if (!c->buf[i])
			c->buf[i] = ' ';
	if (!c->len)
		strbuf_addf(c, "[%.*s]", DUMP_COMM_LEN, comm);
}

/* What is found out once a process. */
static int begin(struct snapshot *s, struct snapshot_process *p, const struct dump_task *tasks,
		 uint32_t nr)
{
	int r = add_threads(s, p, tasks, nr);

	read_command(p, tasks[0].comm);
	if (r >= 0)
		r = tracker_scan(s->tracker, &(uint32_t){ (uint32_t)s->reader }, 1);
	if (r >= 0 && s->settings.user_stacks)
		r = snapshot_find_runtime(s);
	return r;
}

static int take_all(struct snapshot *s, struct snapshot_process *p)
{
	const struct dump_config wanted = { s->pid, s->settings.kernel_stacks };
	const struct timespec pause = { 0, PAUSE_NS };
	const struct dump_task *tasks;
	int nr, in_vain = 0, r = 1, before;
	bool any_off_cpu, is_first = true;

	while (r > 0 && in_vain < ROUNDS) {
		nr = snapshot_tasks_read(s->tasks, &wanted, &tasks);
		if (nr < 0)
			return nr;
		if (!nr)
			return say_nobody(s);
		before = r;
		r = find_reader(s, tasks, (uint32_t)nr);
		if (r >= 0)
			r = check_same(s, tasks, is_first);
		if (r >= 0 && is_first)
			r = begin(s, p, tasks, (uint32_t)nr);
		if (r >= 0)
			r = look(s, p, tasks, (uint32_t)nr);
		if (r >= 0)
			r = settle(s, p, &any_off_cpu);
		in_vain = r < before && !is_first ? 0 : in_vain + 1;
		is_first = false;
		if (r > 0 && !any_off_cpu)
			nanosleep(&pause, NULL);
	}
	return r < 0 ? r : 0;
}

/* Of all threads at about one moment: the lock may go from hand to hand while we ask. */
static void find_gil(struct snapshot *s, struct snapshot_process *p)
{
	const struct abi_python *layout = &s->runtimes[s->place].python;
	uint32_t holders = 2;

	for (uint32_t k = 0; s->place && k < p->nr_threads && !p->without_gil; k++)
		p->without_gil = snapshot_is_without_gil(s->reader, layout,
							 s->pending[k].thread_pointer);
	for (int i = 0; s->place && holders > 1 && i < GIL_TRIES; i++) {
		holders = 0;
		for (uint32_t k = 0; k < p->nr_threads; k++) {
			struct snapshot_thread *t = &p->threads[k];

			t->holds_gil = t->result != SNAPSHOT_NOTHING &&
				       snapshot_holds_gil(s->reader, layout,
							  s->pending[k].thread_pointer);
			holders += t->holds_gil;
		}
	}
}

int snapshot_take(struct snapshot *s, uint32_t pid, struct snapshot_process *ret,
		  struct strbuf *error)
{
	struct snapshot_process p = { .pid = pid };
	int r;

	s->pid = pid;
	s->error = error;
	s->place = 0;
	r = take_all(s, &p);
	if (r >= 0)
		find_gil(s, &p);
	p.runtime = runtimes_version(tables_runtimes(s->tables), s->place);
	runtimes_put(tables_runtimes(s->tables), s->place);
	for (uint32_t i = 0; i < p.nr_threads; i++)
		snapshot_drop(s, &s->pending[i]);
	if (r < 0) {
		snapshot_process_done(&p);
		if (r == -EPERM && !error->len)
			strbuf_addf(error,
				    "not allowed to read the memory of process %u: run as root, or "
				    "with CAP_SYS_PTRACE",
				    pid);
		return r;
	}
	*ret = p;
	return 0;
}
