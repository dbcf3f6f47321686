// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>

#include "base/file.h"
#include "doctor/feature_probe.h"
#include "kernel/clock.h"

#define SYSCTL "/proc/sys/kernel/"

/* What cpu asks for by default, in samples a second. */
enum { FREQUENCY_HZ = 99 };

static int event_open(struct perf_event_attr *attr, int pid, int cpu)
{
	long fd;

	attr->size = sizeof(*attr);
	fd = syscall(SYS_perf_event_open, attr, pid, cpu, -1, PERF_FLAG_FD_CLOEXEC);
	return fd < 0 ? -errno : (int)fd;
}

/* On the CPU that we are on, which is sure to be online. */
static int event_open_cpu(struct perf_event_attr *attr)
{
	int cpu = sched_getcpu();

	return event_open(attr, -1, cpu < 0 ? 0 : cpu);
}

static bool is_denied(int err)
{
	return err == -EPERM || err == -EACCES;
}

static enum feature_state refused(int err, bool needed, struct strbuf *found, struct strbuf *cure)
{
	strbuf_addf(found, "perf_event_open: %s", strerror(-err));
	if (is_denied(err))
		capabilities_cure(cure);
	else if (err == -EMFILE)
		strbuf_adds(cure, "ulimit -n 65536");
	else
		strbuf_adds(cure, "a kernel with CONFIG_PERF_EVENTS");
	return needed ? FEATURE_MISSING : FEATURE_DEGRADED;
}

enum feature_state probe_perf_events(const struct feature *f, struct strbuf *found,
				     struct strbuf *cure)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.freq = 1,
		.sample_freq = FREQUENCY_HZ,
		.disabled = 1,
	};
	_cleanup_close_ int fd = event_open_cpu(&attr);

	if (fd < 0)
		return refused(fd, f->needed, found, cure);
	strbuf_adds(found, "cpu-clock opens");
	return FEATURE_OK;
}

/* Some virtual machines have a counter that opens and never counts. */
static bool counts(int fd)
{
	struct timespec start, now;
	uint64_t n = 0;

	if (ioctl(fd, PERF_EVENT_IOC_ENABLE, 0))
		return false;
	clock_gettime(CLOCK_MONOTONIC, &start);
	do
		clock_gettime(CLOCK_MONOTONIC, &now);
	while ((now.tv_sec - start.tv_sec) * 1000000000LL + now.tv_nsec - start.tv_nsec < 2000000);
	return read(fd, &n, sizeof(n)) == sizeof(n) && n;
}

enum feature_state probe_cycles(const struct feature *f, struct strbuf *found, struct strbuf *cure)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_HARDWARE,
		.config = PERF_COUNT_HW_CPU_CYCLES,
		.disabled = 1,
	};
	_cleanup_close_ int fd = event_open_cpu(&attr);

	if (is_denied(fd))
		return refused(fd, f->needed, found, cure);
	if (fd < 0) {
		strbuf_addf(found,
			    "no hardware counter (%s): cpu-clock takes its place, which does "
			    "not see code that runs with interrupts off",
			    strerror(-fd));
		strbuf_adds(cure, "a machine, or a virtual one with a PMU, that counts cycles");
		return FEATURE_DEGRADED;
	}
	if (!counts(fd)) {
		strbuf_adds(found, "the counter opens but stands still");
		strbuf_adds(cure, "bpfprof cpu -e cpu-clock");
		return FEATURE_DEGRADED;
	}
	strbuf_adds(found,
		    clocks_virtual()
			    ? "a virtual machine's counter, whose interrupts can hold a CPU: "
			      "cpu-clock is used unless -e cycles asks for it"
			    : "the hardware counts");
	return FEATURE_OK;
}

static struct perf_event_attr sideband_attr(void)
{
	return (struct perf_event_attr){
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_DUMMY,
		.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME,
		.mmap = 1,
		.mmap2 = 1,
		.comm = 1,
		.task = 1,
		.exclude_kernel = 1,
		.sample_id_all = 1,
		.use_clockid = 1,
		.clockid = CLOCK_MONOTONIC,
		.disabled = 1,
	};
}

enum feature_state probe_sideband(const struct feature *f, struct strbuf *found,
				  struct strbuf *cure)
{
	struct perf_event_attr attr = sideband_attr();
	_cleanup_close_ int fd = event_open_cpu(&attr);

	if (fd < 0)
		return refused(fd, f->needed, found, cure);
	strbuf_adds(found, "MMAP2, COMM, FORK and EXIT");
	return FEATURE_OK;
}

