// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Code objects: what the kernel half read of one, or what stands in the process's memory, as names
 * and a line table. What is read from memory later is believed only while the code object there is
 * still the one that was seen.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/utf8.h"
#include "runtime/python.h"

/* No frames are walked here: of the walk only python_check() is wanted. */
struct python_walk;
static inline long python_read(const struct python_walk *p, void *to, __u32 size, __u64 from)
{
	(void)p;
	(void)to;
	(void)size;
	(void)from;
	return -EFAULT;
}
#include <python.h>

#define CUT_MARK "…"

enum {
	MAX_NAME = 512, /* bytes of UTF-8, with the mark that says that some are left out */
	MAX_FILE = 4096,
	MAX_LINES = 1 << 20,
	MAX_CHARACTER = 4, /* bytes, in either form */
	REPLACEMENT = 0xfffd,
	PAGE = 4096, /* at least */
	FILE_TEXT = 0,
	NAME_TEXT = 1,
	/* What every code object is read to: as far as the walk reads one. */
	OBJECT_LEAST = PYTHON_CODE_FROM + PYTHON_CODE_BYTES,
};

/* An object of the process: its first bytes, where they are known, and where it stands. */
struct part {
	uint64_t address;
	const uint8_t *bytes;
	uint32_t size;
};

struct reader {
	const struct abi_python *layout;
	const struct target_memory *memory; /* NULL: only what is known may be used */
	bool has_read;			    /* something was read from memory */
};

/* Bits of a string's state: interned stands before them, as a byte of its own without the GIL. */
struct text_state {
	uint32_t kind; /* bytes a character */
	bool compact, ascii;
};

static struct text_state text_state(const struct abi_python *l, uint32_t bits)
{
	bits >>= l->free_threaded && l->minor >= 14 ? 8 : 2;
	return (struct text_state){ .kind = bits & 7, .compact = bits & 8, .ascii = bits & 16 };
}

static int part_read(struct reader *r, const struct part *p, uint64_t offset, void *to, size_t size)
{
	uint64_t from;

	if (size <= p->size && offset <= p->size - size) {
		memcpy(to, p->bytes + offset, size);
		return 0;
	}
	if (!r->memory || !p->address || __builtin_add_overflow(p->address, offset, &from))
		return -EFAULT;
	r->has_read = true;
	return target_memory_read(r->memory, from, to, size);
}

static uint32_t character_at(const uint8_t *text, uint64_t i, uint32_t kind)
{
	uint16_t two;
	uint32_t four;

	if (kind == 1)
		return text[i];
	if (kind == 2) {
		memcpy(&two, text + 2 * i, sizeof(two));
		return two;
	}
	memcpy(&four, text + 4 * i, sizeof(four));
	return four;
}

/* Adds `nr` characters, at most `limit` bytes; `cut`: there would be more characters. */
static void text_convert(const uint8_t *text, uint64_t nr, uint32_t kind, bool cut, size_t limit,
			 struct strbuf *sb)
{
	size_t begin = sb->len, fits = begin, mark = strlen(CUT_MARK);

	for (uint64_t i = 0; i < nr && !sb->failed; i++) {
		char bytes[MAX_CHARACTER];
		uint32_t c = character_at(text, i, kind);
		/* A C string would end with it. */
		size_t n = utf8_encode(c ? c : REPLACEMENT, bytes);

		if (sb->len - begin + n > limit) {
			cut = true;
			break;
		}
		strbuf_add(sb, bytes, n);
		if (sb->len - begin <= limit - mark)
			fits = sb->len;
	}
	if (!cut || sb->failed)
		return;
	sb->len = fits;
	strbuf_adds(sb, CUT_MARK);
}

/* Adds a string object. Of one that is known in part, and can't be read, the part. 0 or -EFAULT. */
static int text_add(struct reader *r, const struct part *object, size_t limit, struct strbuf *sb)
{
	const struct abi_python *l = r->layout;
	uint8_t text[MAX_FILE * MAX_CHARACTER];
	struct part data = *object;
	uint64_t length, nr, offset = l->text_other;
	struct text_state state;
	uint32_t bits;

	if (part_read(r, object, l->text_length, &length, sizeof(length)) < 0 ||
	    part_read(r, object, l->text_state, &bits, sizeof(bits)) < 0)
		return -EFAULT;
	state = text_state(l, bits);
	if (length > INT64_MAX || (state.kind != 1 && state.kind != 2 && state.kind != 4) ||
	    (state.ascii && state.kind != 1))
		return -EFAULT;
	if (!state.compact) {
		/* Of a class derived from str: a pointer to the text. */
		data = (struct part){ 0 };
		if (part_read(r, object, offset, &data.address, sizeof(data.address)) < 0)
			return -EFAULT;
		offset = 0;
	} else if (state.ascii) {
		offset = l->text_ascii;
	}
	/* A character takes a byte or more. */
	nr = length < limit ? length : limit;
	if (nr && part_read(r, &data, offset, text, nr * state.kind) < 0) {
		if (data.size < offset + state.kind)
			return -EFAULT;
		nr = (data.size - offset) / state.kind;
		memcpy(text, data.bytes + offset, nr * state.kind);
	}
	text_convert(text, nr, state.kind, nr < length, limit, sb);
	return 0;
}

