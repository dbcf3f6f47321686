/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The BPF object that is no mode's: bpf/dump.bpf.c, for snapshot_open(). */
#pragma once
#include <stddef.h>

const void *dump_object(size_t *ret_size);
