/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the parts of cmd/functions.h share. */
#pragma once
#include <sys/types.h>

#include "cmd/functions.h"
#include "symbolize/functions.h"

enum { FUNCTIONS_MAX = 10000, FUNCTION_FILES_MAX = 256 };

/* A file that a word may mean: open, and as a process sees it. */
struct function_file {
	int fd;
	char *path;
	dev_t dev;
	ino_t ino;
};

struct function_files {
	struct function_file *all;
	size_t nr, cap;
};

struct function_word {
	char *file; /* a path, a name, or NULL: the program */
	struct function_pattern pattern;
	struct function_files files; /* those that stand for a path or a program; not open */
};

/*
 * Opens what a word may mean now, into *ret. 0; -EINVAL, -ENOENT, -ESRCH … with a line in `error`.
 */
int function_files_find(struct function_files *ret, const struct function_word *w,
			const struct function_words_settings *s, struct strbuf *error);
void function_files_done(struct function_files *f);
/* Lets go of descriptors only. */
void function_files_close(struct function_files *f);

/* Where the name begins in a path. */
const char *function_file_base(const char *path);
