/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the writers of completion scripts share. */
#pragma once
#include <stdbool.h>

#include "base/strbuf.h"
#include "cmd/help.h"

/* What a shell offers in place of a value or a word. */
enum complete_kind {
	COMPLETE_NOTHING,
	COMPLETE_FILE,
	COMPLETE_FOLDER,
	COMPLETE_PID,
	COMPLETE_WORDS, /* parted by blanks */
};

/* What an option's value may be; `words` is emptied and filled for COMPLETE_WORDS. */
enum complete_kind complete_value(const struct opt *o, struct strbuf *words);
/* What the words that are no options may be, by the synopsis. */
enum complete_kind complete_operand(const struct topic *t, struct strbuf *words);
/* All commands and modes, parted by blanks. */
void complete_commands(struct strbuf *words);
/* Adds text for inside '…' of a shell. */
void complete_quote(struct strbuf *out, const char *text);

void completion_bash(struct strbuf *out);
void completion_zsh(struct strbuf *out);
void completion_fish(struct strbuf *out);
