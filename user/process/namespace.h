/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Are we in a namespace that the kernel began with? Their inode numbers are the same everywhere:
 * include/linux/proc_ns.h.
 */
#pragma once
#include <stdbool.h>

bool namespace_is_first_user(void);
/* Else the kernel's numbers of processes are not those of /proc. */
bool namespace_is_first_pid(void);
