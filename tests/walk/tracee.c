// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "tracee.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"

enum { OPTIONS = PTRACE_O_TRACEEXEC | PTRACE_O_TRACECLONE, POLL_US = 200, PATIENCE = 50000 };

static unsigned long microseconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (unsigned long)now.tv_sec * 1000000 + (unsigned long)now.tv_nsec / 1000;
}

static struct tracee_thread *find_thread(struct tracee *t, pid_t tid)
{
	for (size_t i = 0; i < t->nr; i++) {
		if (t->threads[i].tid == tid)
			return &t->threads[i];
	}
	if (t->nr == TRACEE_MAX_THREADS)
		return NULL;
	t->threads[t->nr] = (struct tracee_thread){ .tid = tid };
	return &t->threads[t->nr++];
}

static void forget_thread(struct tracee *t, pid_t tid)
{
	for (size_t i = 0; i < t->nr; i++) {
		if (t->threads[i].tid == tid)
			t->threads[i--] = t->threads[--t->nr];
	}
	t->gone |= tid == t->pid || !t->nr;
}

/* What waitpid() said of a thread. */
static void note(struct tracee *t, pid_t tid, int status)
{
	struct tracee_thread *thread;
	int signal = WSTOPSIG(status), event = status >> 16;

	if (!WIFSTOPPED(status)) {
		forget_thread(t, tid);
		return;
	}
	thread = find_thread(t, tid);
	if (!thread)
		return;
	thread->stopped = true;
	thread->signal = event || signal == SIGTRAP ? 0 : signal;
	t->trapped |= !event && signal == SIGTRAP;
}

/* Takes what has happened to any thread. false: nothing has. */
static bool poll_once(struct tracee *t, int flags)
{
	int status;
	pid_t tid = waitpid(-1, &status, __WALL | flags);

	if (tid > 0)
		note(t, tid, status);
	if (tid < 0)
		t->gone = true;
	return tid > 0;
}

static void go(struct tracee_thread *thread)
{
	if (!ptrace(PTRACE_CONT, thread->tid, NULL, (long)thread->signal))
		thread->stopped = false;
	thread->signal = 0;
}

/* Waits until every thread stands. */
static int stop(struct tracee *t)
{
	for (size_t i = 0; i < t->nr; i++) {
		if (!t->threads[i].stopped)
			ptrace(PTRACE_INTERRUPT, t->threads[i].tid, NULL, NULL);
	}
	for (int tries = 0; tries < PATIENCE && !t->gone; tries++) {
		size_t running = 0;

		for (size_t i = 0; i < t->nr; i++)
			running += !t->threads[i].stopped;
		if (!running)
			return 0;
		if (!poll_once(t, WNOHANG))
			usleep(POLL_US);
	}
	return -ESRCH;
}

static void child_run(int ready, char *const argv[])
{
	int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
	char c;

	if (read(ready, &c, 1) != 1)
		_exit(127);
	dup2(nothing, STDIN_FILENO);
	dup2(nothing, STDOUT_FILENO);
	execvp(argv[0], argv);
	_exit(127);
}

int tracee_start(struct tracee *t, char *const argv[])
{
	int ready[2];

	*t = (struct tracee){ .child = true };
	if (pipe2(ready, O_CLOEXEC))
		return -errno;
	t->pid = fork();
	if (!t->pid) {
		/* Ends with its parent even before it is traced. */
		close(ready[1]);
		child_run(ready[0], argv);
	}
	close(ready[0]);
	if (t->pid < 0 || ptrace(PTRACE_SEIZE, t->pid, NULL, (long)(OPTIONS | PTRACE_O_EXITKILL))) {
		close(ready[1]);
		t->gone = true;
		return -EPERM;
	}
	find_thread(t, t->pid);
	if (write(ready[1], "", 1) != 1)
		t->gone = true;
	close(ready[1]);
	while (!t->gone && !t->threads[0].stopped)
		poll_once(t, 0);
	return t->gone ? -ENOENT : 0;
}

int tracee_attach(struct tracee *t, pid_t pid)
{
	_cleanup_closedir_ DIR *tasks = NULL;
	const struct dirent *entry;
	char path[64];

	*t = (struct tracee){ .pid = pid };
	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	tasks = opendir(path);
	if (!tasks)
		return -errno;
	while ((entry = readdir(tasks))) {
		pid_t tid = (pid_t)atoi(entry->d_name);

		if (tid > 0 && !ptrace(PTRACE_SEIZE, tid, NULL, (long)OPTIONS) &&
		    !find_thread(t, tid))
			break;
	}
	return t->nr ? stop(t) : -EPERM;
}

int tracee_run(struct tracee *t, unsigned int microseconds)
{
	unsigned long until = microseconds_now() + microseconds;

	t->trapped = false;
	while (!t->gone && !t->trapped) {
		for (size_t i = 0; i < t->nr; i++) {
			if (t->threads[i].stopped)
				go(&t->threads[i]);
		}
		if (poll_once(t, WNOHANG))
			continue;
		if (microseconds_now() >= until)
			break;
		usleep(microseconds < POLL_US ? microseconds : POLL_US);
	}
	return t->gone ? -ESRCH : stop(t);
}

