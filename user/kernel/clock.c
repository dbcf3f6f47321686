// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "kernel/clock.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/array.h"
#include "base/file.h"
#include "kernel/cpus.h"

/* What a clock can tick by, the best first. */
static const struct event {
	const char *name;
	uint32_t type;
	uint64_t config;
} events[] = {
	{ "cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES },
	{ "cpu-clock", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK },
};

struct clocks {
	const struct event *event;
	uint64_t frequency_hz;
	const struct filter *filter;
	struct bpf_program *program;
	struct bpf_link **links; /* by CPU; NULL: not measured, or offline */
	uint32_t nr_cpus;
};

static int open_event(const struct event *e, uint64_t frequency_hz, uint32_t cpu)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.type = e->type,
		.config = e->config,
		.sample_freq = frequency_hz,
		.freq = 1,
	};
	int fd = (int)syscall(SYS_perf_event_open, &attr, -1, (int)cpu, -1, PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static bool is_measured(const struct filter *f, uint32_t cpu)
{
	for (size_t i = 0; i < f->nr_cpus; i++)
		if (f->cpus[i] == cpu)
			return true;
	return !f->nr_cpus;
}

int clocks_add_cpu(struct clocks *c, uint32_t cpu)
{
	int fd, r;

	if (cpu >= c->nr_cpus || !is_measured(c->filter, cpu))
		return 0;
	/* The event of a CPU that went away is dead, also after it comes back. */
	bpf_link__destroy(c->links[cpu]);
	c->links[cpu] = NULL;
	fd = open_event(c->event, c->frequency_hz, cpu);
	if (fd < 0)
		return fd;
	c->links[cpu] = bpf_program__attach_perf_event(c->program, fd);
	if (!c->links[cpu]) {
		r = -errno;
		close(fd);
		return r;
	}
	return 0;
}

bool clocks_virtual(void)
{
	struct strbuf text = STRBUF_INIT;
	int r = file_read("/proc/cpuinfo", 8192, &text);
	bool is = (r >= 0 || r == -EFBIG) && strstr(strbuf_str(&text), " hypervisor");

	strbuf_done(&text);
	return is;
}

static int choose_event(struct clocks *c, const struct clock_settings *settings, uint32_t cpu,
			struct strbuf *error)
{
	int r = -ENOENT;

	for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
		if (settings->event ? strcmp(settings->event, events[i].name)
				    : events[i].type == PERF_TYPE_HARDWARE && clocks_virtual())
			continue;
		r = open_event(&events[i], c->frequency_hz, cpu);
		if (r >= 0) {
			close(r);
			c->event = &events[i];
			return 0;
		}
		if (r == -EACCES || r == -EPERM)
			break;
	}
	if (r == -EACCES || r == -EPERM)
		strbuf_adds(error,
			    "not allowed to open perf events: run as root, or with CAP_PERFMON "
			    "('bpfprof doctor' says what is missing)");
	else
		strbuf_addf(error, "cannot open the perf event %s: %s; try --event cpu-clock",
			    settings->event ? settings->event : "cpu-clock", strerror(-r));
	return r;
}

int clocks_start(struct clocks **ret, const struct clock_settings *settings,
		 const struct filter *filter, struct bpf_program *program, struct strbuf *error)
{
	struct clocks *c = calloc(1, sizeof(*c));
	struct cpus online = CPUS_INIT;
	int r = c ? cpus_read("online", &online) : -ENOMEM;

	if (r < 0)
		goto fail;
	c->frequency_hz = settings->frequency_hz;
	c->filter = filter;
	c->program = program;
	c->nr_cpus = (uint32_t)libbpf_num_possible_cpus();
	c->links = calloc(c->nr_cpus, sizeof(*c->links));
	r = c->links ? choose_event(c, settings, online.ids[0], error) : -ENOMEM;
	for (uint32_t i = 0; r >= 0 && i < online.nr; i++) {
		r = clocks_add_cpu(c, online.ids[i]);
		/* It went offline since the list was read. */
		if (r == -ENODEV)
			r = 0;
	}
	if (r < 0)
		goto fail;
	cpus_done(&online);
	*ret = c;
	return 0;
fail:
	if (!error->len)
		strbuf_addf(error, "cannot start the clock: %s", strerror(-r));
	cpus_done(&online);
	clocks_stop(c);
	return r;
}

void clocks_stop(struct clocks *c)
{
	if (!c)
		return;
	for (uint32_t i = 0; c->links && i < c->nr_cpus; i++)
		bpf_link__destroy(c->links[i]);
	free(c->links);
	free(c);
}

bool clocks_has_event(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(events); i++)
		if (!strcmp(name, events[i].name))
			return true;
	return false;
}

uint64_t clocks_max_frequency(void)
{
	unsigned long long limit;

	return file_read_u64("/proc/sys/kernel/perf_event_max_sample_rate", &limit) < 0 ? 100000
											: limit;
}
