/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From the kernel half's ids to the capture's: what came through the ring
 * says which thread or stack an id stands for. A stack is normalised at once,
 * with the processes as they were at its time; a sample whose stack has not
 * come (the ring was full, it will be sent again) waits for it.
 */
#pragma once
#include "collect/drain.h"
#include "walk/tables.h"

struct cputimes;
struct records;

int records_new(struct records **ret, const struct drain_settings *settings,
		struct capture *capture, struct tracker *tracker, struct sideband *sideband,
		struct tables *tables);
void records_free(struct records *r);
/* Single events (--slower) go to `fn`; NULL: they are dropped. */
void records_listen(struct records *r, live_event_fn fn, void *ctx);
/* Processes of which something is seen are shown to `times`; NULL: they are not. */
void records_time(struct records *r, struct cputimes *times);
/* ring_buffer_sample_fn: keeps a record. */
int records_take(void *ctx, void *data, size_t size);
/* Reads the side-band and works off what was taken. 0 or a negative errno. */
int records_answer(struct records *r);
/* … and tends to what changes meanwhile: not while programs are waited for. */
int records_settle(struct records *r);
/* A slot of a region: into the capture, or kept until its stack comes. */
int records_slot(struct records *r, const struct abi_slot *slot);
/* Nothing more will come: what still waits goes in without its stack, and is counted. */
int records_finish(struct records *r);
size_t records_memory(const struct records *r);
