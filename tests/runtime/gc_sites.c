// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * gc_sites FILE: where the file's runtime collects. "found TEXT", "how TEXT" and a line a place,
 * "ROLE OFFSET SEMAPHORE"; or "not TEXT", why it can't be probed; nothing: no runtime.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "site/collector.h"

int main(int argc, char **argv)
{
	static const char *const roles[] = { [ABI_PROBE_NONE] = "none",
					     [ABI_PROBE_BEGIN] = "begin",
					     [ABI_PROBE_END] = "end",
					     [ABI_PROBE_COUNT] = "count",
					     [ABI_PROBE_TELL] = "tell" };
	_cleanup_(probe_sites_done) struct probe_sites sites = PROBE_SITES_INIT;
	_cleanup_(strbuf_done) struct strbuf why = STRBUF_INIT;
	_cleanup_close_ int fd = argc == 2 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;
	struct runtime_image image = { .fd = fd, .path = argv[1] };
	int r;

	if (fd < 0) {
		fprintf(stderr, "usage: gc_sites FILE\n");
		return 2;
	}
	r = collectors_find(NULL, &image, &sites, &why);
	if (r < 0 && r != -ENOTSUP) {
		fprintf(stderr, "gc_sites: %s\n", strerror(-r));
		return 1;
	}
	if (sites.found[0])
		printf("found %s\n", sites.found);
	if (r < 0)
		printf("not %s\n", strbuf_str(&why));
	if (r > 0)
		printf("how %s\n", sites.how);
	for (size_t i = 0; i < sites.nr; i++)
		printf("%s %llu %llu\n", roles[sites.sites[i].role],
		       (unsigned long long)sites.sites[i].offset,
		       (unsigned long long)sites.sites[i].semaphore);
	return 0;
}
