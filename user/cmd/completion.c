// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "cmd/completion.h"

#include <string.h>

#include "export/exporter.h"
#include "view/view.h"

const struct completion completions[] = {
	{ "bash", completion_bash },
	{ "zsh", completion_zsh },
	{ "fish", completion_fish },
	{ 0 },
};

static void add_word(struct strbuf *words, const char *word)
{
	if (words->len)
		strbuf_addch(words, ' ');
	strbuf_adds(words, word);
}

void complete_commands(struct strbuf *words)
{
	struct topic t;

	for (size_t i = 0; topic_at(i, &t); i++)
		add_word(words, t.name);
}

enum complete_kind complete_value(const struct opt *o, struct strbuf *words)
{
	const char *what = o->complete;

	strbuf_reset(words);
	if (!what)
		return COMPLETE_NOTHING;
	if (!strcmp(what, "file"))
		return COMPLETE_FILE;
	if (!strcmp(what, "folder"))
		return COMPLETE_FOLDER;
	if (!strcmp(what, "pid"))
		return COMPLETE_PID;
	if (!strcmp(what, "format"))
		for (const struct exporter *const *e = exporters; *e; e++)
			add_word(words, (*e)->name);
	else if (!strcmp(what, "view"))
		for (const struct view *const *v = views; *v; v++)
			add_word(words, (*v)->name);
	else if (!strcmp(what, "command"))
		complete_commands(words);
	else
		strbuf_adds(words, what);
	return COMPLETE_WORDS;
}

enum complete_kind complete_operand(const struct topic *t, struct strbuf *words)
{
	strbuf_reset(words);
	/* The operands of modes begin with a file. */
	if (!strncmp(t->synopsis, "FILE", 4) || (t->mode && t->mode->operands))
		return COMPLETE_FILE;
	if (strcmp(t->synopsis, "[COMMAND]"))
		return COMPLETE_NOTHING;
	complete_commands(words);
	return COMPLETE_WORDS;
}

void complete_quote(struct strbuf *out, const char *text)
{
	for (; *text; text++)
		if (*text == '\'')
			strbuf_adds(out, "'\\''");
		else
			strbuf_addch(out, *text);
}
