// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The man page. */
#include <string.h>

#include "base/roff.h"
#include "cmd/help.h"
#include "export/exporter.h"
#include "model/quality.h"
#include "view/view.h"

/* A word and what it means, as a man page lists them. */
struct entry {
	const char *name, *text;
};

static const struct entry exit_statuses[] = {
	{ "0", "It was measured, or shown; also when Ctrl-C, SIGTERM or SIGHUP ended the measuring "
	       "early. "
	       "With -- PROGRAM: the program\u2019s own status." },
	{ "1",
	  "It cannot be done: no permission, a kernel that is too old, no such process, a file "
	  "that cannot be read or written, nothing of what was found in a program can be probed. "
	  "One line on standard error says why, and what to do." },
	{ "2", "The command line is wrong. One line on standard error says what would be right." },
	{ 0 },
};

static const struct entry environment[] = {
	{ "DEBUGINFOD_URLS", "Servers that are asked for debug information that is not on this "
			     "machine. Unset: nothing is ever fetched." },
	{ "COLUMNS", "How wide a report may be, where the terminal does not say it." },
	{ "NO_COLOR", "Not empty: no colour." },
	{ 0 },
};

static const struct entry files[] = {
	{ "/sys/kernel/btf/vmlinux", "The types of the running kernel." },
	{ "/proc/kallsyms", "Names of kernel functions." },
	{ "/usr/lib/debug/.build-id", "Debug information of installed packages, by build-id." },
	{ "/tmp/perf-PID.map", "Names of code that a runtime compiled, written by the runtime." },
	{ 0 },
};

static void add_section(struct strbuf *out, const char *title)
{
	strbuf_addf(out, ".SH %s\n", title);
}

static void add_text(struct strbuf *out, const char *text)
{
	roff_paragraph(out);
	roff_add(out, text);
	strbuf_addch(out, '\n');
}

static void add_entry(struct strbuf *out, const char *name, const char *text)
{
	strbuf_adds(out, ".TP\n\\fB");
	roff_add(out, name);
	strbuf_adds(out, "\\fR\n");
	roff_add(out, text);
	strbuf_addch(out, '\n');
}

static void add_entries(struct strbuf *out, const struct entry *entries)
{
	for (; entries->name; entries++)
		add_entry(out, entries->name, entries->text);
}

static void add_head(struct strbuf *out)
{
	strbuf_adds(out, ".TH BPFPROF 1 \"\" \"bpfprof ");
	roff_add(out, BPFPROF_VERSION);
	strbuf_adds(out, "\" \"User Commands\"\n");
	add_section(out, "NAME");
	strbuf_adds(out, "bpfprof \\- ");
	roff_add(out, help_summary);
	strbuf_addch(out, '\n');
	add_section(out, "SYNOPSIS");
	strbuf_adds(out, "\\fBbpfprof\\fR \\fICOMMAND\\fR [\\fIoptions\\fR] "
			 "[\\fB\\-\\-\\fR \\fIPROGRAM ARGS...\\fR]\n.br\n"
			 "\\fBbpfprof help\\fR [\\fICOMMAND\\fR]\n.br\n"
			 "\\fBbpfprof \\-\\-version\\fR\n");
	add_section(out, "DESCRIPTION");
	roff_add_paragraphs(out, help_about);
	add_text(out, "Data goes to standard output; progress and complaints go to standard "
		      "error. Numbers may carry a unit: a duration ns, us, ms, s, m or h (a bare "
		      "number is seconds), a size K, M, G or T (powers of 1024).");
}

/* Options that all modes have: those of the first that are not its own. */
static void add_shared_options(struct strbuf *out)
{
	struct topic t;

	if (!topic_at(0, &t) || !t.mode)
		return;
	add_section(out, "OPTIONS");
	add_text(out, "Every mode takes these:");
	for (const struct opt_group *g = t.options; g->opts; g++)
		if (g->opts != t.mode->opts)
			opt_man((const struct opt_group[]){ *g, { 0 } }, out);
	add_text(out, "After any command, -h and --help list its options.");
}

