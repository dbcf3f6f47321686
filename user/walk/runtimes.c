// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "walk/runtimes.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "base/array.h"
#include "base/log.h"
#include "process/elf_segments.h"
#include "walk/runtimes_inside.h"

int runtimes_prepare(struct bpf_object *obj, uint32_t nr)
{
	struct bpf_map *map = bpf_object__find_map_by_name(obj, "runtimes");

	return map ? bpf_map__set_max_entries(map, nr) : -ENOENT;
}

int runtimes_new(struct runtimes **ret, struct abi_runtime *entries, uint32_t nr,
		 struct tracker *tracker, struct capture *capture)
{
	_cleanup_(runtimes_freep) struct runtimes *r = calloc(1, sizeof(*r));
	int err;

	if (!r)
		return -ENOMEM;
	*r = (struct runtimes){ .tracker = tracker,
				.capture = capture,
				.entries = entries,
				.nr = nr,
				.placed = calloc(nr, sizeof(*r->placed)) };
	if (!r->placed)
		return -ENOMEM;
	runtimes_bound_names(r, UINT64_MAX);
	err = runtimes_make_marks(r);
	if (err < 0)
		return err;
	*ret = r;
	r = NULL;
	return 0;
}

int runtimes_open(struct runtimes **ret, struct bpf_object *obj, uint32_t nr,
		  struct tracker *tracker, struct capture *capture)
{
	int fd = bpf_object__find_map_fd_by_name(obj, "runtimes"), r;
	size_t size = nr * sizeof(struct abi_runtime);
	void *entries;

	if (fd < 0)
		return fd;
	entries = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (entries == MAP_FAILED)
		return -errno;
	r = runtimes_new(ret, entries, nr, tracker, capture);
	if (r < 0) {
		munmap(entries, size);
		return r;
	}
	(*ret)->entries_size = size;
	return 0;
}

void runtimes_free(struct runtimes *r)
{
	if (!r)
		return;
	for (uint32_t i = 0; i < r->nr_looked; i++) {
		if (r->looked[i])
			runtime_build_done(&r->looked[i]->build);
		free(r->looked[i]);
	}
	if (r->entries_size)
		munmap(r->entries, r->entries_size);
	intern_done(&r->code_keys);
	free(r->looked);
	free(r->codes);
	free(r->placed);
	free(r);
}

static struct looked *looked_at(struct runtimes *r, uint32_t object)
{
	if (object >= r->nr_looked) {
		if (array_reserve(r->looked, r->cap_looked, object + 1u) < 0)
			return NULL;
		memset(r->looked + r->nr_looked, 0,
		       (object + 1 - r->nr_looked) * sizeof(*r->looked));
		r->nr_looked = object + 1;
	}
	if (!r->looked[object])
		r->looked[object] = calloc(1, sizeof(struct looked));
	return r->looked[object];
}

/* Looks into a file once. NULL: no memory. */
static struct looked *look(struct runtimes *r, uint32_t object)
{
	const struct object *o = &r->capture->objects[object];
	_cleanup_(strbuf_done) struct strbuf why = STRBUF_INIT;
	struct runtime_image image = { .fd = o->fd, .path = o->path };
	struct looked *l = looked_at(r, object);
	int found;

	if (!l || l->look != NOT_LOOKED || o->fd < 0)
		return l;
	found = runtime_detect(&image, &l->build, &why);
	l->look = found > 0 ? HAS_RUNTIME : HAS_NONE;
	if (found == -ENOTSUP) {
		l->look = HAS_REFUSED;
		log_warn("no interpreted frames of %s: %s", o->path, strbuf_str(&why));
	}
	return l;
}

bool runtimes_find_bias(int fd, uint64_t start, uint64_t offset, uint64_t *ret)
{
	_cleanup_free_ struct elf_segment *segments = NULL;
	uint32_t nr = elf_segments_read(fd, &segments);

	for (uint32_t i = 0; i < nr; i++) {
		const struct elf_segment *s = &segments[i];
		uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), first = s->offset / page * page;

		if (s->type != PT_LOAD || !(s->flags & PF_X) || offset < first ||
		    offset - first >= s->offset - first + s->size)
			continue;
		*ret = start - (s->address - s->offset + offset);
		return true;
	}
	return false;
}

