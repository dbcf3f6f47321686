// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "model/process_times.h"

#include "base/array.h"

void process_times_done(struct process_times *t)
{
	intern_done(&t->pids);
	free(t->all);
	*t = (struct process_times){ 0 };
}

static uint64_t add_known(uint64_t a, uint64_t b)
{
	uint64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? TIME_UNKNOWN : sum;
}

int process_times_add(struct process_times *t, const struct process_time *time)
{
	uint32_t id;
	int r;

	if (array_reserve(t->all, t->cap, t->pids.count + 1u) < 0)
		return -ENOMEM;
	r = intern_add(&t->pids, &time->pid, sizeof(time->pid), &id);
	if (r < 0)
		return r;
	if (r) {
		t->all[id] = *time;
		return 0;
	}
	/* TIME_UNKNOWN is more than any sum: it stays. */
	t->all[id].wall_ns = add_known(t->all[id].wall_ns, time->wall_ns);
	t->all[id].cpu_ns = add_known(t->all[id].cpu_ns, time->cpu_ns);
	return 0;
}

const struct process_time *process_times_find(const struct process_times *t, uint32_t pid)
{
	uint32_t id;

	return intern_find(&t->pids, &pid, sizeof(pid), &id) ? &t->all[id] : NULL;
}

size_t process_times_memory(const struct process_times *t)
{
	return t->pids.memory + t->cap * sizeof(*t->all);
}
