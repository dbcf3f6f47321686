// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "doctor/explain.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "base/array.h"
#include "base/file.h"
#include "base/now.h"
#include "doctor/explain_inside.h"
#include "doctor/feature_probe.h"
#include "process/cgroup.h"
#include "process/target_file.h"

enum {
	MAX_TEXT = 64 << 10,
	MAX_PATH = 4096,
	MAX_FILES = 4096,	    /* of one process */
	MAX_NAMED = 3,		    /* files that are listed by name */
	KERNEL_THREAD = 0x00200000, /* PF_KTHREAD */
};

int explain_say(struct explain *e, struct explained *what)
{
	bool failed = what->found.failed || what->cure.failed;

	if (!failed) {
		e->nr_failed += what->state == FEATURE_MISSING;
		e->fn(e->ctx, what);
	}
	strbuf_done(&what->found);
	strbuf_done(&what->cure);
	return failed ? -ENOMEM : 0;
}

static void name_in_proc(const struct explain *e, const char *file, char *ret, size_t size)
{
	snprintf(ret, size, "%u/%s", e->pid, file);
}

static int read_in_proc(const struct explain *e, const char *file, struct strbuf *into)
{
	char name[64];

	name_in_proc(e, file, name, sizeof(name));
	return file_read_at(e->proc_fd, name, MAX_TEXT, into);
}

/* 0 or a negative errno. */
static int read_link(const struct explain *e, const char *file, char ret[MAX_PATH])
{
	char name[64];
	ssize_t n;

	name_in_proc(e, file, name, sizeof(name));
	n = readlinkat(e->proc_fd, name, ret, MAX_PATH - 1);
	if (n < 0)
		return -errno;
	ret[n] = '\0';
	return 0;
}

static bool is_kernel_thread(const struct explain *e)
{
	_cleanup_(strbuf_done) struct strbuf text = STRBUF_INIT;
	const char *p;
	unsigned flags;

	if (read_in_proc(e, "stat", &text) < 0)
		return false;
	/* proc_pid_stat(5): flags are its ninth field; the second one ends at the last bracket. */
	p = strrchr(strbuf_str(&text), ')');
	return p && sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %u", &flags) == 1 &&
	       flags & KERNEL_THREAD;
}

/* EI_CLASS of what it executes; ELFCLASSNONE: can't be read. */
static unsigned char program_class(const struct explain *e)
{
	_cleanup_close_ int fd = -1;
	unsigned char ident[EI_NIDENT];
	char name[64];

	name_in_proc(e, "exe", name, sizeof(name));
	fd = openat(e->proc_fd, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || pread(fd, ident, sizeof(ident), 0) != sizeof(ident) ||
	    memcmp(ident, ELFMAG, SELFMAG))
		return ELFCLASSNONE;
	return ident[EI_CLASS];
}

static bool has_own_namespace(const struct explain *e, const char *kind)
{
	char ours[64], name[64], theirs[80];
	struct stat a, b;

	snprintf(ours, sizeof(ours), "self/ns/%s", kind);
	snprintf(name, sizeof(name), "ns/%s", kind);
	name_in_proc(e, name, theirs, sizeof(theirs));
	return !fstatat(e->proc_fd, ours, &a, 0) && !fstatat(e->proc_fd, theirs, &b, 0) &&
	       a.st_ino != b.st_ino;
}

/* The root, namespaces and container that it sees the world from, where they are not ours. */
static void say_where(const struct explain *e, struct strbuf *out)
{
	_cleanup_(strbuf_done) struct strbuf text = STRBUF_INIT, path = STRBUF_INIT,
					     container = STRBUF_INIT;
	char root[MAX_PATH];
	struct proc_status status;

	if (!read_link(e, "root", root) && strcmp(root, "/")) {
		strbuf_adds(out, ", its root is ");
		strbuf_add_escaped(out, root);
	}
	if (has_own_namespace(e, "mnt"))
		strbuf_adds(out, ", in a mount namespace of its own");
	if (!proc_status_read(e->proc_fd, e->pid, &status) && status.ns_pid != e->pid)
		strbuf_addf(out, ", pid %u in its namespace", status.ns_pid);
	if (read_in_proc(e, "cgroup", &text) < 0)
		return;
	cgroup_parse(strbuf_str(&text), &path, &container);
	if (container.len) {
		strbuf_adds(out, ", container ");
		strbuf_add_escaped(out, strbuf_str(&container));
	}
}

