/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where at a function's entry a probe costs least. The kernel emulates a push,
 * and executes other instructions one at a time on a page of its own, which takes
 * many times as long.
 */
#pragma once
#include "runtime/image.h"

/*
 * Address to probe for the entry at `address`: behind an endbr64 where a push follows, which
 * leaves arguments and stack as they are, so that a return probe may stand there as well. Else
 * `address`.
 */
uint64_t entry_cheapest(const struct image *im, uint64_t address);
/* The same as an offset in the file. 0; -EFAULT: no code there. */
int entry_offset(const struct image *im, uint64_t address, uint64_t *ret);
