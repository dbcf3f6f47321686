/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * CPython 3.6 to 3.15, on x86-64: which file holds it, where a process keeps
 * what the walk of bpf/python.h reads. python.c finds the runtime and its
 * version, python_versions.c has the offsets as data, python_debug_offsets.c
 * those that a process says itself (from 3.13), python_decode.c where code
 * keeps its variables, python_thread.c what leads from a thread to its state,
 * python_loop.c the code of the loop (to 3.10). python_code.c names code.
 * python_explain.c says what came of all that.
 */
#pragma once
#include "runtime/runtime.h"

extern const struct runtime runtime_python;

/* Of the seam (runtime.h): read_code, copy_code, instruction. */
int python_read_code(const struct abi_runtime *r, const struct abi_code *raw,
		     const struct target_memory *memory, struct strbuf *name, struct strbuf *file,
		     struct strbuf *ret_lines, struct raw_code *ret);
int python_copy_code(const struct abi_runtime *r, const struct target_memory *memory, uint64_t code,
		     struct abi_code *raw);
uint32_t python_instruction(const struct abi_runtime *r, const struct abi_call *call);
