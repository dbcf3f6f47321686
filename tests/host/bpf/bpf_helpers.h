/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Stand-ins for libbpf's header of this name, so that a .bpf.c compiles for
 * the host and its logic runs under a unit test. What a helper gives back is
 * in `host`; every map is one table in kernel.c.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define SEC(name)
#define __uint(name, val)  int(*name)[val]
#define __type(name, val)  typeof(val) *name
#define __array(name, val) typeof(val) *name[]
#undef __always_inline
#define __always_inline inline __attribute__((always_inline))
#define __noinline	__attribute__((noinline))
#ifndef NULL
#define NULL ((void *)0)
#endif
#define barrier()      __asm__ volatile("" ::: "memory")
#define barrier_var(v) __asm__ volatile("" : "+r"(v))

/* What the test wants the kernel to say, and what the program did. */
extern struct host {
	__u64 clock, pid_tgid, frames[8];
	__u32 cpu, nr_frames;
	const char *comm;
	bool ring_full;
	__u64 ring_used; /* of 100 bytes */
	int nr_records;
	__u32 last_record_type;
	char last_record[128];
	__u64 registers[64];	      /* of the thread, as it left user mode */
	const void *memory;	      /* the process's … */
	__u64 memory_at, memory_size; /* … from this address on */
} host;

void *host_lookup(const void *map, const void *key, __u32 key_size);
int host_update(const void *map, const void *key, __u32 key_size, const void *value, __u32 size);
int host_delete(const void *map, const void *key, __u32 key_size);
/* Makes what an array has from the start: zeroes under a key. */
void host_make(const void *map, __u32 key, __u32 size);
void host_reset(void);
/* A setting, which user space writes before it becomes constant, to be written by the test. */
void *host_writable(const volatile void *setting);
long host_read_kernel(void *to, __u32 size, const void *from);
long host_read_user(void *to, __u32 size, const void *from);
void *host_reserve(__u64 size);
void host_submit(void *record, __u64 size);
long host_ring(const void *record, __u64 size);
long host_stack(void *frames, __u64 size);

#define bpf_map_lookup_elem(map, k)	      host_lookup(map, k, sizeof(*(k)))
#define bpf_map_update_elem(map, k, v, flags) host_update(map, k, sizeof(*(k)), v, sizeof(*(v)))
#define bpf_map_delete_elem(map, k)	      host_delete(map, k, sizeof(*(k)))
#define bpf_ktime_get_ns()		      host.clock
#define bpf_get_current_pid_tgid()	      host.pid_tgid
#define bpf_get_smp_processor_id()	      host.cpu
#define bpf_get_current_comm(buf, size)	      strncpy(buf, host.comm, size)
#define bpf_current_task_under_cgroup(map, i) ((void)(map), 1)
#define bpf_ringbuf_query(ring, what) \
	((void)(ring), (what) == BPF_RB_AVAIL_DATA ? host.ring_used : 100)
#define bpf_ringbuf_output(ring, r, size, f)  ((void)(ring), (void)(f), host_ring(r, size))
#define bpf_get_stack(ctx, buf, size, flags)  ((void)(ctx), (void)(flags), host_stack(buf, size))
#define bpf_task_pt_regs(task)		      ((void)(task), host.registers)
#define bpf_probe_read_kernel(to, size, from) host_read_kernel(to, size, from)
#define bpf_probe_read_user(to, size, from)   host_read_user(to, size, from)
#define bpf_ringbuf_reserve(ring, size, f)    ((void)(ring), host_reserve(size))
#define bpf_ringbuf_submit(record, f)	      ((void)(f), host_submit(record, sizeof(*(record))))
