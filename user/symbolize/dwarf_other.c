// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "symbolize/dwarf_other.h"

#include <elfutils/libdwelf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/strbuf.h"

enum {
	MIN_BUILD_ID = 3,
	MAX_BUILD_ID = 64,
};

/* Never waits, never wakes a device: the file is seen before it is opened. */
static int open_regular(const char *path)
{
	_cleanup_close_ int seen = open(path, O_PATH | O_CLOEXEC);
	char again[40];
	struct stat st;

	if (seen < 0)
		return -errno;
	if (fstat(seen, &st) || !S_ISREG(st.st_mode))
		return -EINVAL;
	snprintf(again, sizeof(again), "/proc/self/fd/%d", seen);

	return open(again, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

/* The folder of an open file, with its slash; false if it isn't known. */
static bool folder_of(int fd, struct strbuf *into)
{
	_cleanup_free_ char *path = NULL;
	char link[40];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	path = realpath(link, NULL);
	if (!path)
		return false;
	strbuf_add(into, path, (size_t)(strrchr(path, '/') - path) + 1);
	return true;
}

static bool alternate_try(struct alternate *a, const char *path, const struct span *id,
			  size_t max_memory)
{
	_cleanup_close_ int fd = open_regular(path);
	ptrdiff_t size = id->end - id->start;
	const void *found;

	if (fd < 0 || dwarf_image_open(&a->image, fd, max_memory))
		return false;
	if (dwelf_elf_gnu_build_id(a->image.elf, &found) == size &&
	    !memcmp(found, id->start, (size_t)size))
		a->dwarf = dwarf_begin_elf(a->image.elf, DWARF_C_READ, NULL);
	if (!a->dwarf) {
		dwarf_image_close(&a->image);
		a->image = (struct dwarf_image){ 0 };
	}
	return a->dwarf;
}

void alternate_open(struct alternate *a, const struct dwarf_image *main_image, Dwarf *main, int fd,
		    size_t max_memory)
{
	_cleanup_(strbuf_done) struct strbuf path = STRBUF_INIT;
	const struct span *link = &main_image->alternate;
	struct span id = { 0, link->end };
	const char *name = (const char *)link->start;
	bool found = false;

	*a = (struct alternate){ 0 };
	if (link->start)
		id.start = memchr(link->start, 0, (size_t)(link->end - link->start));
	if (!id.start || ++id.start + MIN_BUILD_ID > id.end || id.end - id.start > MAX_BUILD_ID)
		return;
	strbuf_addf(&path, "/usr/lib/debug/.build-id/%02x/", *id.start);
	for (const uint8_t *p = id.start + 1; p < id.end; p++)
		strbuf_addf(&path, "%02x", *p);
	strbuf_adds(&path, ".debug");
	if (!path.failed)
		found = alternate_try(a, strbuf_str(&path), &id, max_memory);
	if (!found) {
		strbuf_reset(&path);
		if (*name != '/' && !folder_of(fd, &path))
			return;
		strbuf_adds(&path, name);
		if (!path.failed)
			found = alternate_try(a, strbuf_str(&path), &id, max_memory);
	}
	if (found)
		dwarf_setalt(main, a->dwarf);
}

void alternate_close(struct alternate *a)
{
	if (a->dwarf)
		dwarf_end(a->dwarf);
	dwarf_image_close(&a->image);
	*a = (struct alternate){ 0 };
}

static bool regular_or_absent(const char *path)
{
	struct stat st;

	return stat(path, &st) || S_ISREG(st.st_mode);
}

/* The two paths that libdw tries: the name as it is, and below the folder of the compiler. */
bool split_is_safe(const struct die *unit)
{
	_cleanup_(strbuf_done) struct strbuf path = STRBUF_INIT;

	if (!unit->dwo_name)
		return false;
	if (!regular_or_absent(unit->dwo_name))
		return false;
	if (*unit->dwo_name == '/' || !unit->comp_dir)
		return true;
	strbuf_addf(&path, "%s/%s", unit->comp_dir, unit->dwo_name);
	return !path.failed && regular_or_absent(strbuf_str(&path));
}
