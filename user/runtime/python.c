// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "runtime/python.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/python_inside.h"

enum {
	VERSION,
	GET_VERSION,
	RUNTIME,
	LOOP,
	OLD_LOOP,
	THIS_STATE,
	CURRENT,
	UNCHECKED,
	OLD_UNCHECKED,
	HEAD,
	HOLDER,
	CODE_TYPE,
	NR_SYMBOLS
};

/* What names it: the exported ones are there in stripped files, too. */
static const char *const symbol_names[NR_SYMBOLS] = {
	[VERSION] = "Py_Version", /* from 3.11 */
	[GET_VERSION] = "Py_GetVersion",
	[RUNTIME] = "_PyRuntime", /* from 3.7 */
	[LOOP] = "_PyEval_EvalFrameDefault",
	[OLD_LOOP] = "PyEval_EvalFrameEx",
	[THIS_STATE] = "PyGILState_GetThisThreadState",
	[CURRENT] = "_PyThreadState_GetCurrent",
	[UNCHECKED] = "PyThreadState_GetUnchecked",
	[OLD_UNCHECKED] = "_PyThreadState_UncheckedGet",
	[HEAD] = "PyInterpreterState_Head",
	[HOLDER] = "_PyThreadState_Current", /* 3.6 */
	[CODE_TYPE] = "PyCode_Type",
};

/* _Py_AsyncioModuleDebugOffsets, in words: of a task, of an interpreter, of a thread's state. */
enum {
	TASK_NAME = 1,
	TASK_AWAITER,
	TASK_IS_TASK,
	TASK_AWAITERS,
	TASK_COROUTINE,
	RUNNING_TASK = 11,
	TASKS_WORDS = 13,
	TASKS_MAX_STATE = 4088,
};

struct candidate {
	struct image image;
	struct image_symbol symbols[NR_SYMBOLS];
	struct image_section section; /* .PyRuntime, from 3.10 */
	struct python_release release;
};

static bool has_interpreter(const struct candidate *c)
{
	const struct image_symbol *s = c->symbols;

	return s[GET_VERSION].is_code && (s[LOOP].is_code || s[OLD_LOOP].is_code) &&
	       (s[RUNTIME].address || s[HOLDER].address || s[HEAD].is_code);
}

static bool has_dynamic_symbols(const struct image *im)
{
	for (size_t i = 0; i < im->nr_sections; i++)
		if (im->sections[i].sh_type == SHT_DYNSYM)
			return true;
	return false;
}

/* 1: it holds CPython; 0, -ENOMEM. */
static int look(struct candidate *c)
{
	int r;

	for (int i = 0; i < NR_SYMBOLS; i++)
		c->symbols[i].name = symbol_names[i];
	c->section = image_section(&c->image, ".PyRuntime");
	r = image_symbols(&c->image, SHT_DYNSYM, c->symbols, NR_SYMBOLS);
	if (r < 0)
		return r;
	/* Others need not be read, and can be large. */
	if (!has_interpreter(c) && (c->section.address || !has_dynamic_symbols(&c->image)))
		r = image_symbols(&c->image, SHT_SYMTAB, c->symbols, NR_SYMBOLS);
	if (r < 0)
		return r;
	return has_interpreter(c) || c->section.address;
}

static bool find_release(struct candidate *c)
{
	uint64_t head[2];
	uint32_t hex;

	if (c->symbols[VERSION].address &&
	    !image_read(&c->image, c->symbols[VERSION].address, &hex, sizeof(hex))) {
		c->release = python_release(hex);
		return true;
	}
	if (python_decode_release(&c->image, &c->symbols[GET_VERSION], &c->release))
		return true;
	/* All names are stripped; _Py_DebugOffsets is left. */
	if (!c->section.address || image_read(&c->image, c->section.address, head, sizeof(head)) ||
	    memcmp(head, "xdebugpy", 8) != 0)
		return false;
	c->release = python_release((uint32_t)head[1]);
	return true;
}

