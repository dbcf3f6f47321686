/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The other files that debug information points to: the common part that dwz
 * moved out of several files, and .dwo files. Their paths are a target's
 * words, and libdw would open whatever they name, even a pipe that never
 * answers; so they are looked at first, and what isn't a regular file is
 * left alone.
 */
#pragma once
#include <elfutils/libdw.h>
#include <stdbool.h>

#include "symbolize/dwarf_die.h"
#include "symbolize/dwarf_image.h"

struct alternate {
	struct dwarf_image image;
	Dwarf *dwarf; /* NULL: there is none, or it isn't found; names in it are unknown then */
};

/* Finds what `main_image` links to (by build-id, which must be equal) for `main`, read from `fd`.
 */
void alternate_open(struct alternate *a, const struct dwarf_image *main_image, Dwarf *main, int fd,
		    size_t max_memory);
/* After dwarf_end() of the main file. */
void alternate_close(struct alternate *a);

/* Whether libdw may look for the .dwo file of this skeleton unit. */
bool split_is_safe(const struct die *unit);
