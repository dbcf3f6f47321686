/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* CPython's functions of the seam (runtime.h), which says what each does. */
#pragma once
#include "runtime/runtime.h"

/* Besides: what is left out of names is marked by "…", and a line table that is not whole is none.
 */
int python_read_code(const struct abi_runtime *r, const struct abi_code *raw,
		     const struct target_memory *memory, struct strbuf *name, struct strbuf *file,
		     struct strbuf *ret_lines, struct raw_code *ret);
uint32_t python_instruction(const struct abi_runtime *r, const struct abi_call *call);
int python_copy_code(const struct abi_runtime *r, const struct target_memory *memory, uint64_t code,
		     struct abi_code *raw);
