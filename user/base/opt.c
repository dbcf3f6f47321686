// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "base/opt.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/nearest.h"

/* An option and what its setter gets. */
struct found {
	const struct opt *opt;
	void *ctx;
};

static bool find_name(const struct opt_group *groups, const char *name, size_t size,
		      struct found *ret)
{
	for (; groups->opts; groups++)
		for (const struct opt *o = groups->opts; o->name; o++)
			if (strlen(o->name) == size && !memcmp(o->name, name, size)) {
				*ret = (struct found){ o, groups->ctx };
				return true;
			}
	return false;
}

static bool find_letter(const struct opt_group *groups, char letter, struct found *ret)
{
	for (; groups->opts; groups++)
		for (const struct opt *o = groups->opts; o->name; o++)
			if (o->letter == letter) {
				*ret = (struct found){ o, groups->ctx };
				return true;
			}
	return false;
}

/* By its name, or, where that is NULL, by its letter. true: it was said. */
static bool say_habit(const struct opt_habit *h, const char *name, size_t size, char letter,
		      struct strbuf *error)
{
	for (; h && h->name; h++) {
		bool same = name ? strlen(h->name) == size && !memcmp(h->name, name, size)
				 : h->letter == letter;

		if (!same)
			continue;
		if (name)
			strbuf_addf(error, "there is no option --%s: %s", h->name, h->says);
		else
			strbuf_addf(error, "there is no option -%c: %s", letter, h->says);
		return true;
	}
	return false;
}

static int unknown_name(const struct opt_group *groups, const struct opt_habit *habits,
			const char *name, size_t size, struct strbuf *error)
{
	struct nearest near;

	if (say_habit(habits, name, size, '\0', error))
		return -EINVAL;
	nearest_init(&near, name, size);
	for (; groups->opts; groups++)
		for (const struct opt *o = groups->opts; o->name; o++)
			nearest_try(&near, o->name);
	strbuf_addf(error, "unknown option --%.*s", (int)size, name);
	if (near.best)
		strbuf_addf(error, "; did you mean --%s?", near.best);
	return -EINVAL;
}

static int unknown_letter(const struct opt_group *groups, const struct opt_habit *habits,
			  char letter, struct strbuf *error)
{
	char other = (char)(letter ^ ('a' ^ 'A'));
	bool is_letter = (letter | 0x20) >= 'a' && (letter | 0x20) <= 'z';
	struct found f;

	if (say_habit(habits, NULL, 0, letter, error))
		return -EINVAL;
	strbuf_addf(error, "unknown option -%c", letter);
	if (is_letter && find_letter(groups, other, &f))
		strbuf_addf(error, "; did you mean -%c (--%s)?", other, f.opt->name);
	return -EINVAL;
}

/* `shown` is the option as it was typed. */
static int apply(const struct found *f, const char *shown, const char *value, struct strbuf *error)
{
	struct strbuf why = STRBUF_INIT;
	int r = f->opt->set(f->ctx, value, &why);

	if (r < 0 && why.len)
		strbuf_adds(error, strbuf_str(&why));
	else if (r < 0)
		strbuf_addf(error, "%s takes %s, not '%s'%s", shown, f->opt->arg, value,
			    r == -ERANGE ? ", which is too large" : "");
	strbuf_done(&why);
	/* A bad value is bad usage; anything else (no such process) is the setter's own. */
	return r == -ERANGE ? -EINVAL : r;
}

/* One word `--name`, `--name=VALUE`; *at moves on when the value is the next word. */
static int parse_name(const struct opt_group *groups, const struct opt_habit *habits, char **argv,
		      int *at, struct strbuf *error)
{
	const char *name = argv[*at] + 2, *value = strchr(name, '=');
	size_t size = value ? (size_t)(value - name) : strlen(name);
	struct strbuf shown = STRBUF_INIT;
	struct found f;
	int r;

	if (!find_name(groups, name, size, &f))
		return unknown_name(groups, habits, name, size, error);
	if (value && !f.opt->arg) {
		strbuf_addf(error, "--%s takes no value", f.opt->name);
		return -EINVAL;
	}
	value = value ? value + 1 : f.opt->arg ? argv[++*at] : NULL;
	if (f.opt->arg && !value) {
		strbuf_addf(error, "--%s needs a value: %s", f.opt->name, f.opt->arg);
		return -EINVAL;
	}
	strbuf_addf(&shown, "--%s", f.opt->name);
	r = apply(&f, strbuf_str(&shown), value, error);
	strbuf_done(&shown);
	return r;
}

/* One word of letters; the first that takes a value ends it. */
static int parse_letters(const struct opt_group *groups, const struct opt_habit *habits,
			 char **argv, int *at, struct strbuf *error)
{
	for (const char *p = argv[*at] + 1; *p; p++) {
		char shown[] = { '-', *p, '\0' };
		const char *value = NULL;
		struct found f;
		int r;

		if (!find_letter(groups, *p, &f))
			return unknown_letter(groups, habits, *p, error);
		if (f.opt->arg) {
			value = p[1] ? p + 1 : argv[++*at];
			if (!value) {
				strbuf_addf(error, "%s needs a value: %s", shown, f.opt->arg);
				return -EINVAL;
			}
		}
		r = apply(&f, shown, value, error);
		if (r < 0 || value)
			return r;
	}
	return 0;
}

int opt_parse(const struct opt_group *groups, const struct opt_habit *habits, int argc, char **argv,
	      const char **ret_words, char ***ret_rest, struct strbuf *error)
{
	char **rest = NULL;
	int nr = 0;

	for (int i = 1; i < argc; i++) {
		int r = 0;

		if (!strcmp(argv[i], "--")) {
			rest = &argv[i + 1];
			break;
		}
		if (argv[i][0] != '-' || !argv[i][1])
			ret_words[nr++] = argv[i];
		else if (argv[i][1] == '-')
			r = parse_name(groups, habits, argv, &i, error);
		else
			r = parse_letters(groups, habits, argv, &i, error);
		if (r < 0)
			return r;
	}
	ret_words[nr] = NULL;
	*ret_rest = rest;
	return nr;
}
