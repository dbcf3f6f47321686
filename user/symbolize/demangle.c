// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "symbolize/demangle.h"

#include <libiberty/demangle.h>
#include <setjmp.h>
#include <string.h>

enum {
	MAX_MANGLED = 8 << 10, /* libiberty recurses on our stack; this takes 2 MiB of it at most */
	MAX_SHOWN = 64 << 10,
};

struct output {
	struct strbuf *to;
	jmp_buf too_long;
};

static bool is_ascii(const char *s, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if ((unsigned char)s[i] >= 0x80)
			return false;
	return true;
}

/* libiberty has no way to stop it: all it holds is on its stack, so it can be left. */
static void take(const char *s, size_t size, void *ctx)
{
	struct output *o = ctx;

	if (size <= MAX_SHOWN - o->to->len)
		strbuf_add(o->to, s, size);
	/* Only while it shows a Rust name that is not ASCII it holds memory of the heap. */
	else if (is_ascii(s, size))
		longjmp(o->too_long, 1);
}

static bool is_cpp(const char *s)
{
	return s[0] == '_' && (s[1] == 'Z' || (s[1] == '_' && s[2] == 'Z'));
}

static bool is_rust(const char *s)
{
	return s[0] == '_' && (s[1] == 'R' || (s[1] == '_' && s[2] == 'R'));
}

/* `ret` is empty; what it holds counts only where this is true. */
static bool read_mangled(const char *mangled, int options, struct strbuf *ret)
{
	struct output o = { .to = ret };

	if (setjmp(o.too_long))
		return false;
	/* Rust's older names look like C++, so Rust is asked first. */
	if (rust_demangle_callback(mangled, DMGL_NO_OPTS, take, &o))
		return ret->len && !ret->failed;
	strbuf_reset(ret);
	/* libiberty's own limit would refuse every name above 1 KiB, and real ones are longer. */
	return is_cpp(mangled) &&
	       cplus_demangle_v3_callback(mangled, options | DMGL_ANSI | DMGL_NO_RECURSE_LIMIT,
					  take, &o) &&
	       ret->len && !ret->failed;
}

static void demangle_as(const char *name, int options, struct strbuf *out)
{
	/* A name may begin with "@": then it is no version. */
	const char *at = name[0] ? strchr(name + 1, '@') : NULL;
	const char *suffix = at && !strcmp(at, "@plt") ? at : "";
	size_t size = at ? (size_t)(at - name) : strlen(name);
	struct strbuf mangled = STRBUF_INIT, shown = STRBUF_INIT;
	bool readable = false;

	if ((is_cpp(name) || is_rust(name)) && size <= MAX_MANGLED) {
		strbuf_add(&mangled, name, size);
		readable = !mangled.failed && read_mangled(strbuf_str(&mangled), options, &shown);
	}
	if (readable)
		strbuf_add(out, shown.buf, shown.len);
	else
		strbuf_add(out, name, size);
	strbuf_adds(out, suffix);
	strbuf_done(&mangled);
	strbuf_done(&shown);
}

void demangle(const char *name, struct strbuf *out)
{
	demangle_as(name, DMGL_PARAMS, out);
}

void demangle_short(const char *name, struct strbuf *out)
{
	demangle_as(name, DMGL_NO_OPTS, out);
}
