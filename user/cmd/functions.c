// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "cmd/functions.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/intern.h"
#include "base/log.h"
#include "base/parse.h"
#include "cmd/functions_inside.h"
#include "site/entry.h"
#include "symbolize/demangle.h"
#include "symbolize/function_returns.h"

/* CPU time for all files that are searched while it is measured, and for one of them. */
static const uint64_t ALL_FILES_NS = 30000000000, ONE_FILE_NS = 2000000000;

struct function_words {
	struct function_word *words;
	size_t nr;
	bool time_all;
	bool timed; /* any; where none is at first, none is later on: values mean one thing */
	struct intern said;
	uint64_t spent_ns; /* of ALL_FILES_NS: anybody can make files that take long to search */
	struct probe_finder finder;
};

void function_words_free(struct function_words *w)
{
	if (!w)
		return;
	for (size_t i = 0; i < w->nr; i++) {
		function_files_done(&w->words[i].files);
		free(w->words[i].file);
	}
	intern_done(&w->said);
	free(w->words);
	free(w);
}

const struct probe_finder *function_words_finder(const struct function_words *w)
{
	return &w->finder;
}

bool function_words_timed(const struct function_words *w)
{
	return w->timed;
}

/* The ':' between file and pattern: one that is none of a "::", and NULL where there is none. */
static const char *find_colon(const char *from)
{
	for (const char *p = from; *p; p++) {
		if (p[0] != ':')
			continue;
		if (p[1] != ':')
			return p;
		p++;
	}
	return NULL;
}

/* Folders may have a ':' in their names: then it is the first one before which there is a file. */
static int split(struct function_word *w, const char *word, struct strbuf *error)
{
	const char *colon = find_colon(word), *first = colon;
	bool is_path = colon && memchr(word, '/', (size_t)(colon - word));

	for (; colon && is_path; colon = find_colon(colon + 1)) {
		_cleanup_free_ char *file = strndup(word, (size_t)(colon - word));

		if (!file)
			return -ENOMEM;
		if (!access(file, F_OK))
			break;
	}
	colon = colon ? colon : first;
	function_pattern_init(&w->pattern, colon ? colon + 1 : word);
	if (colon == word || !*w->pattern.text) {
		strbuf_addf(error,
			    "'%s' names no function: that is file:pattern, such as libc:malloc or "
			    "'./app:parse*'",
			    word);
		return -EINVAL;
	}
	if (!colon && strchr(word, '/')) {
		strbuf_addf(error, "'%s' has no function: '%s:*' is all of that file", word, word);
		return -EINVAL;
	}
	w->file = colon ? strndup(word, (size_t)(colon - word)) : NULL;
	return colon && !w->file ? -ENOMEM : 0;
}

static void say_too_many(const char *pattern, const char *base, size_t nr, struct strbuf *error)
{
	struct strbuf shown = STRBUF_INIT, most = STRBUF_INIT;

	format_count(nr, &shown);
	format_count(FUNCTIONS_MAX, &most);
	strbuf_addf(error, "'%s' matches %s functions of %s: at most %s at once; be more precise",
		    pattern, strbuf_str(&shown), base, strbuf_str(&most));
	strbuf_done(&shown);
	strbuf_done(&most);
}

static void say_nothing_matches(const struct functions_query *q, const struct functions *found,
				const char *base, struct strbuf *error)
{
	const struct function_pattern *p = q->patterns;
	struct strbuf near = STRBUF_INIT, known = STRBUF_INIT;

	format_count(found->nr_known, &known);
	if (found->nr_indirect)
		strbuf_addf(error,
			    "'%s' of %s is chosen when a program starts (IFUNC), from functions of "
			    "other names: name these",
			    p->text, base);
	else if (!found->nr_known)
		strbuf_addf(error, "%s has no symbol table (stripped), and exports no function",
			    base);
	else if (found->exported_only)
		strbuf_addf(error,
			    "%s has no symbol table (stripped): of its %s exported functions none "
			    "%s '%s'",
			    base, strbuf_str(&known), p->is_plain ? "is" : "matches", p->text);
	else if (p->is_plain)
		strbuf_addf(error, "%s has no function '%s'", base, p->text);
	else
		strbuf_addf(error, "%s has no function that matches '%s'", base, p->text);
	if (!found->nr_indirect && p->is_plain && functions_near(q, &near) > 0)
		strbuf_addf(error, ": did you mean %s?", strbuf_str(&near));
	strbuf_done(&near);
	strbuf_done(&known);
}

/* Why a file can't be searched. */
static void say_unreadable(const char *base, int r, struct strbuf *error)
{
	if (r == -ENOEXEC)
		strbuf_addf(error, "%s is no ELF program or library of this machine", base);
	else if (r == -ENOTSUP)
		strbuf_addf(error, "%s is of 32 bits: its functions can't be probed", base);
	else if (r == -ETIME)
		strbuf_addf(error, "%s has too many symbols to be searched by such a pattern",
			    base);
	else
		strbuf_addf(error, "cannot read the symbols of %s: %s", base, strerror(-r));
}

