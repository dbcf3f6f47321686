/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Everything that bpfprof says about itself, made from the tables of modes,
 * commands, options, formats and views: --help, the man page, the completion
 * of three shells. A new mode or option appears in all of them by itself.
 */
#pragma once
#include <stdbool.h>

#include "base/strbuf.h"
#include "cmd/cmd.h"

/* A mode or a command, as help sees it. */
struct topic {
	const char *name, *summary;
	const char *synopsis;		 /* of a mode: its operands */
	const char *about;		 /* NULL: none */
	const struct opt_group *options; /* good until the next topic is asked for; never NULL */
	const struct mode *mode;	 /* NULL: a command */
};

/* The modes, then the commands; false when there are no more. */
bool topic_at(size_t i, struct topic *ret);
bool topic_find(const char *name, struct topic *ret);
/* Adds how it is called, behind its name: "[options] FUNCTION... [-- PROGRAM ARGS...]". */
void topic_synopsis(const struct topic *t, struct strbuf *out);

struct example {
	const char *command, *text;
};

/* Ends with one whose command is NULL. */
extern const struct example examples[];
/* What bpfprof is, in one line and in paragraphs. */
extern const char help_summary[], help_about[];

/* The whole man page, in man(7). */
void man_page(struct strbuf *out);

/* A shell that can be told what may be typed. */
struct completion {
	const char *shell;
	void (*write)(struct strbuf *out);
};

/* Ends with one whose shell is NULL. */
extern const struct completion completions[];
