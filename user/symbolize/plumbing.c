// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "symbolize/plumbing.h"

#include <stdbool.h>
#include <string.h>

#include "base/array.h"

/*
 * Patterns of names as symbol tables and debug information of CPython have them; '*' stands for
 * anything, at an end or at both. The stacks of every way from C to Python were read for 3.6
 * to 3.13. Another runtime adds its own names: only what lies in the file of a loop is looked up.
 */

/* How a function is called, be it interpreted or native: Objects/call.c, methodobject.c, … */
static const char *const calls[] = {
	"_PyFunction_*",
	"_PyObject_Call",
	"_PyObject_CallFunction*",
	"_PyObject_CallMethod*",
	"_PyObject_CallNoArg*",
	"_PyObject_Call_Prepend",
	"_PyObject_FastCall*",
	"_PyObject_MakeTpCall",
	"PyObject_Call",
	"PyObject_CallFinalizer*",
	"PyObject_CallFunction*",
	"PyObject_CallMethod*",
	"PyObject_CallNoArgs",
	"PyObject_CallObject",
	"PyObject_CallOneArg",
	"*Vectorcall*",
	"_PyCFunction_*",
	"PyCFunction_Call*",
	"_PyMethodDef_RawFastCall*",
	"_PyMethodDescr_FastCall*",
	"call_function",
	"call_function_tail",
	"cfunction_call*",
	"cfunction_vectorcall*",
	"classmethoddescr_call",
	"do_call",
	"do_call_core",
	"fast_function",
	"function_call",
	"function_code_fastcall",
	"method_call",
	"method_vectorcall*",
	"methoddescr_call",
	"object_vacall",
	"tp_new_wrapper",
	"type_call",
	"vectorcall_maybe",
	"vectorcall_method",
	"vectorcall_unbound",
	"wrapper_call",
	"wrapperdescr_call",
	"wrapperdescr_raw_call",
};

/*
 * What stands between an interpreted frame and the loop that it leads to. Leafward of all of them
 * such names say what is going on: a wait for the lock (PyEval_RestoreThread), an addition.
 */
static const char *const between[] = {
	/* From a call to the loop: Objects/call.c, methodobject.c, descrobject.c, Python/ceval.c.
	 */
	"_PyEval_*",
	"PyEval_*",
	"cmp_outcome",
	"import_name",
	"wrap_binaryfunc*",
	"wrap_buffer",
	"wrap_call",
	"wrap_del*",
	"wrap_descr_*",
	"wrap_hashfunc",
	"wrap_indexargfunc",
	"wrap_init",
	"wrap_inquirypred",
	"wrap_lenfunc",
	"wrap_next",
	"wrap_objobj*",
	"wrap_releasebuffer",
	"wrap_richcmpfunc",
	"wrap_setattr",
	"wrap_sq_*",
	"wrap_ternaryfunc*",
	"wrap_unaryfunc",
	"_PyEvalFrame*",
	"_PyFrame_Clear*",
	"clear_thread_frame",
	/* From an operator to the method that a class gives it: Objects/typeobject.c, abstract.c.
	 */
	"_Py_slot_tp_*",
	"slot_am_*",
	"slot_bf_*",
	"slot_mp_*",
	"slot_nb_*",
	"slot_sq_*",
	"slot_tp_*",
	"binary_iop",
	"binary_iop1",
	"binary_op",
	"binary_op1",
	"ternary_iop",
	"ternary_op",
	"call_attribute",
	"call_maybe",
	"call_method",
	"call_unbound",
	"call_unbound_noarg",
	"do_richcompare",
	"property_descr_*",
	"PyIter_Next*",
	"PyNumber_*",
	"_PyNumber_*",
	"PyObject_DelItem",
	"PyObject_Format",
	"PyObject_GenericGetAttr",
	"PyObject_GenericSetAttr",
	"PyObject_GetAttr*",
	"PyObject_GetItem",
	"PyObject_GetIter",
	"PyObject_GetOptionalAttr*",
	"PyObject_Hash",
	"PyObject_IsInstance",
	"PyObject_IsTrue",
	"PyObject_LengthHint",
	"PyObject_Repr",
	"PyObject_RichCompare*",
	"PyObject_SetAttr*",
	"PyObject_SetItem",
	"PyObject_Size",
	"PyObject_Str",
	"_PyObject_GenericGetAttr*",
	"_PyObject_GenericSetAttr*",
	"_PyObject_LookupAttr*",
	"Py_DECREF*",
	"Py_XDECREF*",
	"_Py_DECREF*",
	"_Py_XDECREF*",
	/* Generators and coroutines: Objects/genobject.c. */
	"_PyGen_*",
	"PyGen_am_send",
	"PyIter_Send",
	"_gen_throw",
	"async_gen_*",
	"coro_await",
	"coro_wrapper_*",
	"gen_close",
	"gen_close_iter",
	"gen_dealloc",
	"gen_iternext",
	"gen_send",
	"gen_send_ex",
	"gen_send_ex2",
	"gen_throw",
	/* From the start of a program or a thread to its code: Modules/main.c, Python/pythonrun.c.
	 */
	"Py_BytesMain",
	"Py_Main",
	"Py_RunMain",
	"_Py_UnixMain",
	"pymain_*",
	"PyRun_*",
	"_PyRun_*",
	"pyrun_*",
	"run_eval_code_obj",
	"run_file",
	"run_mod",
	"pythread_wrapper",
	"t_bootstrap",
	"thread_run",
};

