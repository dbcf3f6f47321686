/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Programs that know their probe's place, for kernels without cookies (before
 * 5.15): each notes it and goes on in the one that all probes share
 * (bpf/probe.bpf.h). They are made when a place is attached first, and are the
 * same but for that number, so there are as many as there are places.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

struct bpf_object;
struct place_programs;

/*
 * `obj` is loaded, and outlives them. 0; -ENOENT: it has no program that places share, or not its
 * maps; another negative errno.
 */
int place_programs_new(struct place_programs **ret, struct bpf_object *obj);
void place_programs_free(struct place_programs *p);
DEFINE_CLEANUP(struct place_programs, place_programs_free)
/* The descriptor of a place's program, not the caller's; a negative errno. */
int place_programs_get(struct place_programs *p, uint32_t place);
/* How many there are; NULL has none. */
size_t place_programs_nr(const struct place_programs *p);
/* The nth of them, in the order in which they were made; negative: it was refused. */
int place_programs_made(const struct place_programs *p, size_t n);
/* Bytes of memory. */
size_t place_programs_memory(const struct place_programs *p);
