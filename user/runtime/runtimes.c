// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "runtime/runtime.h"

#include "runtime/python.h"

const struct runtime *const runtimes[] = { &runtime_python, NULL };

int runtime_detect(const struct runtime_image *image, struct runtime_build *ret, struct strbuf *why)
{
	for (const struct runtime *const *r = runtimes; *r; r++) {
		int found = (*r)->detect(image, ret, why);

		if (found)
			return found;
	}
	return 0;
}

void runtime_build_done(struct runtime_build *b)
{
	if (b->runtime && b->runtime->done)
		b->runtime->done(b);
	*b = (struct runtime_build){ 0 };
}

const struct runtime *runtime_of(enum abi_runtime_kind kind)
{
	for (const struct runtime *const *r = runtimes; *r; r++)
		if ((*r)->kind == kind)
			return *r;
	return NULL;
}
