/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The kernel half's walk (bpf/walk.h), over a recording. */
#pragma once
#include "blocks.h"
#include "recording.h"

struct walked {
	__u64 frames[2 * ABI_MAX_DEPTH]; /* calls' addresses, leaf first */
	uint32_t nr;
	uint8_t stop; /* enum abi_stop */
	uint32_t reads;
};

/* Walks up to max_depth frames (at most ABI_MAX_DEPTH). */
void walker_walk(const struct blocks *b, const struct recording *r, uint32_t max_depth,
		 struct walked *ret);
const char *walker_stop_name(uint8_t stop);
