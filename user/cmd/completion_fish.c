// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "cmd/completion.h"

/* Inside '…' fish knows two escapes: \' and \\. */
static void add_quoted(struct strbuf *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '\'' || *text == '\\')
			strbuf_addch(out, '\\');
		strbuf_addch(out, *text);
	}
}

static void add_offer(struct strbuf *out, enum complete_kind kind, const struct strbuf *words)
{
	switch (kind) {
	case COMPLETE_FILE:
		strbuf_adds(out, " -F");
		break;
	case COMPLETE_FOLDER:
		strbuf_adds(out, " -a '(__fish_complete_directories)'");
		break;
	case COMPLETE_PID:
		strbuf_adds(out, " -a '(__fish_complete_pids)'");
		break;
	case COMPLETE_WORDS:
		strbuf_adds(out, " -a '");
		add_quoted(out, strbuf_str(words));
		strbuf_addch(out, '\'');
		break;
	case COMPLETE_NOTHING:
		break;
	}
}

static void add_line(struct strbuf *out, const char *command)
{
	strbuf_addf(out, "complete -c bpfprof -n '__fish_seen_subcommand_from %s'", command);
}

static void add_option(struct strbuf *out, const char *command, const struct opt *o,
		       struct strbuf *words)
{
	add_line(out, command);
	if (o->letter)
		strbuf_addf(out, " -s %c", o->letter);
	strbuf_addf(out, " -l %s", o->name);
	if (o->arg) {
		strbuf_adds(out, " -r");
		add_offer(out, complete_value(o, words), words);
	}
	strbuf_adds(out, " -d '");
	add_quoted(out, o->help);
	strbuf_adds(out, "'\n");
}

void completion_fish(struct strbuf *out)
{
	struct strbuf words = STRBUF_INIT;
	struct topic t;

	strbuf_adds(out, "# fish completion for bpfprof, made by: bpfprof help --completion fish\n"
			 "complete -c bpfprof -f\n");
	for (size_t i = 0; topic_at(i, &t); i++) {
		strbuf_addf(out, "complete -c bpfprof -n __fish_use_subcommand -a %s -d '", t.name);
		add_quoted(out, t.summary);
		strbuf_adds(out, "'\n");
	}
	for (size_t i = 0; topic_at(i, &t); i++) {
		enum complete_kind kind = complete_operand(&t, &words);

		if (kind != COMPLETE_NOTHING) {
			add_line(out, t.name);
			add_offer(out, kind, &words);
			strbuf_addch(out, '\n');
		}
		for (const struct opt_group *g = t.options; g->opts; g++)
			for (const struct opt *o = g->opts; o->name; o++)
				add_option(out, t.name, o, &words);
	}
	strbuf_done(&words);
}
