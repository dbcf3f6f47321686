// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "probe/probes.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>

#include "base/array.h"
#include "base/now.h"
#include "probe/inside.h"

/* Processes that are named, and what they start isn't measured. */
static bool is_by_pid(const struct filter *f)
{
	return filter_flags(f) & ABI_FILTER_PID && !f->children;
}

/* Of a kernel with cookies the one that probes run; else the one that theirs go on in. */
static struct bpf_program *program_of(struct bpf_object *obj, const struct uprobe_kernel *kernel)
{
	return bpf_object__find_program_by_name(obj, kernel->cookies ? "on_probe" : "on_any_probe");
}

static bool is_multi(const struct filter *filter, const struct uprobe_kernel *kernel)
{
	return is_by_pid(filter) ? kernel->multi_pid : kernel->multi;
}

static int resize(struct bpf_object *obj, const char *name, uint32_t entries)
{
	struct bpf_map *map = bpf_object__find_map_by_name(obj, name);

	return map ? bpf_map__set_max_entries(map, entries) : -ENOENT;
}

static int size_maps(const struct probes_settings *s, struct bpf_object *obj)
{
	/* One more place is for measuring what a hit costs. */
	int r = resize(obj, "probes", s->max_probes + 1);

	if (r >= 0)
		r = resize(obj, "probe_hits", s->max_probes + 1);
	if (r >= 0)
		r = resize(obj, "spans", s->max_spans);
	if (r >= 0)
		r = resize(obj, "span_threads", s->max_spans);
	/* Of calls alone: of each with its caller, and of its function. */
	if (r >= 0 && bpf_object__find_map_by_name(obj, "outermost"))
		r = resize(obj, "outermost", 2 * s->max_spans);
	return r;
}

int probes_prepare(const struct probes_settings *settings, struct bpf_object *obj,
		   uint32_t *ret_flags)
{
	struct bpf_program *program;
	struct uprobe_kernel kernel;
	int r = uprobe_kernel_read(&kernel);
	bool multi;

	if (r < 0)
		return r;
	multi = is_multi(settings->filter, &kernel);
	program = program_of(obj, &kernel);
	r = program ? bpf_program__set_autoload(program, true) : -ENOENT;
	if (r >= 0 && multi)
		r = bpf_program__set_expected_attach_type(program,
							  (enum bpf_attach_type)UPROBE_MULTI);
	if (r >= 0)
		r = size_maps(settings, obj);
	if (r < 0)
		return r;
	*ret_flags = (kernel.cookies ? ABI_COOKIES : 0) | (multi ? ABI_MULTI : 0);
	return 0;
}

static int choose_way(struct probes *p)
{
	p->way = (struct uprobe_way){ .kernel = &p->kernel,
				      .multi = is_multi(p->settings.filter, &p->kernel),
				      .program = program_of(p->obj, &p->kernel) };
	return p->kernel.cookies ? 0 : place_programs_new(&p->way.places, p->obj);
}

int probes_open(struct probes **ret, const struct probes_settings *settings, struct bpf_object *obj,
		struct tracker *tracker, struct capture *capture)
{
	_cleanup_(probes_freep) struct probes *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return -ENOMEM;
	p->settings = *settings;
	p->obj = obj;
	p->tracker = tracker;
	p->capture = capture;
	p->stats_fd = p->cost.fd = -1;
	p->by_pid = is_by_pid(settings->filter);
	p->targets_fd = bpf_object__find_map_fd_by_name(obj, "target_pids");
	p->probes_fd = bpf_object__find_map_fd_by_name(obj, "probes");
	p->hits_fd = bpf_object__find_map_fd_by_name(obj, "probe_hits");
	p->opened = p->checked = p->looked = now_ns();
	/* A twentieth of a CPU, and at first what the files of a whole system may take. */
	allowance_init(&p->looking, 20, 2000000000);
	allowance_init(&p->looking_later, 50, 100000000);
	if (p->probes_fd < 0 || p->hits_fd < 0)
		return -ENOENT;
	r = uprobe_kernel_read(&p->kernel);
	if (r >= 0)
		r = choose_way(p);
	if (r < 0)
		return r;
	if (settings->max_overhead > 0) {
		probes_measure_cost(&p->cost, &p->way, settings->max_probes);
		p->stats_fd = bpf_enable_stats(BPF_STATS_RUN_TIME);
	}
	tracker_listen(tracker, probes_on_mapped, p);
	*ret = p;
	p = NULL;
	return 0;
}

