// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "base/intern.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/array.h"

enum { CHUNK_SIZE = 64 << 10 };

struct intern_entry {
	const void *bytes;
	uint32_t size, hash;
};

struct intern_chunk {
	struct intern_chunk *next;
	size_t used, size;
	_Alignas(8) char bytes[];
};

static uint64_t seed(void)
{
	static uint64_t value;

	if (!value && getrandom(&value, sizeof(value), GRND_NONBLOCK) != sizeof(value))
		value = (uintptr_t)&value;
	return value | 1;
}

static uint64_t mix(uint64_t h, uint64_t word)
{
	__uint128_t m = (__uint128_t)(h ^ word) * 0x9e3779b97f4a7c15u;

	return (uint64_t)m ^ (uint64_t)(m >> 64);
}

static uint32_t hash_bytes(const void *bytes, size_t size)
{
	const char *p = bytes;
	uint64_t h = seed() ^ size, word;

	for (; size >= 8; size -= 8, p += 8) {
		memcpy(&word, p, 8);
		h = mix(h, word);
	}
	word = 0;
	if (size)
		memcpy(&word, p, size);
	h = mix(h, word);
	return (uint32_t)(h ^ h >> 32);
}

void intern_done(struct intern *t)
{
	while (t->chunks) {
		struct intern_chunk *next = t->chunks->next;

		free(t->chunks);
		t->chunks = next;
	}
	free(t->entries);
	free(t->slots);
	*t = (struct intern)INTERN_INIT;
}

/* The slot that holds these bytes, or the empty one where they belong. */
static uint32_t *find_slot(const struct intern *t, uint32_t hash, const void *bytes, size_t size)
{
	for (uint32_t i = hash;; i++) {
		uint32_t *slot = &t->slots[i & (t->nr_slots - 1)];
		const struct intern_entry *e = *slot ? &t->entries[*slot - 1] : NULL;

		if (!e || (e->hash == hash && e->size == size &&
			   (!size || !memcmp(e->bytes, bytes, size))))
			return slot;
	}
}

static int grow_slots(struct intern *t)
{
	uint32_t nr = t->nr_slots ? t->nr_slots * 2 : 64;
	uint32_t *slots;

	if (t->nr_slots && t->count < t->nr_slots / 2)
		return 0;
	slots = calloc(nr, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	for (uint32_t id = 0; id < t->count; id++) {
		uint32_t i = t->entries[id].hash;

		while (slots[i & (nr - 1)])
			i++;
		slots[i & (nr - 1)] = id + 1;
	}
	free(t->slots);
	t->memory += (nr - t->nr_slots) * sizeof(*slots);
	t->slots = slots;
	t->nr_slots = nr;
	return 0;
}

static void *keep_bytes(struct intern *t, const void *bytes, size_t size)
{
	size_t need = (size + 1 + 7) & ~(size_t)7;
	struct intern_chunk *c = t->chunks;

	if (!c || c->size - c->used < need) {
		/* Small tables stay small: chunks double up to CHUNK_SIZE. */
		size_t room = c ? c->size * 2 : 512;

		room = room > CHUNK_SIZE ? CHUNK_SIZE : room;
		room = room < need ? need : room;
		c = malloc(sizeof(*c) + room);
		if (!c)
			return NULL;
		*c = (struct intern_chunk){ .next = t->chunks, .size = room };
		t->chunks = c;
		t->memory += sizeof(*c) + room;
	}
	void *to = c->bytes + c->used;

	if (size)
		memcpy(to, bytes, size);
	memset((char *)to + size, 0, need - size);
	c->used += need;
	return to;
}

int intern_add(struct intern *t, const void *bytes, size_t size, uint32_t *ret_id)
{
	uint32_t hash = hash_bytes(bytes, size), cap = t->cap, *slot;
	void *kept;

	if (size > UINT32_MAX || t->count == UINT32_MAX - 1)
		return -ENOMEM;
	if (grow_slots(t) < 0 || array_reserve(t->entries, t->cap, t->count + 1u) < 0)
		return -ENOMEM;
	t->memory += (t->cap - cap) * sizeof(*t->entries);
	slot = find_slot(t, hash, bytes, size);
	if (*slot) {
		*ret_id = *slot - 1;
		return 0;
	}
	kept = keep_bytes(t, bytes, size);
	if (!kept)
		return -ENOMEM;
	t->entries[t->count] = (struct intern_entry){ kept, (uint32_t)size, hash };
	*ret_id = t->count++;
	*slot = t->count;
	return 1;
}

int intern_find(const struct intern *t, const void *bytes, size_t size, uint32_t *ret_id)
{
	uint32_t *slot;

	if (!t->nr_slots)
		return 0;
	slot = find_slot(t, hash_bytes(bytes, size), bytes, size);
	if (!*slot)
		return 0;
	*ret_id = *slot - 1;
	return 1;
}

const void *intern_bytes(const struct intern *t, uint32_t id)
{
	assert(id < t->count);
	return t->entries[id].bytes;
}

size_t intern_size(const struct intern *t, uint32_t id)
{
	assert(id < t->count);
	return t->entries[id].size;
}