static void say_comm(const struct explain *e, struct strbuf *out)
{
	_cleanup_(strbuf_done) struct strbuf comm = STRBUF_INIT;

	if (read_in_proc(e, "comm", &comm) <= 0)
		return;
	if (comm.buf[comm.len - 1] == '\n')
		comm.buf[comm.len - 1] = '\0';
	strbuf_add_escaped(out, strbuf_str(&comm));
}

static bool has_ended(const struct proc_stat *s)
{
	return s->state == 'Z' || s->state == 'X';
}

/* What it executes. 1: its code can be looked at; 0: it can't be. */
static int judge_program(const struct explain *e, struct explained *x)
{
	char exe[MAX_PATH];
	int r;

	x->state = FEATURE_MISSING;
	if (is_kernel_thread(e)) {
		strbuf_adds(&x->found, ": a thread of the kernel, which runs no program");
		return 0;
	}
	if (has_ended(&e->stat)) {
		strbuf_adds(&x->found, e->stat.nr_threads > 1
					       ? ": its first thread has ended, and with it what "
						 "/proc knows of the others' code"
					       : ": it has ended, and waits for its parent to "
						 "notice");
		return 0;
	}
	r = read_link(e, "exe", exe);
	strbuf_adds(&x->found, r ? " (its program: " : " (");
	strbuf_add_escaped(&x->found, r ? strerror(-r) : exe);
	if (program_class(e) == ELFCLASS32) {
		strbuf_adds(&x->found, "), of 32 bits: only those of 64 are walked");
		return 0;
	}
	strbuf_adds(&x->found, program_class(e) == ELFCLASS64 ? "), 64-bit" : ")");
	say_where(e, &x->found);
	x->state = FEATURE_OK;
	return 1;
}

/* Each step: 1: go on; 0: what follows can't be looked at; -ENOMEM. */
static int explain_program(struct explain *e)
{
	struct explained x = { .name = "process", .summary = "interpreted frames" };
	int go, r;

	say_comm(e, &x.found);
	go = judge_program(e, &x);
	r = explain_say(e, &x);
	return r ? r : go;
}

static int add_mapped(void *ctx, const struct mapped *m)
{
	struct explain *e = ctx;

	if (m->kind != MAPPED_ELF && m->kind != MAPPED_MEMFD && m->kind != MAPPED_JIT)
		return 0;
	if (array_reserve(e->files, e->cap_files, e->nr_files + 1u) < 0)
		return -ENOMEM;
	e->files[e->nr_files++] = (struct explain_file){ UINT32_MAX, m->start, m->offset };
	return 0;
}

static bool is_listed(const struct explain *e, uint32_t nr, uint32_t object)
{
	for (uint32_t i = 0; i < nr; i++)
		if (e->files[i].object == object)
			return true;
	return false;
}

/* Of each object one mapping stays. 0 or -ENOMEM. */
static int open_files(struct explain *e)
{
	uint32_t nr = 0;

	for (uint32_t i = 0; i < e->nr_files && nr < MAX_FILES; i++) {
		struct mapped m;
		int r = tracker_open_mapped(e->tracker, &e->key, e->files[i].start, &m);

		if (r < 0)
			return r;
		if (!r || m.kind == MAPPED_SPECIAL || m.kind == MAPPED_VDSO)
			continue;
		if (m.kind == MAPPED_JIT) {
			e->has_jit = true;
			continue;
		}
		if (m.object != UINT32_MAX && !is_listed(e, nr, m.object))
			e->files[nr++] = (struct explain_file){ m.object, e->files[i].start,
								e->files[i].offset };
	}
	e->nr_files = nr;
	return 0;
}