struct search {
	struct runtimes *runtimes;
	uint32_t object; /* that has a runtime; UINT32_MAX: none */
	uint64_t bias, start;
	uint64_t libc; /* where it is mapped; 0: it is not */
	bool no_memory;
};

bool runtimes_is_libc(const char *path)
{
	static const char *const names[] = { "libc.so", "libc-2.", "ld-musl-", "libc.musl-" };
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strncmp(name, names[i], strlen(names[i])))
			return true;
	return false;
}

static int search_mapped(void *ctx, const struct mapped *m)
{
	struct search *s = ctx;
	const struct looked *l;

	if (m->kind != MAPPED_ELF)
		return 0;
	if (!s->libc && runtimes_is_libc(m->path))
		s->libc = m->start;
	if (m->object == UINT32_MAX || s->object != UINT32_MAX)
		return 0;
	l = look(s->runtimes, m->object);
	s->no_memory |= !l;
	if (l && l->look == HAS_RUNTIME &&
	    runtimes_find_bias(s->runtimes->capture->objects[m->object].fd, m->start, m->offset,
			       &s->bias)) {
		s->object = m->object;
		s->start = m->start;
	}
	return 0;
}

static uint32_t find_place(struct runtimes *r)
{
	for (uint32_t i = 1; i < r->nr; i++)
		if (!r->placed[i].used)
			return i;
	return 0;
}

/* Its C library says where a thread's own variables are. */
static void open_libc(struct runtimes *r, const struct space_key *key, uint64_t at,
		      struct runtime_process *p)
{
	struct mapped m;

	if (!at || tracker_open_mapped(r->tracker, key, at, &m) <= 0 || m.object == UINT32_MAX)
		return;
	if (runtimes_find_bias(r->capture->objects[m.object].fd, m.start, m.offset, &p->libc_bias))
		p->libc_fd = r->capture->objects[m.object].fd;
}

enum look_at {
	FIRST_TIME, /* files may be mapped in part: nothing is refused */
	AGAIN,
	AHEAD, /* foresees it */
};

/* One that is gone will never be initialised. */
static bool is_gone(const struct runtime_process *p, const struct search *s)
{
	char byte;

	return target_memory_read(&p->memory, s->start, &byte, 1) == -ESRCH;
}

static int describe(struct runtimes *r, const struct space_key *key, const struct search *s,
		    enum look_at how, struct abi_runtime *ret)
{
	const struct object *o = &r->capture->objects[s->object];
	struct runtime_process p = { .memory = { (pid_t)key->tgid },
				     .image = { o->fd, o->path, s->bias },
				     .libc_fd = -1 };
	const struct runtime_build *b = &r->looked[s->object]->build;
	_cleanup_(strbuf_done) struct strbuf why = STRBUF_INIT;
	struct space_version version;
	int err;

	if (!tracker_space_version(r->tracker, key, &version))
		return -ESRCH;
	open_libc(r, key, s->libc, &p);
	err = (how == AHEAD ? b->runtime->foresee : b->runtime->describe)(b, &p, ret, &why);
	ret->family = version.family;
	if (err == -ENOTSUP && how == AGAIN)
		log_warn("no interpreted frames of process %u: %s", key->tgid, strbuf_str(&why));
	else if (err == -ENOTSUP)
		err = -EAGAIN;
	return err == -EAGAIN && is_gone(&p, s) ? -ESRCH : err;
}

/* Looks for a runtime in what the space maps. 1: *s has it; 0, -ENOMEM. */
static int search(struct runtimes *r, const struct space_key *key, struct search *s)
{
	int err;

	*s = (struct search){ .runtimes = r, .object = UINT32_MAX };
	err = tracker_each_mapped(r->tracker, key, search_mapped, s);
	if (err < 0 || s->no_memory)
		return -ENOMEM;
	return s->object != UINT32_MAX;
}

