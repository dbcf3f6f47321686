// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "pprof/gzip.h"

#include <errno.h>
#include <string.h>

/* 15: the largest window; 16 more: gzip, not zlib. */
enum { WINDOW_BITS = 15 + 16, MEMORY_LEVEL = 9, BLOCK = 64 << 10 };

int gzip_out_init(struct gzip_out *g, FILE *out)
{
	*g = (struct gzip_out){ .out = out };
	/* Profiles repeat themselves: the fastest level already finds most of it. */
	return deflateInit2(&g->z, Z_BEST_SPEED, Z_DEFLATED, WINDOW_BITS, MEMORY_LEVEL,
			    Z_DEFAULT_STRATEGY) == Z_OK
		       ? 0
		       : -ENOMEM;
}

void gzip_out_done(struct gzip_out *g)
{
	deflateEnd(&g->z);
}

int gzip_out_add(struct gzip_out *g, const void *bytes, size_t size, bool last)
{
	unsigned char block[16384];
	int r;

	g->z.next_in = (unsigned char *)(uintptr_t)bytes;
	g->z.avail_in = (uInt)size;
	do {
		g->z.next_out = block;
		g->z.avail_out = sizeof(block);
		r = deflate(&g->z, last ? Z_FINISH : Z_NO_FLUSH);
		if (r == Z_STREAM_ERROR)
			return -EINVAL;
		fwrite(block, 1, sizeof(block) - g->z.avail_out, g->out);
	} while (!g->z.avail_out);
	return 0;
}

bool gzip_is(const struct strbuf *bytes)
{
	return bytes->len >= 2 && !memcmp(bytes->buf, "\x1f\x8b", 2);
}

static int inflate_all(z_stream *z, size_t max, struct strbuf *into)
{
	unsigned char block[BLOCK];

	for (;;) {
		size_t n;
		int r;

		z->next_out = block;
		z->avail_out = sizeof(block);
		r = inflate(z, Z_NO_FLUSH);
		n = sizeof(block) - z->avail_out;
		if (n > max - into->len)
			return -EFBIG;
		strbuf_add(into, block, n);
		if (into->failed || r == Z_MEM_ERROR)
			return -ENOMEM;
		if (r == Z_STREAM_END) {
			if (!z->avail_in)
				return 0;
			if (inflateReset(z) != Z_OK)
				return -EBADMSG;
		} else if (r == Z_BUF_ERROR || (r == Z_OK && !n && !z->avail_in)) {
			return -ENODATA;
		} else if (r != Z_OK) {
			return -EBADMSG;
		}
	}
}

int gzip_inflate(const struct strbuf *from, size_t max, struct strbuf *into)
{
	z_stream z = { .next_in = (unsigned char *)from->buf, .avail_in = (uInt)from->len };
	int r;

	if (inflateInit2(&z, WINDOW_BITS) != Z_OK)
		return -ENOMEM;
	r = inflate_all(&z, max, into);
	inflateEnd(&z);
	return r;
}
