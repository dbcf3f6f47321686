// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "probe/probes.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/now.h"
#include "probe/inside.h"

/* Processes that are named, and what they start isn't measured. */
static bool is_by_pid(const struct filter *f)
{
	return filter_flags(f) & ABI_FILTER_PID && !f->children;
}

/* Programs are looked for here too: they were chosen in the same object before. */
static int choose_way(const struct filter *filter, struct bpf_object *obj,
		      const struct uprobe_kernel *kernel, struct uprobe_way *ret)
{
	*ret = (struct uprobe_way){
		.kernel = kernel,
		.multi = is_by_pid(filter) ? kernel->multi_pid : kernel->multi,
		.nr_programs = kernel->cookies ? 1 : ABI_PROBE_PROGRAMS,
	};
	for (uint32_t i = 0; i < ret->nr_programs; i++) {
		char name[32] = "on_probe";

		if (!kernel->cookies)
			snprintf(name, sizeof(name), "on_probe_%u", i);
		ret->programs[i] = bpf_object__find_program_by_name(obj, name);
		if (!ret->programs[i])
			return -ENOENT;
	}
	return 0;
}

/* What the programs of places go on in; NULL: not in this object, or there are cookies. */
static struct bpf_program *shared_program(struct bpf_object *obj, const struct uprobe_kernel *k)
{
	return k->cookies ? NULL : bpf_object__find_program_by_name(obj, "on_any_probe");
}

static int share_program(struct bpf_object *obj, const struct uprobe_kernel *k)
{
	const struct bpf_program *shared = shared_program(obj, k);
	int map = bpf_object__find_map_fd_by_name(obj, "probe_shared");
	int program = shared ? bpf_program__fd(shared) : -1;
	uint32_t zero = 0;

	if (program < 0 || map < 0)
		return 0;
	return bpf_map_update_elem(map, &zero, &program, BPF_ANY) ? -errno : 0;
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
	struct bpf_program *shared = NULL;
	struct uprobe_kernel kernel;
	struct uprobe_way way;
	int r = uprobe_kernel_read(&kernel);

	if (r >= 0)
		r = choose_way(settings->filter, obj, &kernel, &way);
	for (uint32_t i = 0; r >= 0 && i < way.nr_programs; i++) {
		r = bpf_program__set_autoload(way.programs[i], true);
		if (r >= 0 && way.multi)
			r = bpf_program__set_expected_attach_type(
				way.programs[i], (enum bpf_attach_type)UPROBE_MULTI);
	}
	if (r >= 0)
		shared = shared_program(obj, &kernel);
	if (shared)
		r = bpf_program__set_autoload(shared, true);
	if (r >= 0)
		r = size_maps(settings, obj);
	if (r < 0)
		return r;
	*ret_flags = (kernel.cookies ? ABI_COOKIES : 0) | (way.multi ? ABI_MULTI : 0);
	return 0;
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
	if (p->probes_fd < 0 || p->hits_fd < 0)
		return -ENOENT;
	r = uprobe_kernel_read(&p->kernel);
	if (r >= 0)
		r = choose_way(settings->filter, obj, &p->kernel, &p->way);
	if (r >= 0)
		r = share_program(obj, &p->kernel);
	if (r < 0)
		return r;
	if (settings->max_overhead > 0) {
		probes_measure_cost(&p->cost, &p->way,
				    p->kernel.cookies ? settings->max_probes : 0);
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
	if (p->stats_fd >= 0)
		close(p->stats_fd);
	intern_done(&p->keys);
	intern_done(&p->pairs);
	free(p->files);
	free(p->queue);
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
	return r < 0 ? r : probes_keep_to_overhead(p);
}

bool probes_pending(const struct probes *p)
{
	return p->nr_queue > p->next_queue;
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
	size_t n = sizeof(*p) + p->keys.memory + p->pairs.memory +
		   p->cap_files * sizeof(*p->files) + p->cap_queue * sizeof(*p->queue) +
		   p->cap_places * sizeof(*p->places);

	for (uint32_t i = 0; i < p->keys.count; i++) {
		const struct probed_file *f = &p->files[i];

		n += f->sites.cap * sizeof(*f->sites.sites);
		for (size_t k = 0; k < f->nr_attached; k++)
			n += uprobe_file_memory(f->attached[k]);
	}
	return n;
}
