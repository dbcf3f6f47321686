/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Bytes to dense ids, 0, 1, 2 … in the order of first sight: the one hash
 * table of bpfprof. Equal bytes have one id; bytes never move, so that a
 * pointer from intern_bytes() stays good until intern_done(). The hash is
 * seeded, so that a hostile process can't choose names that collide.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct intern {
	struct intern_entry *entries;
	uint32_t count, cap;
	uint32_t *slots; /* entry id + 1; 0: empty */
	uint32_t nr_slots;
	struct intern_chunk *chunks;
	size_t memory;
};

#define INTERN_INIT \
	{           \
		0   \
	}

void intern_done(struct intern *t);
/* Finds or adds. 1: new, 0: known, -ENOMEM. Bytes are kept 8-aligned with a NUL behind them. */
int intern_add(struct intern *t, const void *bytes, size_t size, uint32_t *ret_id);
/* 1: found, 0: not there. */
int intern_find(const struct intern *t, const void *bytes, size_t size, uint32_t *ret_id);
const void *intern_bytes(const struct intern *t, uint32_t id);
size_t intern_size(const struct intern *t, uint32_t id);
