/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Perf clock events that run a program on every measured CPU, also on those that come later. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "kernel/filter.h"

struct bpf_program;
struct clocks;

struct clock_settings {
	const char *event; /* "cycles", "cpu-clock"; NULL: the best that is safe here */
	uint64_t frequency_hz;
};

/* Opens and attaches on all online CPUs of the filter. A negative errno with a line in `error`. */
int clocks_start(struct clocks **ret, const struct clock_settings *settings,
		 const struct filter *filter, struct bpf_program *program, struct strbuf *error);
/* A CPU came online: its events are opened anew. 0, also for one outside the filter, or -errno. */
int clocks_add_cpu(struct clocks *c, uint32_t cpu);
/* Detaches and closes; NULL is fine. */
void clocks_stop(struct clocks *c);
/* Is it a name that clock_settings.event may have? */
bool clocks_has_event(const char *name);
/*
 * Is this a virtual machine? There the interrupts of a counter are the hypervisor's to give, and at
 * 999 Hz some held a CPU for half a minute: cycles is not the default. x86 says so; others don't.
 */
bool clocks_virtual(void);
/* The largest frequency that the kernel takes (kernel.perf_event_max_sample_rate). */
uint64_t clocks_max_frequency(void);
