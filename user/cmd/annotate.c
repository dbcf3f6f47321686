// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "cmd/annotate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/array.h"
#include "base/file.h"
#include "base/nearest.h"
#include "model/summary.h"

/* A source is no larger; what is, was given by a profile that lies. */
static const size_t max_source = (size_t)16 << 20;

enum { MAX_NAMED = 3 };

/* The sources of a profile, those of the heaviest functions first. */
struct sources {
	uint32_t *files; /* strings of the profile */
	uint32_t nr, cap;
};

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

static int add_source(struct sources *s, uint32_t file)
{
	for (uint32_t i = 0; i < s->nr; i++)
		if (s->files[i] == file)
			return 0;
	if (array_reserve(s->files, s->cap, s->nr + 1u) < 0)
		return -ENOMEM;
	s->files[s->nr++] = file;
	return 0;
}

static int find_sources(const struct profile *p, struct sources *ret)
{
	_cleanup_free_ struct function_sum *sums = NULL;
	int nr = summary_functions(p, &sums), r = nr < 0 ? nr : 0;

	for (int i = 0; i < nr && !r; i++) {
		const struct frame *f = profile_frame_at(p, sums[i].frame);

		if (f->kind == FRAME_INTERPRETER && f->file)
			r = add_source(ret, f->file);
	}
	return r;
}

/* Does `path` end with all names of `end`? */
static bool ends_with(const char *path, const char *end)
{
	size_t size = strlen(path), n = strlen(end);

	return n && n < size && !strcmp(path + size - n, end) &&
	       (end[0] == '/' || path[size - n - 1] == '/');
}

/* The ways in which a path may be meant, the surest first. */
enum way { WAY_SAME, WAY_END, WAY_RELATIVE, WAY_NAME, WAYS };

static bool is_meant(const char *path, const char *asked, enum way way)
{
	switch (way) {
	case WAY_SAME:
		return !strcmp(path, asked);
	case WAY_END:
		return ends_with(path, asked);
	case WAY_RELATIVE:
		return path[0] != '/' && ends_with(asked, path);
	default:
		return !strcmp(base_name(path), base_name(asked));
	}
}

static void add_path(struct strbuf *error, const struct profile *p, uint32_t file, bool first)
{
	strbuf_adds(error, first ? " " : ", ");
	strbuf_add_escaped(error, profile_string_at(p, file));
}

static int fail_ambiguous(const struct annotation *a, const struct profile *p,
			  const struct sources *s, enum way way, struct strbuf *error)
{
	uint32_t nr = 0;

	strbuf_adds(error, "several files are called ");
	strbuf_add_escaped(error, a->file);
	strbuf_adds(error, ", say more of the path:");
	for (uint32_t i = 0; i < s->nr; i++)
		if (is_meant(profile_string_at(p, s->files[i]), a->file, way)) {
			if (nr < MAX_NAMED)
				add_path(error, p, s->files[i], !nr);
			nr++;
		}
	if (nr > MAX_NAMED)
		strbuf_addf(error, " and %u more", nr - MAX_NAMED);
	return -EINVAL;
}

static int fail_unknown(const struct annotation *a, const struct profile *p,
			const struct sources *s, struct strbuf *error)
{
	const char *name = base_name(a->file), *best = NULL;
	struct nearest near;

	if (!s->nr) {
		strbuf_adds(error, "this profile has no interpreted frames: there is no source to "
				   "annotate");
		return -ENOENT;
	}
	strbuf_adds(error, "no interpreted frame is in ");
	strbuf_add_escaped(error, a->file);
	nearest_init(&near, name, strlen(name));
	for (uint32_t i = 0; i < s->nr; i++) {
		const char *path = profile_string_at(p, s->files[i]), *before = near.best;

		nearest_try(&near, base_name(path));
		best = near.best != before ? path : best;
	}
	if (best) {
		strbuf_adds(error, " (did you mean ");
		strbuf_add_escaped(error, best);
		strbuf_adds(error, "?)");
		return -ENOENT;
	}
	strbuf_adds(error, "; the heaviest are");
	for (uint32_t i = 0; i < s->nr && i < MAX_NAMED; i++)
		add_path(error, p, s->files[i], !i);
	return -ENOENT;
}