int python_identify(const struct image *im, struct python_release *ret)
{
	struct candidate c = { .image = *im };
	int r = look(&c);

	if (r <= 0)
		return r;
	if (!find_release(&c))
		return -ENOTSUP;
	*ret = c.release;
	return 1;
}

/* 3.6 has variables of their own where later ones have _PyRuntime. */
static void find_variables(const struct candidate *c, struct python_build *b)
{
	const struct image_symbol *s = c->symbols;
	const struct image *im = &c->image;
	uint64_t size = s[RUNTIME].size ? s[RUNTIME].size : c->section.size;

	if (!b->runtime) {
		b->interpreters = python_decode_getter(im, &s[HEAD]);
		b->holder = s[HOLDER].address;
		b->keys[0] = python_decode_key(im, &s[THIS_STATE], 0, 0);
		return;
	}
	b->holder = b->layout->holder ? b->runtime + b->layout->holder : 0;
	if (b->layout->key) {
		b->keys[0] = python_decode_key(im, &s[THIS_STATE], b->runtime, size);
		b->keys[1] = b->runtime + b->layout->key;
	}
	if (b->layout->variables != PYTHON_VARIABLES_NONE)
		for (int i = CURRENT; i <= OLD_UNCHECKED; i++)
			if (python_decode_variable(im, &s[i], &b->held))
				break;
	if (b->layout->variables == PYTHON_VARIABLES_HELD_KEPT)
		python_decode_variable(im, &s[THIS_STATE], &b->kept);
}

static int fill(const struct candidate *c, struct runtime_build *ret, struct strbuf *why)
{
	const struct python_layout *layout = python_layout_of(&c->release, why);
	const struct image_symbol *s = c->symbols;
	struct python_build *b;

	if (!layout)
		return -ENOTSUP;
	b = calloc(1, sizeof(*b));
	if (!b)
		return -ENOMEM;
	b->layout = layout;
	b->code_type = s[CODE_TYPE].address;
	b->tasks = image_section(&c->image, ".AsyncioDebug").address;
	if (layout->minor > 6)
		b->runtime = s[RUNTIME].address ? s[RUNTIME].address : c->section.address;
	find_variables(c, b);
	if (layout->minor > 6 ? !b->runtime : !b->interpreters) {
		strbuf_addf(why, "Python 3.%u: its runtime can't be found in the file",
			    layout->minor);
		free(b);
		return -ENOTSUP;
	}
	*ret = (struct runtime_build){ .runtime = &runtime_python, .data = b };
	snprintf(ret->version, sizeof(ret->version), "Python 3.%u", layout->minor);
	if (layout->abi.frames == ABI_PYTHON_OBJECTS)
		ret->nr_loop = python_find_loop(&c->image, &s[LOOP], ret->loop);
	return 1;
}

static int judge(struct candidate *c, struct runtime_build *ret, struct strbuf *why)
{
	int r = look(c);

	if (r <= 0)
		return r;
	if (c->image.machine != EM_X86_64) {
		strbuf_adds(why, "Python: offsets unknown for this machine");
		return -ENOTSUP;
	}
	if (!find_release(c)) {
		strbuf_adds(why, "Python: its version can't be found in the file");
		return -ENOTSUP;
	}
	return fill(c, ret, why);
}

static int python_detect(const struct runtime_image *image, struct runtime_build *ret,
			 struct strbuf *why)
{
	struct candidate c = { 0 };
	int r = image_open(&c.image, image->fd);

	if (!r)
		r = judge(&c, ret, why);
	image_done(&c.image);
	return r == -ENOEXEC ? 0 : r;
}

static void python_done(struct runtime_build *b)
{
	free(b->data);
}

/* What the module of tasks says itself, where it is in the interpreter's file. */
static void find_tasks(const struct python_build *b, const struct runtime_process *p,
		       struct abi_python *l)
{
	uint64_t words[TASKS_WORDS];

