// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "pprof/kind.h"

#include <string.h>

enum frame_kind kind_implied(bool last_line)
{
	return last_line ? FRAME_NATIVE : FRAME_INLINED;
}

void kind_encode(const struct profile *p, const struct frame *f, bool last_line, struct strbuf *out)
{
	if (f->kind == kind_implied(last_line) && f->function)
		return;
	strbuf_addf(out, "%s:%s", frame_kind_name(f->kind), profile_string_at(p, f->function));
}

bool kind_decode(const char *system_name, enum frame_kind *kind)
{
	for (unsigned k = 0; k < FRAME_KINDS; k++) {
		const char *name = frame_kind_name((enum frame_kind)k);
		size_t len = strlen(name);

		if (strncmp(system_name, name, len) || system_name[len] != ':')
			continue;
		*kind = (enum frame_kind)k;
		return system_name[len + 1] != '\0';
	}
	return true;
}