static int find_file(const struct annotation *a, const struct profile *p, const struct sources *s,
		     uint32_t *ret, struct strbuf *error)
{
	for (enum way way = 0; way < WAYS; way++) {
		uint32_t nr = 0, found = 0;

		for (uint32_t i = 0; i < s->nr; i++)
			if (is_meant(profile_string_at(p, s->files[i]), a->file, way)) {
				found = s->files[i];
				nr++;
			}
		if (nr > 1)
			return fail_ambiguous(a, p, s, way, error);
		if (nr) {
			*ret = found;
			return 0;
		}
	}
	return fail_unknown(a, p, s, error);
}

/* 0, or a negative errno. What is no plain file may never end. */
static int read_source(struct annotation *a, const char *path, const struct profile *p)
{
	struct stat st;
	int r;

	if (stat(path, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	strbuf_reset(&a->text);
	r = file_read(path, max_source, &a->text);
	if (r < 0)
		return r;
	if (profile_facts(p)->time_ns &&
	    st.st_mtime > profile_facts(p)->time_ns / 1000000000 +
				  (int64_t)(profile_facts(p)->duration_ns / 1000000000))
		strbuf_adds(&a->note, "The source was changed after the measuring: lines may not "
				      "fit.");
	strbuf_reset(&a->path);
	strbuf_adds(&a->path, path);
	return 0;
}

/* The folder's file with most of the path's last names. */
static int read_below(struct annotation *a, const char *path, const struct profile *p)
{
	struct strbuf file = STRBUF_INIT;
	int r = -ENOENT;

	for (const char *end = path; end && r < 0; end = strchr(end, '/')) {
		end += strspn(end, "/");
		strbuf_reset(&file);
		strbuf_addf(&file, "%s/%s", a->source, end);
		r = file.failed ? -ENOMEM : read_source(a, strbuf_str(&file), p);
		if (r == -ENOMEM)
			break;
	}
	strbuf_done(&file);
	return r;
}

static int read_anywhere(struct annotation *a, const char *path, const struct profile *p)
{
	int r = read_source(a, a->source ? a->source : path, p);

	if (a->source)
		return r == -EISDIR ? read_below(a, path, p) : r;
	/* In a container it may be where nothing is here; what was given may be a file, too. */
	if (r < 0 && r != -ENOMEM && read_source(a, a->file, p) >= 0)
		return 0;
	return r;
}

int annotation_find(struct annotation *a, const struct profile *p, struct strbuf *error)
{
	struct sources s = { 0 };
	int r = find_sources(p, &s);

	while (!strncmp(a->file, "./", 2))
		a->file += 2;
	if (r >= 0)
		r = find_file(a, p, &s, &a->shown.file, error);
	free(s.files);
	if (r < 0)
		return r;
	r = read_anywhere(a, profile_string_at(p, a->shown.file), p);
	if (r == -ENOMEM || a->text.failed || a->path.failed)
		return -ENOMEM;
	if (r < 0) {
		strbuf_addf(&a->note,
			    "The source could not be read (%s); --source says where it is.",
			    strerror(-r));
	} else {
		a->shown.path = strbuf_str(&a->path);
		a->shown.text = a->text.buf ? a->text.buf : "";
		a->shown.size = a->text.len;
	}
	a->shown.note = a->note.len ? strbuf_str(&a->note) : NULL;
	return 0;
}

void annotation_done(struct annotation *a)
{
	strbuf_done(&a->path);
	strbuf_done(&a->text);
	strbuf_done(&a->note);
}
