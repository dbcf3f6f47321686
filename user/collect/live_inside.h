/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The inside of live.h: live.c (a measurement's course) and live_load.c (its BPF object). */
#pragma once
#include "collect/drain.h"
#include "collect/ledgers.h"
#include "collect/live.h"
#include "kernel/clock.h"
#include "kernel/cpus.h"
#include "kernel/sideband.h"
#include "probe/probes.h"
#include "process/tracker.h"
#include "walk/tables.h"

struct live {
	const struct mode *mode;
	struct live_settings settings;
	struct drain_settings drain_settings;
	struct bpf_object *obj;
	struct bpf_link **links;
	size_t nr_links, cap_links;
	struct clocks *clocks;
	struct sideband *sideband;
	struct tracker *tracker;
	struct capture capture;
	struct drain *drain;
	struct tables *tables; /* NULL: the kernel walks user stacks */
	struct probes *probes; /* NULL: the mode has none */
	struct probes_settings probes_settings;
	struct ledgers *ledgers; /* NULL: what it probes for is written down by nobody */
	struct cpus online;	 /* when last looked at */
	int epoll_fd;
	uint64_t started, stopped;
	uint64_t answered; /* when the kernel half's wishes were last looked at … */
	uint64_t pause;	   /* … and for how long they are not, then */
};

/* live_load.c */
/* Divides --max-memory, fills in what the kernel half is told, and loads the object. */
int live_load(struct live *l, struct strbuf *error);
struct tables_settings live_tables_settings(const struct live *l);
/* Does it have a finder, and so probes? */
bool live_has_probes(const struct live *l);
