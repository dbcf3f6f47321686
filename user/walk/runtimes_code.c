// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What interpreters run: from the kernel half's word, or the process's memory. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/now.h"
#include "walk/runtimes_inside.h"

/*
 * A process (of calls: the processes of a file) that has new code all the time, or makes it long,
 * gets so much of our time for it, and a part of the time that passes. Beyond that only what the
 * kernel half read is used, and of that so many names, and some for each time that passes: they are
 * kept. Others' code has its own.
 */
#define NAMING_CREDIT_NS 200000000ull
#define NAMES_CREDIT	 32768ull
#define A_NAME_NS	 500000ull

enum {
	NAMING_DIVISOR = 10,
	A_NAME_BYTES = 2048,  /* of lines; what has more of them counts as several names */
	A_NAME_MEMORY = 1024, /* what one takes here, and where it is shown */
};

void runtimes_bound_names(struct runtimes *r, uint64_t bytes)
{
	uint64_t most = bytes / A_NAME_MEMORY;

	r->names_credit = most < NAMES_CREDIT ? most : NAMES_CREDIT;
}

static uint64_t named_for_ns(struct placed *p)
{
	uint64_t now = now_ns();

	if (!p->since_ns)
		p->since_ns = now;
	return now - p->since_ns;
}

static bool may_read(struct placed *p)
{
	return p->naming_ns < NAMING_CREDIT_NS + named_for_ns(p) / NAMING_DIVISOR;
}

static bool may_keep(const struct runtimes *r, struct placed *p)
{
	return p->names < r->names_credit + named_for_ns(p) / A_NAME_NS;
}

/* A code object, as long as it is one: of a family of processes. */
struct code_key {
	uint64_t family, code;
	uint32_t check, pad;
};

int runtimes_make_marks(struct runtimes *r)
{
	static const char *const ends[ABI_AWAITED_ENDS] = {
		[ABI_AWAITED_SEVERAL] = "[several awaiters]",
		[ABI_AWAITED_DEPTH] = "[awaiters left out]",
		[ABI_AWAITED_LOST] = "[awaiters unknown]",
	};
	int err = capture_mark(r->capture, "[code without a name]", &r->lost);

	for (int i = 0; i < ABI_AWAITED_ENDS && err >= 0; i++)
		if (ends[i])
			err = capture_mark(r->capture, ends[i], &r->awaited[i]);
	return err < 0 ? err : capture_mark(r->capture, "[calls left out]", &r->left_out);
}

const struct raw_frame *runtimes_awaited(const struct runtimes *r, enum abi_awaited end)
{
	return end > ABI_AWAITED_WHOLE && end < ABI_AWAITED_ENDS ? &r->awaited[end] : NULL;
}

struct raw_frame runtimes_left_out(const struct runtimes *r)
{
	return r->left_out;
}

static int learn(struct runtimes *r, const struct code_key *key, uint32_t code)
{
	uint32_t at;

	if (intern_add(&r->code_keys, key, sizeof(*key), &at) < 0 ||
	    array_reserve(r->codes, r->cap_codes, at + 1u) < 0)
		return -ENOMEM;
	r->codes[at] = code;
	return 0;
}

/* Of a process; where the place is a file's, of the one that a record is of. */
static struct target_memory memory_of(const struct runtimes *r, uint32_t place, uint32_t tgid)
{
	if (!r->entries[place].of_file)
		tgid = r->placed[place].key.tgid;
	return (struct target_memory){ (pid_t)tgid };
}

/* 1: it is in the capture; 0: it can't be named; -ENOMEM. */
static int name(struct runtimes *r, uint32_t place, const struct abi_code *raw, bool read,
		uint32_t *ret)
{
	const struct abi_runtime *a = &r->entries[place];
	const struct runtime *runtime = runtime_of(a->kind);
	struct target_memory memory = memory_of(r, place, raw->tgid);
	_cleanup_(strbuf_done) struct strbuf text = STRBUF_INIT, file = STRBUF_INIT,
					     lines = STRBUF_INIT;
	struct raw_code code = { 0 };
	int err = runtime ? runtime->read_code(a, raw, read ? &memory : NULL, &text, &file, &lines,
					       &code)
			  : -EINVAL;

	r->placed[place].names += 1 + lines.len / A_NAME_BYTES;
	if (err < 0)
		return err == -ENOMEM ? err : 0;
	code.lines = (const uint8_t *)lines.buf;
	err = capture_string(r->capture, strbuf_str(&text), &code.name);
	if (err >= 0)
		err = capture_string(r->capture, strbuf_str(&file), &code.file);
	if (err >= 0)
		err = capture_code(r->capture, &code, ret);
	return err < 0 ? err : 1;
}

