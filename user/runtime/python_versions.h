/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Offsets of CPython's versions, as data. They were compiled from each version's headers; a
 * version that has no row is refused. From 3.13 on a process says most of them itself.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "abi.h"
#include "base/strbuf.h"
#include "runtime/image.h"
#include "runtime/runtime.h"

struct python_layout {
	uint8_t minor;
	uint8_t first_micro; /* patch releases before it differ */
	bool is_in_process;  /* python_debug_offsets() has the rest */
	uint8_t variables;   /* enum python_variables */
	/* In _PyRuntime. */
	uint16_t interpreters, key, holder; /* the pointer; the u32; the pointer; 0: none */
	uint16_t interpreter_next, interpreter_threads, state_next;
	struct abi_python abi; /* only its offsets */
};

/* The thread's state in variables of each thread. */
enum python_variables {
	PYTHON_VARIABLES_NONE,
	PYTHON_VARIABLES_HELD,	    /* while it holds the GIL */
	PYTHON_VARIABLES_HELD_KEPT, /* another one always has it, and there is no key */
};

/* PY_VERSION_HEX: 0x030b02f0 is 3.11.2. */
struct python_release {
	uint8_t major, minor, micro, level, serial;
};
#define PYTHON_FINAL 0xf
struct python_release python_release(uint32_t hex);
/* "3.9.2", "3.12.0rc1+" …; false: it is no version. */
bool python_release_parse(const char *text, struct python_release *ret);

/* NULL: its offsets are not known; `why` says so. */
const struct python_layout *python_layout_of(const struct python_release *release,
					     struct strbuf *why);

/*
 * The layout of a process from 3.13 on: `runtime` is the address of _PyRuntime, *layout the row.
 * 0; -EAGAIN: can't be read; -ENOTSUP: it is not what this version has, `why` says what.
 */
int python_debug_offsets(const struct target_memory *memory, uint64_t runtime,
			 struct python_layout *layout, struct strbuf *why);
/* The same of a file: they are data that it has. */
int python_debug_offsets_of_file(const struct image *im, uint64_t runtime,
				 struct python_layout *layout, struct strbuf *why);

/* May the walk go by these offsets: does all that they refer to lie within what it reads? */
bool python_layout_is_walkable(const struct python_layout *layout);
