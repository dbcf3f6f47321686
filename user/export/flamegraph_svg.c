// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "export/flamegraph.h"

#include <errno.h>
#include <string.h>

#include "base/array.h"
#include "base/parse.h"
#include "base/utf8.h"

/*
 * The picture that stands in the file, for viewers that run no script; in a
 * browser the page of flamegraph.js takes its place. In pixels.
 */
enum {
	WIDTH = 1200,
	MARGIN = 16,
	HEAD = 68,
	ROW = 20,
	FOOT = 66,
	LEGEND_GAP = 18,
	SHORTEST_LABEL = 3
};
#define NARROWEST     0.5 /* a box that would be narrower is not drawn */
#define GAP	      0.6 /* between neighbours */
#define COLUMN	      7.3 /* of the widest usual monospace font, at 12 px */
#define LEGEND_COLUMN 7.0 /* of a proportional font, on average, at 12 px */

struct box {
	uint32_t node;
	double x, width;
};

struct picture {
	const struct flame *f;
	struct box *boxes;
	uint32_t nr, cap, rows;
};

static int place_boxes(struct picture *p)
{
	const struct flame *f = p->f;
	const double scale = f->nodes[0].total ? (WIDTH - 2.0 * MARGIN) / (double)f->nodes[0].total
					       : 0;
	_cleanup_free_ double *x = calloc(f->depth + 2u,
					  sizeof(*x)); /* of the next box, by depth */
	bool narrow;

	if (!x)
		return -ENOMEM;
	x[0] = MARGIN;
	for (uint32_t i = 0; i != FLAME_NONE; i = flame_next(f, i, narrow)) {
		const struct flame_node *n = &f->nodes[i];
		const double width = i ? (double)n->total * scale : WIDTH - 2.0 * MARGIN;
		const double from = x[n->depth];

		x[n->depth] += width;
		x[n->depth + 1] = from;
		narrow = width < NARROWEST;
		if (narrow)
			continue;
		if (array_reserve(p->boxes, p->cap, p->nr + 1u) < 0)
			return -ENOMEM;
		p->boxes[p->nr++] = (struct box){ i, from, width };
		p->rows = n->depth + 1 > p->rows ? n->depth + 1 : p->rows;
	}
	return 0;
}

/* Columns of one character: the wide ones of East Asia, and emoji, take two. */
static unsigned columns(uint32_t code_point)
{
	return code_point >= 0x1100 ? 2 : 1;
}

/* The bytes of `name` that fit into `room` columns; *ret_whole: all of it. */
static size_t fitting(const char *name, unsigned room, bool *ret_whole)
{
	size_t left = strlen(name), used = 0, cut = 0;
	unsigned width = 0;

	*ret_whole = true;
	while (left) {
		uint32_t c = 0;
		size_t n = utf8_decode(name + used, left, &c);

		width += columns(c);
		if (width > room) {
			*ret_whole = false;
			return cut;
		}
		used += n ? n : 1;
		left -= n ? n : 1;
		/* One column must stay for the ellipsis. */
		if (width + 1 <= room)
			cut = used;
	}
	return used;
}

/* A qualified name without its qualifiers, which say least where there is little room. */
static const char *last_part(const char *name)
{
	const char *from = name;
	unsigned depth = 0;

	for (const char *s = name; *s; s++) {
		if (strchr("<([{", *s))
			depth++;
		else if (strchr(">)]}", *s))
			depth -= depth > 0;
		else if (!depth && s[0] == ':' && s[1] == ':' && s[2])
			from = s + 2;
	}
	return from;
}

static void add_label(const struct box *box, const char *name, unsigned y, struct strbuf *out)
{
	_cleanup_(strbuf_done) struct strbuf part = STRBUF_INIT;
	const double room = (box->width - 8) / COLUMN;
	bool whole;

	if (room < SHORTEST_LABEL)
		return;
	fitting(name, (unsigned)room, &whole);
	if (!whole)
		name = last_part(name);
	strbuf_add(&part, name, fitting(name, (unsigned)room, &whole));
	strbuf_addf(out, "<text x=\"%.1f\" y=\"%u\">", box->x + 4, y + 14);
	flame_add_xml(out, strbuf_str(&part));
	strbuf_adds(out, whole ? "</text>" : "…</text>");
	out->failed |= part.failed;
}