static uint64_t object_word(const uint8_t *object, uint32_t at)
{
	uint64_t word;

	memcpy(&word, object + at, sizeof(word));
	return word;
}

static uint32_t object_check(const uint8_t *object, const struct abi_python *l, uint64_t name_hash)
{
	uint64_t words[PYTHON_CODE_BYTES / 8];

	memcpy(words, object + PYTHON_CODE_FROM, sizeof(words));
	return python_check((const __u64 *)words, l, name_hash);
}

static uint32_t name_offset(const struct abi_python *l)
{
	return l->code_qualname ? l->code_qualname : l->code_name;
}

/* 0 if it can't be read. */
static uint64_t name_hash(const struct target_memory *memory, const uint8_t *object,
			  const struct abi_python *l)
{
	uint64_t at = object_word(object, name_offset(l)) + python_hash_at(l), hash;

	return target_memory_read(memory, at, &hash, sizeof(hash)) ? 0 : hash;
}

/* The kernel half may not have read the name. */
static bool has_check(const struct target_memory *memory, const uint8_t *object,
		      const struct abi_python *l, uint32_t check)
{
	return object_check(object, l, name_hash(memory, object, l)) == check ||
	       object_check(object, l, 0) == check;
}

/* Bytes of a code object in which all stands that is looked at. */
static uint32_t object_least(const struct abi_python *l)
{
	const uint32_t offsets[] = { l->code_first_line, l->code_file,	 name_offset(l),
				     l->code_lines,	 l->object_type, OBJECT_LEAST - 8 };
	uint32_t least = 0;

	for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++)
		if (least < offsets[i] + 8)
			least = offsets[i] + 8;
	return least;
}

/* The whole table or none: of a part no line would be known for sure. */
static void lines_add(struct reader *r, const struct part *object, struct strbuf *sb,
		      struct raw_code *code)
{
	const struct abi_python *l = r->layout;
	uint64_t size;

	if (part_read(r, object, l->bytes_size, &size, sizeof(size)) < 0 || size > MAX_LINES)
		return;
	strbuf_reserve(sb, size);
	if (sb->failed)
		return;
	if (size) {
		if (part_read(r, object, l->bytes_data, sb->buf + sb->len, size) < 0)
			return;
		sb->len += size;
		sb->buf[sb->len] = '\0';
	}
	code->nr_lines = (uint32_t)size;
	code->format = l->minor < 10	? CODE_LINES_LNOTAB
		       : l->minor == 10 ? CODE_LINES_RANGES
					: CODE_LINES_LOCATIONS;
}

static struct part part_of(const uint8_t *bytes, uint32_t size, uint32_t most, uint64_t address)
{
	return (struct part){ .address = address,
			      .bytes = bytes,
			      .size = size < most ? size : most };
}

/* The code object itself, as the kernel half read it or as it is now. 0, -EFAULT or -EINVAL. */
static int object_read(struct reader *r, const struct abi_code *raw, uint8_t object[ABI_CODE_BYTES])
{
	const struct abi_python *l = r->layout;
	const struct part whole = part_of(raw->object, raw->object_size, ABI_CODE_BYTES, raw->code);
	uint32_t least = object_least(l);

	if (least > ABI_CODE_BYTES)
		return -EINVAL;
	if (part_read(r, &whole, 0, object, least) < 0)
		return -EFAULT;
	if (l->code_type && object_word(object, l->object_type) != l->code_type)
		return -EINVAL;
	return 0;
}

/* Is it still what was seen, or else may anything have been read? */
static bool is_still(const struct reader *r, const struct abi_code *raw)
{
	uint8_t now[OBJECT_LEAST];

	if (!r->has_read || !raw->check)
		return true;
	return !target_memory_read(r->memory, raw->code, now, sizeof(now)) &&
	       has_check(r->memory, now, r->layout, raw->check);
}

static int code_read(struct reader *r, const struct abi_code *raw, struct strbuf *name,
		     struct strbuf *file, struct strbuf *lines, struct raw_code *ret)
{
	const struct abi_python *l = r->layout;
	uint8_t object[ABI_CODE_BYTES];
	struct part part;
	int32_t first_line;
	int err = object_read(r, raw, object);

