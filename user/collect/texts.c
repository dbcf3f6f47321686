// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "collect/texts.h"

#include <errno.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/strbuf.h"

#define CUT_MARK "…"

int texts_init(struct texts *t, struct capture *c, const struct label_type *labels)
{
	*t = (struct texts){ 0 };
	for (const struct label_type *l = labels; l && l->name; l++)
		if (l->is_text)
			t->label = l;
	return capture_string(c, "[unknown]", &t->unknown) < 0 ? -ENOMEM : 0;
}

void texts_done(struct texts *t)
{
	intern_done(&t->ids);
	free(t->strings);
}

static uint64_t field_mask(const struct texts *t)
{
	return UINT64_MAX >> (64 - t->label->bits);
}

/* The capture's string; 0: there is no room for its number in a tag. */
static int add_string(const struct texts *t, struct capture *c, const struct abi_text *text,
		      uint32_t *ret)
{
	_cleanup_(strbuf_done) struct strbuf sb = STRBUF_INIT;
	size_t size = strnlen(text->text, sizeof(text->text));

	strbuf_add(&sb, text->text, size);
	/* The kernel half takes as much with a NUL behind it. */
	if (size + 1 >= sizeof(text->text))
		strbuf_adds(&sb, CUT_MARK);
	if (sb.failed || capture_string(c, strbuf_str(&sb), ret) < 0)
		return -ENOMEM;
	if (*ret > field_mask(t))
		*ret = 0;
	return 0;
}

int texts_take(struct texts *t, struct capture *c, const struct abi_text *text)
{
	uint32_t string, at;
	int r;

	if (!t->label || text->id <= ABI_TEXT_UNKNOWN)
		return 0;
	if (t->ids.count >= TEXTS_MAX && !intern_find(&t->ids, &text->id, sizeof(text->id), &at))
		return 0;
	r = add_string(t, c, text, &string);
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
	return t->label ? (uint32_t)(tag >> t->label->shift & field_mask(t)) : 0;
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
	*ret &= ~(field_mask(t) << t->label->shift);
	*ret |= (uint64_t)(string ? string : t->unknown) << t->label->shift;
	return string != 0;
}

size_t texts_memory(const struct texts *t)
{
	return t->ids.memory + t->cap_strings * sizeof(*t->strings);
}
