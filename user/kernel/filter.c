// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "kernel/filter.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "abi.h"
#include "base/cleanup.h"
#include "base/parse.h"
#include "base/strbuf.h"
#include "kernel/cpus.h"
#include "process/namespace.h"
#include "process/proc_stat.h"

/* What the processes that are asked for may start meanwhile. */
enum {
	MAX_CHILDREN = 65536,
	MAX_GENERATIONS = 64,
};

static bool names_processes(const struct filter *f)
{
	return f->nr_pids || f->only_added;
}

uint32_t filter_flags(const struct filter *f)
{
	return (names_processes(f) ? ABI_FILTER_PID : 0) | (f->nr_tids ? ABI_FILTER_TID : 0) |
	       (f->comm ? ABI_FILTER_COMM : 0) | (f->cgroup ? ABI_FILTER_CGROUP : 0) |
	       (f->nr_cpus ? ABI_FILTER_CPU : 0) | (f->children ? ABI_CHILDREN : 0);
}

static int resize(struct bpf_object *obj, const char *name, size_t entries)
{
	struct bpf_map *map = bpf_object__find_map_by_name(obj, name);

	return map ? bpf_map__set_max_entries(map, (uint32_t)entries) : -ENOENT;
}

int filter_prepare(const struct filter *f, struct bpf_object *obj)
{
	size_t pids = f->nr_pids + 1 + (f->children ? MAX_CHILDREN : 0);
	int r = resize(obj, "target_pids", pids);

	return r < 0 ? r : resize(obj, "target_tids", f->nr_tids + 1);
}

static int map_fd(struct bpf_object *obj, const char *name)
{
	return bpf_object__find_map_fd_by_name(obj, name);
}

/* No such process, or one that has ended and that nobody waited for, or only a thread's number. */
static bool process_gone(uint32_t pid)
{
	_cleanup_close_ int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd ended = { .fd = fd, .events = POLLIN };

	if (fd < 0)
		return errno == ESRCH || errno == EINVAL || errno == ENOENT;
	return poll(&ended, 1, 0) > 0;
}

/* Takes those off the map that end, and have. Is none left? */
static bool all_gone(int targets)
{
	__u32 key;
	__u8 target;

	while (!bpf_map_get_next_key(targets, NULL, &key)) {
		if (!bpf_map_lookup_elem(targets, &key, &target) &&
		    (target != ABI_TARGET_ENDS || !process_gone(key)))
			return false;
		bpf_map_delete_elem(targets, &key);
	}
	return errno == ENOENT;
}

static bool thread_gone(uint32_t tid)
{
	return kill((pid_t)tid, 0) < 0 && errno == ESRCH;
}

static int install_ids(struct bpf_object *obj, const char *map, const char *what,
		       bool (*gone)(uint32_t id), const uint32_t *ids, size_t nr,
		       struct strbuf *error)
{
	__u8 runs = ABI_TARGET_RUNS;

	for (size_t i = 0; i < nr; i++) {
		if (gone(ids[i])) {
			strbuf_addf(error, "there is no %s %u: 'ps -eLf' lists those that run",
				    what, ids[i]);
			return -ESRCH;
		}
		if (bpf_map_update_elem(map_fd(obj, map), &ids[i], &runs, BPF_ANY))
			return -errno;
	}
	return 0;
}

