/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Why a process has no interpreted frames, or has them: goes the way that a
 * measurement goes (tracker, runtimes.c, user/runtime), without BPF, and hands
 * out what it found step by step, as the probes of features.h do. Nothing is
 * changed and the process is not stopped.
 */
#pragma once
#include <stdint.h>

#include "doctor/features.h"

struct explained {
	const char *name;    /* "process", "interpreter" … */
	const char *summary; /* what it is needed for */
	enum feature_state state;
	struct strbuf found, cure; /* as feature.probe adds them: safe for a terminal */
};

/* `e` is good until it returns. */
typedef void (*explain_fn)(void *ctx, const struct explained *e);

/*
 * The number of steps that failed: 0: its interpreted frames can be had. -ESRCH, before fn was
 * called: there is no such process, `error` says so in a line. -ENOMEM, or another error of /proc.
 */
int explain_process(uint32_t pid, explain_fn fn, void *ctx, struct strbuf *error);
