/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The walk of a CPython thread's frames: from the thread pointer to its state,
 * to its innermost frame, and from each to its caller. The same code runs in
 * the kernel half and on the host. Who includes it defines before:
 *
 *	long python_read(p, void *to, __u32 size, __u64 from)   memory of the process; not 0:
 *unreadable
 *
 * p: const struct python_walk *. All that is read may be enemy input: every index is masked where
 * it is used, and each step ends the walk or counts towards its end. Offsets are data
 * (abi_python.h); nothing here knows a version.
 */
#pragma once
#include "abi.h"
#include "hash.h"

enum {
	PYTHON_FRAME_BYTES = 128, /* of a PyFrameObject */
	PYTHON_FRAME_SHORT = 80,  /* of a _PyInterpreterFrame: there may be no more */
	PYTHON_CODE_FROM = 32,
	PYTHON_CODE_BYTES = 128,
	PYTHON_SHIM = 3,	/* FRAME_OWNED_BY_CSTACK, or later _INTERPRETER, and above */
	PYTHON_KEYS_BLOCK = 32, /* glibc's PTHREAD_KEY_2NDLEVEL_SIZE */
	PYTHON_MAX_KEYS = 1024,
	/* No walk takes more, shims included. A verifier follows 8,192 jumps that may end a loop.
	 */
	PYTHON_MAX_STEPS = ABI_CALLS_WALKED * 3 / 2,
	/* Interpreters and states that are looked at for others of the thread; what may be found.
	 */
	PYTHON_MAX_LISTED = 128,
	PYTHON_MAX_STATES = 8,
	PYTHON_STATE_NEXT = 8, /* in a state, of all versions: the next one of its interpreter */
	/* The stack that is searched for a frame object, and how much of one is its fixed part. */
	PYTHON_SEEK_WORDS = 64,
	PYTHON_SEEK_STEPS = 128,
	PYTHON_FRAME_FIXED = 376,
};

#define PYTHON_NO_CFRAME    0xffff
#define PYTHON_LAST_ONE_KEY 11 /* the last version that has one state a thread by key */

struct python_walk {
	__u64 thread; /* the thread pointer */
	__u64 state;
	__u64 frame, cframe;
	__u32 nr;	  /* calls walked */
	__u32 nr_steps;	  /* … and frames of nobody, and the end */
	__u32 nr_entries; /* times that the loop was entered, and where is known */
	__u8 stop;	  /* enum abi_interpreted */
	__u8 entered;	  /* the last call is marked as entered */
	/* Other states of the thread: what was walked first, and where the lists of them are at. */
	__u64 first, interpreter, listed;
	__u64 seek; /* an address of the stack */
	__u64 last_entry;
	__u32 nr_listed; /* looked at */
	__u32 nr_states; /* that had calls … */
	__u32 nr_before; /* … and the calls of those before the present one */
	__u8 mixed;	 /* the loops of one are not all further in than the next one's */
	/* The running asyncio task, and what awaits it: python_tasks.h. */
	__u8 in_task; /* its outermost coroutine is one of the calls */
	__u8 awaited; /* enum abi_awaited */
	__u64 task, coroutine;
	__u64 task_frame; /* of its outermost coroutine; 0: none, or it was found */
	__u64 coroutine_type;
	__u32 nr_tasks, nr_task_calls;
	__u32 nr_awaiters; /* calls of awaiting tasks */
	__u64 bytes[PYTHON_FRAME_BYTES / 8];
	__u64 code[PYTHON_CODE_BYTES / 8];
};

static inline int python_stop(struct python_walk *p, __u8 stop)
{
	p->stop = stop;
	return 1;
}

static inline __u64 python_word(const __u64 *words, __u32 at)
{
	return words[at >> 3 & (PYTHON_FRAME_BYTES / 8 - 1)];
}

static inline __u32 python_int(const __u64 *words, __u32 at)
{
	return ((const __u32 *)words)[at >> 2 & (PYTHON_FRAME_BYTES / 4 - 1)];
}

static inline __u8 python_byte(const __u64 *words, __u32 at)
{
	return ((const __u8 *)words)[at & (PYTHON_FRAME_BYTES - 1)];
}

