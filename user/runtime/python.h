/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * CPython 3.6 to 3.15, on x86-64: which file holds it, where a process keeps
 * what the walk of bpf/python.h reads. python.c finds the runtime and its
 * version, python_versions.c has the offsets as data, python_debug_offsets.c
 * those that a process says itself (from 3.13), python_decode.c where code
 * keeps its variables, python_thread.c what leads from a thread to its state,
 * python_loop.c the code of the loop (to 3.10), python_file.c what a file alone says.
 * python_code.c names code. python_explain.c says what came of all that.
 */
#pragma once
#include "runtime/image.h"
#include "runtime/python_versions.h"
#include "runtime/runtime.h"

extern const struct runtime runtime_python;

/* Of the seam (runtime.h): read_code, copy_code, instruction. */
int python_read_code(const struct abi_runtime *r, const struct abi_code *raw,
		     const struct target_memory *memory, struct strbuf *name, struct strbuf *file,
		     struct strbuf *ret_lines, struct raw_code *ret);
int python_copy_code(const struct abi_runtime *r, const struct target_memory *memory, uint64_t code,
		     struct abi_code *raw);
uint32_t python_instruction(const struct abi_runtime *r, const struct abi_call *call);

/* Of a file, for who looks for places in it. */
/*
 * Does it hold CPython? 1: *ret is its version; 0: no; -ENOTSUP: yes, but its version can't be
 * found; -ENOMEM.
 */
int python_identify(const struct image *im, struct python_release *ret);
/* The same, and the address of _PyRuntime in the file; 0: it has none. 1, 0 or -ENOMEM. */
int python_find_runtime(const struct runtime_image *image, uint8_t *ret_minor,
			uint64_t *ret_address);
/*
 * How calls are walked in all of its processes (abi_runtime.of_file); with `needs_state`, from the
 * running thread, if it holds the GIL, and else from a frame that is known. 1; 0: it has no
 * CPython; -EAGAIN: it can't be read; -ENOTSUP with `why`; -ENOMEM.
 */
int python_describe_file(const struct runtime_image *image, bool needs_state,
			 struct abi_runtime *ret, struct strbuf *why);
/* Code of the loop, as the file has it; its number, 0: not known. */
uint32_t python_find_loop(const struct image *im, const struct image_symbol *loop,
			  struct runtime_range ranges[RUNTIME_MAX_RANGES]);
