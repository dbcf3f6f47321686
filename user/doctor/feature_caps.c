// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "base/array.h"
#include "base/file.h"
#include "doctor/feature_probe.h"

enum { PROCESSES_MAX = 256 };

uint64_t capabilities_effective(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (syscall(SYS_capget, &head, data))
		return 0;
	return data[0].effective | (uint64_t)data[1].effective << 32;
}

bool capability_held(unsigned cap)
{
	uint64_t held = capabilities_effective();

	/* CAP_SYS_ADMIN is all that was split off it. */
	if ((cap == CAP_BPF || cap == CAP_PERFMON || cap == CAP_CHECKPOINT_RESTORE) &&
	    held & 1ull << CAP_SYS_ADMIN)
		return true;
	return held & 1ull << cap;
}

static bool is_asked_for(unsigned cap)
{
	return cap != CAP_SYS_RESOURCE || memlock_bounds_maps();
}

void features_capabilities(struct strbuf *out)
{
	const char *separator = "";

	for (const struct feature *f = features; f->name; f++) {
		if (f->probe != probe_capability || !is_asked_for(f->which))
			continue;
		strbuf_adds(out, separator);
		for (const char *c = f->name; *c; c++)
			strbuf_addch(out, (char)tolower((unsigned char)*c));
		separator = ",";
	}
}

void capabilities_cure(struct strbuf *cure)
{
	_cleanup_free_ char *self = realpath("/proc/self/exe", NULL);

	strbuf_adds(cure, "run it with sudo, or: sudo setcap ");
	features_capabilities(cure);
	strbuf_adds(cure, "=ep ");
	strbuf_add_escaped(cure, self ? self : "bpfprof");
}

static const struct {
	unsigned cap;
	const char *lost;
} losses[] = {
	{ CAP_BPF, "no mode runs" },
	{ CAP_PERFMON, "no mode runs" },
	{ CAP_SYS_PTRACE, "other users' processes have no names of functions" },
	{ CAP_DAC_READ_SEARCH, "files that only others may read have no names of functions" },
	{ CAP_CHECKPOINT_RESTORE, "deleted and overlaid files have no names of functions" },
	{ CAP_SYSLOG, "the kernel has no names of functions" },
	{ CAP_SYS_RESOURCE, "locked memory stays as it is" },
};

enum feature_state probe_capability(const struct feature *f, struct strbuf *found,
				    struct strbuf *cure)
{
	const char *lost = "";

	if (capability_held(f->which)) {
		strbuf_adds(found, "held");
		return FEATURE_OK;
	}
	if (!is_asked_for(f->which)) {
		strbuf_adds(found, "not held, and not needed by this kernel");
		return FEATURE_OK;
	}
	for (size_t i = 0; i < ARRAY_SIZE(losses); i++)
		if (losses[i].cap == f->which)
			lost = losses[i].lost;
	strbuf_addf(found, "not held: %s", lost);
	capabilities_cure(cure);
	return f->needed ? FEATURE_MISSING : FEATURE_DEGRADED;
}

enum feature_state probe_kallsyms(const struct feature *f, struct strbuf *found,
				  struct strbuf *cure)
{
	_cleanup_(strbuf_done) struct strbuf text = STRBUF_INIT;
	unsigned long long restrict_level = 0;
	int err = file_read("/proc/kallsyms", 4096, &text);

	(void)f;
	if (file_read_u64("/proc/sys/kernel/kptr_restrict", &restrict_level) == 0)
		strbuf_addf(found, "kptr_restrict %llu: ", restrict_level);
	if (err < 0 && err != -EFBIG) {
		strbuf_addf(found, "/proc/kallsyms: %s", strerror(-err));
		strbuf_adds(cure,
			    err == -ENOENT ? "a kernel with CONFIG_KALLSYMS" : "run it with sudo");
		return FEATURE_DEGRADED;
	}
	/* The first symbols of some machines are at 0 for everybody: offsets in a CPU's area. */
	for (const char *s = strbuf_str(&text); s; s = strchr(s, '\n')) {
		s += *s == '\n';
		if (strtoull(s, NULL, 16)) {
			strbuf_adds(found, "/proc/kallsyms shows addresses");
			return FEATURE_OK;
		}
	}
	strbuf_adds(found, "/proc/kallsyms hides addresses");
	if (restrict_level > 1)
		strbuf_adds(cure, "sudo sysctl kernel.kptr_restrict=1");
	else
		capabilities_cure(cure);
	return FEATURE_DEGRADED;
}

/* Opens the first mapped file of a process. 0 or a negative errno. */
static int open_mapped_file(int process)
{
	_cleanup_closedir_ DIR *dir = NULL;
	_cleanup_(strbuf_done) struct strbuf path = STRBUF_INIT;
	struct dirent *e;

	strbuf_addf(&path, "/proc/%d/map_files", process);
	dir = opendir(strbuf_str(&path));
	if (!dir)
		return -errno;
	while ((e = readdir(dir))) {
		_cleanup_close_ int fd = -1;

		if (e->d_name[0] == '.')
			continue;
		fd = openat(dirfd(dir), e->d_name, O_RDONLY | O_CLOEXEC);
		return fd < 0 ? -errno : 0;
	}
	return -ENOENT;
}

static int read_mappings(int process)
{
	_cleanup_(strbuf_done) struct strbuf path = STRBUF_INIT;
	_cleanup_close_ int fd = -1;

	strbuf_addf(&path, "/proc/%d/maps", process);
	fd = open(strbuf_str(&path), O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : 0;
}

/* A kernel thread, and a process that has ended, have no command line. */
static bool has_program(int process)
{
	_cleanup_(strbuf_done) struct strbuf path = STRBUF_INIT, text = STRBUF_INIT;

	strbuf_addf(&path, "/proc/%d/cmdline", process);
	return file_read(strbuf_str(&path), 1, &text) == -EFBIG;
}

struct tried {
	unsigned processes, mappings, files;
};

static int try_processes(struct tried *ret)
{
	_cleanup_closedir_ DIR *proc = opendir("/proc");
	struct tried t = { 0 };
	struct dirent *e;

	if (!proc)
		return -errno;
	while (t.processes < PROCESSES_MAX && (e = readdir(proc))) {
		int process = atoi(e->d_name);

		if (process <= 0 || process == getpid() || !has_program(process))
			continue;
		t.processes++;
		t.mappings += !read_mappings(process);
		t.files += !open_mapped_file(process);
	}
	*ret = t;
	return 0;
}

enum feature_state probe_processes(const struct feature *f, struct strbuf *found,
				   struct strbuf *cure)
{
	struct tried t = { 0 };
	int err = try_processes(&t);

	(void)f;
	if (err < 0) {
		strbuf_addf(found, "/proc: %s", strerror(-err));
		strbuf_adds(cure, "sudo mount -t proc proc /proc");
		return FEATURE_DEGRADED;
	}
	strbuf_addf(found, "of %u tried, %u show their mappings, %u the mapped files", t.processes,
		    t.mappings, t.files);
	/* A few may end meanwhile, or be shielded from root too. */
	if (t.mappings >= t.processes - t.processes / 8 && t.files >= t.processes - t.processes / 8)
		return FEATURE_OK;
	capabilities_cure(cure);
	return FEATURE_DEGRADED;
}
