// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "cmd/output.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/nearest.h"
#include "export/exporter.h"
#include "model/summary.h"
#include "view/annotate.h"

static int set_path(void *ctx, const char *value, struct strbuf *error)
{
	struct output *o = ctx;

	if (!strcmp(value, "-")) {
		o->to_stdout = true;
		return 0;
	}
	if (o->nr == OUTPUT_MAX_FILES) {
		strbuf_addf(error, "--output can be given %d times", OUTPUT_MAX_FILES);
		return -EINVAL;
	}
	o->paths[o->nr++] = value;
	return 0;
}

static int set_format(void *ctx, const char *value, struct strbuf *error)
{
	struct nearest near;

	if (exporter_find(value)) {
		((struct output *)ctx)->format = value;
		return 0;
	}
	nearest_init(&near, value, strlen(value));
	strbuf_addf(error, "unknown format '%s'; known are", value);
	for (const struct exporter *const *e = exporters; *e; e++) {
		nearest_try(&near, (*e)->name);
		strbuf_addf(error, " %s", (*e)->name);
	}
	if (near.best)
		strbuf_addf(error, " (did you mean %s?)", near.best);
	return -EINVAL;
}

static int set_json(void *ctx, const char *value, struct strbuf *error)
{
	(void)value;
	(void)error;
	((struct output *)ctx)->json = true;
	return 0;
}

static int set_per_thread(void *ctx, const char *value, struct strbuf *error)
{
	(void)value;
	(void)error;
	((struct output *)ctx)->per_thread = true;
	return 0;
}

const struct opt output_opts[] = {
	{ "output", 'o', "FILE",
	  "write a file, in the format that its name ends with; repeatable; - is standard output",
	  set_path, "file" },
	{ "format", 'f', "NAME",
	  "write this format: to standard output, or to the files that --output names", set_format,
	  "format" },
	{ "json", 0, NULL, "print the report as one JSON object", set_json, NULL },
	{ "per-thread", 0, NULL, "keep the threads of a process apart", set_per_thread, NULL },
	{ 0 },
};

static int set_verbose(void *ctx, const char *value, struct strbuf *error)
{
	(void)value;
	(void)error;
	((struct view_settings *)ctx)->verbose = true;
	log_set_level(LOG_VERBOSE);
	return 0;
}

static int set_quiet(void *ctx, const char *value, struct strbuf *error)
{
	(void)ctx;
	(void)value;
	(void)error;
	log_set_level(LOG_ERROR);
	return 0;
}

const struct opt log_opts[] = {
	{ "verbose", 'v', NULL, "say more; measuring, keep an interpreter's own frames, too",
	  set_verbose, NULL },
	{ "quiet", 'q', NULL, "say only errors, and show no progress", set_quiet, NULL },
	{ 0 },
};

static const struct exporter *exporter_of(const struct output *o, const char *path)
{
	return o->format ? exporter_find(o->format) : exporter_for_path(path);
}

static int check_suffix(const struct output *o, const char *path, struct strbuf *error)
{
	if (exporter_of(o, path))
		return 0;
	strbuf_addf(error, "'%s': its name says no format; known are", path);
	for (const struct exporter *const *e = exporters; *e; e++)
		strbuf_addf(error, " %s", (*e)->suffix);
	strbuf_adds(error, ", or name one with --format");
	return -EINVAL;
}

static int check_writable(const char *path, struct strbuf *error)
{
	const char *slash = strrchr(path, '/');
	struct strbuf folder = STRBUF_INIT;
	struct stat st;
	int r = 0;

	if (!stat(path, &st) && !S_ISREG(st.st_mode)) {
		r = S_ISDIR(st.st_mode) ? -EISDIR : access(path, W_OK) ? -errno : 0;
		if (r < 0)
			strbuf_addf(error, "can't write %s: %s", path, strerror(-r));
		return r;
	}
	/* The file is made beside, then renamed: it is the folder that must be writable. */
	if (slash)
		strbuf_add(&folder, path, slash == path ? 1 : (size_t)(slash - path));
	else
		strbuf_adds(&folder, ".");
	if (access(strbuf_str(&folder), W_OK | X_OK)) {
		r = -errno;
		strbuf_addf(error, "can't write %s: folder %s: %s", path, strbuf_str(&folder),
			    strerror(-r));
	}
	strbuf_done(&folder);
	return r;
}

