// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "process/proc_stat.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

enum {
	TICK_NS = 10000000, /* USER_HZ, 100 in the ABI of x86-64 and arm64 alike */
	MAX_SIZE = 64 << 10,
};

int proc_stat_parse(const char *text, struct proc_stat *ret)
{
	/* The command may hold anything, blanks and brackets too: it ends at the last one. */
	const char *p = strrchr(text, ')');
	unsigned long long ticks;
	unsigned parent, nr_threads;
	char state;

	if (!p ||
	    sscanf(p + 1,
		   " %c %u %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %u %*d %llu",
		   &state, &parent, &nr_threads, &ticks) != 4)
		return -EINVAL;
	*ret = (struct proc_stat){ state, parent, nr_threads, ticks * TICK_NS };
	return 0;
}

/* What follows "\nNAME:" up to the end of the line. */
static const char *field(const char *text, const char *name)
{
	const char *p = strstr(text, name);

	return p ? p + strlen(name) : NULL;
}

int proc_status_parse(const char *text, struct proc_status *ret)
{
	const char *uid = field(text, "\nUid:"), *ns = field(text, "\nNSpid:");
	struct proc_status s = { 0 };
	unsigned value;
	int n;

	if (!uid || sscanf(uid, " %*u %u", &s.uid) != 1)
		return -EINVAL;
	while (ns && *ns && *ns != '\n' && sscanf(ns, "%*[\t ]%u%n", &value, &n) == 1) {
		s.ns_pid = value;
		ns += n;
	}
	if (!s.ns_pid)
		return -EINVAL;
	*ret = s;
	return 0;
}

static int read_proc(int proc_fd, uint32_t pid, const char *file, struct strbuf *into)
{
	char name[32];

	snprintf(name, sizeof(name), "%u/%s", pid, file);
	return file_read_at(proc_fd, name, MAX_SIZE, into);
}

int proc_stat_read(int proc_fd, uint32_t pid, struct proc_stat *ret)
{
	struct strbuf text = STRBUF_INIT;
	int r = read_proc(proc_fd, pid, "stat", &text);

	if (r >= 0)
		r = proc_stat_parse(strbuf_str(&text), ret);
	strbuf_done(&text);
	return r;
}

int proc_status_read(int proc_fd, uint32_t pid, struct proc_status *ret)
{
	struct strbuf text = STRBUF_INIT;
	int r = read_proc(proc_fd, pid, "status", &text);

	if (r >= 0)
		r = proc_status_parse(strbuf_str(&text), ret);
	strbuf_done(&text);
	return r;
}

int proc_same_start(uint64_t a_ns, uint64_t b_ns)
{
	uint64_t a = a_ns / TICK_NS, b = b_ns / TICK_NS;

	return (a > b ? a - b : b - a) <= 1;
}
