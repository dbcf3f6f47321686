/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Prose broken into lines for a terminal. */
#pragma once
#include <stddef.h>

#include "base/strbuf.h"

/*
 * Adds the words of `size` bytes of text and a newline: the line that `out` ends in is padded to
 * column `indent`, lines are broken before column `width`, the next ones indented likewise.
 */
void wrap_words(struct strbuf *out, const char *text, size_t size, size_t indent, size_t width);
/* Adds paragraphs, parted by empty lines; a line that begins with a blank stands as it is. */
void wrap_paragraphs(struct strbuf *out, const char *text, size_t width);