int output_check(const struct output *o, struct strbuf *error)
{
	const struct exporter *e = o->format ? exporter_find(o->format) : NULL;
	bool to_stdout = o->to_stdout || !o->nr;

	if (o->to_stdout && !o->json && !e) {
		strbuf_adds(error, "--output - is standard output, which needs a --format");
		return -EINVAL;
	}
	if (o->json && e && to_stdout) {
		strbuf_adds(error, "--json and --format both want standard output; give --format "
				   "an --output FILE, or leave one out");
		return -EINVAL;
	}
	if (e && to_stdout && e->binary && isatty(STDOUT_FILENO)) {
		strbuf_addf(error, "%s is no text for a terminal; add --output FILE%s", e->name,
			    e->suffix);
		return -EINVAL;
	}
	for (size_t i = 0; i < o->nr; i++) {
		int r = check_suffix(o, o->paths[i], error);

		if (r >= 0)
			r = check_writable(o->paths[i], error);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Standard output, written through a stream of our own that keeps what went wrong. */
struct sink {
	int error; /* errno of the first write that failed */
};

static ssize_t sink_write(void *cookie, const char *bytes, size_t size)
{
	struct sink *sink = cookie;
	size_t done = 0;

	while (done < size && !sink->error) {
		ssize_t n = write(STDOUT_FILENO, bytes + done, size - done);

		if (n >= 0)
			done += (size_t)n;
		else if (errno != EINTR)
			sink->error = errno;
	}
	/* What comes after an error is swallowed: it has been noted. */
	return (ssize_t)size;
}

static int write_as(const struct exporter *e, const struct output *o, const struct profile *p,
		    FILE *out)
{
	const struct export_settings settings = { .per_thread = o->per_thread };
	_cleanup_(profile_freep) struct profile *once = NULL;
	int r = e->tells_sums || !summary_has_calls(p) ? 0 : profile_calls_once(p, &once);

	return r < 0 ? r : e->write(once ? once : p, &settings, out);
}

static int show(const struct output *o, struct profile *p, const struct view_settings *settings,
		const char *view_name, FILE *out)
{
	const char *format = o->json ? "json" : o->nr && !o->to_stdout ? NULL : o->format;
	const struct view *view;

	if (format)
		return write_as(exporter_find(format), o, p, out);
	if (settings->annotate)
		return annotate_show(p, settings->annotate, settings, out);
	if (!view_name)
		view_name = profile_has_distribution(p) ? "hist" : "table";
	view = view_find(view_name);
	return view ? view->show(p, NULL, settings, out) : -EINVAL;
}

int output_report(const struct output *o, struct profile *p, const struct view_settings *settings,
		  const char *view, struct strbuf *error)
{
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	const cookie_io_functions_t io = { .write = sink_write };
	struct sink sink = { 0 };
	struct sigaction before;
	FILE *out;
	int r;

	/* What was printed before stands before. */
	fflush(stdout);
	out = fopencookie(&sink, "w", io);
	if (!out)
		return -errno;
	sigaction(SIGPIPE, &ignore, &before);
	r = show(o, p, settings, view, out);
	if (fclose(out) && r >= 0)
		r = -errno;
	sigaction(SIGPIPE, &before, NULL);
	if (r >= 0 && sink.error && sink.error != EPIPE)
		r = -sink.error;
	if (r < 0)
		strbuf_addf(error, "can't write to standard output: %s", strerror(-r));
	return r < 0 ? r : sink.error == EPIPE;
}

static int write_file(const struct output *o, const char *path, const struct profile *p)
{
	struct file_out file;
	int r = file_out_open(&file, path);

	if (r < 0)
		return r;
	r = write_as(exporter_of(o, path), o, p, file.stream);
	if (r < 0) {
		file_out_abort(&file);
		return r;
	}
	return file_out_commit(&file);
}

int output_files(const struct output *o, struct profile *p, struct strbuf *error)
{
	int first = 0;

	for (size_t i = 0; i < o->nr; i++) {
		int r = write_file(o, o->paths[i], p);

		if (r >= 0)
			log_note("wrote %s", o->paths[i]);
		else if (first)
			log_error("can't write %s: %s", o->paths[i], strerror(-r));
		else
			strbuf_addf(error, "can't write %s: %s", o->paths[i], strerror(-r));
		first = first ? first : r < 0 ? r : 0;
	}
	return first;
}

int output_write(const struct output *o, struct profile *p, const struct view_settings *settings,
		 const char *view, struct strbuf *error)
{
	struct strbuf report_error = STRBUF_INIT;
	int report = output_report(o, p, settings, view, &report_error);
	int r = output_files(o, p, error);

	if (r >= 0)
		strbuf_adds(error, strbuf_str(&report_error));
	else if (report < 0)
		log_error("%s", strbuf_str(&report_error));
	strbuf_done(&report_error);
	return r < 0 ? r : report < 0 ? report : 0;
}
