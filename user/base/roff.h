/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Text for a man page in man(7), readable by groff and mandoc alike. */
#pragma once
#include "base/strbuf.h"

/* Adds text as it stands: no byte of it is a request or an escape. It has no newline. */
void roff_add(struct strbuf *out, const char *text);
/* Begins a paragraph; does nothing right behind a heading, where one begins by itself. */
void roff_paragraph(struct strbuf *out);
/*
 * Adds paragraphs: they are parted by an empty line; one whose lines begin with a blank
 * stands as it is.
 */
void roff_add_paragraphs(struct strbuf *out, const char *text);
