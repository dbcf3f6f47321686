// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The interpreter of a process: which one, and how many of its stacks can be walked. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/array.h"
#include "doctor/explain_inside.h"

/* A process that has just been started gets this long to begin. */
enum { MAX_TRIES = 10, WAIT_MS = 20 };

/* What was found of it so far. */
struct found {
	struct explain *e;
	struct runtime_build build;
	struct runtime_process process;
	struct abi_runtime runtime;
};

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static const struct object *object_of(const struct explain *e, const struct explain_file *f)
{
	return &e->capture.objects[f->object];
}

static bool find_bias(const struct explain *e, const struct explain_file *f, uint64_t *ret)
{
	return runtimes_find_bias(object_of(e, f)->fd, f->start, f->offset, ret);
}

static const struct explain_file *find_libc(const struct explain *e)
{
	for (uint32_t i = 0; i < e->nr_files; i++)
		if (runtimes_is_libc(object_of(e, &e->files[i])->path))
			return &e->files[i];
	return NULL;
}

/* Its file is ld-musl-x86_64.so.1, or a libc.so without a number. */
static bool is_musl(const char *path)
{
	return strstr(base_name(path), "musl") || !strcmp(base_name(path), "libc.so");
}

static int explain_libc(struct found *f)
{
	struct explained x = { .name = "C library",
			       .summary = "where threads keep what is theirs" };
	const struct explain_file *libc = find_libc(f->e);
	const struct object *o = libc ? object_of(f->e, libc) : NULL;

	x.state = FEATURE_OK;
	if (!o) {
		strbuf_adds(&x.found, "no file of its own: it is in the program, if there is one");
		return explain_say(f->e, &x);
	}
	strbuf_addf(&x.found, "%s, ", is_musl(o->path) ? "musl" : "glibc");
	strbuf_add_escaped(&x.found, o->path);
	if (o->fd >= 0 && find_bias(f->e, libc, &f->process.libc_bias)) {
		f->process.libc_fd = o->fd;
	} else {
		strbuf_adds(&x.found, ", which can't be read: the usual layout is tried");
		x.state = FEATURE_DEGRADED;
	}
	return explain_say(f->e, &x);
}

/* 1: it holds an interpreter; 0; -ENOMEM. What refuses it is added to `why`. */
static int look(struct found *f, const struct explain_file *file, struct strbuf *why)
{
	const struct object *o = object_of(f->e, file);
	_cleanup_(strbuf_done) struct strbuf reason = STRBUF_INIT;
	struct runtime_image image = { .fd = o->fd, .path = o->path };
	int r = o->fd < 0 ? 0 : runtime_detect(&image, &f->build, &reason);

	if (r > 0 && !find_bias(f->e, file, &image.bias)) {
		runtime_build_done(&f->build);
		strbuf_addf(&reason, "%s: it isn't where its file says", f->build.version);
		r = -ENOTSUP;
	}
	if (r > 0)
		f->process.image = image;
	if (r == -ENOTSUP) {
		strbuf_addf(why, "%s%s (", why->len ? "; " : "", strbuf_str(&reason));
		strbuf_add_escaped(why, o->path);
		strbuf_addch(why, ')');
	}
	return r == -ENOMEM || r > 0 ? r : 0;
}

/* Whose code has names only if it says them itself. */
static const struct maker {
	const char *name; /* of its program, or of a library that it maps */
	const char *is;
	const char *cure, *cure_rest; /* what follows its pid; NULL: that isn't part of it */
} makers[] = {
	{ "node", "Node.js", "start it with node --perf-basic-prof", NULL },
	{ "libnode.so", "Node.js", "start it with node --perf-basic-prof", NULL },
	{ "libjvm.so", "Java", "from Java 17 on, while it is measured: jcmd ",
	  " Compiler.perfmap" },
};