/* A pointer in memory; 0 if it can't be read, too. */
static inline __u64 python_pointer(const struct python_walk *p, __u64 from)
{
	__u64 value = 0;

	return python_read(p, &value, sizeof(value), from) ? 0 : value;
}

static inline __u64 python_thread_local(const struct python_walk *p,
					const struct abi_thread_local *v)
{
	__u64 block = p->thread;

	if (!v->offset && !v->module)
		return 0;
	if (v->module) {
		/* tcbhead_t.dtv, then dtv_t of 16 bytes; before them, how many a thread has. */
		block = python_pointer(p, p->thread + 8);
		if (python_pointer(p, block - 16) < v->module)
			return 0;
		block = python_pointer(p, block + 16 * v->module);
		if (!block || block == ~0ull)
			return 0;
	}
	return python_pointer(p, block + (__u64)v->offset);
}

/* The value of the interpreter's pthread key: PyGILState's. */
static inline __u64 python_by_key(const struct python_walk *p, const struct abi_python *l)
{
	__u64 at = p->thread + l->key_block;
	__u32 key = 0;

	if (!l->key || python_read(p, &key, sizeof(key), l->key) || key >= PYTHON_MAX_KEYS)
		return 0;
	if (!l->key_block || key >= PYTHON_KEYS_BLOCK) {
		at = p->thread + l->key_blocks;
		if (l->key_block) {
			at += key / PYTHON_KEYS_BLOCK * 8;
			key %= PYTHON_KEYS_BLOCK;
		}
		at = python_pointer(p, at);
		if (!at)
			return 0;
	}
	return python_pointer(p, at + (__u64)key * l->key_size + l->key_data);
}

/*
 * To 3.11 a key knows one state a thread, and a thread may run several interpreters: the one that
 * holds the GIL is known, without it they can't be told apart.
 */
static inline int python_is_ambiguous(const struct python_walk *p, const struct abi_python *l)
{
	__u64 first, next;

	if (!l->interpreters || l->minor > PYTHON_LAST_ONE_KEY)
		return 0;
	/* What can't be read may be a second one. */
	return python_read(p, &first, sizeof(first), l->interpreters) ||
	       python_read(p, &next, sizeof(next), first + l->interpreter_next) || next;
}

/* Anything else was left by another thread, or is no state at all. */
static inline int python_is_ours(const struct python_walk *p, const struct abi_python *l,
				 __u64 state)
{
	return state && python_pointer(p, state + l->state_thread) == p->thread;
}

static inline int python_find_state(struct python_walk *p, const struct abi_python *l)
{
	__u64 held, kept = 0, keyed = 0;

	p->state = held = python_thread_local(p, &l->held);
	if (python_is_ours(p, l, p->state))
		return 0;
	p->state = kept = python_thread_local(p, &l->kept);
	if (python_is_ours(p, l, p->state))
		return 0;
	/* Most times another thread's. */
	p->state = l->holder ? python_pointer(p, l->holder) : 0;
	if (python_is_ours(p, l, p->state))
		return 0;
	p->state = keyed = python_by_key(p, l);
	if (python_is_ours(p, l, p->state))
		return python_is_ambiguous(p, l) ? python_stop(p, ABI_INTERPRETED_AMBIGUOUS) : 0;
	p->state = 0;
	return python_stop(p,
			   held || kept || keyed ? ABI_INTERPRETED_STRANGER : ABI_INTERPRETED_NONE);
}

/* The innermost frame of the state; 0: it runs none. Not 0: it can't be read. */
static inline long python_find_frame(struct python_walk *p, const struct abi_python *l)
{
	__u64 at = p->state + l->state_frame;

	p->frame = 0;
	if (l->cframe_frame != PYTHON_NO_CFRAME) {
		if (python_read(p, &p->cframe, sizeof(p->cframe), at))
			return 1;
		if (!p->cframe)
			return 0;
		at = p->cframe + l->cframe_frame;
	}
	return python_read(p, &p->frame, sizeof(p->frame), at);
}

