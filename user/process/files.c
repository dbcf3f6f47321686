// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <string.h>

#include "base/array.h"
#include "process/inside.h"

#define DELETED " (deleted)"

static bool begins(const char *s, const char *with)
{
	return !strncmp(s, with, strlen(with));
}

static bool is_deleted(const char *path, size_t size)
{
	return size > strlen(DELETED) && !strcmp(path + size - strlen(DELETED), DELETED);
}

/*
 * Names of memory without a file of its own: proc_pid_maps(5), and for perf's records
 * perf_event_mmap_event() of kernel/events/core.c. Files that the kernel makes for shared
 * memory are always "deleted".
 */
static enum file_kind kind_of(const char *path, size_t size)
{
	static const char *const jit[] = { "//anon", "[anon", "[heap]", "[stack", "/dev/zero" };
	static const char *const shared[] = { "/SYSV", "/anon_hugepage", "/dev/shm/" };

	if (!size)
		return FILE_IS_JIT;
	for (size_t i = 0; i < ARRAY_SIZE(jit); i++) {
		if (begins(path, jit[i]))
			return FILE_IS_JIT;
	}
	if (!strcmp(path, "[vdso]"))
		return FILE_IS_VDSO;
	if (path[0] == '[' || begins(path, "anon_inode:"))
		return FILE_IS_SPECIAL;
	if (!is_deleted(path, size))
		return FILE_IS_ELF;
	for (size_t i = 0; i < ARRAY_SIZE(shared); i++) {
		if (begins(path, shared[i]))
			return FILE_IS_MEMFD;
	}
	return begins(path, "/memfd:") ? FILE_IS_MEMFD : FILE_IS_ELF;
}

/* Appends what `key` describes; the caller knows that it is new. */
static int add_key(struct tracker *t, const void *key, size_t size, enum file_kind kind,
		   uint32_t *ret_file)
{
	int r;

	if (array_reserve(t->files, t->cap_files, t->file_keys.count + 1u) < 0)
		return -ENOMEM;
	r = intern_add(&t->file_keys, key, size, ret_file);
	if (r > 0) {
		t->files[*ret_file] = (struct mapped_file){ .kind = kind,
							    .object = SPACE_NO_OBJECT };
		t->nr_files = t->file_keys.count;
	}
	return r < 0 ? r : 0;
}

int tracker_file(struct tracker *t, const char *path, const struct file_identity *id,
		 uint32_t *ret_file)
{
	static const struct file_identity nobody;
	size_t size = strlen(path);
	enum file_kind kind = kind_of(path, size);

	if (kind == FILE_IS_MEMFD && id->build_id_size)
		kind = FILE_IS_ELF;
	if (kind == FILE_IS_JIT && t->nr_files) {
		*ret_file = FILE_JIT;
		return 0;
	}
	if (kind != FILE_IS_ELF && kind != FILE_IS_MEMFD)
		id = &nobody;
	/* The same file before and after it was deleted; the kernel's records say it as it was. */
	if (kind == FILE_IS_ELF && is_deleted(path, size))
		size -= strlen(DELETED);
	strbuf_reset(&t->text);
	strbuf_add(&t->text, id, sizeof(*id));
	strbuf_add(&t->text, path, size);
	if (t->text.failed)
		return -ENOMEM;
	return add_key(t, t->text.buf, t->text.len, kind, ret_file);
}

const struct file_identity *tracker_file_identity(const struct tracker *t, uint32_t file)
{
	return intern_bytes(&t->file_keys, file);
}

const char *tracker_file_path(const struct tracker *t, uint32_t file)
{
	/* intern keeps a NUL behind its bytes. */
	return (const char *)intern_bytes(&t->file_keys, file) + sizeof(struct file_identity);
}

uint64_t tracker_file_offset(const struct tracker *t, uint32_t file, uint64_t start,
			     uint64_t offset)
{
	switch (t->files[file].kind) {
	case FILE_IS_JIT:
		return start;
	case FILE_IS_VDSO:
	case FILE_IS_SPECIAL:
		return 0;
	default:
		return offset;
	}
}

struct sweep {
	struct tracker *t;
	uint32_t *new_ids; /* 0: not in use; FILE_JIT always is */
	uint32_t mark;
	bool renumber;
};

static void sweep_space(void *ctx, struct space *s)
{
	struct sweep *w = ctx;

	if (!s->ranges || s->ranges->mark == w->mark)
		return;
	s->ranges->mark = w->mark;
	for (uint32_t i = 0; i < s->ranges->nr; i++) {
		uint32_t *file = &s->ranges->r[i].file;

		if (w->renumber)
			*file = w->new_ids[*file];
		else if (*file)
			w->new_ids[*file] = 1;
	}
}

/* A table with the files that are in use, whose new ids are put in new_ids. */
static int copy_used(const struct tracker *t, uint32_t *new_ids, struct tracker *ret)
{
	for (uint32_t i = 0; i < t->nr_files; i++) {
		uint32_t id;

		if (i != FILE_JIT && !new_ids[i])
			continue;
		if (add_key(ret, intern_bytes(&t->file_keys, i), intern_size(&t->file_keys, i),
			    t->files[i].kind, &id) < 0)
			return -ENOMEM;
		ret->files[id] = t->files[i];
		new_ids[i] = id;
	}
	return 0;
}

int tracker_sweep_files(struct tracker *t)
{
	struct tracker to = { 0 };
	struct sweep w = { .t = t };

	if (t->nr_files < t->sweep_at)
		return 0;
	w.new_ids = calloc(t->nr_files, sizeof(*w.new_ids));
	if (!w.new_ids)
		return -ENOMEM;
	w.mark = ++t->round;
	space_each(&t->spaces, sweep_space, &w);
	if (copy_used(t, w.new_ids, &to) < 0) {
		intern_done(&to.file_keys);
		free(to.files);
		free(w.new_ids);
		return -ENOMEM;
	}
	w.mark = ++t->round;
	w.renumber = true;
	space_each(&t->spaces, sweep_space, &w);
	intern_done(&t->file_keys);
	free(t->files);
	free(w.new_ids);
	t->file_keys = to.file_keys;
	t->files = to.files;
	t->nr_files = to.nr_files;
	t->cap_files = to.cap_files;
	t->sweep_at = t->nr_files * 2 < SWEEP_AT_LEAST ? SWEEP_AT_LEAST : t->nr_files * 2;
	return 0;
}
