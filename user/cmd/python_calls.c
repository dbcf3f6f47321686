// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "cmd/python_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "process/proc_maps.h"
#include "process/target_file.h"
#include "site/calls_python.h"

/* Of a process that was not there to be looked at before. */
static int find(void *ctx, const struct runtime_image *image, struct probe_sites *ret,
		struct strbuf *why)
{
	int r = calls_python_find(ctx, image, ret, why);

	if (r == -ENOTSUP)
		strbuf_adds(why, "; sampling shows where its time goes: bpfprof cpu -o FILE.prof");
	return r;
}

const struct probe_finder python_calls_finder = { .find = find };

struct search {
	uint32_t pid;
	int root;
	int found; /* as probe_finder.find */
	char what[48];
	struct strbuf why;
};

/* The very file; without the right to that, the one that is there now. */
static int open_mapped(const struct search *s, const struct proc_map *map)
{
	char link[80];
	struct stat st;
	int fd;

	snprintf(link, sizeof(link), "/proc/%u/map_files/%llx-%llx", s->pid,
		 (unsigned long long)map->start, (unsigned long long)map->end);
	fd = target_file_open(AT_FDCWD, link, 0, &st);
	return fd >= 0 || s->root < 0 ? fd
				      : target_file_open(s->root, map->path, TARGET_IN_ROOT, &st);
}

/* The first file that holds a Python decides. */
static int look(void *ctx, const struct proc_map *map)
{
	struct search *s = ctx;
	struct runtime_image image = { .path = map->path };
	struct probe_sites sites = PROBE_SITES_INIT;
	_cleanup_close_ int fd = -1;

	if (s->found || !map->ino || map->path[0] != '/')
		return 0;
	fd = open_mapped(s, map);
	if (fd < 0)
		return 0;
	image.fd = fd;
	s->found = calls_python_find(NULL, &image, &sites, &s->why);
	/* A file that can't be read has no Python that runs. */
	if (s->found < 0 && s->found != -ENOTSUP && s->found != -ENOMEM)
		s->found = 0;
	snprintf(s->what, sizeof(s->what), "%s", sites.found);
	probe_sites_done(&sites);
	return 0;
}

static int check(uint32_t pid, struct strbuf *error)
{
	_cleanup_close_ int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int root = target_root(proc, pid), maps = -1;
	struct search s = { .pid = pid, .root = root, .why = STRBUF_INIT };
	char path[32];
	int r;

	snprintf(path, sizeof(path), "/proc/%u/maps", pid);
	maps = open(path, O_RDONLY | O_CLOEXEC);
	if (maps < 0) {
		r = -errno;
		if (r == -ENOENT)
			strbuf_addf(error, "there is no process %u: 'ps -e' lists those that run",
				    pid);
		else
			strbuf_addf(error, "cannot read what process %u maps: %s", pid,
				    strerror(-r));
		return r == -ENOENT ? -ESRCH : r;
	}
	r = proc_maps_read(maps, look, &s, NULL);
	if (r >= 0)
		r = s.found > 0 ? 0 : s.found ? s.found : -ENOTSUP;
	if (r == -ENOTSUP && !s.found)
		strbuf_addf(error, "process %u runs no Python", pid);
	else if (r == -ENOTSUP)
		strbuf_addf(error,
			    "%s, pid %u: %s; sampling shows where its time goes: bpfprof cpu -p "
			    "%u -o FILE.prof",
			    s.what, pid, strbuf_str(&s.why), pid);
	strbuf_done(&s.why);
	return r;
}

int python_calls_check(const struct filter *filter, struct strbuf *error)
{
	int r = 0;

	for (size_t i = 0; i < filter->nr_pids && r >= 0; i++)
		r = check(filter->pids[i], error);
	return r;
}
