// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "kernel/cpus.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/parse.h"
#include "kernel/filter.h"

int cpus_read(const char *list, struct cpus *ret)
{
	struct strbuf path = STRBUF_INIT, text = STRBUF_INIT;
	uint32_t ids[FILTER_MAX_CPUS];
	int r;

	strbuf_addf(&path, "/sys/devices/system/cpu/%s", list);
	r = file_read(strbuf_str(&path), 4096, &text);
	strbuf_done(&path);
	if (r >= 0) {
		if (text.len && text.buf[text.len - 1] == '\n')
			text.buf[text.len - 1] = '\0';
		r = parse_list(strbuf_str(&text), FILTER_MAX_CPUS, ids, FILTER_MAX_CPUS);
	}
	strbuf_done(&text);
	if (r <= 0)
		return r ? r : -ENODATA;
	ret->ids = malloc((size_t)r * sizeof(*ids));
	if (!ret->ids)
		return -ENOMEM;
	memcpy(ret->ids, ids, (size_t)r * sizeof(*ids));
	ret->nr = (uint32_t)r;
	return 0;
}

void cpus_done(struct cpus *c)
{
	free(c->ids);
	*c = (struct cpus)CPUS_INIT;
}

bool cpus_has(const struct cpus *c, uint32_t cpu)
{
	for (uint32_t i = 0; i < c->nr; i++)
		if (c->ids[i] == cpu)
			return true;
	return false;
}
