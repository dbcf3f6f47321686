// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What probes need of a kernel half, and nothing more: each hit is counted at its place. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "abi_probe.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct abi_probe);
} probes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} probe_hits SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct abi_span_key);
	__type(value, struct abi_span);
} spans SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u32);
} span_threads SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u8);
} target_pids SEC(".maps");

/* What programs of places use: see probe.bpf.h. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} probe_shared SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} probe_place SEC(".maps");

static __always_inline int hit(__u32 place)
{
	__u64 *n = bpf_map_lookup_elem(&probe_hits, &place);

	if (n)
		++*n;
	return 0;
}

SEC("?uprobe")
int on_probe(struct pt_regs *ctx)
{
	return hit((__u32)bpf_get_attach_cookie(ctx));
}

SEC("?uprobe")
int on_any_probe(struct pt_regs *ctx)
{
	__u32 zero = 0, *at = bpf_map_lookup_elem(&probe_place, &zero);

	return at ? hit(*at) : 0;
}