static int find_files(struct explain *e)
{
	struct process_id id = { .tgid = e->pid, .start_ns = e->stat.start_ns };
	int r = tracker_scan(e->tracker, &e->pid, 1);

	id.time = now_ns();
	if (r >= 0)
		r = tracker_space(e->tracker, &id, &e->key);
	if (r > 0)
		r = tracker_each_mapped(e->tracker, &e->key, add_mapped, e);
	return r < 0 ? r : open_files(e);
}

/* Why a file that is mapped is not open: as a reader would open it. */
static void say_why_closed(const struct explain *e, const char *path, struct strbuf *out)
{
	_cleanup_close_ int root = target_root(e->proc_fd, e->pid), fd = -1;

	if (root >= 0)
		fd = target_file_open(root, path, TARGET_IN_ROOT, NULL);
	strbuf_add_escaped(out, path);
	if (root < 0)
		strbuf_addf(out, " (its root: %s)", strerror(-root));
	else if (fd == -ENOENT)
		strbuf_adds(out, " (deleted)");
	else if (fd < 0)
		strbuf_addf(out, " (%s)", strerror(-fd));
	else
		strbuf_adds(out, " (another file is there now)");
}

static void judge_files(struct explain *e, struct explained *x)
{
	_cleanup_(strbuf_done) struct strbuf list = STRBUF_INIT;

	for (uint32_t i = 0; i < e->nr_files; i++) {
		const struct object *o = &e->capture.objects[e->files[i].object];

		if (o->fd >= 0)
			continue;
		if (e->nr_closed++ < MAX_NAMED) {
			strbuf_adds(&list, e->nr_closed > 1 ? ", " : ": ");
			say_why_closed(e, o->path, &list);
		}
	}
	if (!e->nr_files) {
		strbuf_adds(&x->found, "it runs no code of files: is it just ending?");
		x->state = FEATURE_MISSING;
		return;
	}
	strbuf_addf(&x->found, "code of %u file%s", e->nr_files, e->nr_files == 1 ? "" : "s");
	x->state = e->nr_closed ? FEATURE_DEGRADED : FEATURE_OK;
	if (!e->nr_closed)
		return;
	strbuf_addf(&x->found, ", of which %u can't be opened%s%s", e->nr_closed, strbuf_str(&list),
		    e->nr_closed > MAX_NAMED ? " …" : "");
	if (!capability_held(CAP_CHECKPOINT_RESTORE) || !capability_held(CAP_DAC_READ_SEARCH))
		capabilities_cure(&x->cure);
}

/* /proc/PID/maps and process_vm_readv(2) ask for the same rights as a debugger. */
static void cure_rights(struct strbuf *cure)
{
	_cleanup_(strbuf_done) struct strbuf status = STRBUF_INIT;
	unsigned long long scope = 0;

	if (!capability_held(CAP_SYS_PTRACE)) {
		capabilities_cure(cure);
		return;
	}
	if (!file_read_u64("/proc/sys/kernel/yama/ptrace_scope", &scope) && scope > 2) {
		strbuf_adds(cure, "boot without kernel.yama.ptrace_scope=3, which nothing lifts");
		return;
	}
	if (file_read("/proc/self/status", MAX_TEXT, &status) >= 0 &&
	    strstr(strbuf_str(&status), "\nSeccomp:\t2"))
		strbuf_adds(cure, "allow process_vm_readv (docker run --security-opt "
				  "seccomp=unconfined)");
	else
		strbuf_adds(cure, "run bpfprof on the host, or in the process's user namespace");
}

