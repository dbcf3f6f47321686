// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "symbolize/objects.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

static const struct resolver *const resolvers[] = {
	&resolver_kernel,
	&resolver_elf,
	&resolver_vdso,
	&resolver_perfmap,
};

void objects_done(struct objects *o)
{
	for (size_t i = 0; i < o->nr; i++)
		if (o->opened[i].state)
			o->opened[i].resolver->close(o->opened[i].state);
	free(o->opened);
	free(o->by_object);
}

static const struct resolver *find_resolver(const struct object *o)
{
	for (size_t i = 0; i < ARRAY_SIZE(resolvers); i++)
		if (resolvers[i]->claim(o))
			return resolvers[i];
	return NULL;
}

/* Which of those that are open is the same file by its build-id; its place + 1, or 0. */
static uint32_t find_same(const struct objects *o, const struct opened *like)
{
	const struct resolved_object *a = &like->about;

	if (!a->build_id_size)
		return 0;
	for (size_t i = 0; i < o->nr; i++) {
		const struct resolved_object *b = &o->opened[i].about;

		if (o->opened[i].state && o->opened[i].resolver == like->resolver &&
		    a->build_id_size == b->build_id_size &&
		    !memcmp(a->build_id, b->build_id, a->build_id_size) && a->start == b->start &&
		    a->limit == b->limit && a->offset == b->offset)
			return (uint32_t)i + 1;
	}
	return 0;
}

/* An object opened now may use half of what the others have left: more will come. */
static struct symbolizer_settings settings_now(const struct objects *o)
{
	struct symbolizer_settings s = o->settings;

	if (s.max_memory)
		s.max_memory = o->memory < s.max_memory ? (s.max_memory - o->memory + 1) / 2 : 1;
	return s;
}

static uint32_t open_object(struct objects *o, const struct object *object)
{
	struct symbolizer_settings settings = settings_now(o);
	struct opened *opened = &o->opened[o->nr];
	uint32_t same;

	*opened = (struct opened){ .resolver = find_resolver(object) };
	if (!opened->resolver ||
	    opened->resolver->open(object, &settings, &opened->state, &opened->about) < 0) {
		opened->state = NULL;
		return (uint32_t)++o->nr;
	}
	same = find_same(o, opened);
	if (same) {
		opened->resolver->close(opened->state);
		return same;
	}
	opened->memory = opened->resolver->memory(opened->state);
	o->memory += opened->memory;
	return (uint32_t)++o->nr;
}

int objects_open(struct objects *o, uint32_t object, struct opened **ret)
{
	size_t nr = o->capture->nr_objects;

	if (array_reserve(o->opened, o->cap, o->nr + 1) < 0 ||
	    array_reserve(o->by_object, o->cap_by_object, nr) < 0)
		return -ENOMEM;
	for (; o->nr_by_object < nr; o->nr_by_object++)
		o->by_object[o->nr_by_object] = 0;
	if (!o->by_object[object])
		o->by_object[object] = open_object(o, &o->capture->objects[object]);
	*ret = &o->opened[o->by_object[object] - 1];
	return 0;
}

static void count_memory(struct objects *o, struct opened *opened)
{
	size_t memory = opened->resolver->memory(opened->state);

	o->memory += memory - opened->memory;
	opened->memory = memory;
}

/* The largest that still has this detail. */
static struct opened *find_largest(const struct objects *o, enum resolver_detail detail)
{
	struct opened *largest = NULL;

	for (size_t i = 0; i < o->nr; i++) {
		struct opened *opened = &o->opened[i];

		if (opened->state && opened->resolver->drop && !(opened->dropped >> detail & 1) &&
		    (!largest || opened->memory > largest->memory))
			largest = opened;
	}
	return largest;
}

void objects_limit(struct objects *o)
{
	size_t max = o->settings.max_memory;

	for (int detail = 0; max && o->memory > max && detail < RESOLVER_DETAILS;) {
		struct opened *opened = find_largest(o, (enum resolver_detail)detail);
		size_t before = o->memory;

		if (!opened) {
			detail++;
			continue;
		}
		opened->resolver->drop(opened->state, (enum resolver_detail)detail);
		opened->dropped |= 1u << detail;
		count_memory(o, opened);
		if (o->memory < before && o->settings.ret_limited)
			*o->settings.ret_limited = true;
	}
}

size_t objects_resolve(struct objects *o, struct opened *opened, uint64_t offset,
		       uint64_t *ret_address, struct symbol *ret_symbols, size_t max)
{
	size_t nr;

	if (!opened->state)
		return 0;
	nr = opened->resolver->resolve(opened->state, offset, ret_address, ret_symbols, max);
	count_memory(o, opened);
	return nr;
}
