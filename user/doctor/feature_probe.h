/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The probes behind features[], by what they look at. Shared by feature*.c and explain*.c only. */
#pragma once
#include <linux/capability.h>
#include <stdint.h>

#include "doctor/features.h"

typedef enum feature_state feature_probe_fn(const struct feature *f, struct strbuf *found,
					    struct strbuf *cure);

/* feature_kernel.c */
feature_probe_fn probe_kernel, probe_lockdown, probe_user_namespace, probe_pid_namespace,
	probe_sandbox, probe_unprivileged_bpf, probe_memlock, probe_cgroup, probe_open_files;

/* Whether "6.1.0-13-amd64" is at least major.minor; false for what is no release. */
bool kernel_at_least(const char *release, unsigned major, unsigned minor);
/* "none [integrity] confidentiality" → "integrity". 0 or -EINVAL. */
int lockdown_level(const char *text, struct strbuf *ret_level);
/* Where the first cgroup v2 of /proc/PID/mounts is mounted. 0 or -ENOENT. */
int cgroup_mount(const char *mounts, struct strbuf *ret_path);
/* BPF memory counts against RLIMIT_MEMLOCK. */
bool memlock_bounds_maps(void);

/* feature_caps.c; `which`: the capability */
feature_probe_fn probe_capability;
feature_probe_fn probe_kallsyms, probe_processes;
/* The effective capabilities of this process, one bit each. */
uint64_t capabilities_effective(void);
/* That one, or the older one that it was split off. */
bool capability_held(unsigned cap);
/* Adds how to get all capabilities at once. */
void capabilities_cure(struct strbuf *cure);

/* feature_perf.c */
feature_probe_fn probe_perf_events, probe_cycles, probe_sideband, probe_sideband_build_id,
	probe_paranoid, probe_sample_rate, probe_max_stack, probe_mlock;

/* feature_bpf.c; `which`: program type, or helper, or map type */
feature_probe_fn probe_btf, probe_block_tracepoints, probe_program, probe_helper, probe_map;
