// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/nearest.h"
#include "cmd/cmd.h"

const struct cmd *const cmds[] = { &cmd_dump, &cmd_report, &cmd_doctor, &cmd_help, NULL };

const struct cmd *cmd_find(const char *name)
{
	for (const struct cmd *const *c = cmds; *c; c++)
		if (!strcmp((*c)->name, name))
			return *c;
	return NULL;
}

int cmd_fail(const char *name, int r, const struct strbuf *error)
{
	if (r == -EINVAL)
		log_error("%s (see: bpfprof %s --help)", strbuf_str(error), name);
	else
		log_error("%s", error->len ? strbuf_str(error) : strerror(-r));
	return r == -EINVAL ? EXIT_USAGE : EXIT_CANNOT;
}

/* What other tools call it. */
static const char *habit(const char *name)
{
	static const struct {
		const char *theirs, *ours;
	} habits[] = {
		{ "record", "cpu" },	    { "profile", "cpu" },     { "top", "cpu 1s" },
		{ "attach", "cpu -p PID" }, { "script", "report" },   { "stack", "dump" },
		{ "stacks", "dump" },	    { "funccount", "calls" }, { "biolatency", "io" },
	};

	for (size_t i = 0; i < sizeof(habits) / sizeof(habits[0]); i++)
		if (!strcmp(habits[i].theirs, name))
			return habits[i].ours;
	return NULL;
}

static int unknown(const char *name)
{
	const char *ours = habit(name);
	struct nearest near;

	nearest_init(&near, name, strlen(name));
	for (const struct cmd *const *c = cmds; *c; c++)
		nearest_try(&near, (*c)->name);
	for (const struct mode *const *m = modes; *m; m++)
		nearest_try(&near, (*m)->name);
	if (name[0] == '-')
		log_error("unknown option %s: a command comes first (see: bpfprof help)", name);
	else if (ours || near.best)
		log_error("unknown command \"%s\"; did you mean %s? (see: bpfprof help)", name,
			  ours ? ours : near.best);
	else
		log_error("unknown command \"%s\" (see: bpfprof help)", name);
	return EXIT_USAGE;
}

static bool asks_for_help(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--"); i++)
		if (!strcmp(argv[i], "-h") || !strcmp(argv[i], "--help"))
			return true;
	return false;
}

static int usage(void)
{
	fputs("usage: bpfprof COMMAND [options] [-- PROGRAM ARGS...]\ncommands:", stderr);
	for (const struct mode *const *m = modes; *m; m++)
		fprintf(stderr, " %s", (*m)->name);
	for (const struct cmd *const *c = cmds; *c; c++)
		fprintf(stderr, " %s", (*c)->name);
	fputs("\nbpfprof help says what each does\n", stderr);
	return EXIT_USAGE;
}

int cmd_main(int argc, char **argv)
{
	const struct cmd *cmd;
	const struct mode *mode;
	const char *name;

	if (argc < 2)
		return usage();
	name = argv[1];
	if (!strcmp(name, "-V") || !strcmp(name, "--version"))
		return printf("bpfprof %s\n", BPFPROF_VERSION) < 0 || fflush(stdout) ? EXIT_CANNOT
										     : EXIT_OK;
	if (!strcmp(name, "-h") || !strcmp(name, "--help"))
		return help_show(NULL);
	cmd = cmd_find(name);
	mode = cmd ? NULL : mode_find(name);
	if (!cmd && !mode)
		return unknown(name);
	if (asks_for_help(argc - 1, argv + 1))
		return help_show(name);
	return cmd ? cmd->run(argc - 1, argv + 1) : run_mode(mode, argc - 1, argv + 1);
}
