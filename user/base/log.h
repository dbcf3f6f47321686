/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What bpfprof says to a person about its own work, always on standard error
 * and always one line a message. Libraries return errors and stay silent
 * below LOG_WARN; commands log. Control characters in a message are escaped,
 * since names and paths in it may come from a hostile process.
 */
#pragma once
#include <stdarg.h>
#include <stdbool.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_NOTE, LOG_VERBOSE, LOG_TRACE };

/* Messages above `max` are dropped. Default LOG_NOTE; -q: LOG_ERROR, -v: LOG_VERBOSE. */
void log_set_level(enum log_level max);
bool log_enabled(enum log_level level);

/* "bpfprof: " + message + newline; erases a progress line first. */
void log_at(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...)	 log_at(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)	 log_at(LOG_WARN, __VA_ARGS__)
#define log_note(...)	 log_at(LOG_NOTE, __VA_ARGS__)
#define log_verbose(...) log_at(LOG_VERBOSE, __VA_ARGS__)
#define log_trace(...)	 log_at(LOG_TRACE, __VA_ARGS__)

/*
 * A line that replaces itself, on a terminal only (never in a pipe, never
 * with -q). An empty format erases it.
 */
void log_progress(const char *format, ...) __attribute__((format(printf, 1, 2)));