static void add_topic(struct strbuf *out, const struct topic *t)
{
	struct strbuf synopsis = STRBUF_INIT;

	topic_synopsis(t, &synopsis);
	strbuf_adds(out, ".SS ");
	roff_add(out, t->name);
	strbuf_adds(out, "\n\\fBbpfprof ");
	roff_add(out, t->name);
	strbuf_adds(out, *t->synopsis ? "\\fR " : "\\fR");
	roff_add(out, strbuf_str(&synopsis));
	strbuf_addch(out, '\n');
	strbuf_done(&synopsis);
	add_text(out, t->summary);
	if (t->about)
		roff_add_paragraphs(out, t->about);
	for (const struct opt_group *g = t->options; g->opts; g++)
		if (!t->mode || g->opts == t->mode->opts)
			opt_man((const struct opt_group[]){ { NULL, g->opts, NULL }, { 0 } }, out);
}

static void add_topics(struct strbuf *out, const char *title, bool are_modes)
{
	struct topic t;

	add_section(out, title);
	for (size_t i = 0; topic_at(i, &t); i++)
		if (!t.mode == !are_modes)
			add_topic(out, &t);
}

static void add_formats(struct strbuf *out)
{
	struct strbuf name = STRBUF_INIT;

	add_section(out, "OUTPUT");
	add_text(out, "A report for a person goes to standard output. A file gets the format that "
		      "its name ends with, or the one that --format names:");
	for (const struct exporter *const *e = exporters; *e; e++) {
		strbuf_reset(&name);
		strbuf_addf(&name, "%s (%s)", (*e)->name, (*e)->suffix);
		add_entry(out, strbuf_str(&name), (*e)->summary);
	}
	strbuf_done(&name);
	add_text(out, "The file that was there stays until the new one is whole. These reports can "
		      "be asked for with \"bpfprof report --view\":");
	for (const struct view *const *v = views; *v; v++)
		add_entry(out, (*v)->name, (*v)->summary);
}

static void add_quality(struct strbuf *out)
{
	static const char *const classes[] = {
		[QUALITY_IS_TOTAL] = "How much there was. Always shown.",
		[QUALITY_IS_LOSS] = "Something is missing from the profile.",
		[QUALITY_IS_NOTE] = "Worth knowing; nothing is missing.",
	};
	struct strbuf text = STRBUF_INIT;

	add_section(out, "QUALITY");
	add_text(out, "The last line of a report says how far it may be trusted. It has the totals "
		      "and all that is not 0; the names in brackets are those of the JSON report:");
	for (size_t i = 0; i < QUALITY_COUNT; i++) {
		const struct quality_type *q = &quality_types[i];

		strbuf_reset(&text);
		strbuf_addf(&text, "%s (%s)", q->text, q->name);
		add_entry(out, strbuf_str(&text), classes[q->class]);
	}
	strbuf_done(&text);
}

static void add_examples(struct strbuf *out)
{
	add_section(out, "EXAMPLES");
	for (const struct example *e = examples; e->command; e++)
		add_entry(out, e->command, e->text);
}

void man_page(struct strbuf *out)
{
	add_head(out);
	add_topics(out, "MODES", true);
	add_shared_options(out);
	add_topics(out, "COMMANDS", false);
	add_formats(out);
	add_quality(out);
	add_section(out, "EXIT STATUS");
	add_entries(out, exit_statuses);
	add_section(out, "ENVIRONMENT");
	add_entries(out, environment);
	add_section(out, "FILES");
	add_entries(out, files);
	add_examples(out);
	add_section(out, "SEE ALSO");
	strbuf_adds(out, ".BR perf (1),\n.BR bpftrace (8),\n.BR capabilities (7)\n");
}
