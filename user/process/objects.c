// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <string.h>

#include "base/array.h"
#include "base/now.h"
#include "process/build_id.h"
#include "process/inside.h"

#define FIRST_WAIT_NS 100000000ull
#define LAST_WAIT_NS  5000000000ull

enum { NO_UID = -1 };

/* By what objects are told apart. Compared as bytes: no padding, unused fields 0. */
struct object_key {
	uint64_t dev, ino;
	uint32_t build_id_size;
	uint8_t build_id[BUILD_ID_MAX];
};
_Static_assert(sizeof(struct object_key) == 40, "no padding");

static int add_object(struct tracker *t, enum object_kind kind, const char *path,
		      const struct file_identity *id, int fd, const struct space *s,
		      uint32_t *ret_object)
{
	struct object o = {
		.kind = kind,
		.path = strdup(path),
		.fd = fd,
		.pid = s ? s->tgid : 0,
		.uid = (uint32_t)NO_UID,
	};

	if (id) {
		o.dev = id->dev;
		o.ino = id->ino;
		o.build_id_size = id->build_id_size;
		memcpy(o.build_id, id->build_id, sizeof(o.build_id));
	}
	return capture_object(t->capture, &o, ret_object);
}

int tracker_none(struct tracker *t, struct space *s, uint32_t *ret_object)
{
	uint32_t *none = s ? &s->none : &t->none;
	int r = 0;

	if (*none == SPACE_NO_OBJECT)
		r = add_object(t, OBJECT_NONE, "[unknown]", NULL, -1, s, none);
	if (!r)
		*ret_object = *none;
	return r;
}

/* A runtime writes its perf map when it likes: one that isn't there yet is looked for again. */
static void find_perf_map(struct tracker *t, struct space *s)
{
	struct object *o = &t->capture->objects[s->jit];
	uint64_t now;
	int fd;

	if (o->fd >= 0 || s->no_jit)
		return;
	if (s->newer || s->ended) {
		s->no_jit = true;
		return;
	}
	now = now_ns();
	if (now < s->next_jit)
		return;
	s->jit_wait = s->jit_wait ? s->jit_wait * 2 : FIRST_WAIT_NS;
	s->jit_wait = s->jit_wait < LAST_WAIT_NS ? s->jit_wait : LAST_WAIT_NS;
	s->next_jit = now + s->jit_wait;
	fd = tracker_open_perf_map(t, s, &o->uid);
	if (fd >= 0)
		o->fd = fd;
	else if (fd == -ESRCH)
		s->no_jit = true;
}

static int jit_object(struct tracker *t, struct space *s, uint32_t *ret_object)
{
	int r = 0;

	if (s->jit == SPACE_NO_OBJECT)
		r = add_object(t, OBJECT_JIT, "//anon", NULL, -1, s, &s->jit);
	if (r < 0)
		return r;
	find_perf_map(t, s);
	*ret_object = s->jit;
	return 0;
}

/*
 * A build-id that somebody may have made up tells a file from others only together with its inode:
 * else it would give other people's code its own tables and names.
 */
static struct object_key key_of(const struct file_identity *id, bool is_trusted)
{
	struct object_key key = { 0 };

	if (id->build_id_size) {
		key.build_id_size = id->build_id_size;
		memcpy(key.build_id, id->build_id, id->build_id_size);
	}
	if (!id->build_id_size || !is_trusted) {
		key.dev = id->dev;
		key.ino = id->ino;
	}
	return key;
}

/* The object with this key, if there is one; else where its id belongs. */
static int object_slot(struct tracker *t, const struct file_identity *id, bool is_trusted,
		       bool *ret_new, uint32_t **ret_slot)
{
	struct object_key key = key_of(id, is_trusted);
	uint32_t n;
	int r;

	if (array_reserve(t->object_ids, t->cap_object_ids, t->object_keys.count + 1u) < 0)
		return -ENOMEM;
	r = intern_add(&t->object_keys, &key, sizeof(key), &n);
	if (r < 0)
		return r;
	if (r)
		t->object_ids[n] = SPACE_NO_OBJECT;
	*ret_new = t->object_ids[n] == SPACE_NO_OBJECT;
	*ret_slot = &t->object_ids[n];
	return 0;
}

/* A file that is open: the object that it is, which keeps `fd` if it has none. */
static int opened_object(struct tracker *t, const struct space *s, const char *path,
			 const struct file_identity *id, int fd, bool is_trusted,
			 uint32_t *ret_object)
{
	struct object *o;
	uint32_t *slot;
	bool new;
	int r = object_slot(t, id, is_trusted, &new, &slot);

	if (r < 0) {
		close(fd);
		return r;
	}
	if (new) {
		r = add_object(t, OBJECT_ELF, path, id, fd, s, slot);
	} else {
		o = &t->capture->objects[*slot];
		if (o->fd < 0)
			o->fd = fd;
		else
			close(fd);
	}
	if (!r)
		*ret_object = *slot;
	return r;
}