/* May the ends of calls be looked at? */
static bool is_timed(const struct functions *found, bool time_all)
{
	return !found->is_go && (time_all || !found->has_exceptions);
}

/* Several words may be of one file. */
static void warn_once(struct function_words *all, struct strbuf *line)
{
	uint32_t id;

	if (line->len && intern_add(&all->said, line->buf, line->len, &id) > 0)
		log_warn("%s", strbuf_str(line));
	strbuf_reset(line);
}

static void warn_of(struct function_words *all, const struct function_word *w,
		    const struct functions *found, const char *base)
{
	struct strbuf line = STRBUF_INIT;

	if (found->is_go)
		strbuf_addf(&line,
			    "%s is a program of Go, which moves its stacks: its calls are counted, "
			    "not timed",
			    base);
	else if (!is_timed(found, all->time_all))
		strbuf_addf(&line,
			    "%s may throw exceptions, which probes at returns don't let pass: its "
			    "calls are counted, not timed (--time-all times them)",
			    base);
	warn_once(all, &line);
	if (found->nr_indirect)
		strbuf_addf(&line,
			    "%s: some that '%s' matches are chosen when a program starts (IFUNC), "
			    "from functions of other names: they are left out",
			    base, w->pattern.text);
	warn_once(all, &line);
	strbuf_done(&line);
}

/* 0: a function at least; else `error` has the line. */
static int check_file(struct function_words *all, const struct function_word *w,
		      const struct function_file *file, struct strbuf *error)
{
	const struct functions_query q = { .fd = file->fd,
					   .path = file->path,
					   .patterns = &w->pattern,
					   .nr_patterns = 1,
					   .max = FUNCTIONS_MAX };
	const char *base = function_file_base(file->path);
	struct functions found;
	int r = functions_find(&found, &q);

	if (r == -E2BIG) {
		say_too_many(w->pattern.text, base, found.nr_matched, error);
	} else if (r < 0) {
		say_unreadable(base, r, error);
	} else if (!found.nr) {
		say_nothing_matches(&q, &found, base, error);
		r = -ENOENT;
	} else {
		all->timed |= is_timed(&found, all->time_all);
		warn_of(all, w, &found, base);
	}
	functions_done(&found);
	return r;
}

/* One of the files has to have such a function; what is no ELF file (a linker's script) is passed.
 */
static int check_files(struct function_words *all, const struct function_word *w,
		       const struct function_files *files, struct strbuf *error)
{
	int r = -ENOEXEC;

	for (size_t i = 0; i < files->nr; i++) {
		struct strbuf why = STRBUF_INIT;
		int one = check_file(all, w, &files->all[i], &why);
		bool decides = one >= 0 || one == -E2BIG;

		if (decides || r == -ENOEXEC) {
			strbuf_reset(error);
			strbuf_adds(error, strbuf_str(&why));
			r = one;
		}
		strbuf_done(&why);
		if (decides)
			break;
	}
	return r;
}

static int check_word(struct function_words *all, struct function_word *w,
		      const struct function_words_settings *s, struct strbuf *error)
{
	struct function_files files = { 0 };
	int r = function_files_find(&files, w, s, error);

	if (r >= 0)
		r = check_files(all, w, &files, error);
	function_files_close(&files);
	/* A name is asked of each file; what a path or a program is, is known by its inode too. */
	if (w->file && !strchr(w->file, '/'))
		function_files_done(&files);
	w->files = files;
	return r;
}

static const char *without_deleted(const char *path, size_t *ret_size)
{
	static const char deleted[] = " (deleted)";
	size_t size = strlen(path), end = strlen(deleted);

	*ret_size = size > end && !strcmp(path + size - end, deleted) ? size - end : size;
	return path;
}

/* Is it a file that the word means? */
static bool means(const struct function_word *w, const char *path, const struct stat *st)
{
	if (w->file && !strchr(w->file, '/'))
		return function_words_names(w->file, function_file_base(path));
	for (size_t i = 0; i < w->files.nr; i++) {
		const struct function_file *f = &w->files.all[i];

		if (!strcmp(f->path, path) || (f->dev == st->st_dev && f->ino == st->st_ino))
			return true;
	}
	return false;
}

/* Takes over the name. */
static int add_sites(struct probe_sites *ret, bool timed, uint32_t pair, uint64_t offset,
		     char *name)
{
	struct probe_site site = { .role = timed ? ABI_PROBE_BEGIN : ABI_PROBE_COUNT,
				   .flags = timed ? ABI_PROBE_RETURN : 0,
				   .offset = offset,
				   .pair = pair,
				   .name = name };
	int r;

	if (!name)
		return -ENOMEM;
	r = probe_sites_add(ret, &site);
	if (r < 0 || !timed)
		return r;
	site.role = ABI_PROBE_END;
	site.is_return = true;
	site.name = strdup(name);
	return site.name ? probe_sites_add(ret, &site) : -ENOMEM;
}