/* The root at the bottom: flames rise. */
static void add_boxes(const struct picture *p, struct strbuf *out)
{
	strbuf_adds(out, "<g class=\"boxes\">\n");
	for (uint32_t i = 0; i < p->nr; i++) {
		const struct box *box = &p->boxes[i];
		const struct flame_node *n = &p->f->nodes[box->node];
		const struct flame_function *fn = &p->f->functions[n->function];
		const unsigned y = HEAD + (p->rows - 1 - n->depth) * ROW;
		const double width = box->width > 4 * GAP ? box->width - GAP : box->width;

		strbuf_addf(
			out,
			"<rect class=\"%s s%u\" x=\"%.2f\" y=\"%u\" width=\"%.2f\" height=\"%d\"/>",
			flame_kind_name(fn->kind), fn->shade, box->x, y, width, ROW - 1);
		add_label(box, fn->name, y, out);
		strbuf_addch(out, '\n');
	}
	strbuf_adds(out, "</g>\n");
}

static void add_text(const char *class, unsigned x, unsigned y, const char *text,
		     struct strbuf *out)
{
	strbuf_addf(out, "<text class=\"%s\" x=\"%u\" y=\"%u\">", class, x, y);
	flame_add_xml(out, text);
	strbuf_adds(out, "</text>\n");
}

/* Every kind that has a value of its own, with its share of the whole. */
static void add_legend(const struct picture *p, unsigned y, struct strbuf *out)
{
	const double total = (double)p->f->nodes[0].total;
	double x = MARGIN;

	for (uint32_t k = 0; k < FLAME_ROOT; k++) {
		_cleanup_(strbuf_done) struct strbuf text = STRBUF_INIT;

		if (!p->f->kind_self[k])
			continue;
		strbuf_addf(&text, "%s %.1f %%", flame_kind_name(k),
			    100 * (double)p->f->kind_self[k] / total);
		strbuf_addf(out,
			    "<rect class=\"%s\" x=\"%.0f\" y=\"%u\" width=\"12\" height=\"12\"/>",
			    flame_kind_name(k), x, y - 10);
		add_text("small", (unsigned)x + 18, y, strbuf_str(&text), out);
		x += 18 + (double)text.len * LEGEND_COLUMN + LEGEND_GAP;
		out->failed |= text.failed;
	}
}

static void add_quality(const struct picture *p, unsigned y, struct strbuf *out)
{
	_cleanup_(strbuf_done) struct strbuf line = STRBUF_INIT;

	quality_line(&profile_facts(p->f->profile)->quality, &line);
	add_text("small dim", MARGIN, y, strbuf_str(&line), out);
	out->failed |= line.failed;
}

static void add_picture(struct picture *p, struct strbuf *out)
{
	_cleanup_(strbuf_done) struct strbuf title = STRBUF_INIT, subtitle = STRBUF_INIT;
	const unsigned height = HEAD + p->rows * ROW + FOOT;

	flame_add_title(p->f, &title);
	flame_add_subtitle(p->f, &subtitle);
	strbuf_addf(out,
		    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		    "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%u\" "
		    "viewBox=\"0 0 %d %u\">\n<title>",
		    WIDTH, height, WIDTH, height);
	flame_add_xml(out, strbuf_str(&title));
	strbuf_adds(out, "</title>\n<style><![CDATA[\n");
	flame_add_style(out);
	strbuf_adds(out, "]]></style>\n<rect class=\"paper\" width=\"100%\" height=\"100%\"/>\n");
	add_text("title", MARGIN, 30, strbuf_str(&title), out);
	add_text("small dim", MARGIN, 50, strbuf_str(&subtitle), out);
	add_boxes(p, out);
	add_legend(p, height - FOOT + 26, out);
	add_quality(p, height - FOOT + 48, out);
	out->failed |= title.failed || subtitle.failed;
}

static int write_svg(const struct profile *p, const struct export_settings *settings, FILE *out)
{
	_cleanup_(strbuf_done) struct strbuf text = STRBUF_INIT;
	_cleanup_(flame_done) struct flame f = { 0 };
	struct picture picture = { .f = &f };
	int r = flame_init(&f, p, settings);

	if (r >= 0)
		r = place_boxes(&picture);
	if (r >= 0)
		add_picture(&picture, &text);
	free(picture.boxes);
	if (r < 0)
		return r;
	strbuf_adds(&text, "<script type=\"application/json\" id=\"bpfprof-data\">\n");
	flame_add_data(&f, false, &text);
	strbuf_adds(&text, "</script>\n<script><![CDATA[\n");
	flame_add_script(&text);
	strbuf_adds(&text, "]]></script>\n</svg>\n");
	if (text.failed)
		return -ENOMEM;
	fwrite(text.buf, 1, text.len, out);
	return 0;
}

const struct exporter exporter_svg = {
	.name = "svg",
	.summary = "a flame graph: a picture, interactive when a browser opens it",
	.suffix = ".svg",
	.write = write_svg,
};