static void detach_all(struct probes *p)
{
	for (uint32_t i = 0; i < p->keys.count; i++) {
		struct probed_file *f = &p->files[i];

		while (f->nr_attached)
			uprobe_file_free(f->attached[--f->nr_attached]);
	}
}

/*
 * Nothing begins any more, at once for all: while probes are taken away one by one, ends may be
 * gone before their begins, and a busy program begins very much meanwhile.
 */
static void silence(const struct probes *p)
{
	for (uint32_t i = 0; i < p->nr_places; i++) {
		struct abi_probe probe;

		if (bpf_map_lookup_elem(p->probes_fd, &i, &probe) ||
		    (probe.role != ABI_PROBE_BEGIN && probe.role != ABI_PROBE_COUNT))
			continue;
		probe.role = ABI_PROBE_NONE;
		bpf_map_update_elem(p->probes_fd, &i, &probe, BPF_ANY);
	}
}

void probes_stop(struct probes *p)
{
	if (!p || p->unattached)
		return;
	p->unattached = true;
	probes_say_cost(p);
	silence(p);
	detach_all(p);
	p->capture->quality.n[QUALITY_UNFINISHED] += probes_count_open(p);
}

void probes_free(struct probes *p)
{
	if (!p)
		return;
	if (p->tracker)
		tracker_listen(p->tracker, NULL, NULL);
	detach_all(p);
	for (uint32_t i = 0; i < p->keys.count; i++)
		probed_file_done(&p->files[i]);
	for (size_t i = 0; i < p->nr_notes; i++)
		free(p->notes[i]);
	probes_cost_done(&p->cost);
	place_programs_free(p->way.places);
	if (p->stats_fd >= 0)
		close(p->stats_fd);
	intern_done(&p->keys);
	intern_done(&p->plain);
	intern_done(&p->pairs);
	waiting_done(&p->waiting);
	free(p->files);
	free(p->places);
	free(p->hits);
	free(p->notes);
	free(p);
}

int probes_tend(struct probes *p)
{
	int r;

	if (p->unattached)
		return 0;
	r = probes_look(p);
	p->scanned |= !waiting_any(&p->waiting);
	return r < 0 ? r : probes_keep_to_overhead(p);
}

bool probes_pending(const struct probes *p)
{
	return waiting_any(&p->waiting);
}

size_t probes_nr(const struct probes *p)
{
	size_t nr = 0;

	for (uint32_t i = 0; i < p->keys.count; i++)
		for (size_t n = 0; n < p->files[i].nr_attached; n++)
			nr += p->files[i].attached[n]->nr_attached;
	return nr;
}

bool probes_found(const struct probes *p)
{
	return p->nr_places != 0;
}

const char *probes_note(const struct probes *p, size_t n)
{
	return n < p->nr_notes ? p->notes[n] : NULL;
}

size_t probes_memory(const struct probes *p)
{
	size_t n = sizeof(*p) + p->keys.memory + p->plain.memory + p->pairs.memory +
		   p->cap_files * sizeof(*p->files) + waiting_memory(&p->waiting) +
		   p->cap_places * sizeof(*p->places) + place_programs_memory(p->way.places);

	for (uint32_t i = 0; i < p->keys.count; i++) {
		const struct probed_file *f = &p->files[i];

		n += f->sites.cap * sizeof(*f->sites.sites);
		for (size_t k = 0; k < f->nr_attached; k++)
			n += uprobe_file_memory(f->attached[k]);
	}
	return n;
}
