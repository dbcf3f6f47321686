// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* cpu: where on-CPU time goes. One sample a tick of a perf clock. */
#include "collect.bpf.h"

SEC("perf_event")
int on_tick(struct bpf_perf_event_data *ctx)
{
	/* Process 0 is a CPU with nothing to do. */
	if (!(bpf_get_current_pid_tgid() >> 32) || !wanted())
		return 0;
	return collect(ctx, 0, cfg.period, false);
}
