// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <linux/bpf.h>
#include <string.h>

#include "doctor/feature_probe.h"

const struct feature features[] = {
	{ "kernel", "version", "all that bpfprof is built on", true, 0, probe_kernel },
	{ NULL, "BTF", "the kernel's own description of its types", true, 0, probe_btf },
	{ NULL, "lockdown", "BPF programs that read the kernel's memory", true, 0, probe_lockdown },
	{ NULL, "user namespace", "rights that count outside of a container", true, 0,
	  probe_user_namespace },
	{ NULL, "pid namespace", "pids that mean the same to the kernel and here", false, 0,
	  probe_pid_namespace },
	{ NULL, "sandbox", "system calls and file capabilities that are not barred", false, 0,
	  probe_sandbox },
	{ NULL, "cgroup v2", "--cgroup", false, 0, probe_cgroup },

	{ "rights", "CAP_BPF", "loading BPF programs and maps", true, CAP_BPF, probe_capability },
	{ NULL, "CAP_PERFMON", "perf events of the whole system; BPF that reads the kernel", true,
	  CAP_PERFMON, probe_capability },
	{ NULL, "CAP_SYS_PTRACE", "mappings and files of other users' processes", false,
	  CAP_SYS_PTRACE, probe_capability },
	{ NULL, "CAP_DAC_READ_SEARCH", "programs and libraries in private folders", false,
	  CAP_DAC_READ_SEARCH, probe_capability },
	{ NULL, "CAP_CHECKPOINT_RESTORE", "deleted and overlaid files, by /proc/PID/map_files",
	  false, CAP_CHECKPOINT_RESTORE, probe_capability },
	{ NULL, "CAP_SYSLOG", "addresses of kernel functions", false, CAP_SYSLOG,
	  probe_capability },
	{ NULL, "CAP_SYS_RESOURCE", "locked memory for maps before 5.11", false, CAP_SYS_RESOURCE,
	  probe_capability },
	{ NULL, "kernel symbols", "names of kernel functions", false, 0, probe_kallsyms },
	{ NULL, "processes", "names of functions in other users' processes", false, 0,
	  probe_processes },
	{ NULL, "locked memory", "maps", true, 0, probe_memlock },
	{ NULL, "open files", "perf events, some for every CPU", false, 0, probe_open_files },

	{ "perf", "perf_event_paranoid", "who may count what", false, 0, probe_paranoid },
	{ NULL, "system-wide events", "the clock that takes samples on every CPU", true, 0,
	  probe_perf_events },
	{ NULL, "cycles", "samples in code that runs with interrupts off, too", false, 0,
	  probe_cycles },
	{ NULL, "side-band records", "processes and their mappings, as they come and go", true, 0,
	  probe_sideband },
	{ NULL, "build-ids", "files that are known without being opened", false, 0,
	  probe_sideband_build_id },
	{ NULL, "perf_event_max_sample_rate", "the highest frequency that -F takes", false, 0,
	  probe_sample_rate },
	{ NULL, "perf_event_max_stack",
	  "frames of kernel stacks, and of user stacks with --unwind fp", false, 0,
	  probe_max_stack },
	{ NULL, "perf_event_mlock_kb", "rings for side-band records", false, 0, probe_mlock },

	{ "BPF", "unprivileged_bpf_disabled", "BPF without any right", false, 0,
	  probe_unprivileged_bpf },
	{ NULL, "perf_event programs", "cpu", false, BPF_PROG_TYPE_PERF_EVENT, probe_program },
	{ NULL, "BTF tracepoints", "io", false, BPF_PROG_TYPE_TRACING, probe_program },
	{ NULL, "raw tracepoints", "kernels without BTF of a tracepoint", false,
	  BPF_PROG_TYPE_RAW_TRACEPOINT, probe_program },
	{ NULL, "block tracepoints", "io", false, 0, probe_block_tracepoints },
	{ NULL, "ring buffer", "stacks and threads that are seen for the first time", true,
	  BPF_MAP_TYPE_RINGBUF, probe_map },
	{ NULL, "mmapable array", "counts that are read without a system call", true,
	  BPF_MAP_TYPE_ARRAY, probe_map },
	{ NULL, "bpf_get_stack", "kernel stacks", true, BPF_FUNC_get_stack, probe_helper },
	{ NULL, "bpf_current_task_under_cgroup", "--cgroup", false,
	  BPF_FUNC_current_task_under_cgroup, probe_helper },
	{ NULL, "bpf_get_current_task_btf", "cheap facts of a thread (5.11)", false,
	  BPF_FUNC_get_current_task_btf, probe_helper },
	{ NULL, "bpf_task_pt_regs", "user registers without a guess at the stack's size (5.15)",
	  false, BPF_FUNC_task_pt_regs, probe_helper },
	{ 0 },
};

const struct feature *feature_find(const char *name)
{
	for (const struct feature *f = features; f->name; f++)
		if (!strcmp(f->name, name))
			return f;
	return NULL;
}