/*
 * A file that can't be opened, at least not now. Without a build-id its inode may have been
 * given to another file: its object is never given a descriptor later.
 */
static int closed_object(struct tracker *t, const struct space *s, struct mapped_file *f,
			 const char *path, const struct file_identity *id)
{
	uint32_t *slot;
	bool new;
	int r;

	if (f->object != SPACE_NO_OBJECT)
		return 0;
	if (!id->build_id_size)
		return add_object(t, OBJECT_ELF, path, id, -1, s, &f->object);
	r = object_slot(t, id, true, &new, &slot);
	if (!r && new)
		r = add_object(t, OBJECT_ELF, path, id, -1, s, slot);
	if (!r)
		f->object = *slot;
	return r;
}

/* Is a file with the build-id that the kernel told us open already, and to be believed? */
static bool is_open(struct tracker *t, struct mapped_file *f, const struct file_identity *id)
{
	uint32_t *slot;
	bool new;

	if (!id->build_id_size || object_slot(t, id, true, &new, &slot) < 0 || new ||
	    t->capture->objects[*slot].fd < 0)
		return false;
	f->object = *slot;
	f->settled = true;
	return true;
}

/*
 * What was opened is the file's object. By path and build-id alone another one may have the same
 * place (in a mount namespace of its own): one that is to be believed takes over when it comes.
 */
static int settle(struct tracker *t, const struct space *s, const struct range *r,
		  const struct file_identity *found, int fd)
{
	struct mapped_file *f = &t->files[r->file];
	bool is_trusted = target_file_is_trusted(fd);
	uint32_t object = SPACE_NO_OBJECT;
	int err = opened_object(t, s, tracker_file_path(t, r->file), found, fd, is_trusted,
				&object);

	if (err < 0)
		return err;
	f->settled = is_trusted || tracker_file_identity(t, r->file)->ino;
	if (f->settled || f->object == SPACE_NO_OBJECT || t->capture->objects[f->object].fd < 0)
		f->object = object;
	return 0;
}

static int elf_object(struct tracker *t, struct space *s, const struct range *r)
{
	const struct file_identity *known = tracker_file_identity(t, r->file);
	const char *path = tracker_file_path(t, r->file);
	struct mapped_file *f = &t->files[r->file];
	struct file_identity found;
	int fd;

	if (is_open(t, f, known))
		return 0;
	/* Once a space, and not again for those before it: files that can't be had are sampled too.
	 */
	if (s->seq <= f->tried)
		return 0;
	f->tried = s->seq;
	fd = tracker_open_file(t, s, r, &found);
	if (fd >= 0 && f->kind == FILE_IS_MEMFD) {
		f->kind = build_id_is_elf(fd) ? FILE_IS_ELF : FILE_IS_JIT;
		if (f->kind == FILE_IS_JIT) {
			close(fd);
			return 0;
		}
	}
	if (fd >= 0)
		return settle(t, s, r, &found, fd);
	/* Nothing says that it is a program: most likely it is not. */
	return f->kind == FILE_IS_MEMFD ? 0 : closed_object(t, s, f, path, known);
}

static int fixed_object(struct tracker *t, struct space *s, const struct range *r)
{
	struct mapped_file *f = &t->files[r->file];
	int err = add_object(t, f->kind == FILE_IS_VDSO ? OBJECT_VDSO : OBJECT_ELF,
			     tracker_file_path(t, r->file), NULL, -1, s, &f->object);

	f->settled = !err;
	return err;
}

int tracker_object(struct tracker *t, struct space *s, const struct range *r, uint32_t *ret_object)
{
	struct mapped_file *f = &t->files[r->file];
	int err = 0;

	if (!f->settled) {
		switch (f->kind) {
		case FILE_IS_JIT:
			break;
		case FILE_IS_VDSO:
		case FILE_IS_SPECIAL:
			err = fixed_object(t, s, r);
			break;
		default:
			err = elf_object(t, s, r);
		}
	}
	if (err < 0)
		return err;
	/* A 32-bit process has another vdso than we. */
	if (f->kind == FILE_IS_VDSO && sizeof(long) == 8 && !(r->start >> 32))
		return tracker_none(t, s, ret_object);
	if (f->object == SPACE_NO_OBJECT)
		return jit_object(t, s, ret_object);
	*ret_object = f->object;
	return 0;
}

bool tracker_known_object(const struct tracker *t, const struct range *r, uint32_t *ret_object)
{
	const struct file_identity *id = tracker_file_identity(t, r->file);
	uint32_t object = t->files[r->file].object, n;
	struct object_key key = key_of(id, true);

	if (object == SPACE_NO_OBJECT && id->build_id_size &&
	    intern_find(&t->object_keys, &key, sizeof(key), &n))
		object = t->object_ids[n];
	if (object == SPACE_NO_OBJECT)
		return false;
	*ret_object = object;
	return true;
}
