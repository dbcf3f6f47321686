/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The kernel's own account of processes: perf side-band records (MMAP2 with
 * build-id from 5.12 on, COMM, FORK, EXIT) from a dummy event on every CPU.
 * No probe, nothing done to a process; each record carries CLOCK_MONOTONIC.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "process/tracker.h"

struct sideband;

/*
 * Opens the events, counting from now. pages: ring size a CPU, a power of two.
 * A negative errno: -EACCES, -EPERM (CAP_PERFMON is missing), -EMFILE.
 */
int sideband_open(struct sideband **ret, unsigned pages);
/*
 * The same for whoever has to look at files as soon as they are mapped: each record wakes at once,
 * and files are told apart by inode, not by build-id, which copies of a file share.
 */
int sideband_open_eager(struct sideband **ret, unsigned pages);
void sideband_close(struct sideband *s);
DEFINE_CLEANUP(struct sideband, sideband_close)
/* An epoll descriptor that is readable when a ring is half full. */
int sideband_fd(const struct sideband *s);
/* A CPU came online: opens its event if there is none. 0 or a negative errno. */
int sideband_add_cpu(struct sideband *s, uint32_t cpu);
/* Empties the rings into memory. The number of records, or -ENOMEM. */
int sideband_read(struct sideband *s);
/*
 * Hands out what sideband_read() kept, in order of time over all CPUs, up to and with
 * `until` (CLOCK_MONOTONIC; UINT64_MAX: all). Stops at the first negative return of `fn`.
 * The order holds for all that is older than the last sideband_read(): take the time before
 * it as `until`. FORK and EXIT of threads are left out, except of a process's first.
 */
int sideband_deliver(struct sideband *s, uint64_t until,
		     int (*fn)(void *ctx, const struct process_event *e), void *ctx);
/* Records that the kernel dropped since the last call. */
uint64_t sideband_take_lost(struct sideband *s);
size_t sideband_memory(const struct sideband *s);