	if (!b->tasks || !l->state_task ||
	    target_memory_read(&p->memory, b->tasks + p->image.bias, words, sizeof(words)))
		return;
	/* What can't be leaves Python's stacks without tasks. */
	l->state_task = 0;
	for (int i = TASK_NAME; i <= TASK_COROUTINE; i++)
		if (words[i] > UINT8_MAX)
			return;
	if (words[RUNNING_TASK] % 8 || words[RUNNING_TASK] > TASKS_MAX_STATE)
		return;
	l->task_name = (uint8_t)words[TASK_NAME];
	l->task_awaiter = (uint8_t)words[TASK_AWAITER];
	l->task_is_task = (uint8_t)words[TASK_IS_TASK];
	l->task_awaiters = (uint8_t)words[TASK_AWAITERS];
	l->task_coroutine = (uint8_t)words[TASK_COROUTINE];
	l->state_task = (uint16_t)words[RUNNING_TASK];
}

int python_find_layout(const struct python_build *b, const struct runtime_process *p,
		       struct python_layout *ret, uint64_t *ret_head, struct strbuf *why)
{
	int r;

	*ret = *b->layout;
	if (ret->is_in_process) {
		r = python_debug_offsets(&p->memory, b->runtime + p->image.bias, ret, why);
		if (r)
			return r;
	}
	find_tasks(b, p, &ret->abi);
	*ret_head = (b->runtime ? b->runtime + ret->interpreters : b->interpreters) + p->image.bias;
	if (python_layout_is_walkable(ret))
		return 0;
	strbuf_addf(why, "Python 3.%u: the offsets that it says can't be right", ret->minor);
	return -ENOTSUP;
}

/* What the file says, for this process. */
static void rebase(const struct python_build *b, const struct runtime_process *p, uint64_t head,
		   struct python_layout *l)
{
	l->abi.minor = l->minor;
	l->abi.holder = b->holder ? b->holder + p->image.bias : 0;
	l->abi.interpreters = head;
	l->abi.interpreter_next = l->interpreter_next;
	l->abi.interpreter_threads = l->interpreter_threads;
}

static void fill_runtime(const struct python_layout *l, struct abi_runtime *ret)
{
	ret->kind = ABI_RUNTIME_PYTHON;
	ret->of_file = 0;
	ret->held_at = 0;
	ret->python = l->abi;
}

static int python_describe(const struct runtime_build *build, const struct runtime_process *p,
			   struct abi_runtime *ret, struct strbuf *why)
{
	const struct python_build *b = build->data;
	struct python_states states;
	struct python_layout layout;
	uint64_t head;
	int r = python_find_layout(b, p, &layout, &head, why);

	if (r)
		return r;
	r = python_list_states(&p->memory, &layout, head, &states);
	if (r)
		return r;
	rebase(b, p, head, &layout);
	/* A program that refers to it has it itself, instead of the library. */
	layout.abi.code_type = python_code_type(&p->memory, &layout, &states);
	if (!layout.abi.code_type && b->code_type)
		layout.abi.code_type = b->code_type + p->image.bias;
	r = python_find_routes(b, p, &states, &layout.abi, why);
	if (r)
		return r;
	fill_runtime(&layout, ret);
	return 0;
}

static int python_foresee(const struct runtime_build *build, const struct runtime_process *p,
			  struct abi_runtime *ret, struct strbuf *why)
{
	const struct python_build *b = build->data;
	struct python_layout layout;
	uint64_t head;
	int r = python_find_layout(b, p, &layout, &head, why);

	if (r)
		return r;
	rebase(b, p, head, &layout);
	r = python_foresee_routes(b, p, &layout.abi);
	if (r)
		return r;
	fill_runtime(&layout, ret);
	return 0;
}

const struct runtime runtime_python = {
	.name = "python",
	.kind = ABI_RUNTIME_PYTHON,
	.detect = python_detect,
	.done = python_done,
	.describe = python_describe,
	.foresee = python_foresee,
	.explain = python_explain,
	.read_code = python_read_code,
	.copy_code = python_copy_code,
	.instruction = python_instruction,
};