/* Which of the frames is the outermost one of the running asyncio task, if there is one. */
static inline void python_find_task(struct python_walk *p, const struct abi_python *l)
{
	p->task = l->state_task ? python_pointer(p, p->state + l->state_task) : 0;
	if (!p->task)
		return;
	p->coroutine = python_pointer(p, p->task + l->task_coroutine);
	p->task_frame = p->coroutine ? p->coroutine + l->coroutine_frame : 0;
}

/* Begins a walk at a frame that is known, the running thread's or to be so; 0: at none yet. */
static inline void python_begin_at(struct python_walk *p, __u64 frame)
{
	p->frame = frame;
	p->nr = p->nr_steps = p->nr_entries = p->nr_awaiters = 0;
	p->nr_listed = p->nr_states = p->nr_before = 0;
	p->cframe = p->task_frame = p->last_entry = 0;
	p->in_task = p->awaited = p->mixed = 0;
	p->entered = 1;
	p->stop = ABI_INTERPRETED_NONE;
}

/* Finds the innermost frame of the thread `thread`. Not 0: there is none, p->stop says why. */
static inline int python_begin(struct python_walk *p, const struct abi_python *l, __u64 thread)
{
	python_begin_at(p, 0);
	p->thread = thread;
	if (!thread || python_find_state(p, l))
		return 1;
	p->first = p->state;
	p->interpreter = p->listed = 0;
	python_find_task(p, l);
	return python_find_frame(p, l) ? python_stop(p, ABI_INTERPRETED_MEMORY) : 0;
}

/* Where in a string its own hash is: behind its length, in all versions. */
static inline __u32 python_hash_at(const struct abi_python *l)
{
	return l->text_length + 8u;
}

/*
 * What tells a code object from another one at the same address later, or in another process that
 * was forked of the same one: what is made in both alike has the same addresses, but other names.
 * Not 0, without flags.
 */
static inline __u32 python_check(const __u64 *code, const struct abi_python *l, __u64 name_hash)
{
	__u32 name = l->code_qualname ? l->code_qualname : l->code_name;
	__u64 h = hash_word(python_int(code, l->code_first_line - PYTHON_CODE_FROM),
			    python_word(code, l->code_file - PYTHON_CODE_FROM));
	__u32 check;

	h = hash_word(h, python_word(code, name - PYTHON_CODE_FROM) ^ name_hash);
	h = hash_word(h, python_word(code, l->code_lines - PYTHON_CODE_FROM));
	check = (__u32)(h >> 32) & ~ABI_CALL_FLAGS;
	return check ? check : ABI_CALL_FLAGS + 1;
}

/* Where the nth call is kept: the last ones of many go around. */
static inline __u32 python_place(__u32 n)
{
	enum { FIRST = ABI_MAX_CALLS - ABI_ROOT_CALLS };

	return n < FIRST ? n : FIRST + n % ABI_ROOT_CALLS;
}

/*
 * Where the code object's instructions would begin if those that the frame in p->bytes runs were
 * its own. 0: can't be read.
 */
static inline __u64 python_instructions(const struct python_walk *p, const struct abi_python *l,
					__u64 code)
{
	__u32 copy = l->frame_copy ? python_int(p->bytes, l->frame_copy) : 0;
	__u64 copies, first;

	if (!copy)
		return code;
	/* _PyCodeArray: how many there are, then a pointer to each. */
	copies = python_pointer(p, code + l->code_copies);
	first = copies ? python_pointer(p, copies + 8 + 8 * (__u64)copy) : 0;
	return first ? first - l->code_instructions : 0;
}

/* What the name's string is known by, beside where it is: 0 if it can't be read. */
static inline __u64 python_name_hash(const struct python_walk *p, const struct abi_python *l)
{
	__u32 name = l->code_qualname ? l->code_qualname : l->code_name;

	return python_pointer(p, python_word(p->code, name - PYTHON_CODE_FROM) + python_hash_at(l));
}

