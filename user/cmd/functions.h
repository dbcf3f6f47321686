/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The words of a mode that measures functions: "file:pattern", or a pattern of the program that is
 * measured. A file is a path, or a name that libraries and programs are known by: libc is
 * libc.so.6. Which files these are is asked anew of each file that a process maps, so that
 * libraries which come later, or replace others, are found by themselves. What is wrong with a word
 * is found before anything is measured.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "kernel/filter.h"
#include "site/probe_site.h"

struct function_words;

struct function_words_settings {
	const char *const *words; /* point into argv, as all else here: they outlive the result */
	size_t nr;
	const struct filter *filter; /* processes by number: their programs, their libraries */
	const char *program;	     /* that is to be started; NULL: none */
	bool time_all;		     /* also what an exception may pass */
};

/*
 * 0, or one line in `error` and -EINVAL: a word that is none; -ESRCH: no such process; -ENOENT: no
 * such file or function; -E2BIG: too many; another: a file that can't be read or probed.
 */
int function_words_new(struct function_words **ret, const struct function_words_settings *s,
		       struct strbuf *error);
void function_words_free(struct function_words *w);
DEFINE_CLEANUP(struct function_words, function_words_free)
/* Lives as long as `w`. */
const struct probe_finder *function_words_finder(const struct function_words *w);
/* Is any of them timed? Else all that is measured is how often they are called. */
bool function_words_timed(const struct function_words *w);
/* The files that words name by a path, and programs. What `take` returns below 0, or 0. */
int function_words_each_file(const struct function_words *w,
			     int (*take)(void *ctx, const char *path), void *ctx);
/* Is it a name that a file of this base name is known by? */
bool function_words_names(const char *name, const char *base);