static const struct maker *find_maker(const struct explain *e)
{
	for (uint32_t i = 0; i < e->nr_files; i++) {
		const char *name = base_name(object_of(e, &e->files[i])->path);

		for (size_t k = 0; k < ARRAY_SIZE(makers); k++)
			if (!strncmp(name, makers[k].name, strlen(makers[k].name)))
				return &makers[k];
	}
	return NULL;
}

/* Its perf map: 1: there, 0: not, -EPERM: of another user, so that nobody believes it. */
static int find_perf_map(const struct explain *e)
{
	for (uint32_t i = 0; i < e->capture.nr_objects; i++) {
		const struct object *o = &e->capture.objects[i];
		struct stat st;

		if (o->kind == OBJECT_JIT && o->fd >= 0 && !fstat(o->fd, &st))
			return st.st_uid == o->uid || !st.st_uid ? 1 : -EPERM;
	}
	return 0;
}

/* Code that it makes at run time, which a perf map may name. */
static void judge_made(const struct explain *e, const struct maker *m, struct explained *x)
{
	struct proc_status status = { .ns_pid = e->pid };
	int map = find_perf_map(e);

	proc_status_read(e->proc_fd, e->pid, &status);
	strbuf_addf(&x->found, "code that it makes at run time is named by /tmp/perf-%u.map, ",
		    status.ns_pid);
	strbuf_adds(&x->found, map > 0	       ? "which is there"
			       : map == -EPERM ? "which is another user's: it is not believed"
					       : "which is not there");
	if (map > 0) {
		x->state = FEATURE_OK;
		return;
	}
	strbuf_adds(&x->cure, m ? m->cure : "an option of its runtime that writes a perf map");
	if (m && m->cure_rest)
		strbuf_addf(&x->cure, "%u%s", e->pid, m->cure_rest);
}

static void judge_none(const struct explain *e, const struct strbuf *why, struct explained *x)
{
	const struct maker *m = find_maker(e);

	x->state = FEATURE_MISSING;
	if (why->len) {
		strbuf_adds(&x->found, strbuf_str(why));
		return;
	}
	if (m)
		strbuf_addf(&x->found, "%s: ", m->is);
	else
		strbuf_addf(&x->found, "no interpreter is known in %s%u file%s",
			    e->nr_files == 1 ? "its " : "any of its ", e->nr_files,
			    e->nr_files == 1 ? "" : "s");
	if (!m && e->nr_closed)
		strbuf_addf(&x->found, ", of which %u can't be opened", e->nr_closed);
	if (!m && e->has_jit)
		strbuf_adds(&x->found, "; ");
	if (m || e->has_jit)
		judge_made(e, m, x);
}

/* 1: there is one that can be walked; 0; -ENOMEM. */
static int explain_interpreter(struct found *f)
{
	struct explained x = { .name = "interpreter", .summary = "interpreted frames" };
	_cleanup_(strbuf_done) struct strbuf why = STRBUF_INIT;
	int r = 0, said;

	for (uint32_t i = 0; !r && i < f->e->nr_files; i++)
		r = look(f, &f->e->files[i], &why);
	if (r < 0)
		return r;
	if (r) {
		x.state = FEATURE_OK;
		strbuf_addf(&x.found, "%s in ", f->build.version);
		strbuf_add_escaped(&x.found, f->process.image.path);
	} else {
		judge_none(f->e, &why, &x);
	}
	said = explain_say(f->e, &x);
	return said ? said : r;
}

/* As runtimes.c does, which asks again later, too. */
static int describe(struct found *f, struct runtime_explained *ret, struct strbuf *why)
{
	const struct timespec wait = { .tv_nsec = WAIT_MS * 1000000l };
	const struct runtime *rt = f->build.runtime;
	int r = -EAGAIN;

	for (int i = 0; i < MAX_TRIES && r == -EAGAIN; i++) {
		if (i)
			nanosleep(&wait, NULL);
		strbuf_reset(why);
		r = rt->describe(&f->build, &f->process, &f->runtime, why);
		if (!r)
			r = rt->explain(&f->build, &f->process, &f->runtime, ret);
	}
	return r;
}