/* The call of the frame in p->bytes. */
static inline void python_call(struct python_walk *p, const struct abi_python *l,
			       struct abi_call *c)
{
	/* From 3.14 on the lowest bits of a reference are tags. */
	__u64 code = python_word(p->bytes, l->frame_code) & ~7ull, first, at;

	c->code = code;
	if (l->at_is_index) {
		c->at = python_int(p->bytes, l->frame_at);
	} else {
		first = python_instructions(p, l, code);
		at = python_word(p->bytes, l->frame_at) - first;
		c->at = !first || at >> 31 ? ABI_CALL_NOWHERE : (__u32)at;
	}
	c->check = python_read(p, p->code, PYTHON_CODE_BYTES, code + PYTHON_CODE_FROM)
			   ? 0
			   : python_check(p->code, l, python_name_hash(p, l));
}

static inline void python_add(struct python_walk *p, const struct abi_python *l, __u64 frame,
			      struct abi_call *calls)
{
	struct abi_call *c = &calls[python_place(p->nr++) & (ABI_MAX_CALLS - 1)];

	python_call(p, l, c);
	p->entered = 0;
	if (frame != p->task_frame)
		return;
	c->check |= ABI_CALL_TASK;
	p->in_task = 1;
	p->task_frame = 0;
}

/*
 * The loop was entered with the last call that was added; `at`: an address in its stack frame, 0:
 * not known. Where there was no such call yet, it is about to run its first one, or to leave.
 */
static inline void python_entered(struct python_walk *p, struct abi_call *calls, __u64 *entries,
				  __u64 at)
{
	if (p->entered)
		return;
	p->entered = 1;
	calls[python_place(p->nr - 1) & (ABI_MAX_CALLS - 1)].check |= ABI_CALL_ENTERED;
	if (!at)
		return;
	/* Loops of the states that were walked before are all further in, or nothing is known. */
	if (p->nr_before && at <= p->last_entry) {
		p->mixed = 1;
		return;
	}
	p->last_entry = at;
	if (p->nr_entries < ABI_MAX_ENTRIES)
		entries[p->nr_entries++ & (ABI_MAX_ENTRIES - 1)] = at;
}

/*
 * Adds the present frame to `calls` (room for ABI_MAX_CALLS) and, where it is the first of a loop,
 * to `entries` (ABI_MAX_ENTRIES) the place of that loop; goes on to its caller. Not 0: there is no
 * more, p->stop says why.
 */
static inline int python_step(struct python_walk *p, const struct abi_python *l,
			      struct abi_call *calls, __u64 *entries)
{
	__u32 size = l->frames == ABI_PYTHON_OBJECTS ? PYTHON_FRAME_BYTES : PYTHON_FRAME_SHORT;
	__u64 frame = p->frame;

	if (p->mixed) {
		p->nr = p->nr <= ABI_MAX_CALLS ? p->nr_before : p->nr;
		return python_stop(p, ABI_INTERPRETED_AMBIGUOUS);
	}
	/* Each list's first frame is one that the loop was entered with. */
	if (!frame)
		return python_stop(p, p->entered ? ABI_INTERPRETED_WHOLE : ABI_INTERPRETED_MEMORY);
	if (p->nr >= ABI_CALLS_WALKED || ++p->nr_steps >= PYTHON_MAX_STEPS)
		return python_stop(p, ABI_INTERPRETED_DEPTH);
	if (frame & 7 || python_read(p, p->bytes, size, frame))
		return python_stop(p, ABI_INTERPRETED_MEMORY);
	p->frame = python_word(p->bytes, l->frame_previous);
	if (l->frames == ABI_PYTHON_SHIMS && python_byte(p->bytes, l->frame_owner) >= PYTHON_SHIM) {
		python_entered(p, calls, entries, frame);
		return 0;
	}
	python_add(p, l, frame, calls);
	if (l->frames == ABI_PYTHON_OBJECTS) {
		python_entered(p, calls, entries, 0);
	} else if (l->frames == ABI_PYTHON_ENTRIES && python_byte(p->bytes, l->frame_owner)) {
		python_entered(p, calls, entries, p->cframe);
		p->cframe = python_pointer(p, p->cframe + l->cframe_previous);
	}
	return 0;
}
