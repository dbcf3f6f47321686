/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A watched system: side-band and tracker together, and programs started under their eyes. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "kernel/sideband.h"
#include "process/tracker.h"

struct watch {
	struct capture capture;
	struct sideband *sideband;
	struct tracker *tracker;
	uint64_t nr_events, lost, last_time;
	bool out_of_order;
	void (*saw)(struct watch *w, const struct process_event *e); /* may be NULL */
	void *ctx;
};

/* 0 or a negative errno. */
int watch_open(struct watch *w, unsigned pages);
void watch_close(struct watch *w);
/* Moves all that the kernel has into the tracker, as live.c does. */
int watch_pump(struct watch *w);
uint64_t watch_now(void);

/* A program that runs: what it told of its own code, and the pipes to it. */
struct target {
	pid_t pid;
	int in, out;
	uint64_t address;
	uint8_t code[12];
};

/* `before` (may be NULL) runs in the child before it executes argv; it may not return on failure.
 */
int target_start(struct target *t, char *const argv[], void (*before)(void *ctx), void *ctx);
/* The next line that it tells. 0 or -EPROTO. */
int target_hear(struct target *t);
/* Ends its input and waits for it. */
void target_end(struct target *t);
