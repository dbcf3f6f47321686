// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>

#include "symbolize/debugfile.h"

/* <elfutils/debuginfod.h>, which need not be there when we are built. */
struct debuginfod {
	void *(*begin)(void);
	int (*find_debuginfo)(void *client, const unsigned char *build_id, int size, char **path);
	void (*end)(void *client);
};

static int load(struct debuginfod *ret)
{
	static const char library[] = "libdebuginfod.so.1";
	void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);

	if (!handle)
		return -ENOSYS;
	/* It stays loaded: it has a thread-unsafe start that must not run twice. */
	*(void **)&ret->begin = dlsym(handle, "debuginfod_begin");
	*(void **)&ret->find_debuginfo = dlsym(handle, "debuginfod_find_debuginfo");
	*(void **)&ret->end = dlsym(handle, "debuginfod_end");
	return ret->begin && ret->find_debuginfo && ret->end ? 0 : -ENOSYS;
}

int debuginfod_open(const uint8_t *build_id, uint32_t size, int *ret_fd)
{
	const char *urls = getenv("DEBUGINFOD_URLS");
	struct debuginfod d;
	void *client;
	int fd;

	if (!urls || !urls[0] || !size)
		return -ENOENT;
	if (load(&d) < 0)
		return -ENOSYS;
	client = d.begin();
	if (!client)
		return -ENOMEM;
	fd = d.find_debuginfo(client, build_id, (int)size, NULL);
	d.end(client);
	if (fd < 0)
		return fd;
	*ret_fd = fd;
	return 0;
}
