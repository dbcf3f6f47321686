/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Texts of programs that stand in tags, such as the name of what a runtime
 * does: the kernel half has ids of them there (abi_text), the capture its own
 * strings. A program may have a text for each event: so many are kept.
 */
#pragma once
#include <stdbool.h>

#include "abi.h"
#include "base/intern.h"
#include "model/capture.h"

enum { TEXTS_MAX = 4096 };

struct texts {
	bool wanted;
	struct intern ids; /* the kernel half's, to positions in … */
	uint32_t *strings; /* … the capture's; 0: two texts have this id */
	uint32_t cap_strings;
	uint32_t unknown; /* string */
};

/* `wanted`: the mode's tags have texts; else they stay as they are. 0 or -ENOMEM. */
int texts_init(struct texts *t, struct capture *c, bool wanted);
void texts_done(struct texts *t);
/* 0 or -ENOMEM. One that finds no room is not kept. */
int texts_take(struct texts *t, struct capture *c, const struct abi_text *text);
/* May a tag's text still come? */
bool texts_lack(const struct texts *t, uint64_t tag);
/* The tag with the capture's string; false: it is not known, and the string says so. */
bool texts_resolve(const struct texts *t, uint64_t tag, uint64_t *ret);
size_t texts_memory(const struct texts *t);
