/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * .gnu_debugdata ("mini debuginfo"): an ELF file with a .symtab of the
 * functions that .dynsym lacks, compressed with xz, in the file itself.
 */
#pragma once
#include "symbolize/elffile.h"

/*
 * Unpacks it into *ret_bytes, which the caller frees. The number of bytes; -ENODATA: there is
 * none; -EFBIG: more than `max`; -EBADMSG: no good xz; -ENOMEM.
 */
ssize_t debugdata_read(const struct elf_file *f, size_t max, char **ret_bytes);
