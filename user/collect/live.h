/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A measurement under way: opens a mode's BPF object, writes its settings,
 * loads, attaches, and drains it into a capture. Owns its maps, links, perf
 * events, the process tracker and the capture that they fill.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "abi.h"
#include "base/cleanup.h"
#include "base/strbuf.h"
#include "collect/mode.h"
#include "kernel/filter.h"
#include "model/capture.h"

/* How user stacks are walked. */
enum live_unwind {
	LIVE_UNWIND_AUTO, /* by tables; by frame pointers where the kernel takes no such program */
	LIVE_UNWIND_TABLES,
	LIVE_UNWIND_FP,
};

struct live_settings {
	struct filter filter;
	struct mode_settings mode;
	uint64_t max_memory; /* our own memory and the maps together, in bytes; 0: 256 MiB */
	uint32_t max_depth;  /* frames a stack; 0: ABI_DEFAULT_DEPTH */
	enum live_unwind unwind;
	bool user_stacks, kernel_stacks;
	bool per_thread; /* keep threads of a process apart */
	/* Instead of the mode's own; outlives the measuring. */
	const struct probe_finder *finder;
};

/* One event that was to be listed by itself (--slower). Ids are of the capture. */
struct live_event {
	uint64_t time; /* CLOCK_MONOTONIC */
	uint64_t value, tag;
	uint32_t who, stack;
};
typedef void (*live_event_fn)(void *ctx, const struct live_event *e);

struct live;

/* libbpf's warnings are shown with -v only: what they come to is said in our own words. */
void live_log_libbpf(void);
/*
 * Nothing is measured yet. A negative errno with one line, cause and cure, in `error`.
 */
int live_open(struct live **ret, const struct mode *mode, const struct live_settings *settings,
	      struct strbuf *error);
/* Single events (--slower) go to `on_event`, while polling or draining. */
void live_listen(struct live *l, live_event_fn on_event, void *ctx);
/* Attaches: measuring begins. */
int live_start(struct live *l, struct strbuf *error);
/* After live_start(): a program is about to be executed, as execvp(3) finds it. 0 or -ENOMEM. */
int live_expect(struct live *l, const char *program);
/* A file is to be probed, whoever may map it. As probes_expect_file(). */
int live_expect_file(struct live *l, const char *path);
/* Detaches: measuring ends; what was taken waits for the last live_drain(). */
void live_stop(struct live *l);
/* Adds a process (a program just started, still waiting) to those that are measured. */
int live_add_pid(struct live *l, uint32_t pid);
/*
 * Waits up to timeout_ms (or until a signal: -EINTR), and tends to what the kernel half wants.
 * 0 or a negative errno.
 */
int live_poll(struct live *l, int timeout_ms);
/* Moves all that the kernel half holds into the capture, and tends to new CPUs. */
int live_drain(struct live *l);
struct capture *live_capture(struct live *l);
/* When measuring began and, after live_stop(), ended: CLOCK_MONOTONIC ns. */
uint64_t live_started(const struct live *l);
uint64_t live_stopped(const struct live *l);
/* Nanoseconds that one sample of a clock stands for; 0: the mode has none. */
uint64_t live_period(const struct live *l);
/* Bytes that naming what was taken may use, of --max-memory. */
size_t live_naming_memory(const struct live *l);
/* The mode probes programs, and no measured process maps anything that it looks for. */
bool live_found_nothing(const struct live *l);
/* What was watched for such, in whom (probes_watched()); nothing where the mode has no word for it.
 */
void live_watched(struct live *l, struct strbuf *out);
/* The mode probes programs, and all that was found in measured processes was refused. */
bool live_refused(const struct live *l);
/* The nth line that is to be said of probes: what was found, what could not be probed. NULL: that
 * was all. */
const char *live_note(const struct live *l, size_t n);
/* All processes that were asked for (--pid, -- PROGRAM) have ended. */
bool live_targets_gone(const struct live *l);
void live_free(struct live *l);
DEFINE_CLEANUP(struct live, live_free)

/* For a mode's attach(): perf clock events on every CPU that is to be measured. */
int live_attach_clock(struct live *l, struct strbuf *error);