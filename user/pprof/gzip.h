/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* gzip (RFC 1952) out to a stream and in from memory, by zlib. */
#pragma once
#include <stddef.h>
#include <stdio.h>
#include <zlib.h>

#include "base/strbuf.h"

struct gzip_out {
	z_stream z;
	FILE *out;
};

/* 0 or -ENOMEM. The same input gives the same bytes: no time or name is kept. */
int gzip_out_init(struct gzip_out *g, FILE *out);
void gzip_out_done(struct gzip_out *g);
/* `last` writes the trailer. 0 or a negative errno of zlib; the stream keeps its own errors. */
int gzip_out_add(struct gzip_out *g, const void *bytes, size_t size, bool last);

bool gzip_is(const struct strbuf *bytes);
/*
 * All members of `from`, one behind the other. 0, -ENODATA (ends in the middle), -EBADMSG
 * (damaged), -EFBIG (more than `max` bytes) or -ENOMEM.
 */
int gzip_inflate(const struct strbuf *from, size_t max, struct strbuf *into);
