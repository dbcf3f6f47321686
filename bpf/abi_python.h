/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where a CPython process keeps what is walked (python.h): addresses of this
 * process, and offsets of its version and build. Part of abi.h. Addresses and offsets are 0 where
 * there is no such thing, but for offsets that say otherwise.
 */
#pragma once

/* A variable of each thread. */
struct abi_thread_local {
	__s64 offset; /* from the thread pointer, or from the module's block; 0: there is none */
	__u64 module; /* number of its block in the dynamic thread vector; 0: not through it */
};

/* How `current frame` leads to the innermost frame, and where the loop was entered. */
enum abi_python_frames {
	ABI_PYTHON_OBJECTS, /* to 3.10: PyFrameObject; the loop is entered for each */
	ABI_PYTHON_ENTRIES, /* 3.11: a frame says that it was, and a _PyCFrame stands on the C stack
			     */
	ABI_PYTHON_SHIMS,   /* from 3.12: a frame of nobody stands there, between those of two loops
			     */
};

struct abi_python {
	/* The thread's state, tried in this order. */
	struct abi_thread_local held; /* while it holds the GIL: _Py_tss_tstate; from 3.12 */
	struct abi_thread_local kept; /* also without it: 3.15 */
	__u64 holder;	    /* address of the pointer to the state that holds the GIL; to 3.11 */
	__u64 key;	    /* address of the pthread key (u32) of the state; to 3.14 */
	__u64 interpreters; /* address of the pointer to the first interpreter */
	__u64 code_type;    /* address of PyCode_Type; 0: not known */
	__u16 interpreter_next;
	__u16 interpreter_threads; /* its first state; 0: states are not looked for there */
	/* The C library's values by key: glibc's two levels, or musl's (block 0: a plain table). */
	__u16 key_block;  /* first 32 values, from the thread pointer */
	__u16 key_blocks; /* pointers to 32 each (glibc), or pointer to the table (musl) */
	__u16 key_size;	  /* bytes of a value: 16 or 8 */
	__u16 key_data;	  /* where in it the pointer is: 8 or 0 */

	__u16 state_thread; /* the thread pointer, in the state: what proves that it is ours */
	__u16 state_frame;  /* the current frame, or 3.11's and 3.12's _PyCFrame */
	__u16 cframe_frame; /* in a _PyCFrame; 0xffff: there is none */
	__u16 cframe_previous;

	/* In a frame, all below 128 (PYTHON_FRAME_BYTES). */
	__u8 frames; /* enum abi_python_frames */
	__u8 frame_previous, frame_code, frame_at;
	__u8 frame_owner; /* a byte: owner, or is_entry */
	__u8 at_is_index; /* frame_at is an int, not a pointer */
	__u8 minor;	  /* of the version: 6 to 15 */
	__u8 free_threaded;

	/* In a code object, from 32 to 160 (PYTHON_CODE_FROM, PYTHON_CODE_BYTES). */
	__u8 code_first_line, code_file, code_name, code_qualname; /* qualname 0: it has none */
	__u8 code_lines;
	/* Objects: data of strings and bytes, for their lengths. */
	__u8 text_ascii, text_other, text_length, text_state;
	__u8 bytes_size, bytes_data;
	__u8 object_type;	 /* where an object's type stands */
	__u16 code_instructions; /* co_code_adaptive; 0: `at` counts from the first instruction */
	__u16 state_task;	 /* the running asyncio task; 0: not known */

	/* In a task of asyncio; futures have the first three, too. */
	__u8 task_awaiter;   /* what awaits it */
	__u8 task_awaiters;  /* a byte: that is a set of them */
	__u8 task_is_task;   /* a byte */
	__u8 task_coroutine; /* its outermost one */
	__u8 task_name;
	/* In a coroutine. */
	__u8 coroutine_frame;	  /* the frame itself */
	__u8 coroutine_state;	  /* a byte … */
	__u8 coroutine_awaits[2]; /* … which is one of these where it awaits */
	__u8 frame_stack;	  /* of a frame: the end of its values */
	__u8 awaited;		  /* so far below that end is what it awaits */
	__u8 type_flags;	  /* of a type: tp_flags */
	/* Each thread may run a copy of the instructions: which, and its code object's copies. */
	__u8 frame_copy; /* an int: 0 is the code object's own; no such thing where this is 0 */
	__u8 code_copies;
	/* A free-threaded build has a GIL, too, which may be in use: then this int is not 0. */
	__u16 state_interpreter, interpreter_gil, gil_enabled;
};
_Static_assert(sizeof(struct abi_python) == 128, "abi_python");
