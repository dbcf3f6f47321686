/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* `report --annotate FILE`: which file of a profile is meant, and where its source is. */
#pragma once
#include "base/strbuf.h"
#include "model/profile.h"
#include "view/annotate.h"

struct annotation {
	const char *file;   /* --annotate: as it was given; NULL: not asked for */
	const char *source; /* --source: a file, or a folder to look in; NULL */
	struct annotate shown;
	struct strbuf path, text, note; /* what `shown` points to */
};

/*
 * Finds the file of the profile that is meant, by its path, by the end of it, or by its name alone,
 * and reads its source; `shown` is filled, without text where there is none to read. 0; -ENOENT
 * or -EINVAL (none, or several): one line in `error`; -ENOMEM.
 */
int annotation_find(struct annotation *a, const struct profile *p, struct strbuf *error);
void annotation_done(struct annotation *a);
