/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A thread's registers and stack as of one moment, in the form in which walks lacked tables. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "abi.h"
#include "dump.h"

enum {
	SNAPSHOT_COPY_FIRST = 64 << 10, /* bytes of stack: enough for most */
	SNAPSHOT_COPY_MOST = 4 << 20,	/* for ABI_MAX_DEPTH frames of 4 KB */
};

/*
 * Copies up to `size` bytes from the stack pointer on, as far as memory can be read, through any
 * living thread `pid` of the process. 0, or -ENOMEM, -EPERM, -ESRCH: it has ended. The caller
 * frees *ret.
 */
int snapshot_copy(pid_t pid, const struct dump_task *task, uint32_t size, struct abi_copy **ret);
/* Is there more of the stack than was copied? */
bool snapshot_copy_is_full(const struct abi_copy *c, uint32_t size);
