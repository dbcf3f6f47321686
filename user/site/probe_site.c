// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "site/probe_site.h"

#include <errno.h>
#include <stdlib.h>

#include "base/array.h"

/* Some two seconds. */
static const uint64_t MAX_WORK = 1 << 30;

int probe_sites_add(struct probe_sites *s, const struct probe_site *site)
{
	if (array_reserve(s->sites, s->cap, s->nr + 1) < 0) {
		free(site->name);
		return -ENOMEM;
	}
	s->sites[s->nr++] = *site;
	return 0;
}

void probe_sites_done(struct probe_sites *s)
{
	for (size_t i = 0; i < s->nr; i++)
		free(s->sites[i].name);
	free(s->sites);
	*s = (struct probe_sites)PROBE_SITES_INIT;
}

int probe_sites_find(const struct runtime_image *image, image_finder_fn find,
		     struct probe_sites *ret, struct strbuf *why)
{
	uint64_t left = MAX_WORK;
	struct image im;
	int r = image_open(&im, image->fd);

	im.work_left = &left;
	if (!r)
		r = image_keep_dynamic(&im);
	if (!r)
		r = find(&im, ret, why);
	image_done(&im);
	/* Where something was not looked at, nothing that was found is sure. */
	if (r > 0 && !left) {
		strbuf_adds(why, "its code takes too long to look at");
		return -ENOTSUP;
	}
	return r == -ENOEXEC ? 0 : r;
}
