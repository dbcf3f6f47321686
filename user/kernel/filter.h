/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whom to measure. Decided in BPF before any stack is walked; all conditions must hold. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FILTER_MAX_PIDS = 256, FILTER_MAX_CPUS = 1024 };

struct filter {
	uint32_t pids[FILTER_MAX_PIDS], tids[FILTER_MAX_PIDS], cpus[FILTER_MAX_CPUS];
	size_t nr_pids, nr_tids, nr_cpus; /* 0: any */
	bool only_added;		  /* only processes that live_add_pid() names */
	bool children;			  /* and all that they started and start */
	const char *comm;		  /* glob with * and ?; NULL: any */
	const char *cgroup; /* path of a cgroup v2 folder, with all below it; NULL: any */
};

struct bpf_object;
struct strbuf;

/* The enum abi_flag bits of the conditions that are set. */
uint32_t filter_flags(const struct filter *f);
/* Sizes the filter's maps. Before the object is loaded. A negative errno. */
int filter_prepare(const struct filter *f, struct bpf_object *obj);
/*
 * Checks that what is asked for exists and fills the maps. After the object is loaded.
 * A negative errno with one line in `error`: -ESRCH (no such process), -ENOENT (no such cgroup),
 * -ENODEV (no such CPU).
 */
int filter_install(const struct filter *f, struct bpf_object *obj, struct strbuf *error);
/*
 * With `children`: adds those that the processes have started already, and theirs. After the
 * programs that see what is started are attached, so that nobody is missed in between. 0 or a
 * negative errno.
 */
int filter_add_children(const struct filter *f, struct bpf_object *obj);
/* Adds one process. */
int filter_add_pid(struct bpf_object *obj, uint32_t pid);
/* Have all processes and threads ended that the filter names? false where it names none. */
bool filter_targets_gone(const struct filter *f, struct bpf_object *obj);