static int explain_files(struct explain *e)
{
	struct explained x = { .name = "mappings", .summary = "which interpreter it runs" };
	_cleanup_close_ int maps = -1;
	char name[64];
	int r;

	name_in_proc(e, "maps", name, sizeof(name));
	maps = openat(e->proc_fd, name, O_RDONLY | O_CLOEXEC);
	if (maps < 0) {
		r = errno;
		strbuf_addf(&x.found, "/proc/%s: %s", name, strerror(r));
		if (r == EACCES || r == EPERM)
			cure_rights(&x.cure);
		x.state = FEATURE_MISSING;
	} else {
		r = find_files(e);
		if (r < 0)
			return r;
		judge_files(e, &x);
	}
	r = explain_say(e, &x);
	return r ? r : e->nr_files != 0;
}

static int explain_memory(struct explain *e)
{
	struct explained x = { .name = "memory", .summary = "where its interpreter keeps threads" };
	char byte;
	struct iovec to = { &byte, 1 };
	struct iovec from = { (void *)(uintptr_t)e->files[0].start, 1 };
	bool ok = process_vm_readv((pid_t)e->pid, &to, 1, &from, 1, 0) == 1;
	int err = errno, r;

	x.state = ok ? FEATURE_OK : FEATURE_MISSING;
	if (ok)
		strbuf_adds(&x.found, "can be read");
	else
		strbuf_addf(&x.found, "can't be read: process_vm_readv: %s", strerror(err));
	if (!ok && (err == EPERM || err == EACCES || err == ENOSYS))
		cure_rights(&x.cure);
	r = explain_say(e, &x);
	return r ? r : ok;
}

/* What was said of one process may be another's, if it ended meanwhile. */
static int explain_end(struct explain *e)
{
	struct explained x = { .name = "end", .summary = "all that stands above" };
	struct proc_stat now;

	if (has_ended(&e->stat) || (!proc_stat_read(e->proc_fd, e->pid, &now) && !has_ended(&now) &&
				    proc_same_start(now.start_ns, e->stat.start_ns)))
		return 0;
	strbuf_adds(&x.found, "it ended while it was looked at");
	x.state = FEATURE_MISSING;
	return explain_say(e, &x);
}

static int explain_steps(struct explain *e)
{
	int r = explain_program(e);

	if (r > 0)
		r = explain_files(e);
	if (r > 0)
		r = explain_memory(e);
	if (r > 0)
		r = explain_runtime(e);
	return r < 0 ? r : explain_end(e);
}

/* 0, or -ESRCH with `error`: no process, one that is hidden, or a thread's number. */
static int find_process(struct explain *e, struct strbuf *error)
{
	_cleanup_(strbuf_done) struct strbuf text = STRBUF_INIT;
	const char *tgid;
	unsigned of;

	if (proc_stat_read(e->proc_fd, e->pid, &e->stat) || read_in_proc(e, "status", &text) < 0) {
		bool hidden = !kill((pid_t)e->pid, 0) || errno == EPERM;

		strbuf_addf(error,
			    hidden ? "process %u is hidden: /proc is mounted with hidepid, run it "
				     "with sudo"
				   : "there is no process %u: 'ps -e' lists those that run",
			    e->pid);
		return -ESRCH;
	}
	tgid = strstr(strbuf_str(&text), "\nTgid:");
	if (tgid && sscanf(tgid, "\nTgid: %u", &of) == 1 && of != e->pid) {
		strbuf_addf(error, "%u is a thread of process %u: 'bpfprof doctor -p %u'", e->pid,
			    of, of);
		return -ESRCH;
	}
	return 0;
}

int explain_process(uint32_t pid, explain_fn fn, void *ctx, struct strbuf *error)
{
	struct explain e = { .pid = pid, .fn = fn, .ctx = ctx };
	int r;

	e.proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (e.proc_fd < 0)
		return -errno;
	r = find_process(&e, error);
	if (!r)
		r = capture_init(&e.capture);
	if (!r)
		r = tracker_new(&e.tracker, &e.capture);
	if (!r)
		r = explain_steps(&e);
	tracker_free(e.tracker);
	capture_done(&e.capture);
	free(e.files);
	close(e.proc_fd);
	return r < 0 ? r : (int)e.nr_failed;
}
