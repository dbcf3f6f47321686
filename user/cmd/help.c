// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "cmd/help.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/wrap.h"
#include "cmd/terminal.h"

const char help_summary[] = "where a machine's time goes, and why";

const char help_about[] =
	"bpfprof measures a running Linux system with eBPF: which code the CPUs run, which disk "
	"the programs wait for. Every answer carries the same kind of stack, kernel and user "
	"frames joined and named, and ends with a line that says how much was lost or left "
	"unknown.\n"
	"\n"
	"Without a filter the whole system is measured. With -- PROGRAM, bpfprof starts the "
	"program, measures it and its children until it exits, and exits with its status. Ctrl-C "
	"ends the measuring early; the result is still printed.\n";

const struct example examples[] = {
	{ "bpfprof cpu", "what the whole machine spends its CPU time on" },
	{ "bpfprof cpu -d 30s -o cpu.svg -o cpu.pb.gz", "a flame graph, and a profile to keep" },
	{ "bpfprof cpu -p 1234 -o cpu.html", "one process, as an interactive flame graph" },
	{ "bpfprof cpu -- make -j8", "a program and all that it starts" },
	{ "bpfprof io --latency -d 10s", "histograms of disk latency" },
	{ "bpfprof calls -p 1234 libc:malloc 'parse*'",
	  "each call of functions, counted and timed" },
	{ "bpfprof dump -p 1234", "where each thread of a process is right now" },
	{ "bpfprof report cpu.pb.gz -o cpu.folded", "a saved profile in another format" },
	{ "bpfprof doctor", "what this machine allows, and how to allow more" },
	{ 0 },
};

void topic_synopsis(const struct topic *t, struct strbuf *out)
{
	if (t->mode)
		strbuf_addf(out, "[options] %s [-- PROGRAM ARGS...]", t->synopsis);
	else
		strbuf_adds(out, t->synopsis);
}

bool topic_at(size_t i, struct topic *ret)
{
	static const struct opt_group none[] = { { 0 } };
	const struct opt_group *options;
	size_t nr_modes = 0;

	while (modes[nr_modes])
		nr_modes++;
	if (i < nr_modes) {
		const struct mode *m = modes[i];

		options = run_options(m);
		*ret = (struct topic){
			.name = m->name,
			.summary = m->summary,
			.synopsis = m->operands ? m->operands : "[INTERVAL [COUNT]]",
			.about = m->about,
			.options = options ? options : none,
			.mode = m,
		};
		return true;
	}
	i -= nr_modes;
	for (size_t k = 0; k <= i; k++)
		if (!cmds[k])
			return false;
	options = cmds[i]->options ? cmds[i]->options() : NULL;
	*ret = (struct topic){ cmds[i]->name,
			       cmds[i]->summary,
			       cmds[i]->synopsis ? cmds[i]->synopsis : "",
			       cmds[i]->about,
			       options ? options : none,
			       NULL };
	return true;
}

bool topic_find(const char *name, struct topic *ret)
{
	struct topic t;

	for (size_t i = 0; topic_at(i, &t); i++)
		if (!strcmp(t.name, name)) {
			*ret = t;
			return true;
		}
	return false;
}

static void add_topics(struct strbuf *out, bool are_modes)
{
	struct topic t;

	for (size_t i = 0; topic_at(i, &t); i++)
		if (!t.mode == !are_modes)
			strbuf_addf(out, "  %-10s %s\n", t.name, t.summary);
}

static void add_overview(struct strbuf *out)
{
	strbuf_addf(out, "bpfprof: %s\n\nusage: bpfprof COMMAND [options] [-- PROGRAM ARGS...]\n\n",
		    help_summary);
	wrap_paragraphs(out, help_about, terminal_width());
	strbuf_adds(out, "\nMeasuring:\n");
	add_topics(out, true);
	strbuf_adds(out, "\nOther commands:\n");
	add_topics(out, false);
	strbuf_adds(out, "\nExamples:\n");
	for (const struct example *e = examples; e->command; e++)
		strbuf_addf(out, "  %-44s  %s\n", e->command, e->text);
	strbuf_adds(out, "\n-h, --help after a command lists its options; -V, --version says which "
			 "bpfprof this is.\n");
}

static void add_topic(const struct topic *t, struct strbuf *out)
{
	strbuf_addf(out, "usage: bpfprof %s%s", t->name, *t->synopsis ? " " : "");
	topic_synopsis(t, out);
	strbuf_addf(out, "\n\n%s: %s\n", t->name, t->summary);
	if (t->about) {
		strbuf_addch(out, '\n');
		wrap_paragraphs(out, t->about, terminal_width());
	}
	strbuf_addch(out, '\n');
	opt_help(t->options, terminal_width(), out);
}

/* Prints and releases. */
static int print(struct strbuf *text)
{
	int r = text->failed ? -ENOMEM : 0;

	if (!r && (fputs(strbuf_str(text), stdout) < 0 || fflush(stdout)))
		r = -errno;
	strbuf_done(text);
	if (r < 0)
		log_error("can't write to standard output: %s", strerror(-r));
	return r < 0 ? EXIT_CANNOT : EXIT_OK;
}

int help_show(const char *name)
{
	struct strbuf text = STRBUF_INIT;
	struct topic t;

	if (!name)
		add_overview(&text);
	else if (topic_find(name, &t))
		add_topic(&t, &text);
	return print(&text);
}

struct help_settings {
	bool man;
	const struct completion *completion;
};

static int set_man(void *ctx, const char *value, struct strbuf *error)
{
	(void)value;
	(void)error;
	((struct help_settings *)ctx)->man = true;
	return 0;
}

static int set_completion(void *ctx, const char *value, struct strbuf *error)
{
	for (const struct completion *c = completions; c->shell; c++)
		if (!strcmp(c->shell, value)) {
			((struct help_settings *)ctx)->completion = c;
			return 0;
		}
	strbuf_adds(error, "known shells are");
	for (const struct completion *c = completions; c->shell; c++)
		strbuf_addf(error, " %s", c->shell);
	return -EINVAL;
}

static const struct opt help_opts[] = {
	{ "man", 0, NULL, "write the man page, as man(7) source", set_man, NULL },
	{ "completion", 0, "SHELL", "write the completion for bash, zsh or fish", set_completion,
	  "bash zsh fish" },
	{ 0 },
};

static const struct opt_group *help_options(void)
{
	static const struct opt_group groups[] = { { "Options", help_opts, NULL }, { 0 } };

	return groups;
}

static int run_help(int argc, char **argv)
{
	struct help_settings settings = { 0 };
	const struct opt_group groups[] = { { "Options", help_opts, &settings }, { 0 } };
	_cleanup_free_ const char **words = calloc((size_t)argc + 1, sizeof(*words));
	struct strbuf text = STRBUF_INIT;
	struct topic t;
	char **rest;
	int r;

	if (!words)
		return EXIT_CANNOT;
	r = opt_parse(groups, NULL, argc, argv, words, &rest, &text);
	if (r > 1 || (r > 0 && !topic_find(words[0], &t))) {
		strbuf_addf(&text, "there is no command \"%s\"", words[r - 1]);
		r = -EINVAL;
	}
	if (r < 0) {
		r = cmd_fail("help", r, &text);
		strbuf_done(&text);
		return r;
	}
	if (settings.man)
		man_page(&text);
	else if (settings.completion)
		settings.completion->write(&text);
	else
		return help_show(words[0]);
	return print(&text);
}

const struct cmd cmd_help = {
	.name = "help",
	.summary = "what a command does and which options it takes",
	.synopsis = "[COMMAND]",
	.options = help_options,
	.run = run_help,
};
