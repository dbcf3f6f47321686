// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "cmd/completion.h"

#include <string.h>

/* Text inside a specification of _arguments, where brackets and colons part its fields. */
static void add_field(struct strbuf *out, const char *text)
{
	for (; *text; text++) {
		char one[] = { *text, '\0' };

		if (strchr("[]:\\", *text))
			strbuf_addch(out, '\\');
		complete_quote(out, one);
	}
}

static void add_action(struct strbuf *out, enum complete_kind kind, const struct strbuf *words)
{
	switch (kind) {
	case COMPLETE_FILE:
		strbuf_adds(out, "_files");
		break;
	case COMPLETE_FOLDER:
		strbuf_adds(out, "_files -/");
		break;
	case COMPLETE_PID:
		strbuf_adds(out, "_pids");
		break;
	case COMPLETE_WORDS:
		strbuf_addf(out, "(%s)", strbuf_str(words));
		break;
	case COMPLETE_NOTHING:
		strbuf_addch(out, ' ');
	}
}

/* One spelling of an option: '*-p+[whom]:PID:_pids'. */
static void add_spec(struct strbuf *out, const struct opt *o, const char *spelling,
		     struct strbuf *words)
{
	strbuf_addf(out, " \\\n\t\t\t'*%s[", spelling);
	add_field(out, o->help);
	strbuf_addch(out, ']');
	if (o->arg) {
		enum complete_kind kind = complete_value(o, words);

		strbuf_addch(out, ':');
		add_field(out, o->arg);
		strbuf_addch(out, ':');
		add_action(out, kind, words);
	}
	strbuf_addch(out, '\'');
}

static void add_option(struct strbuf *out, const struct opt *o, struct strbuf *words)
{
	struct strbuf spelling = STRBUF_INIT;

	if (o->letter) {
		strbuf_addf(&spelling, "-%c%s", o->letter, o->arg ? "+" : "");
		add_spec(out, o, strbuf_str(&spelling), words);
		strbuf_reset(&spelling);
	}
	strbuf_addf(&spelling, "--%s%s", o->name, o->arg ? "=" : "");
	add_spec(out, o, strbuf_str(&spelling), words);
	strbuf_done(&spelling);
}

static void add_topic(struct strbuf *out, const struct topic *t, struct strbuf *words)
{
	enum complete_kind kind;

	strbuf_addf(out,
		    "\t%s)\n"
		    "\t\t_arguments -s \\\n"
		    "\t\t\t'(- *)'{-h,--help}'[list the options]'",
		    t->name);
	for (const struct opt_group *g = t->options; g->opts; g++)
		for (const struct opt *o = g->opts; o->name; o++)
			add_option(out, o, words);
	if (t->mode && !t->mode->operands) {
		strbuf_adds(out, " \\\n\t\t\t'*::program:_normal'");
	} else if ((kind = complete_operand(t, words)) != COMPLETE_NOTHING) {
		strbuf_adds(out, " \\\n\t\t\t'*:operand:");
		add_action(out, kind, words);
		strbuf_addch(out, '\'');
	}
	strbuf_adds(out, "\n\t\t;;\n");
}

void completion_zsh(struct strbuf *out)
{
	struct strbuf words = STRBUF_INIT;
	struct topic t;

	strbuf_adds(out, "#compdef bpfprof\n"
			 "# made by: bpfprof help --completion zsh\n"
			 "\n"
			 "_bpfprof() {\n"
			 "\tlocal -a commands=(\n");
	for (size_t i = 0; topic_at(i, &t); i++) {
		strbuf_addf(out, "\t\t'%s:", t.name);
		add_field(out, t.summary);
		strbuf_adds(out, "'\n");
	}
	strbuf_adds(out, "\t)\n"
			 "\tif ((CURRENT == 2)); then\n"
			 "\t\t_describe 'command' commands\n"
			 "\t\treturn\n"
			 "\tfi\n"
			 "\tshift words\n"
			 "\t((CURRENT--))\n"
			 "\tcase $words[1] in\n");
	for (size_t i = 0; topic_at(i, &t); i++)
		add_topic(out, &t, &words);
	/* Autoloaded as a function, the file is its body; sourced, it only defines. */
	strbuf_adds(out, "\tesac\n"
			 "}\n"
			 "\n"
			 "if [[ $funcstack[1] == _bpfprof ]]; then\n"
			 "\t_bpfprof \"$@\"\n"
			 "else\n"
			 "\tcompdef _bpfprof bpfprof\n"
			 "fi\n");
	strbuf_done(&words);
}
