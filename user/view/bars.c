// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "view/bars.h"

#include "base/parse.h"
#include "base/utf8.h"
#include "view/text.h"

enum {
	EDGE_WIDTH = 9,	 /* "1,048,576", "61.4 µs" */
	SHARE_WIDTH = 7, /* "100.0 %" */
	BAR_WIDEST = 60,
	EMPTY_RUN = 3, /* so many empty ranges in a row become one line */
};

/* Ranges of `step` buckets each; they begin at multiples of it, so that 16 of them double. */
struct ranges {
	const struct hist *h;
	unsigned step, first, last; /* first and last range that is not empty */
};

static uint64_t range_count(const struct ranges *r, unsigned range)
{
	uint64_t count = 0;

	for (unsigned i = range * r->step; i < (range + 1) * r->step && i < BUCKET_COUNT; i++)
		count += r->h->counts[i];
	return count;
}

/* How many ranges from `range` on are empty. */
static unsigned empty_run(const struct ranges *r, unsigned range)
{
	unsigned n = 0;

	while (range + n <= r->last && !range_count(r, range + n))
		n++;
	return n;
}

static unsigned nr_lines(const struct ranges *r)
{
	unsigned lines = 0;

	for (unsigned i = r->first; i <= r->last; lines++) {
		unsigned empty = empty_run(r, i);

		i += empty >= EMPTY_RUN ? empty : 1;
	}
	return lines;
}

/* The finest ranges that take few enough lines. */
static struct ranges find_ranges(const struct hist *h)
{
	unsigned first = 0, last = BUCKET_COUNT - 1;
	struct ranges r = { .h = h };

	while (!h->counts[first])
		first++;
	while (!h->counts[last])
		last--;
	for (r.step = 1;; r.step *= 2) {
		r.first = first / r.step;
		r.last = last / r.step;
		if (nr_lines(&r) <= BARS_MAX_LINES)
			return r;
	}
}

static void add_bar(struct strbuf *lines, uint64_t count, uint64_t most, size_t width, bool utf8)
{
	/* What is there is seen, however little it is. */
	size_t parts = utf8 ? 8 : 1;
	size_t n = (size_t)((double)count / (double)most * (double)(width * parts) + 0.5);

	n = count && !n ? 1 : n;
	for (; n >= parts; n -= parts)
		strbuf_adds(lines, utf8 ? "\u2588" : "#");
	if (n) {
		/* U+2589 is seven eighths, U+258F is one. */
		char partial[] = { '\xe2', '\x96', (char)(0x90 - n), '\0' };

		strbuf_adds(lines, partial);
	}
}

static void add_edges(struct strbuf *lines, const struct ranges *r, unsigned range,
		      const char *unit)
{
	unsigned end = (range + 1) * r->step;
	struct strbuf edge = STRBUF_INIT;

	strbuf_adds(lines, "  ");
	text_value(&edge, unit, hist_bucket_from(range * r->step));
	text_right(lines, strbuf_str(&edge), EDGE_WIDTH);
	strbuf_reset(&edge);
	text_value(&edge, unit, hist_bucket_to((end < BUCKET_COUNT ? end : BUCKET_COUNT) - 1));
	strbuf_adds(lines, " \u2013");
	text_right(lines, strbuf_str(&edge), EDGE_WIDTH);
	lines->failed |= edge.failed;
	strbuf_done(&edge);
}

struct scale {
	uint64_t most;	    /* in one range */
	size_t count_width; /* columns of the largest number */
	size_t bar_width;
};

static struct scale find_scale(const struct ranges *r, unsigned width)
{
	struct strbuf text = STRBUF_INIT;
	struct scale s = { 0 };
	size_t used;

	for (unsigned i = r->first; i <= r->last; i++) {
		uint64_t count = range_count(r, i);

		s.most = count > s.most ? count : s.most;
	}
	format_count(s.most, &text);
	s.count_width = text.len;
	strbuf_done(&text);
	used = 2 + EDGE_WIDTH + 2 + EDGE_WIDTH + 2 + s.count_width + 2 + SHARE_WIDTH + 2;
	s.bar_width = width > used + 1 ? width - used : 1;
	s.bar_width = s.bar_width > BAR_WIDEST ? BAR_WIDEST : s.bar_width;
	return s;
}

static void add_range(struct strbuf *lines, const struct ranges *r, unsigned range,
		      const struct scale *s, const char *unit, bool utf8)
{
	uint64_t count = range_count(r, range);
	struct strbuf text = STRBUF_INIT;

	add_edges(lines, r, range, unit);
	strbuf_adds(lines, "  ");
	format_count(count, &text);
	text_right(lines, strbuf_str(&text), s->count_width);
	strbuf_reset(&text);
	text_percent(&text, count, r->h->count);
	strbuf_adds(lines, "  ");
	text_right(lines, strbuf_str(&text), SHARE_WIDTH);
	strbuf_adds(lines, "  ");
	add_bar(lines, count, s->most, s->bar_width, utf8);
	strbuf_addch(lines, '\n');
	lines->failed |= text.failed;
	strbuf_done(&text);
}

void bars_write(const struct hist *h, const char *unit, const struct view_settings *settings,
		struct strbuf *lines)
{
	struct ranges r;
	struct scale s;

	if (!h->count)
		return;
	r = find_ranges(h);
	s = find_scale(&r, settings->width);
	for (unsigned i = r.first; i <= r.last;) {
		unsigned empty = empty_run(&r, i);

		if (empty >= EMPTY_RUN) {
			text_right(lines, "\u2026", 2 + EDGE_WIDTH);
			strbuf_addch(lines, '\n');
			i += empty;
			continue;
		}
		add_range(lines, &r, i++, &s, unit, settings->utf8);
	}
}