static int install_cgroup(const struct filter *f, struct bpf_object *obj, struct strbuf *error)
{
	_cleanup_close_ int fd = open(f->cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	__u32 zero = 0;

	if (fd < 0) {
		int r = -errno;

		strbuf_addf(error,
			    "cannot open the cgroup %s: %s; give its folder, such as "
			    "/sys/fs/cgroup/system.slice",
			    f->cgroup, strerror(-r));
		return r;
	}
	if (bpf_map_update_elem(map_fd(obj, "target_cgroup"), &zero, &fd, BPF_ANY)) {
		int r = -errno;

		strbuf_addf(error,
			    "%s is no folder of a cgroup v2 hierarchy: 'mount -t cgroup2' "
			    "says where that is",
			    f->cgroup);
		return r;
	}
	return 0;
}

static int check_cpus(const struct filter *f, struct strbuf *error)
{
	struct cpus possible = CPUS_INIT;
	int r = cpus_read("possible", &possible);

	for (size_t i = 0; r >= 0 && i < f->nr_cpus; i++)
		if (!cpus_has(&possible, f->cpus[i])) {
			strbuf_addf(error, "there is no CPU %u: 'lscpu -e' lists those that are",
				    f->cpus[i]);
			r = -ENODEV;
		}
	cpus_done(&possible);
	return r;
}

static int install_cpus(const struct filter *f, struct bpf_object *obj, struct strbuf *error)
{
	__u64 bits[ABI_MAX_CPUS / 64] = { 0 };
	int r = check_cpus(f, error);

	if (r < 0)
		return r;

	for (size_t i = 0; i < f->nr_cpus; i++)
		bits[f->cpus[i] / 64] |= 1ull << (f->cpus[i] % 64);
	for (__u32 i = 0; i < ABI_MAX_CPUS / 64; i++)
		if (bpf_map_update_elem(map_fd(obj, "target_cpus"), &i, &bits[i], BPF_ANY))
			return -errno;
	return 0;
}

int filter_install(const struct filter *f, struct bpf_object *obj, struct strbuf *error)
{
	int r;

	if ((names_processes(f) || f->nr_tids) && !namespace_is_first_pid()) {
		strbuf_adds(error,
			    "processes have other numbers here than the kernel knows them by "
			    "(a PID namespace): run bpfprof on the host, or in a container "
			    "with its pids (docker run --pid=host)");
		return -EPERM;
	}
	r = install_ids(obj, "target_pids", "process", process_gone, f->pids, f->nr_pids, error);

	if (r >= 0)
		r = install_ids(obj, "target_tids", "thread", thread_gone, f->tids, f->nr_tids,
				error);
	if (r >= 0 && f->cgroup)
		r = install_cgroup(f, obj, error);
	if (r >= 0 && f->nr_cpus)
		r = install_cpus(f, obj, error);
	return r;
}

/* Adds those of /proc whose parent is measured. How many, or a negative errno. */
static int add_children_once(int proc_fd, int targets)
{
	_cleanup_closedir_ DIR *dir = opendir("/proc");
	int nr = 0;

	if (!dir)
		return -errno;
	for (struct dirent *d = readdir(dir); d; d = readdir(dir)) {
		uint64_t pid;
		__u32 id;
		__u8 target;
		struct proc_stat stat;

		if (parse_u64(d->d_name, &pid) < 0 || pid > UINT32_MAX)
			continue;
		id = (__u32)pid;
		if (!bpf_map_lookup_elem(targets, &id, &target) ||
		    proc_stat_read(proc_fd, id, &stat) < 0 ||
		    bpf_map_lookup_elem(targets, &stat.parent, &target))
			continue;
		target = ABI_TARGET_RUNS;
		if (bpf_map_update_elem(targets, &id, &target, BPF_ANY))
			return -errno;
		nr++;
	}
	return nr;
}

int filter_add_children(const struct filter *f, struct bpf_object *obj)
{
	_cleanup_close_ int proc_fd = -1;
	int r = 1;

	if (!f->children || !f->nr_pids)
		return 0;
	proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (proc_fd < 0)
		return -errno;
	/* A child's number may be below its parent's: again, until nobody is found. */
	for (int i = 0; r > 0 && i < MAX_GENERATIONS; i++)
		r = add_children_once(proc_fd, map_fd(obj, "target_pids"));
	return r < 0 ? r : 0;
}

int filter_add_pid(struct bpf_object *obj, uint32_t pid)
{
	__u8 runs = ABI_TARGET_RUNS;

	return bpf_map_update_elem(map_fd(obj, "target_pids"), &pid, &runs, BPF_ANY) ? -errno : 0;
}

bool filter_targets_gone(const struct filter *f, struct bpf_object *obj)
{
	/* The kernel half takes a process off the map when it is freed; one that ended while the
	 * kernel half was being attached is still there. */
	for (size_t i = 0; i < f->nr_pids; i++)
		if (process_gone(f->pids[i]))
			bpf_map_delete_elem(map_fd(obj, "target_pids"), &f->pids[i]);
	if (names_processes(f))
		return all_gone(map_fd(obj, "target_pids"));
	for (size_t i = 0; i < f->nr_tids; i++)
		if (!thread_gone(f->tids[i]))
			return false;
	return f->nr_tids;
}
