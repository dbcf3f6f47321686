// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* How long reads of user memory take at a tick of a clock, without a walk around them. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

enum { READS = 64, SIZES = 4 };

/* Set by who loads it: memory that may be read, of this process, and how much of it. */
const volatile struct {
	__u64 from;
	__u32 tgid, sizes[SIZES];
} settings = { 0 };

struct {
	__u64 runs, clock, first[SIZES], more[SIZES];
} sums SEC(".data.sums") = { 0 };

static char buffer[4096];

SEC("perf_event")
int reads(void *ctx)
{
	__u64 at = bpf_ktime_get_ns(), then = bpf_ktime_get_ns(), clock = then - at;
	/* One size a tick: each has its own first read. */
	__u32 n = sums.runs & (SIZES - 1), size = settings.sizes[n] & 4095;

	if (bpf_get_current_pid_tgid() >> 32 != settings.tgid)
		return 0;
	at = bpf_ktime_get_ns();
	bpf_probe_read_user(buffer, size, (void *)settings.from);
	then = bpf_ktime_get_ns();
	for (int i = 0; i < READS; i++)
		bpf_probe_read_user(buffer, size, (void *)settings.from);
	sums.more[n] += bpf_ktime_get_ns() - then;
	sums.first[n] += then - at;
	sums.clock += clock;
	sums.runs++;
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
