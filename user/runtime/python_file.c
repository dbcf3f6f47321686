// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What a file says of all processes that run it, before one does: enough for probes in its own
 * code, which are hit where the thread's state is known by a word of the file's data, or by a
 * variable of each thread.
 */
#include <errno.h>

#include "runtime/python_inside.h"

static void find_held(const struct python_variable *v, struct abi_runtime *ret)
{
	switch (v->kind) {
	case PYTHON_VARIABLE_NONE:
		break;
	case PYTHON_VARIABLE_FIXED:
		ret->python.held.offset = v->offset;
		break;
	case PYTHON_VARIABLE_MODULE:
		ret->python.held = (struct abi_thread_local){ .offset = v->offset, .module = 1 };
		/* fall through */
	case PYTHON_VARIABLE_OFFSET:
		ret->held_at = v->got;
		break;
	}
}

static int describe(const struct image *im, const struct python_build *b, struct abi_runtime *ret,
		    struct strbuf *why)
{
	struct python_layout layout = *b->layout;

	if (layout.is_in_process) {
		int r = python_debug_offsets_of_file(im, b->runtime, &layout, why);

		if (r)
			return r;
	}
	if (!python_layout_is_walkable(&layout)) {
		strbuf_addf(why, "Python 3.%u: the offsets that it says can't be right",
			    layout.minor);
		return -ENOTSUP;
	}
	*ret = (struct abi_runtime){ .kind = ABI_RUNTIME_PYTHON,
				     .of_file = 1,
				     .python = layout.abi };
	ret->python.minor = layout.minor;
	/* Awaiters are nothing to calls. */
	ret->python.state_task = 0;
	return 0;
}

int python_find_runtime(const struct runtime_image *image, uint8_t *ret_minor,
			uint64_t *ret_address)
{
	_cleanup_(strbuf_done) struct strbuf why = STRBUF_INIT;
	const struct python_build *b;
	struct runtime_build build;
	int r = runtime_python.detect(image, &build, &why);

	if (r <= 0)
		return r == -ENOMEM ? r : 0;
	b = build.data;
	*ret_minor = b->layout->minor;
	*ret_address = b->runtime;
	runtime_build_done(&build);
	return 1;
}

int python_describe_file(const struct runtime_image *image, bool needs_state,
			 struct abi_runtime *ret, struct strbuf *why)
{
	const struct python_build *b;
	struct runtime_build build;
	struct image im;
	int r = runtime_python.detect(image, &build, why);

	if (r <= 0)
		return r;
	b = build.data;
	r = image_open(&im, image->fd);
	if (!r)
		r = describe(&im, b, ret, why);
	image_done(&im);
	if (!r && needs_state) {
		ret->python.holder = b->holder;
		if (!b->holder)
			find_held(&b->held, ret);
		r = b->holder || b->held.kind != PYTHON_VARIABLE_NONE ? 0 : -ENOTSUP;
		if (r)
			strbuf_addf(why, "%s: nothing leads from a thread to its state",
				    build.version);
	}
	runtime_build_done(&build);
	return r ? r : 1;
}
