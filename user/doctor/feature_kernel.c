// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#include "base/file.h"
#include "doctor/feature_probe.h"
#include "process/namespace.h"

enum { FILE_MAX = 64 << 10, MAPS_LOCKED_MIB = 64 };

bool kernel_at_least(const char *release, unsigned major, unsigned minor)
{
	unsigned have_major, have_minor;

	if (sscanf(release, "%u.%u", &have_major, &have_minor) != 2)
		return false;
	return have_major > major || (have_major == major && have_minor >= minor);
}

static bool running_at_least(unsigned major, unsigned minor)
{
	struct utsname u;

	return !uname(&u) && kernel_at_least(u.release, major, minor);
}

enum feature_state probe_kernel(const struct feature *f, struct strbuf *found, struct strbuf *cure)
{
	struct utsname u;

	(void)f;
	if (uname(&u)) {
		strbuf_addf(found, "unknown: %s", strerror(errno));
		return FEATURE_MISSING;
	}
	strbuf_add_escaped(found, u.release);
	strbuf_addf(found, " (%s)", u.machine);
	if (kernel_at_least(u.release, 5, 10))
		return FEATURE_OK;
	strbuf_adds(found, ", older than 5.10");
	strbuf_adds(cure, "boot a kernel of 5.10 or newer");
	return FEATURE_MISSING;
}

int lockdown_level(const char *text, struct strbuf *ret_level)
{
	const char *from = strchr(text, '['), *to = from ? strchr(from, ']') : NULL;

	if (!to)
		return -EINVAL;
	strbuf_add(ret_level, from + 1, (size_t)(to - from - 1));
	return 0;
}

enum feature_state probe_lockdown(const struct feature *f, struct strbuf *found,
				  struct strbuf *cure)
{
	_cleanup_(strbuf_done) struct strbuf text = STRBUF_INIT, level = STRBUF_INIT;
	int err = file_read("/sys/kernel/security/lockdown", FILE_MAX, &text);

	(void)f;
	if (err < 0) {
		strbuf_adds(found, err == -ENOENT ? "none to be seen" : strerror(-err));
		return FEATURE_OK;
	}
	if (lockdown_level(strbuf_str(&text), &level) < 0)
		strbuf_adds(&level, "unknown");
	strbuf_add_escaped(found, strbuf_str(&level));
	/* LOCKDOWN_BPF_READ_KERNEL is in the second level only. */
	if (strcmp(strbuf_str(&level), "confidentiality"))
		return FEATURE_OK;
	strbuf_adds(found, ": BPF must not read the kernel's memory");
	strbuf_adds(cure, "boot with lockdown=integrity on the kernel's command line");
	return FEATURE_MISSING;
}

enum feature_state probe_user_namespace(const struct feature *f, struct strbuf *found,
					struct strbuf *cure)
{
	(void)f;
	if (namespace_is_first_user()) {
		strbuf_adds(found, "the first one");
		return FEATURE_OK;
	}
	strbuf_adds(found, "one of its own: the rights in it do not count for BPF and perf");
	strbuf_adds(cure, "run bpfprof on the host, or in a container without a user namespace "
			  "(docker run --userns=host --privileged --pid=host)");
	return FEATURE_MISSING;
}

enum feature_state probe_pid_namespace(const struct feature *f, struct strbuf *found,
				       struct strbuf *cure)
{
	(void)f;
	if (namespace_is_first_pid()) {
		strbuf_adds(found, "the first one");
		return FEATURE_OK;
	}
	strbuf_adds(found, "one of its own: the kernel's pids are not those of /proc here, so user "
			   "code has no names and --pid finds no process");
	strbuf_adds(cure, "run bpfprof on the host, or in a container with its pids (docker run "
			  "--pid=host)");
	return FEATURE_DEGRADED;
}

/* The number behind `key` ("Seccomp:") in the text of /proc/self/status; -1: there is none. */
static int status_number(const char *status, const char *key)
{
	const char *at = strstr(status, key);
	int n;

	return at && sscanf(at + strlen(key), "%d", &n) == 1 ? n : -1;
}

static bool is_barred(long result, int err)
{
	return result < 0 && (err == EPERM || err == EACCES || err == ENOSYS);
}

/*
 * Calls with arguments that are wrong: the kernel says EINVAL before it looks at any right, a
 * seccomp filter says something else. bpf() asks for CAP_BPF first, so without it we can't tell.
 */
static bool bpf_barred(void)
{
	union bpf_attr attr = { 0 };
	bool capable = capabilities_effective() & (1ull << CAP_BPF | 1ull << CAP_SYS_ADMIN);
	long r = syscall(SYS_bpf, 0x7fffffff, &attr, sizeof(attr));

	return is_barred(r, errno) && (capable || errno == ENOSYS);
}

static bool perf_barred(void)
{
	long r = syscall(SYS_perf_event_open, NULL, 0, -1, -1, ~0ul);

	return is_barred(r, errno);
}