static int add_functions(struct probe_sites *ret, int fd, const struct functions *found, bool timed)
{
	struct strbuf name = STRBUF_INIT;
	struct image im;
	int r = image_open(&im, fd);

	for (size_t i = 0; r >= 0 && i < found->nr; i++) {
		const struct function *f = &found->all[i];
		uint64_t past = entry_cheapest(&im, f->address) - f->address;

		strbuf_reset(&name);
		demangle(f->name, &name);
		r = add_sites(ret, timed && function_returns_once(f->name), (uint32_t)i,
			      f->offset + past, strdup(strbuf_str(&name)));
	}
	image_done(&im);
	strbuf_done(&name);
	return r;
}

static uint64_t cpu_time(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int search(struct function_words *w, struct functions *ret, struct functions_query *q)
{
	uint64_t began = cpu_time(), left = ALL_FILES_NS - w->spent_ns;
	int r;

	*ret = (struct functions)FUNCTIONS_INIT;
	if (w->spent_ns >= ALL_FILES_NS)
		return -ETIME;
	q->max_time_ns = left < ONE_FILE_NS ? left : ONE_FILE_NS;
	r = functions_find(ret, q);
	w->spent_ns += cpu_time() - began;
	return r;
}

static int find_in(struct function_words *w, const struct function_pattern *patterns, size_t nr,
		   const struct runtime_image *image, const char *base, struct probe_sites *ret,
		   struct strbuf *why)
{
	struct functions_query q = { .fd = image->fd,
				     .path = image->path,
				     .patterns = patterns,
				     .nr_patterns = nr,
				     .max = FUNCTIONS_MAX };
	struct functions found;
	int r = search(w, &found, &q);
	bool timed = w->timed && is_timed(&found, w->time_all);

	snprintf(ret->found, sizeof(ret->found), "%s", base);
	if (r == -ENOMEM)
		goto out;
	if (r == -E2BIG)
		say_too_many(nr > 1 ? "all patterns" : patterns->text, base, found.nr_matched, why);
	else if (r < 0)
		say_unreadable(base, r, why);
	else if (!found.nr)
		strbuf_addf(why, "no function of it matches");
	r = r < 0 || !found.nr ? -ENOTSUP : add_functions(ret, image->fd, &found, timed);
	if (r >= 0 && !ret->nr) {
		strbuf_addf(why, "it begins with an instruction that the kernel takes for another");
		r = -ENOTSUP;
	}
	if (r >= 0)
		snprintf(ret->how, sizeof(ret->how), "%zu function%s%s", found.nr,
			 found.nr == 1 ? "" : "s", timed ? "" : ": counted, not timed");
out:
	functions_done(&found);
	return r < 0 ? r : 1;
}

/* probe_finder.find */
static int find(void *ctx, const struct runtime_image *image, struct probe_sites *ret,
		struct strbuf *why)
{
	struct function_words *w = ctx;
	_cleanup_free_ struct function_pattern *patterns = NULL;
	_cleanup_free_ char *path = NULL;
	size_t nr = 0, size;
	struct stat st;

	path = strdup(without_deleted(image->path, &size));
	patterns = calloc(w->nr, sizeof(*patterns));
	if (!path || !patterns)
		return -ENOMEM;
	path[size] = '\0';
	if (fstat(image->fd, &st) < 0)
		return -errno;
	for (size_t i = 0; i < w->nr; i++)
		if (means(&w->words[i], path, &st))
			patterns[nr++] = w->words[i].pattern;
	return nr ? find_in(w, patterns, nr, image, function_file_base(path), ret, why) : 0;
}

int function_words_new(struct function_words **ret, const struct function_words_settings *s,
		       struct strbuf *error)
{
	_cleanup_(function_words_freep) struct function_words *w = calloc(1, sizeof(*w));
	int r = 0;

	if (!w)
		return -ENOMEM;
	w->finder = (struct probe_finder){ .find = find, .ctx = w };
	w->time_all = s->time_all;
	w->words = calloc(s->nr + 1, sizeof(*w->words));
	if (!w->words)
		return -ENOMEM;
	if (!s->nr) {
		strbuf_adds(error, "which functions? Write file:pattern, such as libc:malloc or "
				   "'./app:parse*'");
		return -EINVAL;
	}
	/* All words are read before any file is. */
	for (size_t i = 0; r >= 0 && i < s->nr; i++) {
		w->nr = i + 1;
		r = split(&w->words[i], s->words[i], error);
	}
	for (size_t i = 0; r >= 0 && i < s->nr; i++)
		r = check_word(w, &w->words[i], s, error);
	if (r < 0)
		return r;
	*ret = w;
	w = NULL;
	return 0;
}

int function_words_each_file(const struct function_words *w,
			     int (*take)(void *ctx, const char *path), void *ctx)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < w->nr; i++)
		for (size_t k = 0; r >= 0 && k < w->words[i].files.nr; k++)
			r = take(ctx, w->words[i].files.all[k].path);
	return r < 0 ? r : 0;
}
