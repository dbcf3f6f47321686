// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* For people: what was probed in whom. Nothing that happens is told from nothing being watched. */
#include <string.h>

#include "probe/inside.h"

enum { MOST_GROUPS = 8 };

/* Filters that only the kernel half knows: who of those that map a file is meant isn't known. */
static bool knows_processes(const struct probes *p)
{
	return !(filter_flags(p->settings.filter) &
		 (ABI_FILTER_COMM | ABI_FILTER_CGROUP | ABI_FILTER_CPU));
}

static bool is_watched(const struct probed_file *f)
{
	return f->was_attached || f->is_instead;
}

static const char *why_not(const struct probed_file *f)
{
	return f->why ? f->why : "it can't be attached";
}

static bool is_same(const struct probed_file *a, const struct probed_file *b)
{
	return is_watched(a) == is_watched(b) && !strcmp(a->sites.found, b->sites.found) &&
	       (is_watched(a) || !strcmp(why_not(a), why_not(b)));
}

/* Files that hold the same, as copies of a library do, are one: the first of them. */
static void group(struct probes *p)
{
	for (uint32_t i = 0; i < p->keys.count; i++) {
		struct probed_file *f = &p->files[i];

		f->group = i;
		f->nr_pids = f->last_pid = 0;
		for (uint32_t k = 0; f->sites.found[0] && k < i; k++)
			if (p->files[k].group == k && is_same(&p->files[k], f)) {
				f->group = k;
				break;
			}
	}
}

static void count(void *ctx, uint32_t tgid, uint32_t mark)
{
	struct probes *p = ctx;
	struct probed_file *f;

	if (mark > p->keys.count)
		return;
	f = &p->files[p->files[mark - 1].group];
	/* All that one process maps comes together. */
	if (!f->sites.found[0] || f->last_pid == tgid || !probes_want(p, tgid))
		return;
	f->last_pid = tgid;
	f->nr_pids++;
}

static void add_group(const struct probes *p, const struct probed_file *f, struct strbuf *out)
{
	uint32_t pid = f->nr_pids ? f->last_pid : f->first_pid;

	strbuf_add_escaped(out, f->sites.found);
	if (f->nr_pids > 1 && knows_processes(p))
		strbuf_addf(out, " (%u processes)", f->nr_pids);
	else if (pid && knows_processes(p))
		strbuf_addf(out, " (pid %u)", pid);
	if (is_watched(f))
		return;
	strbuf_adds(out, ": ");
	strbuf_add_escaped(out, why_not(f));
}

/* Those that were watched, or those that were not. How many there are. */
static uint32_t add_groups(const struct probes *p, bool watched, struct strbuf *out)
{
	uint32_t nr = 0;

	for (uint32_t i = 0; i < p->keys.count; i++) {
		const struct probed_file *f = &p->files[i];

		if (!f->sites.found[0] || f->group != i || is_watched(f) != watched)
			continue;
		if (nr < MOST_GROUPS) {
			strbuf_adds(out, nr ? ", " : watched ? "watched " : "could not watch ");
			add_group(p, f, out);
		}
		nr++;
	}
	if (nr > MOST_GROUPS)
		strbuf_addf(out, " and %u more", nr - MOST_GROUPS);
	return nr;
}

static void add_nothing(const struct probes *p, struct strbuf *out)
{
	const struct filter *f = p->settings.filter;

	strbuf_addf(out, "no %s was found in ", p->settings.finder->what);
	if (f->nr_pids == 1 && !f->children)
		strbuf_addf(out, "process %u", f->pids[0]);
	else if (f->nr_pids)
		strbuf_adds(out, "these processes");
	else
		strbuf_adds(out, f->only_added ? "the program" : "what was running");
}

bool probes_refused(const struct probes *p)
{
	/* What could not be attached to a process that ended isn't counted there. */
	bool any = p->capture->quality.n[QUALITY_UNPROBED] != 0;

	for (uint32_t i = 0; i < p->keys.count; i++) {
		if (is_watched(&p->files[i]))
			return false;
		any = any || p->files[i].why;
	}
	return any;
}

void probes_watched(struct probes *p, struct strbuf *out)
{
	struct strbuf unwatched = STRBUF_INIT;
	uint32_t nr;

	if (!p->settings.finder->what)
		return;
	group(p);
	tracker_each_marked(p->tracker, count, p);
	nr = add_groups(p, true, out);
	if (add_groups(p, false, &unwatched)) {
		strbuf_adds(out, nr++ ? "; " : "");
		strbuf_adds(out, strbuf_str(&unwatched));
	}
	if (!nr)
		add_nothing(p, out);
	if (probes_pending(p))
		strbuf_adds(out, "; not every file was looked at yet");
	out->failed |= unwatched.failed;
	strbuf_done(&unwatched);
}
