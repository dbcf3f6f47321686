/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What programs call the tasks that their samples are of, as strings of the
 * capture. A program may have a name for each request: so many are kept, and
 * who comes later has none.
 */
#pragma once
#include "abi.h"
#include "base/intern.h"
#include "model/capture.h"

enum { TASK_NAMES = 1024 };

/* All 0: none are known. */
struct task_names {
	struct intern known;
};

/* 1: *ret is its string; 0: there are too many, or it is none; -ENOMEM. */
int task_names_find(struct task_names *t, struct capture *c, const struct abi_name *name,
		    uint32_t *ret);
void task_names_done(struct task_names *t);
