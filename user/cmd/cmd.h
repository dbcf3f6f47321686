/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A command that is no mode: one file here and one line in cmds.c. Its exit status is run()'s. */
#pragma once
#include "base/opt.h"
#include "collect/mode.h"

/* Exit statuses of cli.md. */
enum { EXIT_OK = 0, EXIT_CANNOT = 1, EXIT_USAGE = 2 };

struct cmd {
	const char *name, *summary;
	const char *synopsis; /* what follows the name: "FILE.pb.gz [options]" */
	const char *about;    /* paragraphs for --help and the man page, or NULL */
	const struct opt_group *(*options)(void); /* NULL: none */
	int (*run)(int argc, char **argv);	  /* argv[0] is the command's name */
};

extern const struct cmd cmd_dump, cmd_report, cmd_doctor, cmd_help;

/* Ends with NULL. */
extern const struct cmd *const cmds[];
const struct cmd *cmd_find(const char *name);

/*
 * Finds argv[1] among the commands, then the modes, and runs it; answers -h and --help (before
 * a `--`) for all of them. Its exit status.
 */
int cmd_main(int argc, char **argv);
/* Logs the line of a command that can't go on. EXIT_USAGE for -EINVAL, else EXIT_CANNOT. */
int cmd_fail(const char *name, int r, const struct strbuf *error);

/* What `bpfprof NAME …` does for a mode. */
int run_mode(const struct mode *mode, int argc, char **argv);
/* The options of a mode, for help, man page and completion. */
const struct opt_group *run_options(const struct mode *mode);
/* --help of a command or mode (NULL: of bpfprof itself), on standard output. EXIT_OK. */
int help_show(const char *name);
