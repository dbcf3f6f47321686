/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which files a program that is about to be started will map, as far as that
 * can be said without running anything: libraries that it names, where ld.so
 * looks first (ld.so(8)), and what its first line names if it is a script. A
 * guess for who wants to be early; what is mapped is seen when it is.
 */
#pragma once
#include "base/strbuf.h"

enum { NEEDED_MAX = 64 };

/* Folders that libraries are in where nothing else is said. NULL-ended. */
extern const char *const needed_folders[];

/*
 * Appends the paths of libraries that an ELF file names, each with a NUL behind it. How many (0:
 * it is none, or needs none), or -ENOMEM.
 */
int needed_libraries(int fd, const char *path, struct strbuf *ret);
/* Appends what runs a script: "/usr/bin/env python3" is found by PATH. 1, 0: it is none, -ENOMEM.
 */
int needed_interpreter(int fd, struct strbuf *ret);
/* Appends the path of a program as execvp(3) finds it. 1, 0: there is none, or -ENOMEM. */
int needed_program(const char *name, struct strbuf *ret);
