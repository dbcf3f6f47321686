// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "process/cgroup.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

enum {
	ID_LEN = 64,
	SHORT_ID_LEN = 12,
	MAX_NAME = 128,
};

struct span {
	const char *at;
	size_t size;
};

static bool is_id(const char *s, size_t size)
{
	if (size != ID_LEN)
		return false;
	for (size_t i = 0; i < size; i++) {
		if (!isdigit((unsigned char)s[i]) && !(s[i] >= 'a' && s[i] <= 'f'))
			return false;
	}
	return true;
}

static bool strip_suffix(struct span *s, const char *suffix)
{
	size_t n = strlen(suffix);

	if (s->size < n || memcmp(s->at + s->size - n, suffix, n))
		return false;
	s->size -= n;
	return true;
}

static bool strip_prefix(struct span *s, const char *prefix)
{
	size_t n = strlen(prefix);

	if (s->size < n || memcmp(s->at, prefix, n))
		return false;
	s->at += n;
	s->size -= n;
	return true;
}

/* RUNTIME-ID.scope, ID, or "kubepods-…-podUID.slice:cri-containerd:ID". */
static bool id_of(struct span part, struct span *ret)
{
	strip_suffix(&part, ".scope");
	if (part.size < ID_LEN || !is_id(part.at + part.size - ID_LEN, ID_LEN))
		return false;
	if (part.size > ID_LEN) {
		char before = part.at[part.size - ID_LEN - 1];

		if (before != '-' && before != ':')
			return false;
		/* crio-conmon-ID.scope, libpod-conmon-ID.scope: the watcher, not the container. */
		if (memmem(part.at, part.size, "conmon-", 7))
			return false;
	}
	ret->at = part.at + part.size - ID_LEN;
	ret->size = SHORT_ID_LEN;
	return true;
}

/* systemd escapes bytes of a unit's name as \xNN (systemd.unit(5)). */
static void add_unescaped(struct span s, struct strbuf *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < s.size; i++) {
		const char *high, *low;

		if (s.size - i >= 4 && s.at[i] == '\\' && s.at[i + 1] == 'x' && s.at[i + 2] &&
		    s.at[i + 3] && (high = strchr(digits, s.at[i + 2])) &&
		    (low = strchr(digits, s.at[i + 3])) && (high != digits || low != digits)) {
			strbuf_addch(out, (char)((high - digits) * 16 + (low - digits)));
			i += 3;
		} else {
			strbuf_addch(out, s.at[i]);
		}
	}
}

/* A container that goes by a name: `parent` is the part before, empty for the first. */
static bool name_of(struct span parent, struct span part, struct strbuf *out)
{
	struct span s = part;

	if (strip_prefix(&s, "lxc.payload.") ||
	    (parent.size == 3 && !memcmp(parent.at, "lxc", 3))) {
		if (!s.size || s.size > MAX_NAME)
			return false;
		strbuf_add(out, s.at, s.size);
		return true;
	}
	if (strip_prefix(&s, "machine-") && strip_suffix(&s, ".scope") && s.size &&
	    s.size <= MAX_NAME) {
		/* Virtual machines are scopes of machine.slice too: machine-qemu\x2d1\x2dNAME. */
		if (s.size >= 8 && !memcmp(s.at, "qemu\\x2d", 8))
			return false;
		add_unescaped(s, out);
		return true;
	}
	return false;
}

void cgroup_container(const char *path, size_t size, struct strbuf *container)
{
	const char *end = path + size;
	struct span parent = { path, 0 }, part, id, named = { NULL, 0 }, named_parent = parent;
	struct strbuf name = STRBUF_INIT;

	/* The innermost wins: docker within kubepods, a container within an nspawn. */
	for (const char *p = path; p < end; p += part.size + 1) {
		const char *slash = memchr(p, '/', (size_t)(end - p));

		part = (struct span){ p, (size_t)((slash ? slash : end) - p) };
		strbuf_reset(&name);
		if (id_of(part, &id)) {
			named = id;
			named_parent = (struct span){ NULL, 0 };
		} else if (name_of(parent, part, &name)) {
			named = part;
			named_parent = parent;
		}
		parent = part;
	}
	if (named.at && !named_parent.at)
		strbuf_add(container, named.at, named.size);
	else if (named.at)
		name_of(named_parent, named, container);
	strbuf_done(&name);
}

/* The path in one line; the kernel says " (deleted)" of a group that was removed meanwhile. */
static bool path_of(const char *line, size_t size, bool *ret_second, struct span *ret)
{
	const char *controllers = memchr(line, ':', size), *p;
	struct span s;

	if (!controllers)
		return false;
	p = memchr(controllers + 1, ':', size - (size_t)(controllers + 1 - line));
	if (!p)
		return false;
	s = (struct span){ p + 1, size - (size_t)(p + 1 - line) };
	strip_suffix(&s, " (deleted)");
	if (s.size < 2 || s.at[0] != '/') /* "/" alone says nothing */
		return false;
	*ret_second = p == controllers + 1;
	*ret = s;
	return true;
}

void cgroup_parse(const char *text, struct strbuf *path, struct strbuf *container)
{
	struct span chosen = { NULL, 0 }, s;
	size_t before = container->len;
	bool second, have_second = false;

	for (const char *line = text, *end; *line; line = *end ? end + 1 : end) {
		end = strchrnul(line, '\n');
		if (!path_of(line, (size_t)(end - line), &second, &s))
			continue;
		if (!chosen.at || (second && !have_second))
			chosen = s;
		have_second |= second;
		/* Where both versions are in use, only one of them may name the container. */
		if (container->len == before)
			cgroup_container(s.at, s.size, container);
	}
	if (chosen.at)
		strbuf_add(path, chosen.at, chosen.size);
}
