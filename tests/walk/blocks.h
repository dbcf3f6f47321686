/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The memory that the kernel half walks by (abi.h, cfi.h), filled for one
 * process: a file's table is compiled once and stays placed; the list of
 * mappings is written anew for each process. Placement is one table behind the other.
 */
#pragma once
#include "abi.h"
#include "recording.h"

struct blocks;

int blocks_new(struct blocks **ret);
void blocks_free(struct blocks *b);
/*
 * Lists a process's mappings, and places the tables of their files that are not there yet. A
 * file that can't be compiled is a mapping without a table; one whose build-id is not the
 * recorded one is -ESTALE. 0 or a negative errno.
 */
int blocks_use(struct blocks *b, const struct recording_process *p);
uint32_t blocks_mappings(const struct blocks *b, uint32_t *ret_nr);
/* As walk_block(). */
const uint32_t *blocks_at(const struct blocks *b, uint32_t location);
/* A file's build-id. The number of bytes; 0: it has none. */
uint32_t blocks_build_id(const char *path, uint8_t ret[RECORDING_BUILD_ID]);
