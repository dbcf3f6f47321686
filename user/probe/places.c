// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What the sites of a file mean, in the kernel half's map, and attaching them. */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "base/array.h"
#include "calls.h"
#include "probe/inside.h"

enum { ERRORS_SAID = 16 }; /* of one file */

/* Two files never share a pair: each is closed by its own end. */
static int pair_of(struct probes *p, uint32_t file, uint32_t pair, uint32_t *ret)
{
	const uint32_t key[2] = { file, pair };

	return intern_add(&p->pairs, key, sizeof(key), ret) < 0 ? -ENOMEM : 0;
}

static uint8_t cost_of(const struct probed_file *f, const struct probe_site *site)
{
	uint8_t code[16];
	ssize_t size = pread(f->fd, code, sizeof(code), (off_t)site->offset);
	bool emulated = size > 0 && probes_is_emulated(code, (size_t)size);

	if (site->is_return)
		return emulated ? COST_RETURN_EMULATED : COST_RETURN_STEPPED;
	return emulated ? COST_ENTRY_EMULATED : COST_ENTRY_STEPPED;
}

static int publish(struct probes *p, const struct probed_file *f, const struct probe_site *site,
		   uint32_t place, uint32_t pair)
{
	struct abi_probe probe = { .role = site->role,
				   .flags = site->flags,
				   .tag = site->tag,
				   .pair = pair,
				   .runtime = f->runtime,
				   .address = site->address };
	uint32_t name = 0;

	memcpy(probe.arguments, site->arguments, sizeof(probe.arguments));
	if (site->name && capture_string(p->capture, site->name, &name) < 0)
		return -ENOMEM;
	probe.tag |= (uint64_t)name << CALLS_FUNCTION_SHIFT;
	return bpf_map_update_elem(p->probes_fd, &place, &probe, BPF_ANY) ? -errno : 0;
}

static void say_no_room(struct probes *p, const struct probed_file *f)
{
	struct strbuf line = STRBUF_INIT;

	strbuf_add_escaped(&line, probed_file_name(f));
	strbuf_addf(&line, ": %zu of %zu probes are not attached: ", f->sites.nr - f->nr_places,
		    f->sites.nr);
	strbuf_addf(&line, "there is room for %u; name fewer functions", p->settings.max_probes);
	probes_say(p, &line);
}

/* Pairs of a file's sites, in all files; which of them lack room for one of theirs. */
static int pair_all(struct probes *p, uint32_t file, uint32_t *pairs, bool **ret_lacks)
{
	const struct probe_sites *sites = &p->files[file].sites;
	uint32_t left = p->settings.max_probes - p->nr_places;
	int r = 0;

	for (size_t i = 0; r >= 0 && i < sites->nr; i++)
		r = pair_of(p, file, sites->sites[i].pair, &pairs[i]);
	*ret_lacks = calloc(p->pairs.count + 1u, sizeof(**ret_lacks));
	if (!*ret_lacks)
		r = -ENOMEM;
	for (size_t i = left; r >= 0 && i < sites->nr; i++)
		(*ret_lacks)[pairs[i]] = true;
	return r;
}

int probes_place(struct probes *p, uint32_t file)
{
	struct probed_file *f = &p->files[file];
	_cleanup_free_ uint32_t *pairs = calloc(f->sites.nr, sizeof(*pairs));
	_cleanup_free_ bool *lacks = NULL;
	int r;

	if (f->sites.runtime.kind && p->settings.place_runtime)
		f->runtime = p->settings.place_runtime(p->settings.place_ctx, &f->sites.runtime);
	r = pairs ? pair_all(p, file, pairs, &lacks) : -ENOMEM;
	if (r < 0 || array_reserve(p->places, p->cap_places, p->nr_places + f->sites.nr) < 0)
		return -ENOMEM;
	f->first_place = p->nr_places;
	for (uint32_t i = 0; i < f->sites.nr; i++) {
		const struct probe_site *site = &f->sites.sites[i];

		/* What begins is not attached without what ends it. */
		if (lacks[pairs[i]])
			continue;
		r = publish(p, f, site, p->nr_places, pairs[i]);
		if (r < 0)
			return r;
		p->places[p->nr_places++] = (struct probed_place){
			.file = file, .site = i, .pair = pairs[i], .cost = cost_of(f, site)
		};
		f->nr_places++;
	}
	if (f->nr_places < f->sites.nr) {
		p->capture->quality.n[QUALITY_UNPROBED] += f->sites.nr - f->nr_places;
		say_no_room(p, f);
	}
	return 0;
}

