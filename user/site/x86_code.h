/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * x86-64 code, as far as it must be read to know where an instruction begins: a probe inside of
 * one would break the program. Source: Intel SDM vol. 2, chapter 2 and appendix A.
 */
#pragma once
#include "runtime/image.h"

/* Bytes of the instruction that begins there, of `left` that there are. 0: none that is known. */
size_t x86_length(const uint8_t *bytes, size_t left);

/* A jump or call relative to itself that begins there (jcc, jmp, call). false: it is none. */
struct x86_jump {
	bool is_call, is_conditional;
	uint64_t target;
};
bool x86_jump(const uint8_t *bytes, size_t length, uint64_t address, struct x86_jump *ret);

/* A function or a part of one, by .eh_frame_hdr. */
struct x86_code {
	uint64_t start, end;
	uint8_t *bytes;
};
enum { X86_MAX_CODE = 1 << 20 };
/*
 * The code that an address lies in, up to the end of its FDE, from the beginning of which
 * instructions can be told. 0; -ENOENT: there is no such code, or too much; -ENOMEM.
 */
int x86_code_read(const struct image *im, uint64_t address, struct x86_code *ret);
void x86_code_done(struct x86_code *c);

/*
 * x86_callers.c. Places that call `target` or jump to it, to `max`. Their number, or -ENOMEM.
 * *ret_all false: there is code that was not looked at, which is too much or can't be read.
 */
int x86_callers(const struct image *im, uint64_t target, uint64_t *ret, int max, bool *ret_all);
