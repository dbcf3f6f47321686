// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "collect/texts.h"

#include <errno.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/strbuf.h"

#define CUT_MARK "…"

enum {
	MASK = (1 << ABI_TEXT_BITS) - 1,
	SHOWN = 48, /* bytes; that there are more is known by those that were read besides */
};

int texts_init(struct texts *t, struct capture *c, bool wanted)
{
	*t = (struct texts){ .wanted = wanted };
	return capture_string(c, "[unknown]", &t->unknown) < 0 ? -ENOMEM : 0;
}

void texts_done(struct texts *t)
{
	intern_done(&t->ids);
	free(t->strings);
}

/* The capture's string; 0: there is no room for its number in a tag. */
static int add_string(struct capture *c, const struct abi_text *text, uint32_t *ret)
{
	_cleanup_(strbuf_done) struct strbuf sb = STRBUF_INIT;
	size_t size = strnlen(text->text, sizeof(text->text));

	strbuf_add(&sb, text->text, size < SHOWN ? size : SHOWN);
	if (size > SHOWN)
		strbuf_adds(&sb, CUT_MARK);
	if (sb.failed || capture_string(c, strbuf_str(&sb), ret) < 0)
		return -ENOMEM;
	if (*ret > MASK)
		*ret = 0;
	return 0;
}

int texts_take(struct texts *t, struct capture *c, const struct abi_text *text)
{
	uint32_t string, at;
	int r;

	if (!t->wanted || text->id <= ABI_TEXT_UNKNOWN)
		return 0;
	if (t->ids.count >= TEXTS_MAX && !intern_find(&t->ids, &text->id, sizeof(text->id), &at))
		return 0;
	r = add_string(c, text, &string);
	if (r >= 0)
		r = array_reserve(t->strings, t->cap_strings, t->ids.count + 1u);
	if (r >= 0)
		r = intern_add(&t->ids, &text->id, sizeof(text->id), &at);
	if (r < 0)
		return r;
	/* Another text of this id: from now on nobody knows which of them it is. */
	t->strings[at] = r > 0 || t->strings[at] == string ? string : 0;
	return 0;
}

static uint32_t id_of(const struct texts *t, uint64_t tag)
{
	return t->wanted ? tag >> ABI_TEXT_SHIFT & MASK : 0;
}

bool texts_lack(const struct texts *t, uint64_t tag)
{
	uint32_t id = id_of(t, tag), at;

	return id > ABI_TEXT_UNKNOWN && t->ids.count < TEXTS_MAX &&
	       !intern_find(&t->ids, &id, sizeof(id), &at);
}

bool texts_resolve(const struct texts *t, uint64_t tag, uint64_t *ret)
{
	uint32_t id = id_of(t, tag), at, string = 0;

	*ret = tag;
	if (!id)
		return true;
	if (intern_find(&t->ids, &id, sizeof(id), &at))
		string = t->strings[at];
	*ret &= ~((uint64_t)MASK << ABI_TEXT_SHIFT);
	*ret |= (uint64_t)(string ? string : t->unknown) << ABI_TEXT_SHIFT;
	return string != 0;
}

size_t texts_memory(const struct texts *t)
{
	return t->ids.memory + t->cap_strings * sizeof(*t->strings);
}