/* Code that an interpreter brings along, which its own tracebacks don't show. */
static const struct {
	const char *name, *file;
} shims[] = {
	/* CPython from 3.13: what a class's call leaves on the stack for __init__() to return to.
	 */
	{ "__init__", "__init__" },
};

static bool fits(const char *pattern, const char *name, size_t size)
{
	size_t len;

	/* Most are told apart here. */
	if (pattern[0] != name[0] && pattern[0] != '*')
		return false;
	len = strlen(pattern);
	if (pattern[0] == '*')
		return memmem(name, size, pattern + 1, len - 2);
	if (pattern[len - 1] == '*')
		return size >= len - 1 && !memcmp(name, pattern, len - 1);
	return size == len && !memcmp(name, pattern, len);
}

static bool is_any(const char *const *patterns, size_t nr, const char *name)
{
	/* Compilers split and copy functions: gen_send_ex.cold, collect.constprop.0, … */
	size_t size = strcspn(name, ".");

	for (size_t i = 0; i < nr; i++)
		if (fits(patterns[i], name, size))
			return true;
	return false;
}

/* The objects with a loop that runs something in this stack: hardly ever more than one. */
struct loops {
	uint32_t objects[4], nr;
};

static bool loops_have(const struct loops *l, uint32_t object)
{
	for (uint32_t i = 0; i < l->nr; i++)
		if (l->objects[i] == object)
			return true;
	return false;
}

static bool is_shim(const struct capture *c, const struct raw_frame *f)
{
	struct raw_code code = capture_code_at(c, (uint32_t)(f->offset >> 32));

	for (size_t i = 0; i < ARRAY_SIZE(shims); i++)
		if (!strcmp(capture_string_at(c, code.name), shims[i].name) &&
		    !strcmp(capture_string_at(c, code.file), shims[i].file))
			return true;
	return false;
}

static enum plumbing_role role_of(const struct capture *c, const struct raw_frame *f,
				  const struct loops *loops)
{
	enum object_kind kind = c->objects[f->object].kind;

	if (kind == OBJECT_CODE)
		return is_shim(c, f) ? PLUMBING_SHIM : PLUMBING_INTERPRETED;
	if (f->flags & RAW_RUNS)
		return PLUMBING_LOOP;
	return kind == OBJECT_ELF && loops_have(loops, f->object) ? PLUMBING_OWN : PLUMBING_OTHER;
}

void plumbing_roles(const struct capture *c, const struct raw_stack *stack, enum plumbing_role *ret)
{
	struct loops loops = { 0 };

	for (uint32_t i = 0; i < stack->nr; i++)
		if (stack->frames[i].flags & RAW_RUNS && loops.nr < ARRAY_SIZE(loops.objects) &&
		    !loops_have(&loops, stack->frames[i].object))
			loops.objects[loops.nr++] = stack->frames[i].object;
	for (uint32_t i = 0; i < stack->nr; i++)
		ret[i] = role_of(c, &stack->frames[i], &loops);
}

/* `below`: rootward of an interpreted frame. A leaf is what runs, whatever it is called. */
static bool is_hidden(const struct profile *p, uint32_t frame, enum plumbing_role role, bool below)
{
	const struct frame *f = profile_frame_at(p, frame);
	const char *name;

	if (role == PLUMBING_LOOP)
		return true;
	if (role != PLUMBING_OWN)
		return false;
	/* A file without symbols doesn't say what is what: nothing of it is of use. */
	if (!f->function)
		return below;
	name = profile_string_at(p, f->function);
	return is_any(calls, ARRAY_SIZE(calls), name) ||
	       (below && is_any(between, ARRAY_SIZE(between), name));
}

uint32_t plumbing_remove(const struct profile *p, uint32_t *frames, const enum plumbing_role *roles,
			 uint32_t nr)
{
	bool below = false, any = false;
	uint32_t kept = 0;

	for (uint32_t i = 0; i < nr; i++)
		any |= roles[i] == PLUMBING_INTERPRETED;
	for (uint32_t i = 0; i < nr; i++) {
		below |= roles[i] == PLUMBING_INTERPRETED || roles[i] == PLUMBING_SHIM;
		/* As a leaf, too: its function is being called, or has returned. */
		if (any && roles[i] == PLUMBING_SHIM)
			continue;
		if (!any || !i || !is_hidden(p, frames[i], roles[i], below))
			frames[kept++] = frames[i];
	}
	return kept;
}
