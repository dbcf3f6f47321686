/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * May a function's return be probed? A return probe puts an address of its own in the place of the
 * return address. An exception that finds that one on its way up ends the program; so does
 * a function that returns twice, or one that isn't called at all (_start).
 */
#pragma once
#include <stdbool.h>

/* By a name that is known for it; a version ("@GLIBC_2.2.5") may follow. */
bool function_returns_once(const char *name);
/*
 * Does a symbol say that its file throws exceptions, or lets them pass? `defined`: by the file
 * itself.
 */
bool function_tells_exceptions(const char *name, bool defined);
