/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A table of options is the only place where an option stands: parsing,
 * --help, the man page and the shell completion are made from it.
 * `--name VALUE`, `--name=VALUE`, `-l VALUE`, `-lVALUE` and bundled flags
 * (`-UK`) are taken; options and positional words may be mixed; `--` ends both.
 */
#pragma once
#include <stddef.h>

#include "base/strbuf.h"

struct opt {
	const char *name; /* without dashes; NULL ends a table */
	char letter;	  /* 0: none */
	const char *arg;  /* what the value is called in help: "HZ"; NULL: a flag */
	const char *help; /* one line, no full stop */
	/*
	 * Takes the value (NULL for a flag) into `ctx`. 0, or a negative errno with a
	 * line in `error` that says what is wrong and what would be right; where it adds none,
	 * that is "--frequency takes HZ, not 'x'".
	 */
	int (*set)(void *ctx, const char *value, struct strbuf *error);
	/*
	 * NULL, or what a shell may complete: "file", "folder", "pid", a table that the shell
	 * completion knows ("format", "view", "command"), or words "a b c"
	 */
	const char *complete;
};

/* An option that other tools have and this one doesn't: what is said to who types it. */
struct opt_habit {
	const char *name; /* as struct opt's; NULL ends a table */
	char letter;	  /* 0: none */
	const char *says; /* what to do instead: "the whole system is measured anyway" */
};

/* One table with the context that its setters get. */
struct opt_group {
	const char *title; /* heading in help: "Whom to measure" */
	const struct opt *opts;
	void *ctx;
};

/*
 * Parses argv[1…] against all groups (an array ended by a group without opts).
 * Positional words are moved to ret_words (of argc + 1 entries, NULL-ended),
 * what follows `--` is *ret_rest (NULL if there is no `--`).
 * The number of words, or -EINVAL with one line in `error`: an unknown option
 * is answered with what its habit says (NULL: there are none), or the nearest known one. A setter's
 * other errors (-ESRCH: no such process) are returned as they are. -h and --help are the commands'
 * own.
 */
int opt_parse(const struct opt_group *groups, const struct opt_habit *habits, int argc, char **argv,
	      const char **ret_words, char ***ret_rest, struct strbuf *error);
/* The options as --help prints them, wrapped at `width` columns. */
void opt_help(const struct opt_group *groups, unsigned width, struct strbuf *out);
/* The options as man(7) .TP paragraphs. */
void opt_man(const struct opt_group *groups, struct strbuf *out);
