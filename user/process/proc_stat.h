/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is needed of /proc/PID/stat and /proc/PID/status: proc_pid_stat(5), proc_pid_status(5). */
#pragma once
#include <stdint.h>

struct proc_stat {
	char state;
	uint32_t parent, nr_threads;
	uint64_t start_ns; /* CLOCK_BOOTTIME, to the clock tick below */
};

struct proc_status {
	uint32_t uid;	 /* effective */
	uint32_t ns_pid; /* in the process's own pid namespace */
};

/* `text` is a whole file, NUL-ended. 0 or -EINVAL. */
int proc_stat_parse(const char *text, struct proc_stat *ret);
int proc_status_parse(const char *text, struct proc_status *ret);
/* `proc_fd` is /proc. 0, or a negative errno: -ENOENT, -ESRCH: there is no such process. */
int proc_stat_read(int proc_fd, uint32_t pid, struct proc_stat *ret);
int proc_status_read(int proc_fd, uint32_t pid, struct proc_status *ret);
/* Is the start in a stat file (in ticks) that of a process whose exact start is `start_ns`? */
int proc_same_start(uint64_t a_ns, uint64_t b_ns);