	if (err < 0)
		return err;
	part = part_of(raw->texts[NAME_TEXT], raw->text_sizes[NAME_TEXT], ABI_CODE_TEXT,
		       object_word(object, name_offset(l)));
	err = text_add(r, &part, MAX_NAME, name);
	if (err < 0)
		return err;
	part = part_of(raw->texts[FILE_TEXT], raw->text_sizes[FILE_TEXT], ABI_CODE_TEXT,
		       object_word(object, l->code_file));
	/* A file that can't be read is no reason to show no name. */
	(void)text_add(r, &part, MAX_FILE, file);
	memcpy(&first_line, object + l->code_first_line, sizeof(first_line));
	if (first_line >= 0) {
		ret->first_line = (uint32_t)first_line;
		part = part_of(raw->lines, raw->lines_size, ABI_CODE_LINES,
			       object_word(object, l->code_lines));
		lines_add(r, &part, lines, ret);
	}
	return name->failed || file->failed || lines->failed ? -ENOMEM : 0;
}

static void shorten(struct strbuf *sb, size_t len)
{
	if (sb->len <= len)
		return;
	sb->len = len;
	sb->buf[len] = '\0';
}

int python_read_code(const struct abi_runtime *r, const struct abi_code *raw,
		     const struct target_memory *memory, struct strbuf *name, struct strbuf *file,
		     struct strbuf *ret_lines, struct raw_code *ret)
{
	const size_t name_len = name->len, file_len = file->len, lines_len = ret_lines->len;
	struct reader reader = { .layout = &r->python, .memory = memory };
	struct raw_code code = { 0 };
	int err;

	for (;;) {
		bool changed;

		err = code_read(&reader, raw, name, file, ret_lines, &code);
		changed = err != -ENOMEM && !is_still(&reader, raw);
		if (!err && !changed)
			break;
		shorten(name, name_len);
		shorten(file, file_len);
		shorten(ret_lines, lines_len);
		if (!changed)
			return err;
		/* Another one stands there now: only what was taken then is to be believed. */
		reader = (struct reader){ .layout = &r->python };
		code = (struct raw_code){ 0 };
	}
	ret->first_line = code.first_line;
	ret->format = code.format;
	ret->nr_lines = code.nr_lines;
	return 0;
}

uint32_t python_instruction(const struct abi_runtime *r, const struct abi_call *call)
{
	const struct abi_python *l = &r->python;
	uint32_t at = call->at, scale = l->minor == 10 ? 2 : 1;

	if (l->at_is_index) {
		/* f_lasti of a frame that has not begun is -1. */
		if (at == UINT32_MAX)
			return CODE_NOT_BEGUN;
		return at > INT32_MAX / scale ? CODE_NOWHERE : at * scale;
	}
	/* Before the first instruction, by one of them: so says 3.11 of one that has not begun. */
	if (at == l->code_instructions - 2u && l->code_instructions)
		return CODE_NOT_BEGUN;
	if (at > INT32_MAX || at < l->code_instructions)
		return CODE_NOWHERE;
	return at - l->code_instructions;
}

/* As much of it as there is, to the end of its page at least: how many bytes. */
static uint32_t part_copy(const struct target_memory *memory, uint64_t from, void *to,
			  uint32_t size)
{
	uint32_t page = (uint32_t)(PAGE - from % PAGE);

	if (!from)
		return 0;
	if (!target_memory_read(memory, from, to, size))
		return size;
	if (page < size && !target_memory_read(memory, from, to, page))
		return page;
	return 0;
}

int python_copy_code(const struct abi_runtime *r, const struct target_memory *memory, uint64_t code,
		     struct abi_code *raw)
{
	const struct abi_python *l = &r->python;
	uint32_t least = object_least(l);
	struct abi_code c = {
		.type = ABI_CODE,
		.tgid = (uint32_t)memory->pid,
		.family = r->family,
		.code = code,
	};
	uint8_t now[OBJECT_LEAST];
	int err;

	if (least > ABI_CODE_BYTES)
		return -EFAULT;
	err = target_memory_read(memory, code, c.object, least);
	if (err < 0)
		return err;
	c.object_size = least;
	c.check = raw->check && has_check(memory, c.object, l, raw->check)
			  ? raw->check
			  : object_check(c.object, l, name_hash(memory, c.object, l));
	c.text_sizes[FILE_TEXT] = part_copy(memory, object_word(c.object, l->code_file),
					    c.texts[FILE_TEXT], ABI_CODE_TEXT);
	c.text_sizes[NAME_TEXT] = part_copy(memory, object_word(c.object, name_offset(l)),
					    c.texts[NAME_TEXT], ABI_CODE_TEXT);
	c.lines_size = part_copy(memory, object_word(c.object, l->code_lines), c.lines,
				 ABI_CODE_LINES);
	/* The process runs on: it may have been another one by now. */
	err = target_memory_read(memory, code, now, sizeof(now));
	if (err < 0)
		return err;
	if (!has_check(memory, now, l, c.check))
		return -EFAULT;
	*raw = c;
	return 0;
}
