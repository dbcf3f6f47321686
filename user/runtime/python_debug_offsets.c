// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * _Py_DebugOffsets, which stands at the beginning of _PyRuntime from 3.13 on: Include/internal/
 * pycore_debug_offsets.h (pycore_runtime.h in 3.13). The block is another one in each minor
 * version, and the same in builds with and without the GIL. It is copied once, then judged: its
 * process may write it.
 */
#include <errno.h>
#include <string.h>

#include "base/array.h"
#include "runtime/python_versions.h"

enum { MAX_BLOCK = 888, HEAD = 24 };

/* Where the block of a version has what is used of it: bytes. */
struct block {
	uint8_t minor;
	uint16_t size;
	uint16_t interpreters, interpreter_next, interpreter_threads;
	uint16_t gil;	/* ceval_gil, gil_runtime_state, gil_runtime_state_enabled */
	uint16_t state; /* size, prev, next, interp, current_frame */
	uint16_t state_thread;
	uint16_t frame; /* size, previous, executable, instr_ptr, localsplus, owner, stackpointer;
			 * from 3.14 tlbc_index */
	uint16_t code;	/* size, filename, name, qualname, linetable, firstlineno … */
	uint16_t code_instructions; /* and, from 3.14, co_tlbc */
	uint16_t object;	    /* size, ob_type */
	uint16_t bytes;		    /* size, ob_size, ob_sval */
	uint16_t text;		    /* size, state, length, asciiobject_size */
	uint16_t type;		    /* size, tp_name, tp_repr, tp_flags; 0: not used */
	uint16_t coroutine;	    /* size, gi_name, gi_iframe, gi_frame_state; 0: not used */
};

static const struct block blocks[] = {
	{ 13, 584, 40, 64, 72, 112, 152, 192, 224, 272, 344, 352, 512, 536, 0, 0 },
	{ 14, 760, 40, 64, 72, 120, 176, 216, 248, 312, 384, 400, 592, 616, 416, 664 },
	{ 15, 888, 40, 64, 72, 120, 176, 240, 312, 376, 448, 464, 688, 712, 480, 792 },
};

/* The difference between a PyASCIIObject and a PyCompactUnicodeObject: utf8_length, utf8. */
enum { COMPACT_MORE = 16, STATE_INTERPRETER = 16, COPIES_SINCE = 14 };

struct reader {
	uint64_t words[MAX_BLOCK / 8];
	bool bad;
};

static uint64_t word(const struct reader *r, unsigned at)
{
	return r->words[at / 8];
}

static uint8_t small(struct reader *r, unsigned at)
{
	r->bad |= word(r, at) > UINT8_MAX;
	return (uint8_t)word(r, at);
}

static uint16_t medium(struct reader *r, unsigned at)
{
	r->bad |= word(r, at) > UINT16_MAX - 7;
	return (uint16_t)word(r, at);
}

static void read_objects(struct reader *r, const struct block *b, struct abi_python *ret)
{
	uint64_t other = word(r, b->text + 24u) + COMPACT_MORE;

	r->bad |= other > UINT8_MAX;
	ret->object_type = small(r, b->object + 8u);
	ret->bytes_size = small(r, b->bytes + 8u);
	ret->bytes_data = small(r, b->bytes + 16u);
	ret->text_state = small(r, b->text + 8u);
	ret->text_length = small(r, b->text + 16u);
	ret->text_ascii = small(r, b->text + 24u);
	ret->text_other = (uint8_t)other;
}

static void read_layout(struct reader *r, const struct block *b, struct python_layout *ret)
{
	struct abi_python *l = &ret->abi;

	ret->interpreters = medium(r, b->interpreters);
	ret->interpreter_next = medium(r, b->interpreter_next);
	ret->interpreter_threads = medium(r, b->interpreter_threads);
	ret->state_next = medium(r, b->state + 16u);
	l->state_frame = medium(r, b->state + 32u);
	l->state_thread = medium(r, b->state_thread);
	l->frame_previous = small(r, b->frame + 8u);
	l->frame_code = small(r, b->frame + 16u);
	l->frame_at = small(r, b->frame + 24u);
	l->frame_owner = small(r, b->frame + 40u);
	l->code_file = small(r, b->code + 8u);
	l->code_name = small(r, b->code + 16u);
	l->code_qualname = small(r, b->code + 24u);
	l->code_lines = small(r, b->code + 32u);
	l->code_first_line = small(r, b->code + 40u);
	l->code_instructions = medium(r, b->code_instructions);
	read_objects(r, b, l);
	/* Only tasks are looked for through these. */
	if (!l->state_task)
		return;
	l->state_task = (uint16_t)(l->state_task + medium(r, b->state));
	l->frame_stack = small(r, b->frame + 48u);
	l->type_flags = small(r, b->type + 24u);
	l->coroutine_frame = small(r, b->coroutine + 16u);
	l->coroutine_state = small(r, b->coroutine + 24u);
}