int tracee_step(struct tracee *t)
{
	struct tracee_thread *thread = &t->threads[0];
	int status;

	if (t->gone || ptrace(PTRACE_SINGLESTEP, t->pid, NULL, (long)thread->signal))
		return -ESRCH;
	thread->signal = 0;
	thread->stopped = false;
	if (waitpid(t->pid, &status, __WALL) != t->pid) {
		t->gone = true;
		return -ESRCH;
	}
	note(t, t->pid, status);
	return t->gone ? -ESRCH : 0;
}

void tracee_done(struct tracee *t)
{
	if (!t->child) {
		for (size_t i = 0; i < t->nr; i++)
			ptrace(PTRACE_DETACH, t->threads[i].tid, NULL, (long)t->threads[i].signal);
		return;
	}
	if (t->pid > 0)
		kill(t->pid, SIGKILL);
	while (t->pid > 0 && waitpid(-1, NULL, __WALL) > 0)
		continue;
	t->pid = 0;
}

static int read_vdso(const struct tracee *t, const struct recording_mapping *m,
		     struct recording_process *p)
{
	size_t size = m->end - m->start;
	struct iovec local, remote = { (void *)m->start, size };

	p->vdso.bytes = malloc(size);
	if (!p->vdso.bytes)
		return -ENOMEM;
	local = (struct iovec){ p->vdso.bytes, size };
	if (process_vm_readv(t->pid, &local, 1, &remote, 1, 0) != (ssize_t)size)
		return -EFAULT;
	p->vdso.at = m->start;
	p->vdso.size = size;
	return 0;
}

int tracee_mappings(const struct tracee *t, struct recording_process *ret)
{
	_cleanup_fclose_ FILE *maps = NULL;
	_cleanup_free_ char *line = NULL;
	size_t cap = 0;
	char path[64];
	int r = 0;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)t->pid);
	maps = fopen(path, "re");
	if (!maps)
		return -errno;
	recording_process_done(ret);
	while (!r && getline(&line, &cap, maps) > 0) {
		struct recording_mapping m = {};
		char flags[8];
		int at = 0;

		if (sscanf(line, "%lx-%lx %7s %lx %*s %*s %n", &m.start, &m.end, flags, &m.offset,
			   &at) < 4 ||
		    flags[2] != 'x' || !at)
			continue;
		line[strcspn(line, "\n")] = '\0';
		if (line[at] == '[' && strcmp(line + at, "[vdso]"))
			line[at] = '\0';
		r = recording_add_mapping(ret, &m, line + at);
		if (!r && !strcmp(line + at, "[vdso]"))
			r = read_vdso(t, &m, ret);
	}
	return r;
}

/* As much as is there of the bytes from `at` on. */
static int record_stack(const struct tracee *t, uint64_t at, struct recording *r)
{
	enum { PIECES = RECORDING_MAX_STACK / RECORDING_PAGE };
	struct iovec remote[PIECES], local;
	uint8_t *bytes = malloc(RECORDING_MAX_STACK), *less;
	uint64_t from = at;
	ssize_t size;

	if (!bytes)
		return -ENOMEM;
	for (int i = 0; i < PIECES; i++) {
		uint64_t to = (from | (RECORDING_PAGE - 1)) + 1;

		remote[i] = (struct iovec){ (void *)from, to - from };
		from = to;
	}
	local = (struct iovec){ bytes, from - at };
	size = process_vm_readv(t->pid, &local, 1, remote, PIECES, 0);
	if (size <= 0) {
		free(bytes);
		return -EFAULT;
	}
	less = realloc(bytes, (size_t)size);
	return recording_add_memory(r, at, less ? less : bytes, (size_t)size);
}

int tracee_record(const struct tracee *t, size_t thread, struct recording *r)
{
	struct iovec registers = { r->registers, sizeof(r->registers) };
	uint64_t sp;

	recording_clear(r);
	r->tid = t->threads[thread].tid;
	if (ptrace(PTRACE_GETREGSET, r->tid, (void *)NT_PRSTATUS, &registers))
		return -errno;
	sp = r->registers[RECORDING_SP] & ~7ull;
	if (record_stack(t, sp - RECORDING_RED_ZONE, r) && record_stack(t, sp, r))
		return r->nr_memory == RECORDING_MAX_MEMORY ? -ENOMEM : 0;
	return 0;
}

bool tracee_at_syscall(const struct tracee *t)
{
	long pc = ptrace(PTRACE_PEEKUSER, t->pid, (void *)(RECORDING_PC * 8ul), NULL);
	long code = ptrace(PTRACE_PEEKTEXT, t->pid, (void *)pc, NULL);

	return (code & 0xffff) == 0x050f;
}
