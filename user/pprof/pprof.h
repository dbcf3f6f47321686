/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The file that bpfprof saves: a gzipped pprof profile (profile.proto says what
 * stands where). Reading gives back what was written; a file may also come from
 * another tool, or from somebody who wishes us ill: everything in it is checked
 * and what it may cost is bounded, as the limits in pprof_read.c say.
 */
#pragma once
#include <stdio.h>

#include "base/strbuf.h"
#include "model/profile.h"

/* 0, or a negative errno; the stream's own errors are the caller's to check. */
int pprof_write(const struct profile *p, FILE *out);
/*
 * Reads a pprof file, gzipped or plain. 0 and a new profile, or a negative
 * errno and one line in `error` that says what is wrong, with the path.
 */
int pprof_read(const char *path, struct profile **ret, struct strbuf *error);