enum feature_state probe_sideband_build_id(const struct feature *f, struct strbuf *found,
					   struct strbuf *cure)
{
	struct perf_event_attr attr = sideband_attr();
	_cleanup_close_ int fd = -1;

	attr.build_id = 1;
	/* Of ourselves: whether the kernel knows the bit does not depend on rights. */
	fd = event_open(&attr, 0, -1);
	if (is_denied(fd))
		return refused(fd, f->needed, found, cure);
	if (fd < 0) {
		strbuf_adds(found, "not in this kernel (5.12): read from the files");
		return FEATURE_DEGRADED;
	}
	strbuf_adds(found, "in MMAP2 records");
	return FEATURE_OK;
}

/* Adds a sysctl's value to `found`. 0 or a negative errno. */
static int sysctl_read(const char *path, struct strbuf *found, long long *ret)
{
	_cleanup_(strbuf_done) struct strbuf text = STRBUF_INIT;
	int err = file_read(path, 64, &text);

	if (err < 0) {
		strbuf_addf(found, "%s: %s", path, strerror(-err));
		return err;
	}
	*ret = strtoll(strbuf_str(&text), NULL, 10);
	strbuf_addf(found, "%lld", *ret);
	return 0;
}

static bool may_count_all(void)
{
	return capabilities_effective() & (1ull << CAP_PERFMON | 1ull << CAP_SYS_ADMIN);
}

enum feature_state probe_paranoid(const struct feature *f, struct strbuf *found,
				  struct strbuf *cure)
{
	long long level;

	(void)f;
	if (sysctl_read(SYSCTL "perf_event_paranoid", found, &level)) {
		strbuf_adds(cure, "a kernel with CONFIG_PERF_EVENTS");
		return FEATURE_MISSING;
	}
	if (level <= 0) {
		strbuf_adds(found, ": bars nobody");
		return FEATURE_OK;
	}
	if (may_count_all()) {
		strbuf_adds(found, ": does not bar who holds CAP_PERFMON");
		return FEATURE_OK;
	}
	strbuf_adds(found, ": bars who does not hold CAP_PERFMON");
	capabilities_cure(cure);
	return FEATURE_MISSING;
}

enum feature_state probe_sample_rate(const struct feature *f, struct strbuf *found,
				     struct strbuf *cure)
{
	long long rate;

	(void)f;
	if (sysctl_read(SYSCTL "perf_event_max_sample_rate", found, &rate))
		return FEATURE_DEGRADED;
	strbuf_adds(found, " Hz");
	if (rate >= FREQUENCY_HZ)
		return FEATURE_OK;
	strbuf_addf(found, ": cpu needs -F %lld or less", rate);
	strbuf_adds(cure, "sudo sysctl kernel.perf_cpu_time_max_percent=25 "
			  "kernel.perf_event_max_sample_rate=100000");
	return FEATURE_DEGRADED;
}

enum feature_state probe_max_stack(const struct feature *f, struct strbuf *found,
				   struct strbuf *cure)
{
	long long depth;

	(void)f;
	if (sysctl_read(SYSCTL "perf_event_max_stack", found, &depth))
		return FEATURE_DEGRADED;
	strbuf_adds(found, " frames");
	/* The kernel's own default, which its own stacks do not reach. */
	if (depth >= 127)
		return FEATURE_OK;
	strbuf_adds(found, ": a deeper stack loses its root");
	strbuf_addf(cure, "sudo sysctl kernel.perf_event_max_stack=%d", ABI_MAX_DEPTH);
	return FEATURE_DEGRADED;
}

enum feature_state probe_mlock(const struct feature *f, struct strbuf *found, struct strbuf *cure)
{
	/* The kernel's default: a ring of 512 KiB and its control page. */
	const long long usual_kib = 512 + sysconf(_SC_PAGESIZE) / 1024;
	long long kib;

	(void)f;
	if (sysctl_read(SYSCTL "perf_event_mlock_kb", found, &kib))
		return FEATURE_DEGRADED;
	strbuf_adds(found, " KiB a CPU");
	if (capabilities_effective() & 1ull << CAP_IPC_LOCK) {
		strbuf_adds(found, ", which does not bind who holds CAP_IPC_LOCK");
		return FEATURE_OK;
	}
	if (kib >= usual_kib)
		return FEATURE_OK;
	strbuf_adds(found, ": rings may not find room");
	strbuf_addf(cure, "sudo sysctl kernel.perf_event_mlock_kb=%lld", usual_kib);
	return FEATURE_DEGRADED;
}
