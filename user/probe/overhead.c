// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What hits cost, and taking the hottest away when that is too much. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>

#include "base/array.h"
#include "base/now.h"
#include "base/parse.h"
#include "probe/inside.h"

static const uint64_t CHECK_NS = 1000000000, LOOK_NS = 100000000;
/* Of the time that passes, one part in so many is worth a word. */
enum { WORTH_SAYING = 100 };

/* What is taken away together: all that one pair of a file is made of. */
struct load {
	uint32_t pair;
	uint32_t place; /* one of them */
	double ns;
	uint64_t begins; /* hits of those that count calls */
};

static int read_hits(struct probes *p)
{
	int nr_cpus = libbpf_num_possible_cpus();
	_cleanup_free_ uint32_t *keys = calloc(p->nr_places, sizeof(*keys));
	_cleanup_free_ uint64_t *values = NULL;
	uint64_t *hits = reallocarray(p->hits, p->nr_places, sizeof(*hits));
	uint32_t nr = p->nr_places, next;

	if (nr_cpus < 0)
		return nr_cpus;
	p->hits = hits ? hits : p->hits;
	values = calloc((size_t)nr_cpus * nr, sizeof(*values));
	if (!keys || !hits || !values)
		return -ENOMEM;
	/* Many at once since 5.13 for maps of this kind. */
	if (bpf_map_lookup_batch(p->hits_fd, NULL, &next, keys, values, &nr, NULL) &&
	    errno != ENOENT)
		for (nr = 0; nr < p->nr_places; nr++)
			if (bpf_map_lookup_elem(p->hits_fd, &nr, values + (size_t)nr_cpus * nr))
				return -errno;
	memset(hits, 0, p->nr_places * sizeof(*hits));
	for (uint32_t i = 0; i < p->nr_places && i < nr; i++)
		for (int cpu = 0; cpu < nr_cpus; cpu++)
			hits[i] += values[(size_t)nr_cpus * i + (size_t)cpu];
	return 0;
}

static void add_program(int fd, uint64_t *ns, uint64_t *count)
{
	struct bpf_prog_info info = { 0 };
	__u32 size = sizeof(info);

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size))
		return;
	*ns += info.run_time_ns;
	*count += info.run_cnt;
}

/* What one run of our programs takes. The kernel tells it while p->stats_fd is open. */
static void read_programs(struct probes *p)
{
	uint64_t ns = 0, count = 0;

	if (p->stats_fd < 0)
		return;
	/* A program that others go on in has its time counted as theirs. */
	if (p->kernel.cookies)
		add_program(bpf_program__fd(p->way.program), &ns, &count);
	for (size_t i = 0; i < place_programs_nr(p->way.places); i++)
		add_program(place_programs_made(p->way.places, i), &ns, &count);
	if (count > p->run_count)
		p->program_ns = (double)(ns - p->run_ns) / (double)(count - p->run_count);
	p->run_ns = ns;
	p->run_count = count;
}

static double cost_of(const struct probes *p, uint32_t place, uint64_t hits)
{
	return (double)hits * (p->cost.ns[p->places[place].cost] + p->program_ns);
}

static void add_load(const struct probes *p, struct load *loads, uint32_t at)
{
	const struct probed_place *place = &p->places[at];
	uint64_t hits = p->hits[at] - place->hits;
	struct load *l = &loads[place->pair];
	enum abi_probe_role role;

	if (!l->ns && !l->begins) {
		l->pair = place->pair;
		l->place = at;
	}
	l->ns += cost_of(p, at, hits);
	role = p->files[place->file].sites.sites[place->site].role;
	if (role == ABI_PROBE_BEGIN || role == ABI_PROBE_COUNT)
		l->begins += hits;
}

static int by_load(const void *a, const void *b)
{
	const struct load *x = a, *y = b;

	return x->ns > y->ns ? -1 : x->ns < y->ns;
}

static void say_detached(struct probes *p, const struct load *l, double seconds)
{
	const struct probed_place *place = &p->places[l->place];
	const struct probed_file *f = &p->files[place->file];
	const char *name = f->sites.sites[place->site].name;
	struct strbuf line = STRBUF_INIT;

	if (name) {
		strbuf_add_escaped(&line, name);
		strbuf_adds(&line, " (");
		strbuf_add_escaped(&line, probed_file_name(f));
		strbuf_adds(&line, "): ");
	} else {
		strbuf_add_escaped(&line, probed_file_name(f));
		strbuf_adds(&line, ": ");
	}
	format_count((uint64_t)((double)l->begins / seconds), &line);
	strbuf_addf(&line,
		    " calls a second would cost %.0f %% of a CPU%s: detached after %.1f s "
		    "(--max-overhead)",
		    l->ns / seconds / 1e7, p->by_pid ? "" : ", by all processes that have it",
		    (double)(now_ns() - p->opened) / 1e9);
	probes_say(p, &line);
}

