/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Names as people know them: C++ with its parameters, Rust without its hash,
 * through libiberty. A mangled name of a few kilobytes can claim gigabytes of
 * text by pointing back into itself, so input and output are bounded.
 */
#pragma once
#include "base/strbuf.h"

/*
 * Adds the readable form of a symbol's name: demangled where it is mangled, without an ELF
 * version ("@@GLIBC_2.34"), with its "@plt". What can't be demangled is added as it is.
 */
void demangle(const char *name, struct strbuf *out);
/* The same of C++ without its parameters, and without the type that a template returns. */
void demangle_short(const char *name, struct strbuf *out);
