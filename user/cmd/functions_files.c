// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Which files the words of functions.h mean, now. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "cmd/functions_inside.h"
#include "process/proc_maps.h"
#include "process/target_file.h"
#include "site/needed.h"

void function_files_close(struct function_files *f)
{
	for (size_t i = 0; i < f->nr; i++) {
		if (f->all[i].fd >= 0)
			close(f->all[i].fd);
		f->all[i].fd = -1;
	}
}

void function_files_done(struct function_files *f)
{
	function_files_close(f);
	for (size_t i = 0; i < f->nr; i++)
		free(f->all[i].path);
	free(f->all);
	*f = (struct function_files){ 0 };
}

const char *function_file_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* libc: libc, libc.so, libc.so.6, libc-2.31.so; libc.so: libc.so.6 as well. */
bool function_words_names(const char *name, const char *base)
{
	size_t size = strlen(name);
	const char *rest;

	if (!size || strncmp(base, name, size) != 0)
		return false;
	rest = base + size;
	if (!*rest || !strcmp(rest, ".so") || !strncmp(rest, ".so.", 4))
		return true;
	if (rest[0] == '.' && isdigit((unsigned char)rest[1]) && strstr(name, ".so"))
		return true;
	return rest[0] == '-' && isdigit((unsigned char)rest[1]) && strstr(rest, ".so");
}

/* Takes over fd. */
static int add_file(struct function_files *f, int fd, const char *path, const struct stat *st)
{
	struct function_file file = { .fd = fd, .dev = st->st_dev, .ino = st->st_ino };

	for (size_t i = 0; i < f->nr; i++)
		if (f->all[i].dev == st->st_dev && f->all[i].ino == st->st_ino) {
			close(fd);
			return 0;
		}
	file.path = strdup(path);
	if (!file.path || array_reserve(f->all, f->cap, f->nr + 1) < 0) {
		free(file.path);
		close(fd);
		return -ENOMEM;
	}
	f->all[f->nr++] = file;
	return 0;
}

/* 0, or why it can't be opened. A file that is there under another name already is no second one.
 */
static int open_file(struct function_files *f, int dir, const char *path, unsigned flags,
		     const char *shown)
{
	struct stat st;
	int fd;

	if (f->nr == FUNCTION_FILES_MAX)
		return 0;
	fd = target_file_open(dir, path, flags, &st);
	return fd < 0 ? fd : add_file(f, fd, shown, &st);
}

struct mapping {
	struct function_files *files;
	const char *name;
	uint32_t pid;
	int root;
};

static int take_mapping(void *ctx, const struct proc_map *map)
{
	static const char deleted[] = " (deleted)";
	const struct mapping *m = ctx;
	char base[NAME_MAX + sizeof(deleted)], link[80];
	size_t size;

	if (!map->ino || map->path[0] != '/')
		return 0;
	snprintf(base, sizeof(base), "%s", function_file_base(map->path));
	size = strlen(base);
	if (size >= sizeof(deleted) && !strcmp(base + size - strlen(deleted), deleted))
		base[size - strlen(deleted)] = '\0';
	if (!function_words_names(m->name, base))
		return 0;
	/* The very file, also one that was replaced; without the right to that, the one that is
	 * there now. */
	snprintf(link, sizeof(link), "/proc/%u/map_files/%llx-%llx", m->pid,
		 (unsigned long long)map->start, (unsigned long long)map->end);
	if (open_file(m->files, AT_FDCWD, link, 0, map->path) == -ENOMEM)
		return -ENOMEM;
	if (!m->files->nr && m->root >= 0)
		open_file(m->files, m->root, map->path, TARGET_IN_ROOT, map->path);
	return 0;
}

static int add_mapped(struct function_files *f, const char *name, uint32_t pid)
{
	_cleanup_close_ int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct mapping m = { f, name, pid, -1 };
	_cleanup_close_ int root = -1, maps = -1;
	char path[32];
	int r;

	snprintf(path, sizeof(path), "/proc/%u/maps", pid);
	maps = open(path, O_RDONLY | O_CLOEXEC);
	if (maps < 0)
		return -errno;
	root = target_root(proc, pid);
	m.root = root;
	r = proc_maps_read(maps, take_mapping, &m, NULL);
	return r == -ENOMEM ? r : 0;
}

static int add_mapped_by_any(struct function_files *f, const char *name)
{
	_cleanup_closedir_ DIR *dir = opendir("/proc");
	struct dirent *e;

	while (dir && f->nr < FUNCTION_FILES_MAX && (e = readdir(dir)))
		if (isdigit((unsigned char)e->d_name[0]) &&
		    add_mapped(f, name, (uint32_t)strtoul(e->d_name, NULL, 10)) == -ENOMEM)
			return -ENOMEM;
	return 0;
}

static void add_from_folder(struct function_files *f, const char *name, const char *folder)
{
	_cleanup_closedir_ DIR *dir = opendir(folder);
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		char path[PATH_MAX], real[PATH_MAX];

		if (!function_words_names(name, e->d_name))
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
		if (realpath(path, real))
			open_file(f, AT_FDCWD, real, 0, real);
	}
}

