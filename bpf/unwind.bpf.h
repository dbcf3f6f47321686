/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The seam where native frames are taken: kernel and user frames of the
 * running thread, leaf first, into a stack record. User frames are found by
 * frame pointers here; whatever walks them better takes this function's place.
 */
#pragma once
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "abi.h"

/*
 * Appends to the `at` frames that stand in `frames` (room for 2 * ABI_MAX_DEPTH). The number of
 * frames added, at most max_depth, or a negative errno (-EFAULT: no user stack, a kernel thread).
 */
static __always_inline long unwind(void *ctx, __u64 *frames, __u32 at, __u32 max_depth, bool user)
{
	long size;

	if (at > ABI_MAX_DEPTH)
		return 0;
	if (max_depth > ABI_MAX_DEPTH)
		max_depth = ABI_MAX_DEPTH;
	size = bpf_get_stack(ctx, &frames[at], max_depth * sizeof(*frames),
			     user ? BPF_F_USER_STACK : 0);
	return size < 0 ? size : (long)((__u64)size / sizeof(*frames));
}
