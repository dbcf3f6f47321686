/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What one program at a time may use on a CPU. Who comes while another one has it goes away again:
 * nobody waits. Each step is one instruction, so that it holds wherever we are interrupted.
 */
#pragma once
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

/* Is it ours? alone_leave() in any case. */
static __always_inline bool alone_enter(__u32 *users)
{
	__sync_fetch_and_add(users, 1);
	return *(volatile __u32 *)users == 1;
}

static __always_inline void alone_leave(__u32 *users)
{
	__sync_fetch_and_add(users, -1);
}
