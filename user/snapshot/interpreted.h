/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A thread's interpreted stack, walked here through the process's memory as the kernel half does.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "abi.h"

struct snapshot_calls {
	uint8_t interpreted;   /* enum abi_interpreted */
	uint16_t calls_walked; /* … of which min(calls_walked, ABI_MAX_CALLS) are in `calls` */
	uint16_t nr_calls;
	uint32_t nr_entries;
	struct abi_call calls[ABI_MAX_CALLS];
	__u64 entries[ABI_MAX_ENTRIES];
};

/*
 * `pid`: any living thread of the process; `thread`: the thread pointer; `sp`, `registers`: with
 * which it left user mode, DUMP_MAX_REGISTERS.
 */
void snapshot_walk_python(pid_t pid, const struct abi_python *layout, uint64_t thread, uint64_t sp,
			  const __u64 *registers, struct snapshot_calls *ret);
/* Is the process's Python free-threaded, and no GIL in use? `thread`: any that runs Python. */
bool snapshot_is_without_gil(pid_t pid, const struct abi_python *layout, uint64_t thread);
/* Does the thread hold the lock that lets one thread at a time run Python, where there is one? */
bool snapshot_holds_gil(pid_t pid, const struct abi_python *layout, uint64_t thread);
