/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Interpreted stacks: the frames of the runtime that the running thread's
 * process is known to have, leaf first, into a scratch of their own; and what
 * they run, sent when it is new. How a process is walked stands in `runtimes`;
 * each runtime's walk is a header of plain C. It comes before the walk of native frames, which
 * then finds the loops that ran these.
 */
#pragma once
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "abi.h"
#include "compat.bpf.h"
#include "hash.h"
#include "ring.bpf.h"
#include "scratch.bpf.h"

/* Written by user space. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct abi_runtime);
	__uint(max_entries, 1);
} runtimes SEC(".maps");

struct python_walk;

static __always_inline long python_read(const struct python_walk *p, void *to, __u32 size,
					__u64 from)
{
	return bpf_probe_read_user(to, size, (void *)from);
}

#include "python_others.h"
#include "python_tasks.h"

struct interpreted {
	struct python_walk python;
	struct abi_call calls[ABI_MAX_CALLS];
	struct abi_call awaiters[ABI_MAX_AWAITERS];
	struct abi_name name; /* of the running task */
	struct abi_code code; /* that is sent */
	/* Of mode calls: the frames of a call and its caller, and whose the first is. */
	__u64 innermost, caller;
	__u64 bias; /* … and what the process adds to its file's addresses */
	__u32 owner;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct interpreted);
	__uint(max_entries, SCRATCH_LEVELS);
} interpreting SEC(".maps");

/* Of one function call: a verifier follows each round of the loop around it, but these once. */
enum { STEPS_AT_ONCE = 8 };

/* Functions of their own, with scalars, as unwind_step(). `level`: of the scratch. */
__noinline int interpreted_begin(__u32 level, __u32 runtime, __u64 thread)
{
	struct interpreted *i = bpf_map_lookup_elem(&interpreting, &level);
	struct abi_runtime *r = bpf_map_lookup_elem(&runtimes, &runtime);

	if (!i || !r || r->kind != ABI_RUNTIME_PYTHON)
		return 1;
	return python_begin(&i->python, &r->python, thread);
}

__noinline int interpreted_list_step(__u32 level, __u32 runtime)
{
	struct interpreted *i = bpf_map_lookup_elem(&interpreting, &level);
	struct abi_runtime *r = bpf_map_lookup_elem(&runtimes, &runtime);

	return i && r ? python_others_step(&i->python, &r->python) : PYTHON_OTHERS_END;
}

__noinline int interpreted_seek_step(__u32 level)
{
	struct interpreted *i = bpf_map_lookup_elem(&interpreting, &level);
	struct scratch *s = bpf_map_lookup_elem(&scratches, &level);

	return i && s ? python_seek_step(&i->python, s->walk.window) : 1;
}

/* Where the loop of the present frame is not: an entry for the native walk. Not 0: anywhere. */
__noinline int interpreted_seek(__u32 level)
{
	struct interpreted *i = bpf_map_lookup_elem(&interpreting, &level);
	struct scratch *s = bpf_map_lookup_elem(&scratches, &level);

	if (!i || !s)
		return 1;
	if (python_seek_in(&i->python, s->walk.registers) < PYTHON_SEEK_WORDS)
		return python_stop(&i->python, ABI_INTERPRETED_AMBIGUOUS);
	i->python.seek = s->walk.registers[WALK_SP] - ABI_RED_ZONE;
	for (int n = 0; n < PYTHON_SEEK_STEPS; n++)
		if (interpreted_seek_step(level))
			break;
	return python_seek_end(&i->python, s->walk.entries);
}

/* Goes on to another state of the thread, a state's frames being walked. Not 0: there is none. */
__noinline int interpreted_other(__u32 level, __u32 runtime)
{
	struct interpreted *i = bpf_map_lookup_elem(&interpreting, &level);
	struct abi_runtime *r = bpf_map_lookup_elem(&runtimes, &runtime);
	int found = 0, seek;

	if (!i || !r || python_others_begin(&i->python, &r->python))
		return 1;
	for (int n = 0; n <= PYTHON_MAX_LISTED && !found; n++)
		found = interpreted_list_step(level, runtime);
	if (found != PYTHON_OTHERS_FOUND ||
	    python_others_enter(&i->python, &r->python, i->calls, &seek))
		return 1;
	if (seek && interpreted_seek(level))
		return 1;
	i->python.stop = ABI_INTERPRETED_DEPTH;
	return 0;
}