enum feature_state probe_sandbox(const struct feature *f, struct strbuf *found, struct strbuf *cure)
{
	_cleanup_(strbuf_done) struct strbuf text = STRBUF_INIT;
	bool no_bpf = bpf_barred(), no_perf = perf_barred();

	(void)f;
	if (file_read("/proc/self/status", FILE_MAX, &text) < 0)
		strbuf_reset(&text);
	strbuf_adds(found, status_number(strbuf_str(&text), "\nSeccomp:") == 2 ? "a seccomp filter"
									       : "no seccomp");
	if (status_number(strbuf_str(&text), "\nNoNewPrivs:") == 1)
		strbuf_adds(found, ", no_new_privs: file capabilities do not count");
	if (!no_bpf && !no_perf)
		return FEATURE_OK;
	strbuf_addf(found, ", barred: %s%s%s", no_bpf ? "bpf" : "", no_bpf && no_perf ? ", " : "",
		    no_perf ? "perf_event_open" : "");
	strbuf_adds(cure, "allow bpf and perf_event_open (docker run --security-opt "
			  "seccomp=unconfined)");
	return FEATURE_MISSING;
}

enum feature_state probe_unprivileged_bpf(const struct feature *f, struct strbuf *found,
					  struct strbuf *cure)
{
	unsigned long long n;
	int err = file_read_u64("/proc/sys/kernel/unprivileged_bpf_disabled", &n);

	(void)f, (void)cure;
	if (err < 0)
		strbuf_adds(found, strerror(-err));
	else
		strbuf_addf(found, "%llu: %s", n,
			    n ? "BPF needs CAP_BPF"
			      : "BPF without rights, but not the programs that bpfprof loads");
	return FEATURE_OK;
}

bool memlock_bounds_maps(void)
{
	/* Maps moved to the memory cgroup's account in 5.11. */
	return !running_at_least(5, 11);
}

enum feature_state probe_memlock(const struct feature *f, struct strbuf *found, struct strbuf *cure)
{
	struct rlimit limit = { 0 };

	(void)f;
	if (!memlock_bounds_maps()) {
		strbuf_adds(found, "maps are not counted in it by this kernel");
		return FEATURE_OK;
	}
	getrlimit(RLIMIT_MEMLOCK, &limit);
	if (capabilities_effective() & 1ull << CAP_SYS_RESOURCE) {
		strbuf_adds(found, "CAP_SYS_RESOURCE raises it");
		return FEATURE_OK;
	}
	if (limit.rlim_max == RLIM_INFINITY || limit.rlim_max >= (rlim_t)MAPS_LOCKED_MIB << 20) {
		strbuf_adds(found, "enough");
		return FEATURE_OK;
	}
	strbuf_addf(found, "%llu KiB", (unsigned long long)limit.rlim_max >> 10);
	strbuf_adds(cure, "as root: ulimit -l unlimited, or grant CAP_SYS_RESOURCE");
	return FEATURE_MISSING;
}

enum feature_state probe_open_files(const struct feature *f, struct strbuf *found,
				    struct strbuf *cure)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	/* A clock, its link and a side-band ring on every CPU, and what is read meanwhile. */
	rlim_t want = (rlim_t)(cpus > 0 ? cpus : 1) * 3 + 128;
	struct rlimit limit = { 0 };

	(void)f;
	getrlimit(RLIMIT_NOFILE, &limit);
	strbuf_addf(found, "%llu, of which %ld CPUs take %llu", (unsigned long long)limit.rlim_cur,
		    cpus, (unsigned long long)want);
	if (limit.rlim_cur >= want)
		return FEATURE_OK;
	strbuf_addf(cure, "ulimit -n %llu", (unsigned long long)want);
	return FEATURE_DEGRADED;
}

int cgroup_mount(const char *mounts, struct strbuf *ret_path)
{
	const char *line = mounts, *end;

	for (; *line; line = *end ? end + 1 : end) {
		const char *path, *type;

		end = strchrnul(line, '\n');
		path = memchr(line, ' ', (size_t)(end - line));
		type = path ? memchr(path + 1, ' ', (size_t)(end - path - 1)) : NULL;
		if (!type || strncmp(type + 1, "cgroup2 ", 8))
			continue;
		strbuf_add(ret_path, path + 1, (size_t)(type - path - 1));
		return 0;
	}
	return -ENOENT;
}

enum feature_state probe_cgroup(const struct feature *f, struct strbuf *found, struct strbuf *cure)
{
	_cleanup_(strbuf_done) struct strbuf text = STRBUF_INIT, path = STRBUF_INIT;
	int err = file_read("/proc/self/mounts", 1 << 20, &text);

	(void)f;
	if (err >= 0 || err == -EFBIG)
		err = cgroup_mount(strbuf_str(&text), &path);
	if (err >= 0) {
		strbuf_add_escaped(found, strbuf_str(&path));
		return FEATURE_OK;
	}
	strbuf_adds(found, "not mounted: --cgroup has no folders to name");
	strbuf_adds(cure, "sudo mkdir -p /sys/fs/cgroup/unified && sudo mount -t cgroup2 none "
			  "/sys/fs/cgroup/unified");
	return FEATURE_DEGRADED;
}