static void say_error(struct probes *p, const struct probed_file *f, const struct probe_site *site,
		      int error)
{
	struct strbuf line = STRBUF_INIT;

	strbuf_add_escaped(&line, probed_file_name(f));
	if (site->name) {
		strbuf_adds(&line, ": ");
		strbuf_add_escaped(&line, site->name);
	}
	strbuf_addf(&line, ": cannot attach at 0x%llx: %s", (unsigned long long)site->offset,
		    uprobe_error(error));
	probes_say(p, &line);
}

/* Counts and tells what could not be attached. */
static void tell_errors(struct probes *p, const struct probed_file *f, const struct uprobe_file *u)
{
	size_t nr = 0;

	for (size_t i = 0; i < u->nr; i++) {
		const struct uprobe *probe = &u->probes[i];

		/* Who ended meanwhile needs none. */
		if (!probe->error || probe->unwanted || probe->error == -ESRCH)
			continue;
		p->capture->quality.n[QUALITY_UNPROBED]++;
		if (nr++ < ERRORS_SAID)
			say_error(p, f, &f->sites.sites[p->places[probe->place].site],
				  probe->error);
	}
	if (nr > ERRORS_SAID) {
		struct strbuf line = STRBUF_INIT;

		strbuf_add_escaped(&line, probed_file_name(f));
		strbuf_addf(&line, ": … and %zu more can't be attached", nr - ERRORS_SAID);
		probes_say(p, &line);
	}
}

static bool is_attached(const struct probed_file *f, uint32_t pid)
{
	for (size_t i = 0; i < f->nr_attached; i++)
		if (f->attached[i]->pid == pid)
			return true;
	return false;
}

/* What ends something is there first, what begins it last. */
enum { ENDS, TELLS, BEGINS, STEPS };

static unsigned step_of(enum abi_probe_role role)
{
	return role == ABI_PROBE_END ? ENDS : role == ABI_PROBE_BEGIN ? BEGINS : TELLS;
}

static size_t list_in_order(const struct probes *p, const struct probed_file *f, struct uprobe *to)
{
	size_t nr = 0;

	for (unsigned step = 0; step < STEPS; step++)
		for (uint32_t i = f->first_place; i < f->first_place + f->nr_places; i++) {
			const struct probed_place *place = &p->places[i];
			const struct probe_site *site = &f->sites.sites[place->site];

			if (step_of(site->role) != step)
				continue;
			to[nr++] = (struct uprobe){ .offset = site->offset,
						    .semaphore = site->semaphore,
						    .place = i,
						    .is_return = site->is_return,
						    .unwanted = place->detached };
		}
	return nr;
}

int probes_attach(struct probes *p, struct probed_file *f, uint32_t pid)
{
	_cleanup_(uprobe_file_freep) struct uprobe_file *u = NULL;
	_cleanup_free_ struct uprobe *list = NULL;
	int r;

	if (!f->nr_places || is_attached(f, pid))
		return 0;
	list = calloc(f->nr_places, sizeof(*list));
	if (!list || array_reserve(f->attached, f->cap_attached, f->nr_attached + 1) < 0)
		return -ENOMEM;
	r = uprobe_file_new(&u, &p->way, f->fd, pid, list, list_in_order(p, f, list));
	if (r >= 0) {
		u->turn = f->turn;
		r = uprobe_attach(u);
	}
	if (r < 0)
		return r;
	tell_errors(p, f, u);
	f->was_attached |= u->nr_attached != 0;
	f->attached[f->nr_attached++] = u;
	u = NULL;
	return 1;
}

/* From now on the other turn's links count. */
static int take_turn(struct probes *p, struct probed_file *f)
{
	int r = 0;

	f->turn = !f->turn;
	for (uint32_t i = f->first_place; r >= 0 && i < f->first_place + f->nr_places; i++) {
		struct abi_probe probe;

		if (bpf_map_lookup_elem(p->probes_fd, &i, &probe))
			return -errno;
		probe.flags = f->turn ? probe.flags | ABI_PROBE_TURN
				      : probe.flags & ~(uint32_t)ABI_PROBE_TURN;
		r = bpf_map_update_elem(p->probes_fd, &i, &probe, BPF_ANY) ? -errno : 0;
	}
	return r;
}

int probes_attach_rest(struct probes *p, struct probed_file *f)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < f->nr_attached; i++)
		r = uprobe_attach_beside(f->attached[i]);
	if (r >= 0 && p->way.multi)
		r = take_turn(p, f);
	for (size_t i = 0; i < f->nr_attached; i++)
		uprobe_detach_old(f->attached[i]);
	return r;
}