__noinline int interpreted_steps(__u32 level, __u32 runtime)
{
	struct interpreted *i = bpf_map_lookup_elem(&interpreting, &level);
	struct abi_runtime *r = bpf_map_lookup_elem(&runtimes, &runtime);
	struct scratch *s = bpf_map_lookup_elem(&scratches, &level);

	if (!i || !r || !s)
		return 1;
	for (int n = 0; n < STEPS_AT_ONCE; n++)
		if (python_step(&i->python, &r->python, i->calls, s->walk.entries))
			return interpreted_other(level, runtime);
	return 0;
}

__noinline int interpreted_await_step(__u32 level, __u32 runtime)
{
	struct interpreted *i = bpf_map_lookup_elem(&interpreting, &level);
	struct abi_runtime *r = bpf_map_lookup_elem(&runtimes, &runtime);

	if (!i || !r)
		return 1;
	return python_await_step(&i->python, &r->python, i->awaiters);
}

/* What awaits the task that the calls are of: into `interpreting`, too. Has it a name? */
__noinline int interpreted_await(__u32 level, __u32 runtime)
{
	struct interpreted *i = bpf_map_lookup_elem(&interpreting, &level);
	struct abi_runtime *r = bpf_map_lookup_elem(&runtimes, &runtime);
	int has_name;

	if (!i || !r || python_await_begin(&i->python, &r->python))
		return 0;
	has_name = !python_task_name(&i->python, &r->python, &i->name);
	for (int n = 0; n < PYTHON_AWAIT_STEPS; n++)
		if (interpreted_await_step(level, runtime))
			break;
	return has_name;
}

/* Walks the interpreted stack: the calls stand in `interpreting`, the loops in s->walk. */
static __always_inline void interpreted_walk(struct scratch *s, __u32 level, __u32 runtime)
{
	struct interpreted *in = bpf_map_lookup_elem(&interpreting, &level);

	if (!in)
		return;
	in->python.stop = ABI_INTERPRETED_NONE;
	in->python.nr = in->python.nr_entries = in->python.nr_awaiters = 0;
	in->python.in_task = in->python.awaited = 0;
	if (!interpreted_begin(level, runtime, compat_thread_pointer())) {
		in->python.stop = ABI_INTERPRETED_DEPTH;
		for (int i = 0; i <= PYTHON_MAX_STEPS / STEPS_AT_ONCE; i++)
			if (interpreted_steps(level, runtime))
				break;
	}
	s->stack.runtime = runtime;
	s->stack.interpreted = in->python.stop;
	s->stack.calls_walked = in->python.nr;
	s->stack.nr_calls = in->python.nr < ABI_MAX_CALLS ? in->python.nr : ABI_MAX_CALLS;
	s->walk.nr_entries = in->python.nr_entries;
	if (!in->python.in_task)
		return;
	s->stack.has_name = interpreted_await(level, runtime) & 1;
	s->stack.awaited = in->python.awaited;
	s->stack.nr_awaiters = in->python.nr_awaiters;
}

enum {
	CALL_WORDS = sizeof(struct abi_call) / sizeof(__u64),
	AWAITER_WORDS = ABI_MAX_AWAITERS * CALL_WORDS,
	NAME_WORDS = sizeof(struct abi_name) / sizeof(__u64),
};

/*
 * Puts the calls, and what is known of the task that they are of, behind so many frames, as they
 * are sent. The words that there are then.
 */
__noinline int interpreted_append(__u32 level, __u32 nr_frames)
{
	struct interpreted *in = bpf_map_lookup_elem(&interpreting, &level);
	struct scratch *s = bpf_map_lookup_elem(&scratches, &level);
	__u64 nr = nr_frames, size;

	if (!in || !s)
		return nr_frames;
	size = s->stack.nr_calls * sizeof(struct abi_call);
	barrier_var(size);
	barrier_var(nr);
	if (size > sizeof(in->calls) || nr > ABI_FRAME_KINDS * ABI_MAX_DEPTH)
		return nr_frames;
	bpf_probe_read_kernel(&s->frames[nr], size, in->calls);
	nr += s->stack.nr_calls * CALL_WORDS;
	size = s->stack.nr_awaiters * sizeof(struct abi_call);
	barrier_var(size);
	barrier_var(nr);
	if (size > sizeof(in->awaiters) || nr > ABI_STACK_WORDS - NAME_WORDS - AWAITER_WORDS)
		return nr;
	bpf_probe_read_kernel(&s->frames[nr], size, in->awaiters);
	nr += s->stack.nr_awaiters * CALL_WORDS;
	barrier_var(nr);
	if (!s->stack.has_name || nr > ABI_STACK_WORDS - NAME_WORDS)
		return nr;
	bpf_probe_read_kernel(&s->frames[nr], sizeof(in->name), &in->name);
	return nr + NAME_WORDS;
}