/*
 * A build whose threads run at once: objects begin with a longer head, and from 3.14 on each
 * thread may run instructions of its own.
 */
static void read_free_threaded(struct reader *r, const struct block *b, struct abi_python *l)
{
	enum { GIL_HEAD = 16 };
	const uint8_t more = (uint8_t)(word(r, b->object) - GIL_HEAD);

	l->free_threaded = 1;
	l->state_interpreter = STATE_INTERPRETER;
	l->interpreter_gil = medium(r, b->gil);
	l->gil_enabled = medium(r, b->gil + 16u);
	if (b->minor < COPIES_SINCE)
		return;
	l->frame_copy = small(r, b->frame + 56u);
	l->code_copies = small(r, b->code_instructions + 8u);
	l->task_awaiter += more;
	l->task_is_task += more;
	l->task_awaiters += more;
	l->task_coroutine += more;
	l->task_name += more;
}

/* What holds in each build of these versions: else the block is not what we take it for. */
static bool is_consistent(const struct reader *r, const struct block *b,
			  const struct python_layout *l)
{
	uint64_t state = word(r, b->state), frame = word(r, b->frame), code = word(r, b->code);

	return l->state_next == 8 && word(r, b->state + 24u) == STATE_INTERPRETER &&
	       l->abi.state_frame + 8u <= state && l->abi.state_thread + 8u <= state &&
	       l->abi.frame_owner < frame && l->abi.frame_at + 8u <= frame &&
	       l->abi.code_instructions + 8u == code &&
	       l->abi.object_type + 8u == word(r, b->object) &&
	       (!l->abi.state_task || l->abi.state_task > state) &&
	       l->interpreters + 8u <= word(r, HEAD) && l->abi.text_state < l->abi.text_ascii &&
	       (l->abi.frame_copy ? l->abi.frame_copy + 4u <= frame && l->abi.code_copies
				  : !l->abi.free_threaded || b->minor < COPIES_SINCE);
}

static const struct block *block_of(uint8_t minor)
{
	for (size_t i = 0; i < ARRAY_SIZE(blocks); i++)
		if (blocks[i].minor == minor)
			return &blocks[i];
	return NULL;
}

/* By what was read of it. */
static int judge(struct reader *r, const struct block *b, struct python_layout *layout,
		 struct strbuf *why)
{
	struct python_release release = python_release((uint32_t)r->words[1]);
	struct python_layout l = *layout;

	if (memcmp(r->words, "xdebugpy", 8) != 0 || release.major != 3 ||
	    release.minor != l.minor || r->words[1] >> 32) {
		strbuf_addf(why, "Python 3.%u: it does not say its offsets", l.minor);
		return -ENOTSUP;
	}
	read_layout(r, b, &l);
	if (r->words[2])
		read_free_threaded(r, b, &l.abi);
	if (r->bad || !is_consistent(r, b, &l)) {
		strbuf_addf(why, "Python 3.%u: the offsets that it says can't be right", l.minor);
		return -ENOTSUP;
	}
	*layout = l;
	return 0;
}

int python_debug_offsets(const struct target_memory *memory, uint64_t runtime,
			 struct python_layout *layout, struct strbuf *why)
{
	const struct block *b = block_of(layout->minor);
	struct reader r = { 0 };

	if (!b)
		return -ENOTSUP;
	return target_memory_read(memory, runtime, r.words, b->size) ? -EAGAIN
								     : judge(&r, b, layout, why);
}

int python_debug_offsets_of_file(const struct image *im, uint64_t runtime,
				 struct python_layout *layout, struct strbuf *why)
{
	const struct block *b = block_of(layout->minor);
	struct reader r = { 0 };

	if (!b)
		return -ENOTSUP;
	return image_read(im, runtime, r.words, b->size) ? -EAGAIN : judge(&r, b, layout, why);
}
