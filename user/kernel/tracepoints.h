/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What this kernel's BTF says of its tracepoints; read once, when first asked. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct bpf_program;
struct tracepoints;

/* A negative errno: no BTF (-ENOENT), or it can't be read. */
int tracepoints_open(struct tracepoints **ret);
void tracepoints_close(struct tracepoints *t);
/* Arguments of a tracepoint without the context that BPF never sees; -ENOENT: not in this kernel.
 */
int tracepoints_nr_args(const struct tracepoints *t, const char *name);
/*
 * Is a program that names its tracepoint to be loaded: has this kernel that, and do these flags of
 * abi_config need the program?
 */
bool tracepoints_is_usable(const struct tracepoints *t, const struct bpf_program *prog,
			   uint32_t flags);
