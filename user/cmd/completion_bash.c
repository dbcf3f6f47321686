// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "cmd/completion.h"

static const char head[] =
	"# bash completion for bpfprof, made by: bpfprof help --completion bash\n"
	"\n"
	"_bpfprof_offer()\n"
	"{\n"
	"\tcase $1 in\n"
	"\tfile) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- \"$3\") ;;\n"
	"\tfolder) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- \"$3\") ;;\n"
	"\tpid) mapfile -t COMPREPLY < <(cd /proc && compgen -W \"$(echo [0-9]*)\" -- \"$3\") ;;\n"
	"\twords) mapfile -t COMPREPLY < <(compgen -W \"$2\" -- \"$3\") ;;\n"
	"\tesac\n"
	"}\n"
	"\n"
	"_bpfprof()\n"
	"{\n"
	"\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
	"\tlocal cmd=${COMP_WORDS[1]} i\n"
	"\n"
	"\tCOMPREPLY=()\n";

static const char program[] = "\tfor ((i = 2; i < COMP_CWORD; i++)); do\n"
			      "\t\t[[ ${COMP_WORDS[i]} == -- ]] || continue\n"
			      "\t\tif ((i + 1 == COMP_CWORD)); then\n"
			      "\t\t\tmapfile -t COMPREPLY < <(compgen -c -- \"$cur\")\n"
			      "\t\telse\n"
			      "\t\t\t_bpfprof_offer file '' \"$cur\"\n"
			      "\t\tfi\n"
			      "\t\treturn\n"
			      "\tdone\n"
			      "\t# --option=value comes as three words.\n"
			      "\t[[ $prev == = ]] && prev=${COMP_WORDS[COMP_CWORD - 2]}\n"
			      "\t[[ $cur == = ]] && cur=\n";

static void add_offer(struct strbuf *out, enum complete_kind kind, const struct strbuf *words)
{
	static const char *const names[] = {
		[COMPLETE_NOTHING] = "nothing", [COMPLETE_FILE] = "file",
		[COMPLETE_FOLDER] = "folder",	[COMPLETE_PID] = "pid",
		[COMPLETE_WORDS] = "words",
	};

	strbuf_addf(out, "_bpfprof_offer %s '", names[kind]);
	complete_quote(out, strbuf_str(words));
	strbuf_adds(out, "' \"$cur\"");
}

/* What follows an option. */
static void add_values(struct strbuf *out, const struct topic *t, struct strbuf *words)
{
	for (const struct opt_group *g = t->options; g->opts; g++)
		for (const struct opt *o = g->opts; o->name; o++) {
			if (!o->arg)
				continue;
			strbuf_addf(out, "\t%s:--%s", t->name, o->name);
			if (o->letter)
				strbuf_addf(out, " | %s:-%c", t->name, o->letter);
			strbuf_adds(out, ") ");
			add_offer(out, complete_value(o, words), words);
			strbuf_adds(out, "; return ;;\n");
		}
}

static void add_options(struct strbuf *out, const struct topic *t)
{
	strbuf_addf(out, "\t%s:-*) _bpfprof_offer words '-h --help", t->name);
	for (const struct opt_group *g = t->options; g->opts; g++)
		for (const struct opt *o = g->opts; o->name; o++) {
			if (o->letter)
				strbuf_addf(out, " -%c", o->letter);
			strbuf_addf(out, " --%s", o->name);
		}
	strbuf_adds(out, "' \"$cur\" ;;\n");
}

void completion_bash(struct strbuf *out)
{
	struct strbuf words = STRBUF_INIT;
	struct topic t;

	complete_commands(&words);
	strbuf_adds(out, head);
	strbuf_addf(out,
		    "\tif ((COMP_CWORD == 1)); then\n"
		    "\t\t_bpfprof_offer words '%s --help --version' \"$cur\"\n"
		    "\t\treturn\n"
		    "\tfi\n",
		    strbuf_str(&words));
	strbuf_adds(out, program);
	strbuf_adds(out, "\tcase $cmd:$prev in\n");
	for (size_t i = 0; topic_at(i, &t); i++)
		add_values(out, &t, &words);
	strbuf_adds(out, "\tesac\n\tcase $cmd:$cur in\n");
	for (size_t i = 0; topic_at(i, &t); i++) {
		enum complete_kind kind = complete_operand(&t, &words);

		add_options(out, &t);
		if (kind == COMPLETE_NOTHING)
			continue;
		strbuf_addf(out, "\t%s:*) ", t.name);
		add_offer(out, kind, &words);
		strbuf_adds(out, " ;;\n");
	}
	strbuf_adds(out, "\tesac\n}\ncomplete -F _bpfprof bpfprof\n");
	strbuf_done(&words);
}
