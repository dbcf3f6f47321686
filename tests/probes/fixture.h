/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A watched system whose programs are probed, and programs to probe. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "kernel/filter.h"
#include "kernel/sideband.h"
#include "kernel/uprobe.h"
#include "model/capture.h"
#include "probe/probes.h"
#include "process/tracker.h"

struct bpf_object;

/* What the finder looks for: functions whose names begin so. */
struct wanted {
	const char *prefix;
	bool returns;  /* these too */
	uint64_t bad;  /* and a site here, which can't be probed; 0: none */
	unsigned seen; /* files that were shown */
};

struct bench {
	struct filter filter;
	struct wanted wanted;
	struct probe_finder finder;
	struct probes_settings settings;
	struct bpf_object *obj;
	struct sideband *sideband;
	struct tracker *tracker;
	struct capture capture;
	struct probes *probes;
	uint32_t flags;
	uint64_t mapped_ns;   /* the record of the first file that is probed */
	uint64_t attached_ns; /* … and when it was */
};

/* Ends the program with 77 where this can't be tested. */
void bench_check(void);
/* `b->filter`, `wanted` and `settings.max_overhead` are the caller's. */
void bench_open(struct bench *b);
/* Opens what is there already. */
void bench_scan(struct bench *b);
/* As live.c does, when the side-band says something or `ms` are over. */
void bench_pump(struct bench *b, int ms);
/* Until so many probes are attached; fails after a second. */
void bench_await(struct bench *b, size_t nr);
void bench_close(struct bench *b);
/* Hits of all places together. */
uint64_t bench_hits(struct bench *b);

int find_functions(void *ctx, const struct runtime_image *image, struct probe_sites *ret,
		   struct strbuf *why);

struct target {
	pid_t pid;
	FILE *in, *out;
};

/* `before` (may be NULL) runs in the child before it executes `path`. */
void target_spawn(struct target *t, const char *path, const char *first, void (*before)(void *ctx),
		  void *ctx);
/* Waits until it is. */
void target_ready(struct target *t, const char *first);
/* Both. */
void target_start(struct target *t, const char *path, const char *first, void (*before)(void *ctx),
		  void *ctx);
/* Has it called: "one 1000". */
void target_call(struct target *t, const char *line);
void target_end(struct target *t);
/* The code of a program that runs, from its first executable segment on. */
void target_code(pid_t pid, uint8_t *to, size_t size);
/* The offset of a function in the target's file. */
uint64_t target_offset(const char *function);
