/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One side-band record as the kernel writes it: perf_event_open(2) and
 * linux/perf_event.h. Every record ends with a sample_id of a single field,
 * the time (attr.sample_type is PERF_SAMPLE_TIME alone).
 */
#pragma once
#include <linux/perf_event.h>
#include <stdbool.h>
#include <stdint.h>

#include "process/tracker.h"

/* Is it one that sideband_record_event() makes an event of? `size` bytes, with its header. */
bool sideband_record_wanted(const struct perf_event_header *record, size_t size);
/* The time of any record but a sample; 0: it is too short to have one. */
uint64_t sideband_record_time(const struct perf_event_header *record, size_t size);
/* How many records a LOST or LOST_SAMPLES record says were dropped; 0: it is none. */
uint64_t sideband_record_lost(const struct perf_event_header *record, size_t size);
/* 1: *ret is filled, its path points into the record; 0: nothing of interest, or malformed. */
int sideband_record_event(const struct perf_event_header *record, size_t size,
			  struct process_event *ret);