size_t runtimes_names_memory(const struct runtimes *r)
{
	return r->code_keys.memory + r->cap_codes * sizeof(*r->codes);
}

int runtimes_take_code(struct runtimes *r, const struct abi_code *c, size_t size)
{
	struct code_key key = { c->family, c->code, c->check, 0 };
	struct placed *p;
	uint64_t begin;
	uint32_t at, code;
	int err;

	if (size < offsetof(struct abi_code, lines) || c->object_size > ABI_CODE_BYTES ||
	    c->text_sizes[0] > ABI_CODE_TEXT || c->text_sizes[1] > ABI_CODE_TEXT ||
	    c->lines_size > size - offsetof(struct abi_code, lines))
		return -EPROTO;
	if (!c->runtime || c->runtime >= r->nr)
		return 0;
	p = &r->placed[c->runtime];
	/* One that was sent again is no news, and costs nobody's allowance. */
	if (!p->used || intern_find(&r->code_keys, &key, sizeof(key), &at) || !may_keep(r, p))
		return 0;
	begin = now_thread_ns();
	err = name(r, c->runtime, c, may_read(p), &code);
	p->naming_ns += now_thread_ns() - begin;
	return err <= 0 ? err : learn(r, &key, code);
}

/* From the process, if it still has the object that it had. */
static int read_now(struct runtimes *r, const struct abi_stack *s, const struct code_key *key,
		    uint32_t *ret)
{
	const struct abi_runtime *a = &r->entries[s->runtime];
	const struct runtime *runtime = runtime_of(a->kind);
	struct target_memory memory = memory_of(r, s->runtime, s->tgid);
	_cleanup_free_ struct abi_code *raw = calloc(1, sizeof(*raw));
	int err;

	if (!raw)
		return -ENOMEM;
	raw->check = key->check;
	if (!runtime || runtime->copy_code(a, &memory, key->code, raw) < 0)
		return 0;
	/* The kernel half could not read it at all, where there is no check. */
	if (key->check && raw->check != key->check)
		return 0;
	err = name(r, s->runtime, raw, true, ret);
	if (err > 0 && key->check)
		err = learn(r, key, *ret) < 0 ? -ENOMEM : 1;
	return err;
}

static int read_if_allowed(struct runtimes *r, const struct abi_stack *s,
			   const struct code_key *key, uint32_t *ret)
{
	struct placed *p = &r->placed[s->runtime];
	uint64_t begin;
	int err;

	if (!may_read(p) || !may_keep(r, p))
		return 0;
	begin = now_thread_ns();
	err = read_now(r, s, key, ret);
	p->naming_ns += now_thread_ns() - begin;
	return err;
}

int runtimes_frame(struct runtimes *r, const struct abi_stack *s, const struct abi_call *call,
		   struct raw_frame *ret)
{
	struct code_key key = { .code = call->code, .check = call->check & ~ABI_CALL_FLAGS };
	const struct runtime *runtime;
	uint32_t place = s->runtime, at, code;
	int err = 1;

	*ret = r->lost;
	if (!place || place >= r->nr || !r->placed[place].used)
		return 0;
	key.family = r->entries[place].of_file ? s->space : r->entries[place].family;
	runtime = runtime_of(r->entries[place].kind);
	if (!runtime)
		return 0;
	if (intern_find(&r->code_keys, &key, sizeof(key), &at))
		code = r->codes[at];
	else
		err = read_if_allowed(r, s, &key, &code);
	if (err <= 0)
		return err;
	err = capture_code_frame(r->capture, code, runtime->instruction(&r->entries[place], call),
				 ret);
	return err < 0 ? err : 1;
}
