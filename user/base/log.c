// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "base/log.h"

#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/strbuf.h"

static enum log_level max_level = LOG_NOTE;
static bool progress_shown;

void log_set_level(enum log_level max)
{
	max_level = max;
}

bool log_enabled(enum log_level level)
{
	return level <= max_level;
}

static void erase_progress(void)
{
	if (!progress_shown)
		return;
	fputs("\r\033[K", stderr);
	progress_shown = false;
}

void log_at(enum log_level level, const char *format, ...)
{
	struct strbuf raw = STRBUF_INIT, line = STRBUF_INIT;
	va_list args;

	if (!log_enabled(level))
		return;
	va_start(args, format);
	strbuf_addvf(&raw, format, args);
	va_end(args);
	strbuf_add_escaped(&line, strbuf_str(&raw));
	erase_progress();
	fprintf(stderr, "bpfprof: %s\n", strbuf_str(&line));
	strbuf_done(&raw);
	strbuf_done(&line);
}

void log_progress(const char *format, ...)
{
	struct strbuf line = STRBUF_INIT;
	struct winsize size = { .ws_col = 80 };
	va_list args;

	if (!log_enabled(LOG_NOTE) || !isatty(STDERR_FILENO))
		return;
	erase_progress();
	va_start(args, format);
	strbuf_addvf(&line, format, args);
	va_end(args);
	if (line.len) {
		ioctl(STDERR_FILENO, TIOCGWINSZ, &size);
		fprintf(stderr, "%.*s", size.ws_col ? size.ws_col - 1 : 79, strbuf_str(&line));
		progress_shown = true;
	}
	fflush(stderr);
	strbuf_done(&line);
}
