// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "runtime/python_versions.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "runtime/python_walk.h"

/* clang-format off */
#define TEXT_TO_3_11 \
	.text_ascii = 48, .text_other = 72, .text_length = 16, .text_state = 32, \
	.bytes_size = 16, .bytes_data = 32, .object_type = 8
#define TEXT_3_12 \
	.text_ascii = 40, .text_other = 56, .text_length = 16, .text_state = 32, \
	.bytes_size = 16, .bytes_data = 32, .object_type = 8
#define CODE_TO_3_7 \
	.code_first_line = 36, .code_file = 96, .code_name = 104, .code_lines = 112
#define CODE_TO_3_10 \
	.code_first_line = 40, .code_file = 104, .code_name = 112, .code_lines = 120
/*
 * Of asyncio, from 3.14 on, in builds with the GIL. `running` stands so far behind the end of the
 * thread's state, which patch releases made longer.
 */
#define TASKS(running, awaits, locked, below) \
	.state_task = running, .task_awaiter = 96, .task_is_task = 108, .task_awaiters = 109, \
	.task_coroutine = 128, .task_name = 136, .awaited = below, \
	.coroutine_awaits = { awaits, locked }
#define OBJECTS(at) \
	.frames = ABI_PYTHON_OBJECTS, .state_frame = 24, .cframe_frame = PYTHON_NO_CFRAME, \
	.frame_previous = 24, .frame_code = 32, .frame_at = at, .at_is_index = 1

static const struct python_layout layouts[] = {
	{
		/* It has no _PyRuntime: python_decode.c finds what it has instead. */
		.minor = 6, .interpreter_next = 0, .interpreter_threads = 8, .state_next = 8,
		.abi = { OBJECTS(120), CODE_TO_3_7, TEXT_TO_3_11, .state_thread = 152 },
	},
	{
		.minor = 7, .first_micro = 4, .interpreters = 24, .key = 1508, .holder = 1480,
		.interpreter_next = 0, .interpreter_threads = 8, .state_next = 8,
		.abi = { OBJECTS(104), CODE_TO_3_7, TEXT_TO_3_11, .state_thread = 176 },
	},
	{
		.minor = 8, .interpreters = 32, .key = 1396, .holder = 1368,
		.interpreter_next = 0, .interpreter_threads = 8, .state_next = 8,
		.abi = { OBJECTS(104), CODE_TO_3_10, TEXT_TO_3_11, .state_thread = 176 },
	},
	{
		.minor = 9, .interpreters = 32, .key = 588, .holder = 568,
		.interpreter_next = 0, .interpreter_threads = 8, .state_next = 8,
		.abi = { OBJECTS(104), CODE_TO_3_10, TEXT_TO_3_11, .state_thread = 176 },
	},
	{
		.minor = 10, .interpreters = 32, .key = 588, .holder = 568,
		.interpreter_next = 0, .interpreter_threads = 8, .state_next = 8,
		.abi = { OBJECTS(96), CODE_TO_3_10, TEXT_TO_3_11, .state_thread = 176 },
	},
	{
		.minor = 11, .interpreters = 40, .key = 596, .holder = 576,
		.interpreter_next = 0, .interpreter_threads = 16, .state_next = 8,
		.abi = {
			.frames = ABI_PYTHON_ENTRIES, .state_frame = 56, .state_thread = 152,
			.cframe_frame = 8, .cframe_previous = 16,
			.frame_previous = 48, .frame_code = 32, .frame_at = 56, .frame_owner = 68,
			.code_first_line = 72, .code_file = 112, .code_name = 120,
			.code_qualname = 128, .code_lines = 136, .code_instructions = 184,
			TEXT_TO_3_11,
		},
	},
	{
		.minor = 12, .variables = PYTHON_VARIABLES_HELD, .interpreters = 40, .key = 1548,
		.interpreter_next = 0, .interpreter_threads = 72, .state_next = 8,
		.abi = {
			.frames = ABI_PYTHON_SHIMS, .state_frame = 56, .state_thread = 136,
			.cframe_frame = 0, .cframe_previous = 8,
			.frame_previous = 8, .frame_code = 0, .frame_at = 56, .frame_owner = 70,
			.code_first_line = 68, .code_file = 112, .code_name = 120,
			.code_qualname = 128, .code_lines = 136, .code_instructions = 192,
			TEXT_3_12,
		},
	},
	{
		.minor = 13, .is_in_process = true, .variables = PYTHON_VARIABLES_HELD,
		.key = 2164,
		.abi = { .frames = ABI_PYTHON_SHIMS, .cframe_frame = PYTHON_NO_CFRAME },
	},
	{
		.minor = 14, .is_in_process = true, .variables = PYTHON_VARIABLES_HELD,
		.key = 2340,
		.abi = {
			.frames = ABI_PYTHON_SHIMS, .cframe_frame = PYTHON_NO_CFRAME,
			TASKS(40, 0xff, 0xff, 8),
		},
	},
	{
		.minor = 15, .is_in_process = true, .variables = PYTHON_VARIABLES_HELD_KEPT,
		.abi = {
			.frames = ABI_PYTHON_SHIMS, .cframe_frame = PYTHON_NO_CFRAME,
			TASKS(144, 2, 3, 16),
		},
	},
};
/* clang-format on */

