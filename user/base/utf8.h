/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, at most U+10FFFF. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One code point from at most `size` bytes at `s`: its length, or 0 if these bytes are no UTF-8. */
size_t utf8_decode(const char *s, size_t size, uint32_t *ret_code_point);
/* Writes a code point, or U+FFFD for what is none: the bytes that it takes. */
size_t utf8_encode(uint32_t code_point, char ret[4]);
/*
 * Columns of a terminal that a code point takes: wcwidth(3), where main() could set a locale of
 * UTF-8; else 1, and so is what that doesn't know.
 */
size_t utf8_columns(uint32_t code_point);
/* Columns that `size` bytes take; a byte that is no UTF-8 counts as one. */
size_t utf8_width(const char *s, size_t size);
/* Are all `size` bytes UTF-8? */
bool utf8_valid(const char *s, size_t size);
/* false: a control, invisible, or it would turn the text around it (bidi controls). */
bool utf8_is_shown(uint32_t code_point);
