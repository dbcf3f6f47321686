/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where each call of a Python function begins and ends, as bpf/python_calls.bpf.h takes it: to
 * 3.10 each is a call of the interpreter's loop; from 3.11 on the loop runs most calls itself, and
 * only its own probes (USDT), which 3.15 has again, see all of them.
 */
#pragma once
#include "site/probe_site.h"

/* As probe_finder.find; its ctx is unused. */
int calls_python_find(void *ctx, const struct runtime_image *image, struct probe_sites *ret,
		      struct strbuf *why);
