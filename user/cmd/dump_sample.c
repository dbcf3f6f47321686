// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Threads that are on a CPU: their registers are nowhere else, so that only a sample has them. */
#include <errno.h>
#include <string.h>

#include "base/now.h"
#include "cmd/dump.h"
#include "collect/live.h"
#include "kernel/clock.h"

enum { FREQUENCY_HZ = 999, POLL_MS = 5 };

static bool is_interpreted(const struct capture *c, uint32_t stack)
{
	struct raw_stack s = capture_stack_at(c, stack);

	for (uint32_t i = 0; i < s.nr; i++)
		if (c->objects[s.frames[i].object].kind == OBJECT_CODE)
			return true;
	return false;
}

static bool was_seen(const struct capture *c, const struct dump_wanted *w)
{
	for (uint32_t i = 0; i < c->nr_samples; i++)
		if (capture_who_at(c, c->samples[i].who)->tid == w->tid &&
		    (!w->interpreted || is_interpreted(c, c->samples[i].stack)))
			return true;
	return false;
}

static bool were_seen(const struct capture *c, const struct dump_wanted *wanted, uint32_t nr)
{
	for (uint32_t i = 0; i < nr; i++)
		if (!was_seen(c, &wanted[i]))
			return false;
	return true;
}

static int sample(struct live *l, const struct dump_wanted *wanted, uint32_t nr,
		  struct strbuf *error)
{
	uint64_t end;
	int r = live_start(l, error);

	end = now_ns() + DUMP_SAMPLE_MS * 1000000ull;
	while (r >= 0 && now_ns() < end && !were_seen(live_capture(l), wanted, nr)) {
		r = live_poll(l, POLL_MS);
		if (r >= 0 || r == -EINTR)
			r = live_drain(l);
	}
	live_stop(l);
	return r < 0 ? r : live_drain(l);
}

int dump_sample(const struct dump_settings *settings, const struct dump_wanted *wanted, uint32_t nr,
		struct live **ret_live, struct strbuf *error)
{
	const struct mode *mode = mode_find("cpu");
	struct live_settings s = { .user_stacks = settings->user,
				   .kernel_stacks = settings->kernel,
				   .max_depth = ABI_MAX_DEPTH,
				   .per_thread = true };
	_cleanup_(live_freep) struct live *l = NULL;
	uint64_t limit = clocks_max_frequency();
	int r;

	s.mode = mode->defaults;
	s.mode.frequency_hz = limit < FREQUENCY_HZ ? limit : FREQUENCY_HZ;
	memcpy(s.filter.pids, settings->pids, settings->nr_pids * sizeof(settings->pids[0]));
	s.filter.nr_pids = settings->nr_pids;
	r = live_open(&l, mode, &s, error);
	if (r >= 0)
		r = sample(l, wanted, nr, error);
	if (r < 0)
		return r;
	*ret_live = l;
	l = NULL;
	return 0;
}
