// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "recording.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

void recording_process_done(struct recording_process *p)
{
	for (size_t i = 0; i < p->nr_mappings; i++)
		free(p->mappings[i].path);
	free(p->mappings);
	free(p->vdso.bytes);
	*p = (struct recording_process){};
}

void recording_clear(struct recording *r)
{
	for (size_t i = 0; i < r->nr_memory; i++)
		free(r->memory[i].bytes);
	r->nr_memory = r->nr_frames = 0;
	r->end[0] = '\0';
}

void recording_done(struct recording *r)
{
	recording_clear(r);
	free(r->memory);
	r->memory = NULL;
	r->cap_memory = 0;
}

int recording_add_memory(struct recording *r, uint64_t at, uint8_t *bytes, size_t size)
{
	if (r->nr_memory >= RECORDING_MAX_MEMORY ||
	    array_reserve(r->memory, r->cap_memory, r->nr_memory + 1)) {
		free(bytes);
		return -ENOMEM;
	}
	r->memory[r->nr_memory++] =
		(struct recording_memory){ .at = at, .size = size, .bytes = bytes };
	return 0;
}

int recording_read(const struct recording *r, uint64_t at, void *to, size_t size)
{
	for (size_t i = 0; i < r->nr_memory; i++) {
		const struct recording_memory *m = &r->memory[i];

		if (at >= m->at && at - m->at < m->size && size <= m->size - (at - m->at)) {
			memcpy(to, m->bytes + (at - m->at), size);
			return 0;
		}
	}
	return -EFAULT;
}

const struct recording_mapping *recording_mapping_at(const struct recording_process *p, uint64_t at)
{
	for (size_t i = 0; i < p->nr_mappings; i++) {
		if (at >= p->mappings[i].start && at < p->mappings[i].end)
			return &p->mappings[i];
	}
	return NULL;
}

int recording_add_mapping(struct recording_process *p, const struct recording_mapping *m,
			  const char *path)
{
	char *own = strdup(path);

	if (!own || array_reserve(p->mappings, p->cap_mappings, p->nr_mappings + 1)) {
		free(own);
		return -ENOMEM;
	}
	p->mappings[p->nr_mappings] = *m;
	p->mappings[p->nr_mappings++].path = own;
	return 0;
}
