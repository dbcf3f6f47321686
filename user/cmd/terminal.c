// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "cmd/terminal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/parse.h"

enum { WIDTH_NARROWEST = 40, WIDTH_DEFAULT = 100, WIDTH_WIDEST = 1000 };

unsigned terminal_width(void)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;
	uint64_t width = 0;

	if ((!columns || parse_u64(columns, &width) < 0 || !width) &&
	    !ioctl(STDOUT_FILENO, TIOCGWINSZ, &size))
		width = size.ws_col;
	if (!width)
		return WIDTH_DEFAULT;
	if (width < WIDTH_NARROWEST)
		return WIDTH_NARROWEST;
	return width > WIDTH_WIDEST ? WIDTH_WIDEST : (unsigned)width;
}

bool terminal_utf8(void)
{
	static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };
	const char *locale = NULL;

	for (size_t i = 0; i < 3 && (!locale || !*locale); i++)
		locale = getenv(names[i]);
	return locale && (strcasestr(locale, "utf-8") || strcasestr(locale, "utf8"));
}

bool terminal_color(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && !(no && *no) && !(term && !strcmp(term, "dumb"));
}

void terminal_settings(struct view_settings *v)
{
	v->width = terminal_width();
	v->color = terminal_color();
	v->utf8 = terminal_utf8();
}
