/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How a frame's kind stands in Function.system_name: see profile.proto. */
#pragma once
#include "model/profile.h"

/* The kind that needs no word: by whether it is the last line of its location. */
enum frame_kind kind_implied(bool last_line);
/* Appends nothing where kind and name need no word. */
void kind_encode(const struct profile *p, const struct frame *f, bool last_line,
		 struct strbuf *out);
/* Sets *kind if `system_name` says it; false: it says besides that the frame has no name. */
bool kind_decode(const char *system_name, enum frame_kind *kind);
