// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "export/flamegraph.h"

#include <errno.h>

static int write_html(const struct profile *p, const struct export_settings *settings, FILE *out)
{
	_cleanup_(strbuf_done) struct strbuf text = STRBUF_INIT, title = STRBUF_INIT;
	_cleanup_(flame_done) struct flame f = { 0 };
	int r = flame_init(&f, p, settings);

	if (r < 0)
		return r;
	flame_add_title(&f, &title);
	strbuf_adds(&text, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
			   "<meta name=\"viewport\" content=\"width=device-width, "
			   "initial-scale=1\">\n<title>");
	flame_add_xml(&text, strbuf_str(&title));
	strbuf_adds(&text, "</title>\n<style>\n");
	flame_add_style(&text);
	strbuf_adds(&text,
		    "</style>\n</head>\n<body>\n<noscript>This flame graph needs JavaScript; "
		    "the .svg shows a picture without.</noscript>\n"
		    "<script type=\"application/json\" id=\"bpfprof-data\">\n");
	flame_add_data(&f, true, &text);
	strbuf_adds(&text, "</script>\n<script>\n");
	flame_add_script(&text);
	strbuf_adds(&text, "</script>\n</body>\n</html>\n");
	if (text.failed || title.failed)
		return -ENOMEM;
	fwrite(text.buf, 1, text.len, out);
	return 0;
}

const struct exporter exporter_html = {
	.name = "html",
	.summary = "an interactive flame graph with the facts of the measurement, for a browser",
	.suffix = ".html",
	.write = write_html,
};
