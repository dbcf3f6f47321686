/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the parts of python.h share. Of a file (python_build) everything is known by its addresses,
 * before any process is looked at; a process adds its bias and what it has made of it.
 */
#pragma once
#include "runtime/image.h"
#include "runtime/python.h"
#include "runtime/python_versions.h"

/* How code reaches a variable of each thread. */
struct python_variable {
	enum {
		PYTHON_VARIABLE_NONE,
		PYTHON_VARIABLE_FIXED,	/* `offset` from the thread pointer */
		PYTHON_VARIABLE_OFFSET, /* that stands at `got` */
		PYTHON_VARIABLE_MODULE, /* at `got` stand its module and what is added to `offset`
					 */
	} kind;
	int64_t offset;
	uint64_t got;
};

/* A build's `data`. Addresses are the file's, 0: there is none. */
struct python_build {
	const struct python_layout *layout;
	uint64_t runtime; /* _PyRuntime; 0: of 3.6 */
	uint64_t interpreters, holder;
	uint64_t keys[2]; /* by code, and by the version: one of both leads to states */
	uint64_t code_type;
	uint64_t tasks; /* _Py_AsyncioModuleDebugOffsets */
	struct python_variable held, kept;
};

/*
 * python.c: the layout of a process, and where the pointer to its first interpreter stands in it.
 * 0; -EAGAIN; -ENOTSUP with `why`.
 */
int python_find_layout(const struct python_build *b, const struct runtime_process *p,
		       struct python_layout *ret, uint64_t *ret_head, struct strbuf *why);

/* python_decode.c: what functions of x86-64 code say. */
bool python_decode_variable(const struct image *im, const struct image_symbol *function,
			    struct python_variable *ret);
/* The version that Py_GetVersion() prints; false: can't be told. */
bool python_decode_release(const struct image *im, const struct image_symbol *function,
			   struct python_release *ret);
/*
 * Where the key of the thread's state stands, by PyGILState_GetThisThreadState(): from `runtime`,
 * `size` bytes, on; where that is 0 (3.6) anywhere in data. 0: can't be told.
 */
uint64_t python_decode_key(const struct image *im, const struct image_symbol *function,
			   uint64_t runtime, uint64_t size);
/* The data that a function begins with reading: PyInterpreterState_Head() of 3.6. 0: it doesn't. */
uint64_t python_decode_getter(const struct image *im, const struct image_symbol *function);

/* python_thread.c. The states of threads, as their interpreters list them. */
enum { PYTHON_STATES = 64 };
struct python_states {
	uint32_t nr;
	bool have_frames; /* Python code runs in one of them at least */
	struct {
		uint64_t state, thread;
	} of[PYTHON_STATES];
};
/* `head`: address of the pointer to the first interpreter. 0, -EAGAIN: there is none yet. */
int python_list_states(const struct target_memory *memory, const struct python_layout *layout,
		       uint64_t head, struct python_states *ret);
/* The type of a code object that one of them runs, if it is named "code"; 0: not known. */
uint64_t python_code_type(const struct target_memory *memory, const struct python_layout *layout,
			  const struct python_states *states);
/* Fills held, kept, key and key_… of *ret. 0; -EAGAIN; -ENOTSUP with `why`; -ENOMEM. */
int python_find_routes(const struct python_build *b, const struct runtime_process *p,
		       const struct python_states *states, struct abi_python *ret,
		       struct strbuf *why);
/*
 * The same before there are states: the ways that need no proof but the state's own, which is that
 * it names its thread. 0; -EAGAIN: there is none yet; -ENOMEM.
 */
int python_foresee_routes(const struct python_build *b, const struct runtime_process *p,
			  struct abi_python *ret);

/* python_explain.c: of the seam (runtime.h) */
int python_explain(const struct runtime_build *build, const struct runtime_process *p,
		   const struct abi_runtime *r, struct runtime_explained *ret);