/* 1, 0 or -ENOMEM. */
static int explain_state(struct found *f, struct runtime_explained *ret)
{
	struct explained x = { .name = "thread state", .summary = "a thread's interpreted stack" };
	_cleanup_(strbuf_done) struct strbuf why = STRBUF_INIT;
	int r = describe(f, ret, &why), said;

	if (r == -ENOMEM)
		return r;
	x.state = r ? FEATURE_MISSING : FEATURE_OK;
	if (!r) {
		strbuf_addf(&x.found, "found by %s", ret->routes);
	} else if (r == -EAGAIN) {
		strbuf_adds(&x.found, "not initialised: the interpreter lists no thread");
		strbuf_adds(&x.cure, "try again once it runs code");
	} else {
		strbuf_add_escaped(&x.found, why.len ? strbuf_str(&why) : strerror(-r));
	}
	said = explain_say(f->e, &x);
	return said ? said : !r;
}

static int explain_loop(struct found *f, const struct runtime_explained *in)
{
	struct explained x = { .name = "loop", .summary = "interpreted frames among native ones" };

	x.state = FEATURE_OK;
	if (!in->needs_loop) {
		strbuf_adds(&x.found, "the interpreter says where it was entered");
	} else if (f->build.nr_loop) {
		strbuf_addf(&x.found, "its code is known, in %u part%s", f->build.nr_loop,
			    f->build.nr_loop == 1 ? "" : "s");
	} else {
		strbuf_adds(&x.found, "its code can't be found in the file: interpreted frames "
				      "stand below native ones");
		x.state = FEATURE_DEGRADED;
	}
	return explain_say(f->e, &x);
}

static const char *const stops[ABI_INTERPRETED_STOPS] = {
	[ABI_INTERPRETED_NONE] = "without a way to the state",
	[ABI_INTERPRETED_DEPTH] = "too deep to be walked to the root",
	[ABI_INTERPRETED_MEMORY] = "cut where memory could not be read",
	[ABI_INTERPRETED_STRANGER] = "with a state that is not theirs",
	[ABI_INTERPRETED_AMBIGUOUS] = "in one of several interpreters, which can't be told apart",
};

static int explain_threads(struct found *f, const struct runtime_explained *in)
{
	struct explained x = { .name = "threads", .summary = "interpreted frames of all threads" };
	uint32_t whole = in->nr_stops[ABI_INTERPRETED_WHOLE];
	struct proc_stat now = f->e->stat;

	proc_stat_read(f->e->proc_fd, f->e->pid, &now);
	strbuf_addf(&x.found, "%u, of which the interpreter knows %s%u: %u walked whole",
		    now.nr_threads, in->limited ? "at least " : "", in->nr_threads, whole);
	if (in->nr_idle)
		strbuf_addf(&x.found, " (%u of them without a frame)", in->nr_idle);
	for (int i = 0; i < ABI_INTERPRETED_STOPS; i++)
		if (stops[i] && in->nr_stops[i])
			strbuf_addf(&x.found, ", %u %s", in->nr_stops[i], stops[i]);
	x.state = whole == in->nr_threads ? FEATURE_OK : whole ? FEATURE_DEGRADED : FEATURE_MISSING;
	return explain_say(f->e, &x);
}

static int explain_stacks(struct found *f, const struct runtime_explained *in)
{
	int r = explain_loop(f, in);

	return r ? r : explain_threads(f, in);
}

int explain_runtime(struct explain *e)
{
	struct found f = { .e = e, .process = { .memory = { (pid_t)e->pid }, .libc_fd = -1 } };
	struct runtime_explained in;
	int r = explain_libc(&f);

	if (!r)
		r = explain_interpreter(&f);
	if (r > 0)
		r = explain_state(&f, &in);
	if (r > 0)
		r = explain_stacks(&f, &in);
	runtime_build_done(&f.build);
	return r;
}
