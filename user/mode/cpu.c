// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <inttypes.h>

#include "base/parse.h"
#include "collect/live.h"
#include "collect/mode.h"
#include "cpu.skel.h"
#include "kernel/clock.h"

static int set_frequency(void *ctx, const char *value, struct strbuf *error)
{
	struct mode_settings *s = ctx;
	uint64_t limit = clocks_max_frequency(), hz;

	if (parse_u64(value, &hz) < 0 || !hz || hz > limit) {
		strbuf_addf(error,
			    "--frequency takes 1 to %" PRIu64 " samples a second (the limit is "
			    "kernel.perf_event_max_sample_rate), not '%s'",
			    limit, value);
		return -EINVAL;
	}
	s->frequency_hz = hz;
	return 0;
}

static int set_event(void *ctx, const char *value, struct strbuf *error)
{
	struct mode_settings *s = ctx;

	if (clocks_has_event(value)) {
		s->event = value;
		return 0;
	}
	strbuf_addf(error, "--event takes cycles or cpu-clock, not '%s'", value);
	return -EINVAL;
}

static const struct opt opts[] = {
	{ "frequency", 'F', "HZ", "samples a second and CPU (default 99)", set_frequency, NULL },
	{ "event", 'e', "EVENT", "what ticks: cycles, cpu-clock (default: the best there is)",
	  set_event, "cycles cpu-clock" },
	{ 0 },
};

const struct mode mode_cpu = {
	.name = "cpu",
	.summary = "where on-CPU time goes, by stack",
	.about = "Samples every CPU by a clock and counts the stacks that it finds running. A CPU "
		 "that has nothing to do is not counted.",
	.values = { { "samples", "count" }, { "cpu", "nanoseconds" } },
	.opts = opts,
	.view = "table",
	.duration_ns = 10000000000,
	.defaults = { .frequency_hz = 99 },
	.object = cpu_bpf__elf_bytes,
	.attach = live_attach_clock,
};
