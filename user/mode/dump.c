// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "mode/dump.h"

#include "dump.skel.h"

const void *dump_object(size_t *ret_size)
{
	return dump_bpf__elf_bytes(ret_size);
}
