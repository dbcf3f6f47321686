// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "symbolize/function_returns.h"

#include <stddef.h>
#include <string.h>

#include "base/array.h"

/* '*' at the end: whatever follows. */
static const char *const special[] = {
	/* nobody called them: their stack begins with something else */
	"_start",
	"_dl_start_user",
	"__start_context",
	"__restore_rt",
	"__restore",
	"__kernel_rt_sigreturn",
	/* return twice, or on another stack */
	"setjmp",
	"_setjmp",
	"__setjmp",
	"sigsetjmp",
	"__sigsetjmp",
	"savectx",
	"vfork",
	"__vfork",
	"__libc_vfork",
	"clone",
	"__clone",
	"clone3",
	"__clone3",
	"__clone_internal",
	"getcontext",
	"__getcontext",
	"swapcontext",
	"__swapcontext",
	"setcontext",
	"__setcontext",
	"__push___start_context",
	"__morestack*",
	/* read the stack that they are called on, or go by who called them */
	"_Unwind_*",
	"_Ux86_64_*",
	"_Uaarch64_*",
	"_ULx86_64_*",
	"_ULaarch64_*",
	"unw_*",
	"backtrace",
	"__backtrace",
	"dlsym",
	"__dlsym",
	"dlvsym",
	"__dlvsym",
	"dlopen",
	"__dlopen",
	"dlmopen",
	"__dlmopen",
	"mcount",
	"_mcount",
	"__fentry__",
	"__cyg_profile_*",
	/* what they call may throw */
	"qsort",
	"qsort_r",
	"__qsort_r",
	"bsearch",
	"pthread_once",
	"__pthread_once",
	"call_once",
};

static bool is_name(const char *name, const char *known)
{
	size_t size = strlen(known);

	if (known[size - 1] == '*')
		return !strncmp(name, known, size - 1);
	return !strncmp(name, known, size) && (!name[size] || name[size] == '@');
}

bool function_returns_once(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(special); i++)
		if (is_name(name, special[i]))
			return false;
	return true;
}

bool function_tells_exceptions(const char *name, bool defined)
{
	static const char *const signs[] = {
		"__gxx_personality_v0",	 "__cxa_throw",
		"__cxa_begin_catch",	 "__gnat_personality_v0",
		"rust_eh_personality",	 "__gdc_personality_v0",
		"__objc_personality_v0", "__gccgo_personality_v0",
	};

	for (size_t i = 0; i < ARRAY_SIZE(signs); i++)
		if (is_name(name, signs[i]))
			return true;
	/* What is linked statically has the code of it in any case. */
	if (!defined)
		return is_name(name, "_Unwind_RaiseException");
	return name[0] == '_' && (name[1] == 'Z' || name[1] == 'R');
}
