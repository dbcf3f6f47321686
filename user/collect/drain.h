/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Moves what the kernel half holds into a capture, losing nothing between
 * reading and clearing: the kernel half is switched to its other generation
 * of regions; once no program runs that began before the switch, the old ones
 * are read and emptied at leisure. Records of the ring come before the slots
 * that refer to them, so that every id in a slot is known.
 */
#pragma once
#include <stdbool.h>

#include "abi.h"
#include "base/cleanup.h"
#include "collect/budget.h"
#include "collect/live.h"
#include "kernel/sideband.h"
#include "model/capture.h"
#include "process/tracker.h"
#include "walk/tables.h"

struct bpf_object;
struct drain;

struct drain_settings {
	struct budget budget;
	struct abi_config config;
	bool per_thread;
	uint64_t again; /* as of struct mode */
	bool has_texts; /* as the mode has */
};

/* Sizes the maps by the budget. Before the object is loaded. */
int drain_prepare(const struct drain_settings *settings, struct bpf_object *obj);
/* Maps the regions and the ring of a loaded object; all arguments outlive the drain. */
int drain_open(struct drain **ret, const struct drain_settings *settings, struct bpf_object *obj,
	       struct capture *capture, struct tracker *tracker, struct sideband *sideband,
	       struct tables *tables);
void drain_free(struct drain *d);
DEFINE_CLEANUP(struct drain, drain_free)
/*
 * Measuring begins: CLOCK_MONOTONIC now. `process_times`: the capture is to have those of
 * processes with events.
 */
uint64_t drain_begin(struct drain *d, bool process_times);
/* Something was seen of a process by other means than the kernel half's. 0 or -ENOMEM. */
int drain_see(struct drain *d, uint32_t tgid, uint64_t start_ns);
/* Measuring ends; what was taken is still to be drained. */
void drain_end(struct drain *d);
/* Readable when the ring is half full, or when the kernel half wants something. */
int drain_fd(const struct drain *d);
/* Single events (--slower) go to `on_event`; NULL: they are dropped. */
void drain_listen(struct drain *d, live_event_fn on_event, void *ctx);
/* Reads the ring alone, and answers what the kernel half wants. 0 or a negative errno. */
int drain_answer(struct drain *d);
/* `last`: no program is attached any more; what still misses its stack is counted as lost. */
int drain_run(struct drain *d, bool last);