/* Counts of functions with a name say so. 0 or -ENOMEM. */
static int label_detached(struct probes *p, uint32_t at)
{
	const struct probed_place *place = &p->places[at];
	struct strbuf text = STRBUF_INIT;
	struct abi_probe probe;
	int r;

	if (!p->files[place->file].sites.sites[place->site].name ||
	    bpf_map_lookup_elem(p->probes_fd, &at, &probe))
		return 0;
	strbuf_adds(&text, "after ");
	format_duration(now_ns() - p->opened, &text);
	r = capture_detached(p->capture, probe.tag, strbuf_str(&text));
	strbuf_done(&text);
	return r;
}

/* 0 or -ENOMEM. */
static int mark(struct probes *p, const struct load *l)
{
	for (uint32_t i = 0; i < p->nr_places; i++) {
		struct probed_place *place = &p->places[i];

		if (place->pair != l->pair || place->detached)
			continue;
		place->detached = true;
		p->capture->quality.n[QUALITY_DETACHED]++;
	}
	return label_detached(p, l->place);
}

/*
 * Marks what is to go, so that all that stays costs `most` ns or less. 1: there is some; 0;
 * -ENOMEM.
 */
static int mark_hottest(struct probes *p, struct load *loads, uint32_t nr, double most,
			double seconds)
{
	double all = 0;
	int r = 0;

	for (uint32_t i = 0; i < nr; i++)
		all += loads[i].ns;
	qsort(loads, nr, sizeof(*loads), by_load);
	for (uint32_t i = 0; i < nr && all > most && r >= 0; i++) {
		r = mark(p, &loads[i]) < 0 ? -ENOMEM : 1;
		say_detached(p, &loads[i], seconds);
		all -= loads[i].ns;
	}
	return r;
}

/* Has something to go that is still attached? */
static bool mark_unwanted(const struct probes *p, struct uprobe_file *u)
{
	bool any = false;

	for (size_t i = 0; i < u->nr; i++) {
		struct uprobe *probe = &u->probes[i];

		if (probe->unwanted || !p->places[probe->place].detached)
			continue;
		probe->unwanted = any = true;
	}
	return any;
}

static int detach_marked(struct probes *p)
{
	int r = 0;

	for (uint32_t i = 0; r >= 0 && i < p->keys.count; i++) {
		struct probed_file *f = &p->files[i];
		bool any = false;

		for (size_t k = 0; k < f->nr_attached; k++)
			any |= mark_unwanted(p, f->attached[k]);
		if (any)
			r = probes_attach_rest(p, f);
	}
	return r;
}

/* From here on hits count for the next look. */
static void begin_again(struct probes *p, uint64_t now)
{
	for (uint32_t i = 0; i < p->nr_places; i++)
		p->places[i].hits = p->hits[i];
	p->checked = now;
}

/*
 * Of the last second. What has already cost the share of two seconds is not waited for: many CPUs
 * spend that in no time.
 */
int probes_keep_to_overhead(struct probes *p)
{
	uint64_t now = now_ns(), passed = now - p->checked;
	uint64_t most_ns = passed < CHECK_NS ? 2 * CHECK_NS : passed;
	_cleanup_free_ struct load *loads = NULL;
	uint32_t nr = p->pairs.count;
	int r;

	if (p->settings.max_overhead <= 0 || now - p->looked < LOOK_NS || !p->nr_places)
		return 0;
	p->looked = now;
	loads = calloc(nr, sizeof(*loads));
	r = loads ? read_hits(p) : -ENOMEM;
	if (r < 0)
		return r;
	read_programs(p);
	for (uint32_t i = 0; i < p->nr_places; i++)
		add_load(p, loads, i);
	r = mark_hottest(p, loads, nr, p->settings.max_overhead * (double)most_ns,
			 (double)passed / 1e9);
	if (r || passed >= CHECK_NS)
		begin_again(p, now);
	return r > 0 ? detach_marked(p) : r;
}

void probes_say_cost(struct probes *p)
{
	uint64_t passed = now_ns() - p->opened;
	struct strbuf line = STRBUF_INIT;
	double ns = 0;

	if (!p->nr_places || read_hits(p) < 0)
		return;
	read_programs(p);
	for (uint32_t i = 0; i < p->nr_places; i++)
		ns += cost_of(p, i, p->hits[i]);
	if (ns * WORTH_SAYING < (double)passed)
		return;
	strbuf_adds(&line, "the probes themselves took about ");
	format_duration((uint64_t)ns, &line);
	strbuf_adds(&line, " of the programs' time, which is part of what is shown");
	probes_say(p, &line);
}

uint64_t probes_count_open(const struct probes *p)
{
	int fd = bpf_object__find_map_fd_by_name(p->obj, "spans");
	struct abi_span_key key, *previous = NULL;
	uint64_t nr = 0;

	while (fd >= 0 && !bpf_map_get_next_key(fd, previous, &key)) {
		previous = &key;
		nr++;
	}
	return nr;
}
