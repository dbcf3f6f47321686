// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "collect/task_names.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "base/utf8.h"

#define CUT_MARK "…"

static uint32_t character_at(const struct abi_name *name, uint32_t i)
{
	const uint8_t *at = (const uint8_t *)name->text + i * name->kind;
	uint16_t two;
	uint32_t four;

	if (name->kind == 1)
		return *at;
	if (name->kind == 2) {
		memcpy(&two, at, sizeof(two));
		return two;
	}
	memcpy(&four, at, sizeof(four));
	return four;
}

static void convert(const struct abi_name *name, struct strbuf *sb)
{
	uint32_t most = ABI_NAME_TEXT / name->kind;

	for (uint32_t i = 0; i < name->nr && i < most; i++) {
		uint32_t c = character_at(name, i);
		char bytes[4];

		/* A C string would end with it. */
		strbuf_add(sb, bytes, utf8_encode(c ? c : UINT32_MAX, bytes));
	}
	if (name->nr > most)
		strbuf_adds(sb, CUT_MARK);
}

int task_names_find(struct task_names *t, struct capture *c, const struct abi_name *name,
		    uint32_t *ret)
{
	_cleanup_(strbuf_done) struct strbuf text = STRBUF_INIT;
	uint32_t id, at;
	int err;

	if (!name->nr || (name->kind != 1 && name->kind != 2 && name->kind != 4))
		return 0;
	convert(name, &text);
	if (text.failed)
		return -ENOMEM;
	if (t->known.count >= TASK_NAMES && !intern_find(&t->known, text.buf, text.len, &at))
		return 0;
	err = capture_string(c, strbuf_str(&text), &id);
	if (err >= 0)
		err = intern_add(&t->known, text.buf, text.len, &at);
	if (err < 0)
		return err;
	*ret = id;
	return 1;
}

void task_names_done(struct task_names *t)
{
	intern_done(&t->known);
}
