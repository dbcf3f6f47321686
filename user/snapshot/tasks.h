/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The threads of a process as the kernel knows them at one moment, by its iterator over tasks. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "dump.h"

struct snapshot_tasks;

/* `elf`: the object of bpf/dump.bpf.c. A negative errno with one line in `error`. */
int snapshot_tasks_open(struct snapshot_tasks **ret, const void *elf, size_t size,
			struct strbuf *error);
void snapshot_tasks_free(struct snapshot_tasks *s);
DEFINE_CLEANUP(struct snapshot_tasks, snapshot_tasks_free)
/*
 * All threads of a process (as the initial pid namespace counts), good until the next call. Their
 * number; 0: there is no such process; -EFBIG: too many; another negative errno.
 */
int snapshot_tasks_read(struct snapshot_tasks *s, const struct dump_config *wanted,
			const struct dump_task **ret);
