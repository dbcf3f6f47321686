/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a runtime writes about the code that it compiles: a line a function,
 * "START SIZE name", both in hex, appended for as long as it runs. Where
 * entries overlap the last one is the code that is there now. Source of the
 * format: jit-interface.txt of the kernel's tools/perf/Documentation.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "symbolize/spans.h"

struct perfmap {
	struct spans spans;
	struct strbuf names; /* each with a NUL behind */
	int64_t size;	     /* of the file when it was read */
};

#define PERFMAP_INIT \
	{            \
		0    \
	}

/*
 * Reads a map from its beginning. Lines that are none are skipped, a last line without a newline
 * is still being written and is skipped too. 0; -EPERM: the file is not `uid`'s or root's, or is
 * no plain file, so that it may be anybody's invention; -EFBIG: reading it takes more than
 * max_memory bytes (0: no bound); other negative errno.
 */
int perfmap_read(struct perfmap *ret, int fd, uint32_t uid, size_t max_memory);
void perfmap_done(struct perfmap *m);
/* NULL: no function is known there. */
const char *perfmap_find(const struct perfmap *m, uint64_t address);
