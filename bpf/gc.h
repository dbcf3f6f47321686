/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The tag of mode gc: runtime, generation, kind, reason. But for the runtime, 0 is "not told". */
#pragma once

enum gc_runtime { GC_PYTHON = 1, GC_HOTSPOT, GC_V8, GC_GO, GC_PHP, GC_RUBY, GC_RUNTIMES };

enum {
	GC_RUNTIME_SHIFT = 0,
	GC_RUNTIME_BITS = 8,
	GC_GENERATION_SHIFT = 8, /* 1 + the generation's number */
	GC_GENERATION_BITS = 8,
	GC_KIND_SHIFT = 16, /* 1 + place in the runtime's list of kinds */
	GC_KIND_BITS = 8,
	GC_REASON_SHIFT = 24, /* 1 + place in its list of reasons */
	GC_REASON_BITS = 16,
	/* At ABI_TEXT_SHIFT: the runtime's own name of what it does. */
};
