/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Tables on disk, by build-id, so that the next start reads instead of compiling. The folder is
 * root's alone and bounded: the files not used for longest leave. A file that is not exactly
 * what was written (owner, size, checksum, format, unwind_table_is_valid()) is removed and not
 * used.
 */
#pragma once
#include "unwind/table.h"

struct unwind_cache;

/*
 * Opens `folder`, making it (0700) where it is missing, with those above it, and removes what is
 * over the bound. 0, or a negative errno: -EPERM: it, or a folder above it, is not ours (and
 * root's) alone to write. Used by one thread; other processes may use the folder meanwhile.
 */
int unwind_cache_open(struct unwind_cache **ret, const char *folder, uint64_t max_bytes);
void unwind_cache_close(struct unwind_cache *c);
DEFINE_CLEANUP(struct unwind_cache, unwind_cache_close)
/*
 * By a build-id, or what else names the file, of up to 64 bytes. 0, -ENOENT, or why the file could
 * not be used: -ESTALE: it was not as it was written, and is removed.
 */
int unwind_cache_get(struct unwind_cache *c, const uint8_t *build_id, uint32_t size,
		     struct unwind_table **ret);
/*
 * Writes beside and renames; makes room first. 0, or a negative errno, with which all goes on
 * without: -EFBIG: over max_bytes, or 64 MB, by itself; -ENOSPC, -EROFS, -EDQUOT and the like.
 */
int unwind_cache_put(struct unwind_cache *c, const uint8_t *build_id, uint32_t size,
		     const struct unwind_table *t);
