/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* `-- PROGRAM`: a child that waits until measuring has begun, then executes the program. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/strbuf.h"

struct program {
	int pid;     /* 0: none was started */
	int go_fd;   /* a byte lets it go */
	int fail_fd; /* errno of a failed execution comes here */
	int status;  /* exit status, as a shell has it, once it ended */
	bool ended, buried;
};

/* Forks; the child waits. 0 or a negative errno. */
int program_start(struct program *ret, char **argv);
/* Lets it execute. A negative errno with a line in `error` when it can't be executed. */
int program_go(struct program *p, char **argv, struct strbuf *error);
/* Has it ended? Never waits. */
bool program_ended(struct program *p);
/* Waits for its end, or for a signal to us: its exit status, 0 if it still runs. */
int program_wait(struct program *p);
/* Gives up before program_go(): it ends without having executed anything. */
void program_abandon(struct program *p);