/*
 * How much was read of an object, of up to `most` bytes. Most are smaller, and the page behind may
 * not be there, or not yet: who fills its memory in order has its last objects before one.
 */
static __always_inline __u32 code_read(void *to, __u32 most, __u64 from)
{
	const __u64 page = 4096;
	__u64 rest = page - (from & (page - 1));

	if (!bpf_probe_read_user(to, most, (void *)from))
		return most;
	barrier_var(rest);
	if (rest >= most || bpf_probe_read_user(to, rest, (void *)from))
		return 0;
	return rest;
}

static __always_inline void code_read_python(struct abi_code *c, const struct abi_python *l)
{
	const __u64 *words = (const __u64 *)c->object;
	__u64 size = 0, lines;
	__u32 name = l->code_qualname ? l->code_qualname : l->code_name;

	c->object_size = code_read(c->object, ABI_CODE_BYTES, c->code);
	if (!c->object_size)
		return;
	c->text_sizes[0] = code_read(c->texts[0], ABI_CODE_TEXT, words[l->code_file >> 3 & 31]);
	c->text_sizes[1] = code_read(c->texts[1], ABI_CODE_TEXT, words[name >> 3 & 31]);
	lines = words[l->code_lines >> 3 & 31];
	if (bpf_probe_read_user(&size, sizeof(size), (void *)(lines + l->bytes_size)))
		return;
	size += l->bytes_data;
	if (size > ABI_CODE_LINES)
		size = ABI_CODE_LINES;
	if (!bpf_probe_read_user(c->lines, size, (void *)lines))
		c->lines_size = size;
}

/* Sends the nth call's code object, if it is new; awaiters are those from ABI_MAX_CALLS on. */
__noinline int code_send(__u32 level, __u32 n, __u64 space)
{
	struct interpreted *i = bpf_map_lookup_elem(&interpreting, &level);
	struct scratch *s = bpf_map_lookup_elem(&scratches, &level);
	struct abi_runtime *r;
	struct abi_call call;
	struct abi_code *c;
	__u64 id, family, size, *slot;
	__u32 runtime;
	bool known;

	if (!i || !s)
		return 1;
	if (n < ABI_MAX_CALLS) {
		if (n >= s->stack.nr_calls)
			return 1;
		call = i->calls[n];
	} else {
		n -= ABI_MAX_CALLS;
		if (n >= s->stack.nr_awaiters)
			return 1;
		call = i->awaiters[n & (ABI_MAX_AWAITERS - 1)];
	}
	runtime = s->stack.runtime;
	r = bpf_map_lookup_elem(&runtimes, &runtime);
	if (!r)
		return 1;
	call.check &= ~ABI_CALL_FLAGS;
	family = r->of_file ? space : r->family;
	id = hash_id(hash_word(hash_word(cfg.seed ^ family, call.code), call.check));
	slot = seen_slot(id, &known);
	if (known || !slot || !call.check)
		return 0;
	/* User space may still read it itself: half of the ring is for what it can't. */
	if (ring_is_half_full())
		return 1;
	c = &i->code;
	c->type = ABI_CODE;
	c->tgid = bpf_get_current_pid_tgid() >> 32;
	c->start_ns = s->stack.start_ns;
	c->time = bpf_ktime_get_ns();
	c->space = space;
	c->family = family;
	c->code = call.code;
	c->runtime = runtime;
	c->check = call.check;
	c->object_size = c->text_sizes[0] = c->text_sizes[1] = c->lines_size = 0;
	code_read_python(c, &r->python);
	size = offsetof(struct abi_code, lines) + c->lines_size;
	/* Woken early: what is new comes in bursts, and is gone with its process. */
	barrier_var(size);
	if (size > sizeof(*c) ||
	    bpf_ringbuf_output(&ring, c, size,
			       ring_is_full_to(8) ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP))
		return 1;
	*slot = id;
	return 0;
}

/* Sends what a new stack's calls run. */
static __always_inline void interpreted_send(struct scratch *s, __u32 level, __u64 space)
{
	for (__u32 i = 0; i < ABI_MAX_CALLS; i++)
		if (code_send(level, i, space))
			break;
	for (__u32 i = 0; i < ABI_MAX_AWAITERS; i++)
		if (code_send(level, ABI_MAX_CALLS + i, space))
			break;
}
