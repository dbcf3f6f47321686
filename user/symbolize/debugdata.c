// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "symbolize/debugdata.h"

#include <errno.h>
#include <lzma.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/cleanup.h"

enum {
	MAX_PACKED = 64 << 20,
	MAX_DECODER = 128 << 20, /* memory that xz -9 asks for, and some */
	BLOCK = 256 << 10,
};

struct unpacked {
	char *bytes;
	size_t nr, cap;
};

static int unpack(lzma_stream *xz, size_t max, struct unpacked *out)
{
	for (;;) {
		lzma_ret r;

		if (out->nr >= max)
			return -EFBIG;
		if (array_reserve(out->bytes, out->cap, out->nr + BLOCK) < 0)
			return -ENOMEM;
		xz->next_out = (uint8_t *)out->bytes + out->nr;
		xz->avail_out = out->cap - out->nr;
		r = lzma_code(xz, LZMA_FINISH);
		out->nr = out->cap - xz->avail_out;
		if (r == LZMA_STREAM_END)
			return out->nr > max ? -EFBIG : 0;
		if (r == LZMA_MEM_ERROR || r == LZMA_MEMLIMIT_ERROR)
			return -ENOMEM;
		if (r != LZMA_OK)
			return -EBADMSG;
	}
}

ssize_t debugdata_read(const struct elf_file *f, size_t max, char **ret_bytes)
{
	GElf_Shdr h;
	Elf_Data *packed = elf_section_data(elf_file_section(f, ".gnu_debugdata", &h), MAX_PACKED);
	lzma_stream xz = LZMA_STREAM_INIT;
	struct unpacked out = { 0 };
	int r;

	if (!packed)
		return -ENODATA;
	if (lzma_stream_decoder(&xz, MAX_DECODER, 0) != LZMA_OK)
		return -ENOMEM;
	xz.next_in = packed->d_buf;
	xz.avail_in = packed->d_size;
	r = unpack(&xz, max, &out);
	lzma_end(&xz);
	if (r < 0) {
		free(out.bytes);
		return r;
	}
	*ret_bytes = out.bytes;
	return (ssize_t)out.nr;
}
