/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Stand-ins: the host's structs are those of vmlinux.h as they stand. */
#pragma once
extern struct task_struct host_task;

#define bpf_core_enum_value_exists(type, value) 1
#define bpf_core_field_exists(field)		(sizeof(field) && 0)
#define bpf_get_current_task_btf()		(&host_task)
#define bpf_get_current_task()			((unsigned long)&host_task)
#define BPF_CORE_READ_BITFIELD_PROBED(s, field) ((s)->field)
#define BPF_CORE_READ(src, field, ...)		0
#define bpf_core_type_size(type)		sizeof(type)
