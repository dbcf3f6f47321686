// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Files of a program that is to be started. The first probe of a file waits
 * for a grace period of RCU, some 10 ms: longer than many programs run.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "probe/inside.h"
#include "process/target_file.h"
#include "site/needed.h"

/* Paths, one behind the other, that are still to be looked at. */
struct expected {
	struct strbuf paths;
	size_t next;
	unsigned nr;
};

int probes_expect_file(struct probes *p, const char *path)
{
	int fd = p->by_pid ? -1 : target_file_open(AT_FDCWD, path, 0, NULL);
	uint32_t file;

	return fd < 0 ? 0 : probes_look_at(p, path, fd, 0, &file);
}

/* Each library may name others. */
static int expect_file(struct probes *p, const char *path, struct expected *e)
{
	int fd = target_file_open(AT_FDCWD, path, 0, NULL), r;
	uint32_t file;

	if (fd < 0)
		return 0;
	/* Before anything takes the descriptor. */
	r = needed_interpreter(fd, &e->paths);
	if (!r)
		r = needed_libraries(fd, path, &e->paths);
	if (r < 0) {
		close(fd);
		return r;
	}
	return probes_look_at(p, path, fd, 0, &file);
}

int probes_expect(struct probes *p, const char *program)
{
	struct expected e = { .paths = STRBUF_INIT };
	int r = needed_program(program, &e.paths);

	while (r >= 0 && e.next < e.paths.len && e.nr++ < NEEDED_MAX) {
		/* It may be moved by what is appended meanwhile. */
		_cleanup_free_ char *path = strdup(e.paths.buf + e.next);

		e.next += strlen(e.paths.buf + e.next) + 1;
		r = path ? expect_file(p, path, &e) : -ENOMEM;
	}
	strbuf_done(&e.paths);
	return r < 0 ? r : 0;
}
