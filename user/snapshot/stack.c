// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* From what a thread looked like to its stack, by the same way as one that the kernel half sent. */
#include <errno.h>
#include <string.h>

#include "base/array.h"
#include "base/now.h"
#include "model/profile.h"
#include "snapshot/inside.h"
#include "walk/runtimes.h"
#include "walk/tables.h"

enum { MAX_FILES = 4096 };

struct record {
	struct abi_stack stack;
	__u64 kernel[DUMP_MAX_KERNEL];
	struct abi_call calls[ABI_MAX_CALLS]; /* or where the kernel frames end */
};

struct files {
	uint64_t *starts;
	uint32_t nr, cap;
};

static int list_file(void *ctx, const struct mapped *m)
{
	struct files *f = ctx;

	if (m->kind != MAPPED_ELF || f->nr == MAX_FILES)
		return 0;
	if (array_reserve(f->starts, f->cap, f->nr + 1u) < 0)
		return -ENOMEM;
	f->starts[f->nr++] = m->start;
	return 0;
}

int snapshot_find_runtime(struct snapshot *s)
{
	const struct process_id id = { (uint32_t)s->reader, 0, now_ns() };
	struct files files = { 0 };
	struct space_key key;
	int r = tracker_space(s->tracker, &id, &key);

	s->place = 0;
	if (r <= 0)
		return r;
	r = tracker_each_mapped(s->tracker, &key, list_file, &files);
	/* An interpreter is looked for in files that are open. */
	for (uint32_t i = 0; r >= 0 && i < files.nr; i++) {
		struct mapped m;

		r = tracker_open_mapped(s->tracker, &key, files.starts[i], &m);
	}
	free(files.starts);
	if (r >= 0)
		r = runtimes_find(tables_runtimes(s->tables), &key, true, &s->place);
	/* What can't be walked has been warned of. */
	return r == -ENOMEM ? r : 0;
}

void snapshot_drop(struct snapshot *s, struct pending *p)
{
	if (p->copy)
		s->copied -= p->copy->size;
	if (p->calls)
		s->copied -= sizeof(*p->calls);
	free(p->copy);
	free(p->calls);
	p->copy = NULL;
	p->calls = NULL;
	p->looked = p->is_good = false;
}

static int keep_calls(struct snapshot *s, struct pending *p, const struct dump_task *task)
{
	p->calls = calloc(1, sizeof(*p->calls));
	if (!p->calls)
		return -ENOMEM;
	s->copied += sizeof(*p->calls);
	snapshot_walk_python(s->reader, &s->runtimes[s->place].python, p->thread_pointer, task->sp,
			     task->registers, p->calls);
	return 0;
}

int snapshot_keep(struct snapshot *s, struct pending *p, const struct dump_task *task)
{
	int r = 0;

	if (s->copied > SNAPSHOT_MAX_COPIES)
		return 0;
	p->task = *task;
	p->looked = true;
	if (!s->settings.user_stacks || !(task->flags & DUMP_HAS_MEMORY) ||
	    !(task->flags & DUMP_IS_64BIT))
		return 0;
	if (s->place)
		r = keep_calls(s, p, task);
	if (r >= 0)
		r = snapshot_copy(s->reader, task, p->size, &p->copy);
	if (r >= 0)
		s->copied += p->copy->size;
	/* The whole process ended: the next look shows it. */
	return r == -ESRCH ? 0 : r;
}

/* The user stack, as a copy that came before its record. */
static int send_copy(struct snapshot *s, struct pending *p, uint64_t time)
{
	struct abi_copy *c = p->copy;

	c->stack = s->last_id;
	c->ask.time = time;
	if (p->calls) {
		c->nr_entries = p->calls->nr_entries;
		memcpy(c->entries, p->calls->entries, sizeof(c->entries));
	}
	tables_hurry(s->tables);
	return stacks_take_copy(&s->stacks, c, sizeof(*c) + c->size);
}

static int send(struct snapshot *s, struct pending *p)
{
	uint32_t nr = p->task.nr_kernel < DUMP_MAX_KERNEL ? p->task.nr_kernel : DUMP_MAX_KERNEL;
	struct record r = { .stack = { .type = ABI_STACK,
				       .tgid = (uint32_t)s->reader,
				       .id = ++s->last_id,
				       .time = now_ns(),
				       .stop = ABI_STOP_NONE,
				       .nr = { nr } } };
	int err = 0;

	memcpy(r.kernel, p->task.kernel, nr * sizeof(r.kernel[0]));
	if (s->settings.user_stacks)
		r.stack.stop = ABI_STOP_UNREADABLE;
	if (p->copy) {
		r.stack.flags = ABI_STACK_COPIED;
		err = send_copy(s, p, r.stack.time);
	}
	if (p->copy && p->calls) {
		r.stack.runtime = s->place;
		r.stack.interpreted = p->calls->interpreted;
		r.stack.calls_walked = p->calls->calls_walked;
		r.stack.nr_calls = p->calls->nr_calls;
		memcpy(r.kernel + nr, p->calls->calls,
		       p->calls->nr_calls * sizeof(struct abi_call));
	}
	return err < 0 ? err : stacks_take(&s->stacks, &r.stack, sizeof(r));
}

static int add_sample(struct snapshot *s, const struct snapshot_thread *t, uint32_t stack)
{
	struct raw_who who = { .pid = s->pid, .tid = t->tid };
	struct raw_sample sample = {
		.stack = stack, .bucket = BUCKET_NONE, .count = 1, .total = 1
	};
	int r = capture_string(s->capture, t->comm, &who.comm);

	if (r >= 0)
		r = capture_who(s->capture, &who, &sample.who);
	return r < 0 ? r : capture_add(s->capture, &sample);
}

int snapshot_settle(struct snapshot *s, struct pending *p, struct snapshot_thread *t)
{
	struct taken_stack taken;
	int r = send(s, p);

	if (r < 0)
		return r;
	taken = stacks_find(&s->stacks, s->last_id);
	/* The stack goes on where none was copied: once more. */
	if (taken.stop == ABI_STOP_MEMORY && p->size < SNAPSHOT_COPY_MOST &&
	    snapshot_copy_is_full(p->copy, p->size)) {
		p->size = SNAPSHOT_COPY_MOST;
		return 0;
	}
	t->result = SNAPSHOT_TAKEN;
	t->stop = taken.stop;
	t->interpreted = taken.interpreted;
	t->approximate = taken.flags & ABI_STACK_APPROXIMATE || taken.cut;
	t->unjoined = taken.unjoined;
	return add_sample(s, t, taken.stack);
}
