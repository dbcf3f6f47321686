// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "view/text.h"

#include <string.h>
#include <time.h>

#include "base/parse.h"
#include "base/utf8.h"
#include "base/wrap.h"

/* A line in ASCII: each character that is none becomes one that is as wide. */
static void put_ascii(const char *s, size_t size, FILE *out)
{
	while (size) {
		uint32_t c = '?';
		size_t n = utf8_decode(s, size, &c), columns = n ? utf8_columns(c) : 1;

		switch (c) {
		case 0xb5: /* micro sign */
			c = 'u';
			break;
		case 0x2026: /* ellipsis */
			c = '~';
			break;
		case 0x2190: /* leftwards arrow */
			c = '<';
			break;
		case 0x2013: /* en dash */
			c = '-';
			break;
		default:
			c = c < 0x80 ? c : '?';
		}
		while (columns--)
			fputc((int)c, out);
		n = n ? n : 1;
		s += n;
		size -= n;
	}
}

void text_put(struct strbuf *lines, const struct view_settings *settings, FILE *out)
{
	const char *s = strbuf_str(lines);

	while (*s) {
		size_t size = strcspn(s, "\n"), shown = size;

		while (shown && s[shown - 1] == ' ')
			shown--;
		if (settings->utf8)
			fwrite(s, 1, shown, out);
		else
			put_ascii(s, shown, out);
		fputc('\n', out);
		s += size + (s[size] == '\n');
	}
	strbuf_reset(lines);
}

void text_cut(struct strbuf *line, const char *text, size_t width)
{
	size_t size = strlen(text), at = 0, columns = 0;

	if (utf8_width(text, size) <= width) {
		strbuf_add(line, text, size);
		return;
	}
	while (at < size) {
		uint32_t c;
		size_t n = utf8_decode(text + at, size - at, &c), more = n ? utf8_columns(c) : 1;

		/* The last column is the mark's. */
		if (columns + more >= width)
			break;
		columns += more;
		at += n ? n : 1;
	}
	strbuf_add(line, text, at);
	if (width)
		strbuf_adds(line, "\u2026");
}

void text_right(struct strbuf *line, const char *text, size_t width)
{
	for (size_t used = utf8_width(text, strlen(text)); used < width; used++)
		strbuf_addch(line, ' ');
	strbuf_adds(line, text);
}

unsigned text_weight(const struct profile *p)
{
	const struct value_type *v = profile_facts(p)->values;

	return !strcmp(v[0].unit, "count") && v[1].unit[0] && strcmp(v[1].unit, "count");
}

void text_value(struct strbuf *line, const char *unit, uint64_t value)
{
	if (!strcmp(unit, "nanoseconds"))
		format_duration(value, line);
	else if (!strcmp(unit, "bytes"))
		format_size(value, line);
	else
		format_count(value, line);
}

void text_percent(struct strbuf *line, uint64_t part, uint64_t whole)
{
	double percent = whole ? 100.0 * (double)part / (double)whole : 0;

	if (!whole)
		return;
	if (part && percent < 0.05)
		strbuf_adds(line, "<0.1 %");
	else
		strbuf_addf(line, "%.1f %%", percent);
}

void text_process(struct strbuf *line, const struct profile *p, uint32_t who)
{
	const struct who *w = profile_who_at(p, who);

	strbuf_add_escaped(line, profile_string_at(p, w->comm));
	strbuf_addf(line, " (%u)", w->pid);
}

void text_function(struct strbuf *line, const struct profile *p, uint32_t frame)
{
	const struct frame *f = profile_frame_at(p, frame);
	struct strbuf name = STRBUF_INIT;

	if (f->kind == FRAME_INTERPRETER && f->function)
		strbuf_adds(&name, profile_string_at(p, f->function));
	else
		profile_frame_name(p, frame, &name);
	strbuf_add_escaped(line, strbuf_str(&name));
	line->failed |= name.failed;
	strbuf_done(&name);
}

/* Where the list of parameters begins that a readable name of C++ ends with; its end: it has none.
 */
static size_t without_parameters(const char *name, size_t len)
{
	static const char call[] = "operator";
	size_t at = len, depth = 0;

	while (at && name[at - 1] != ')')
		at--;
	/* Behind it stands but what a method or a copy is: " const", " [clone .cold]". */
	if (!at || (at < len && name[at] != ' '))
		return len;
	do {
		at--;
		depth += name[at] == ')';
		depth -= name[at] == '(';
	} while (at && depth);
	if (depth || !at || name[at - 1] == ':')
		return len;
	if (at >= sizeof(call) - 1 &&
	    !memcmp(name + at - (sizeof(call) - 1), call, sizeof(call) - 1))
		return len;
	return at;
}

