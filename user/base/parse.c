// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "base/parse.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/array.h"

struct unit {
	const char *name;
	uint64_t size;
};

/* Digits of `*s` as a number, `*s` moved behind them. */
static int take_u64(const char **s, uint64_t *ret)
{
	const char *p = *s;
	uint64_t value = 0;

	if (*p < '0' || *p > '9')
		return -EINVAL;
	for (; *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(value, 10u, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*p - '0'), &value))
			return -ERANGE;
	*s = p;
	*ret = value;
	return 0;
}

int parse_u64(const char *s, uint64_t *ret)
{
	uint64_t value;
	int r = take_u64(&s, &value);

	if (r < 0)
		return r;
	if (*s)
		return -EINVAL;
	*ret = value;
	return 0;
}

/* Digits behind a decimal point, in billionths; more than nine of them are read and dropped. */
static int take_billionths(const char **s, uint64_t *ret)
{
	const char *p = *s;
	uint64_t value = 0, place = 100000000;

	if (*p < '0' || *p > '9')
		return -EINVAL;
	for (; *p >= '0' && *p <= '9'; p++, place /= 10)
		value += place * (uint64_t)(*p - '0');
	*s = p;
	*ret = value;
	return 0;
}

/* A number with a decimal fraction and one of `units`. */
static int parse_units(const char *s, const struct unit *units, size_t nr_units, uint64_t *ret)
{
	uint64_t whole, billionths = 0;
	unsigned __int128 value;
	int r = take_u64(&s, &whole);

	if (r < 0)
		return r;
	if (*s == '.') {
		s++;
		r = take_billionths(&s, &billionths);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < nr_units; i++) {
		if (strcmp(s, units[i].name))
			continue;
		value = (unsigned __int128)whole * units[i].size +
			(unsigned __int128)billionths * units[i].size / 1000000000;
		if (value > UINT64_MAX)
			return -ERANGE;
		*ret = (uint64_t)value;
		return 0;
	}
	return -EINVAL;
}

int parse_duration(const char *s, uint64_t *ret_ns)
{
	/* Both code points that look like a micro sign are typed. */
	static const struct unit units[] = {
		{ "", 1000000000 },
		{ "s", 1000000000 },
		{ "ms", 1000000 },
		{ "us", 1000 },
		{ "\u00b5s", 1000 },
		{ "\u03bcs", 1000 },
		{ "ns", 1 },
		{ "m", 60000000000 },
		{ "min", 60000000000 },
		{ "h", 3600000000000 },
	};

	return parse_units(s, units, ARRAY_SIZE(units), ret_ns);
}

int parse_size(const char *s, uint64_t *ret_bytes)
{
	static const struct unit units[] = {
		{ "", 1 },	     { "B", 1 },	   { "K", 1u << 10 },
		{ "k", 1u << 10 },   { "KB", 1u << 10 },   { "KiB", 1u << 10 },
		{ "M", 1u << 20 },   { "m", 1u << 20 },	   { "MB", 1u << 20 },
		{ "MiB", 1u << 20 }, { "G", 1u << 30 },	   { "g", 1u << 30 },
		{ "GB", 1u << 30 },  { "GiB", 1u << 30 },  { "T", 1ull << 40 },
		{ "t", 1ull << 40 }, { "TB", 1ull << 40 }, { "TiB", 1ull << 40 },
	};

	return parse_units(s, units, ARRAY_SIZE(units), ret_bytes);
}

/* Puts `n` in its place among `nr` sorted numbers. The new count, or -ERANGE. */
static int list_insert(uint32_t *list, size_t nr, size_t max, uint32_t n)
{
	size_t at = nr;

	while (at && list[at - 1] >= n)
		at--;
	if (at < nr && list[at] == n)
		return (int)nr;
	if (nr == max)
		return -ERANGE;
	memmove(&list[at + 1], &list[at], (nr - at) * sizeof(*list));
	list[at] = n;
	return (int)nr + 1;
}

static int take_range(const char **s, uint32_t limit, uint32_t *ret_first, uint32_t *ret_last)
{
	uint64_t first, last;
	int r = take_u64(s, &first);

	last = first;
	if (!r && **s == '-') {
		++*s;
		r = take_u64(s, &last);
	}
	if (r < 0)
		return r;
	if (last < first)
		return -EINVAL;
	if (last >= limit)
		return -ERANGE;
	*ret_first = (uint32_t)first;
	*ret_last = (uint32_t)last;
	return 0;
}

int parse_list(const char *s, uint32_t limit, uint32_t *ret, size_t max)
{
	size_t nr = 0;

	for (;;) {
		uint32_t first, last;
		int r = take_range(&s, limit, &first, &last);

		if (r < 0)
			return r;
		for (uint64_t n = first; n <= last; n++) {
			r = list_insert(ret, nr, max, (uint32_t)n);
			if (r < 0)
				return r;
			nr = (size_t)r;
		}
		if (!*s)
			return (int)nr;
		if (*s++ != ',')
			return -EINVAL;
	}
}

/* Three significant digits. */
static void add_three_digits(double value, struct strbuf *out)
{
	strbuf_addf(out, "%.*f", value < 9.995 ? 2 : value < 99.95 ? 1 : 0, value);
}

void format_duration(uint64_t ns, struct strbuf *out)
{
	/* `below`: the first value that would show a fourth digit, or reads better in the next. */
	static const struct {
		const char *name;
		double size, below;
	} units[] = {
		{ "\u00b5s", 1e3, 999.5 }, { "ms", 1e6, 999.5 }, { "s", 1e9, 119.5 },
		{ "min", 60e9, 119.5 },	   { "h", 3600e9, 0 },
	};
	size_t i = 0;

	if (ns < 1000) {
		strbuf_addf(out, "%llu ns", (unsigned long long)ns);
		return;
	}
	while (i + 1 < ARRAY_SIZE(units) && (double)ns / units[i].size >= units[i].below)
		i++;
	add_three_digits((double)ns / units[i].size, out);
	strbuf_addf(out, " %s", units[i].name);
}

void format_count(uint64_t n, struct strbuf *out)
{
	char text[32];
	size_t to = sizeof(text), nr = 0;

	do {
		if (nr && nr % 3 == 0)
			text[--to] = ',';
		text[--to] = (char)('0' + n % 10);
		nr++;
	} while ((n /= 10));
	strbuf_add(out, text + to, sizeof(text) - to);
}

void format_size(uint64_t bytes, struct strbuf *out)
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double value = (double)bytes / 1024;
	size_t i = 0;

	if (bytes < 1024) {
		strbuf_addf(out, "%llu B", (unsigned long long)bytes);
		return;
	}
	for (; value >= 1023.5 && i + 1 < ARRAY_SIZE(units); i++)
		value /= 1024;
	add_three_digits(value, out);
	strbuf_addf(out, " %s", units[i]);
}