struct python_release python_release(uint32_t hex)
{
	return (struct python_release){ (uint8_t)(hex >> 24), (uint8_t)(hex >> 16),
					(uint8_t)(hex >> 8), (uint8_t)(hex >> 4 & 0xf),
					(uint8_t)(hex & 0xf) };
}

/* A number below 256 without leading zeros, as versions have it. */
static bool parse_number(const char **at, uint8_t *ret)
{
	unsigned value = 0;
	const char *c = *at;

	if (*c < '0' || *c > '9')
		return false;
	for (; *c >= '0' && *c <= '9' && value < 256; c++)
		value = 10 * value + (unsigned)(*c - '0');
	if (value > UINT8_MAX)
		return false;
	*at = c;
	*ret = (uint8_t)value;
	return true;
}

bool python_release_parse(const char *text, struct python_release *ret)
{
	struct python_release r = { .level = PYTHON_FINAL };

	if (!parse_number(&text, &r.major) || *text++ != '.' || !parse_number(&text, &r.minor) ||
	    *text++ != '.' || !parse_number(&text, &r.micro))
		return false;
	if (*text == 'a' || *text == 'b' || *text == 'r') {
		r.level = *text == 'a' ? 0xa : *text == 'b' ? 0xb : 0xc;
		text += *text == 'r' && text[1] == 'c' ? 2 : 1;
		if (!parse_number(&text, &r.serial))
			return false;
	}
	/* A '+' stands behind the version of a build from between two releases. */
	if (*text && strcmp(text, "+") != 0)
		return false;
	*ret = r;
	return true;
}

/* A release candidate of a version that says its offsets itself has what it says. */
static bool is_settled(const struct python_release *r, const struct python_layout *l)
{
	return r->level == PYTHON_FINAL || (r->level == 0xc && l->is_in_process);
}

const struct python_layout *python_layout_of(const struct python_release *r, struct strbuf *why)
{
	for (size_t i = 0; i < ARRAY_SIZE(layouts) && r->major == 3; i++) {
		const struct python_layout *l = &layouts[i];

		if (l->minor != r->minor)
			continue;
		if (r->micro < l->first_micro) {
			strbuf_addf(why, "Python 3.%u.%u: offsets unknown before 3.%u.%u", r->minor,
				    r->micro, r->minor, l->first_micro);
			return NULL;
		}
		if (!is_settled(r, l)) {
			strbuf_addf(why, "Python 3.%u.%u, before its release: offsets unknown",
				    r->minor, r->micro);
			return NULL;
		}
		return l;
	}
	strbuf_addf(why, "Python %u.%u: offsets unknown", r->major, r->minor);
	return NULL;
}

/* A value of `size` bytes at an offset, aligned, ending within `end`. */
static bool lies(uint64_t at, uint64_t size, uint64_t start, uint64_t end)
{
	return at >= start && at % size == 0 && at + size <= end;
}

bool python_layout_is_walkable(const struct python_layout *layout)
{
	enum { MAX_STATE = 4096, MAX_TEXT = 128, MAX_INSTRUCTIONS = 1024 };
	const struct abi_python *l = &layout->abi;
	uint64_t frame = l->frames == ABI_PYTHON_OBJECTS ? PYTHON_FRAME_BYTES : PYTHON_FRAME_SHORT;
	uint64_t first = PYTHON_CODE_FROM, end = PYTHON_CODE_FROM + PYTHON_CODE_BYTES;

	return lies(l->state_thread, 8, 8, MAX_STATE) && lies(l->state_frame, 8, 8, MAX_STATE) &&
	       lies(l->state_task, 8, 0, MAX_STATE) && lies(l->frame_previous, 8, 0, frame) &&
	       lies(l->frame_code, 8, 0, frame) &&
	       lies(l->frame_at, l->at_is_index ? 4 : 8, 0, frame) &&
	       lies(l->frame_owner, 1, 0, frame) && lies(l->code_first_line, 4, first, end) &&
	       lies(l->code_file, 8, first, end) && lies(l->code_name, 8, first, end) &&
	       (!l->code_qualname || lies(l->code_qualname, 8, first, end)) &&
	       lies(l->code_lines, 8, first, end) &&
	       lies(l->code_instructions, 8, 0, MAX_INSTRUCTIONS) &&
	       lies(l->text_ascii, 8, 16, MAX_TEXT) && lies(l->text_other, 8, 16, MAX_TEXT) &&
	       lies(l->text_length, 8, 8, MAX_TEXT) && lies(l->text_state, 4, 8, MAX_TEXT) &&
	       lies(l->bytes_size, 8, 8, MAX_TEXT) && lies(l->bytes_data, 1, 16, MAX_TEXT) &&
	       lies(l->object_type, 8, 0, MAX_TEXT) && lies(l->frame_stack, 8, 0, frame) &&
	       lies(l->frame_copy, 4, 0, frame) && lies(l->code_copies, 8, 0, MAX_INSTRUCTIONS);
}