void text_frame(struct strbuf *line, const struct profile *p, uint32_t frame)
{
	const struct frame *f = profile_frame_at(p, frame);
	struct strbuf name = STRBUF_INIT;

	text_function(&name, p, frame);
	strbuf_add(line, strbuf_str(&name),
		   f->kind == FRAME_INTERPRETER || f->kind == FRAME_JIT
			   ? name.len
			   : without_parameters(strbuf_str(&name), name.len));
	line->failed |= name.failed;
	strbuf_done(&name);
	if (f->kind != FRAME_INTERPRETER || !f->function || !f->file)
		return;
	strbuf_adds(line, " (");
	text_where(line, p, frame);
	strbuf_addch(line, ')');
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

/* The last two names of a path. */
static const char *two_names(const char *path)
{
	const char *base = base_name(path);

	if (base - path < 2)
		return path;
	for (base -= 2; base > path && *base != '/'; base--)
		;
	return *base == '/' ? base + 1 : base;
}

void text_where(struct strbuf *line, const struct profile *p, uint32_t frame)
{
	const struct frame *f = profile_frame_at(p, frame);

	if (f->kind == FRAME_INTERPRETER && f->file) {
		strbuf_add_escaped(line, two_names(profile_string_at(p, f->file)));
		if (profile_frame_line(p, f))
			strbuf_addf(line, ":%u", profile_frame_line(p, f));
	} else if (f->file) {
		strbuf_add_escaped(line, base_name(profile_string_at(p, f->file)));
		if (f->line)
			strbuf_addf(line, ":%u", f->line);
	} else if (f->mapping) {
		const struct mapping *m = profile_mapping_at(p, f->mapping - 1);

		strbuf_add_escaped(line, base_name(profile_string_at(p, m->path)));
	}
}

struct text_totals text_sum(const struct profile *p)
{
	struct text_totals sum = { 0 };

	for (uint32_t i = 0; i < profile_nr_samples(p); i++) {
		const struct sample *s = profile_sample_at(p, i);

		sum.count += s->count;
		sum.value[0] += profile_value(p, s, 0);
		sum.value[1] += profile_value(p, s, 1);
	}
	return sum;
}

/* Adds a line whose first word stays alone at the left when it is broken. */
static void add_hanging(struct strbuf *lines, const struct strbuf *text, unsigned width)
{
	const char *s = strbuf_str(text);
	size_t first = strcspn(s, " ");

	strbuf_add(lines, s, first);
	wrap_words(lines, s + first, text->len - first, utf8_width(s, first) + 1, width);
	lines->failed |= text->failed;
}

static void text_frequency(struct strbuf *text, double hz)
{
	strbuf_adds(text, " at ");
	if (hz < 1000)
		strbuf_addf(text, "%.4g", hz);
	else
		format_count((uint64_t)(hz + 0.5), text);
	strbuf_adds(text, " Hz");
}

static void add_values(struct strbuf *text, const struct profile *p)
{
	const struct profile_info *info = profile_facts(p);
	struct text_totals sum = text_sum(p);

	for (unsigned i = 0; i < 2; i++) {
		const struct value_type *v = &info->values[i];

		if (!v->name[0])
			continue;
		strbuf_adds(text, ", ");
		text_value(text, v->unit, sum.value[i]);
		strbuf_addch(text, ' ');
		strbuf_add_escaped(text, v->name);
		if (!strcmp(v->unit, "count") && info->period &&
		    !strcmp(info->values[!i].unit, "nanoseconds"))
			text_frequency(text, 1e9 / (double)info->period);
		if (!strcmp(v->unit, "nanoseconds") && info->duration_ns)
			strbuf_addf(text, " (%.2f at any time)",
				    (double)sum.value[i] / (double)info->duration_ns);
	}
}

void text_nothing(struct strbuf *lines, const struct profile *p)
{
	const struct value_type *values = profile_facts(p)->values;
	const char *what = "samples";

	for (unsigned i = 0; i < 2; i++)
		if (values[i].name[0] && !strcmp(values[i].unit, "count"))
			what = values[i].name;
	strbuf_adds(lines, "\n  nothing was seen: no ");
	strbuf_add_escaped(lines, what);
	strbuf_addch(lines, '\n');
}

void text_head(struct strbuf *lines, const struct profile *p, const struct view_settings *settings)
{
	const struct profile_info *info = profile_facts(p);
	struct strbuf text = STRBUF_INIT, head = STRBUF_INIT;
	time_t start = (time_t)(info->time_ns / 1000000000);
	struct tm tm;

	strbuf_add_escaped(&text, info->mode[0] ? info->mode : "profile");
	strbuf_addch(&text, ':');
	if (info->host[0]) {
		strbuf_addch(&text, ' ');
		strbuf_add_escaped(&text, info->host);
		strbuf_addch(&text, ',');
	}
	strbuf_addch(&text, ' ');
	format_duration(info->duration_ns, &text);
	add_values(&text, p);
	if (settings->verbose && start && localtime_r(&start, &tm))
		strbuf_addf(&text, ", %04d-%02d-%02d %02d:%02d:%02d", tm.tm_year + 1900,
			    tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
	if (settings->verbose && info->command[0]) {
		strbuf_adds(&text, ", made by: ");
		strbuf_add_escaped(&text, info->command);
	}
	/* Apart from the style, whose bytes take no column. */
	add_hanging(&head, &text, settings->width);
	if (settings->color)
		strbuf_addf(lines, STYLE_HEAD "%.*s" STYLE_END "\n", (int)head.len - 1,
			    strbuf_str(&head));
	else
		strbuf_add(lines, strbuf_str(&head), head.len);
	lines->failed |= head.failed;
	strbuf_done(&head);
	strbuf_done(&text);
}

void text_quality(struct strbuf *lines, const struct profile *p,
		  const struct view_settings *settings)
{
	struct strbuf text = STRBUF_INIT;

	strbuf_addch(lines, '\n');
	quality_line(&profile_facts(p)->quality, &text);
	add_hanging(lines, &text, settings->width);
	strbuf_done(&text);
}