/* The place that it has from now on; 0: there is none left. */
static uint32_t give_place(struct runtimes *r, const struct space_key *key, const struct search *s,
			   bool foreseen, const struct abi_runtime *made)
{
	uint32_t at = find_place(r);

	if (!at)
		return 0;
	r->placed[at] = (struct placed){ .used = true,
					 .foreseen = foreseen,
					 .key = *key,
					 .object = s->object,
					 .bias = s->bias };
	r->entries[at] = *made;
	__atomic_thread_fence(__ATOMIC_RELEASE);
	return at;
}

/* Was all that walks go by foreseen? The type of code only we go by: it is told in any case. */
static bool is_as_foreseen(struct abi_runtime *foreseen, const struct abi_runtime *made)
{
	foreseen->python.code_type = made->python.code_type;
	return !memcmp(foreseen, made, sizeof(*made));
}

int runtimes_find(struct runtimes *r, const struct space_key *key, bool again, uint32_t *place)
{
	struct abi_runtime made = { 0 };
	uint32_t had = *place, at;
	struct search s;
	int err;

	if (had && !r->placed[had].foreseen)
		return 0;
	err = search(r, key, &s);
	if (err <= 0)
		return err;
	err = describe(r, key, &s, again ? AGAIN : FIRST_TIME, &made);
	if (err == -ENOTSUP)
		*place = 0;
	if (err == -EAGAIN || err == -ENOMEM || err == -ENOTSUP)
		return err;
	/* What was foreseen is right, only less: better than nothing. */
	if (had)
		r->placed[had].foreseen = false;
	if (err < 0 || (had && is_as_foreseen(&r->entries[had], &made)))
		return 0;
	at = give_place(r, key, &s, false, &made);
	*place = at ? at : had;
	return 0;
}

int runtimes_foresee(struct runtimes *r, const struct space_key *key, uint32_t *place)
{
	struct abi_runtime made = { 0 };
	struct search s;
	int err = search(r, key, &s);

	if (err > 0)
		err = describe(r, key, &s, AHEAD, &made) ? 0 : 1;
	if (err > 0)
		*place = give_place(r, key, &s, true, &made);
	return err < 0 ? err : *place != 0;
}

uint32_t runtimes_place_file(struct runtimes *r, const struct abi_runtime *of_file)
{
	uint32_t at;

	for (at = 1; at < r->nr; at++)
		if (r->placed[at].used && !memcmp(&r->entries[at], of_file, sizeof(*of_file)))
			return at;
	at = find_place(r);
	if (!at)
		return 0;
	r->placed[at] = (struct placed){ .used = true };
	r->entries[at] = *of_file;
	return at;
}

void runtimes_put(struct runtimes *r, uint32_t place)
{
	if (place)
		r->placed[place].used = false;
}

static const struct runtime_build *build_at(const struct runtimes *r, uint32_t place)
{
	if (!place || place >= r->nr || !r->placed[place].used || r->entries[place].of_file)
		return NULL;
	return &r->looked[r->placed[place].object]->build;
}

const char *runtimes_version(const struct runtimes *r, uint32_t place)
{
	const struct runtime_build *b = build_at(r, place);

	return b ? b->version : NULL;
}

bool runtimes_has_loops(const struct runtimes *r, uint32_t place)
{
	const struct runtime_build *b = build_at(r, place);

	return b && b->nr_loop;
}

bool runtimes_is_loop(const struct runtimes *r, uint32_t place, uint64_t address)
{
	const struct runtime_build *b = build_at(r, place);

	for (uint32_t i = 0; b && i < b->nr_loop; i++) {
		uint64_t at = address - r->placed[place].bias;

		if (at >= b->loop[i].start && at < b->loop[i].end)
			return true;
	}
	return false;
}

size_t runtimes_memory(const struct runtimes *r)
{
	return sizeof(*r) + r->nr * (sizeof(*r->entries) + sizeof(*r->placed)) +
	       r->cap_looked * sizeof(*r->looked) + r->nr_looked * sizeof(**r->looked) +
	       runtimes_names_memory(r);
}
