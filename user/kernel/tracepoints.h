/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What this kernel's BTF says of its tracepoints; read once, when first asked. */
#pragma once

struct tracepoints;

/* A negative errno: no BTF (-ENOENT), or it can't be read. */
int tracepoints_open(struct tracepoints **ret);
void tracepoints_close(struct tracepoints *t);
/* Arguments of a tracepoint without the context that BPF never sees; -ENOENT: not in this kernel.
 */
int tracepoints_nr_args(const struct tracepoints *t, const char *name);