/* The file of a program as execvp(3) would find it. */
static int add_program(struct function_files *f, const char *program)
{
	const char *path = getenv("PATH");
	char at[PATH_MAX], real[PATH_MAX];

	if (strchr(program, '/'))
		return realpath(program, real) ? open_file(f, AT_FDCWD, real, 0, real) : -errno;
	for (path = path ? path : "/bin:/usr/bin"; *path; path += *path == ':') {
		size_t size = strcspn(path, ":");

		snprintf(at, sizeof(at), "%.*s/%s", (int)size, size ? path : ".", program);
		path += size;
		if (!access(at, X_OK) && realpath(at, real) &&
		    open_file(f, AT_FDCWD, real, 0, real) >= 0)
			return 0;
	}
	return -ENOENT;
}

static int no_process(uint32_t pid, struct strbuf *error)
{
	strbuf_addf(error, "there is no process %u: 'ps -e' lists those that run", pid);
	return -ESRCH;
}

static int find_programs(struct function_files *f, const struct function_word *w,
			 const struct function_words_settings *s, struct strbuf *error)
{
	int r = 0;

	if (s->program) {
		r = add_program(f, s->program);
		/* No regular file: the command line is right all the same. */
		r = r == -EINVAL ? -ENOEXEC : r;
		if (r < 0)
			strbuf_addf(error, "cannot read the program '%s': %s", s->program,
				    strerror(-r));
		return r;
	}
	for (size_t i = 0; i < s->filter->nr_pids && r >= 0; i++) {
		char link[32], shown[PATH_MAX];
		ssize_t size;

		snprintf(link, sizeof(link), "/proc/%u/exe", s->filter->pids[i]);
		size = readlink(link, shown, sizeof(shown) - 1);
		r = size < 0 ? -errno : 0;
		shown[size < 0 ? 0 : size] = '\0';
		r = r < 0 ? r : open_file(f, AT_FDCWD, link, 0, shown);
		if (r < 0)
			strbuf_addf(error, "cannot read the program of process %u: %s",
				    s->filter->pids[i], strerror(-r));
	}
	if (f->nr || r < 0)
		return r;
	strbuf_addf(error,
		    "in which file is '%s'? Write file:pattern, such as libc:malloc or "
		    "'./app:parse*', or name a process (-p PID) or a program (-- PROGRAM)",
		    w->pattern.text);
	return -EINVAL;
}

/* As a process sees it that is asked for, or as we do. */
static int find_path(struct function_files *f, const struct function_word *w,
		     const struct function_words_settings *s, struct strbuf *error)
{
	_cleanup_close_ int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char real[PATH_MAX];
	int r;

	if (w->file[0] == '/')
		for (size_t i = 0; i < s->filter->nr_pids; i++) {
			_cleanup_close_ int root = target_root(proc, s->filter->pids[i]);

			if (root >= 0)
				open_file(f, root, w->file, TARGET_IN_ROOT, w->file);
		}
	r = realpath(w->file, real) ? open_file(f, AT_FDCWD, real, 0, real) : -errno;
	if (f->nr)
		return 0;
	if (r == -EINVAL) {
		strbuf_addf(error, "%s is no file", w->file);
		return -ENOEXEC;
	}
	strbuf_addf(error, "cannot open %s: %s", w->file, strerror(-r));
	return r;
}

static int find_name(struct function_files *f, const struct function_word *w,
		     const struct function_words_settings *s, struct strbuf *error)
{
	for (size_t i = 0; i < s->filter->nr_pids; i++)
		if (add_mapped(f, w->file, s->filter->pids[i]) == -ENOMEM)
			return -ENOMEM;
	if (!f->nr && s->program && function_words_names(w->file, function_file_base(s->program)))
		add_program(f, s->program);
	if (!f->nr && add_mapped_by_any(f, w->file) < 0)
		return -ENOMEM;
	for (size_t i = 0; !f->nr && needed_folders[i]; i++)
		add_from_folder(f, w->file, needed_folders[i]);
	if (!f->nr)
		add_program(f, w->file);
	if (f->nr)
		return 0;
	strbuf_addf(error,
		    "no process maps a file named '%s', and no folder of libraries or programs "
		    "has it: name it by its path, as in /opt/lib/%s%s:%s",
		    w->file, w->file, strstr(w->file, ".so") ? "" : ".so", w->pattern.text);
	return -ENOENT;
}

int function_files_find(struct function_files *ret, const struct function_word *w,
			const struct function_words_settings *s, struct strbuf *error)
{
	for (size_t i = 0; i < s->filter->nr_pids; i++) {
		char path[32];

		snprintf(path, sizeof(path), "/proc/%u", s->filter->pids[i]);
		if (access(path, F_OK))
			return no_process(s->filter->pids[i], error);
	}
	if (!w->file)
		return find_programs(ret, w, s, error);
	return strchr(w->file, '/') ? find_path(ret, w, s, error) : find_name(ret, w, s, error);
}
