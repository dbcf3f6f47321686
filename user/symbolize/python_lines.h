/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Line tables of CPython's code objects: Objects/lnotab_notes.txt (3.6 to 3.9),
 * PEP 626 (3.10), Objects/locations.md (from 3.11). Answers as PyCode_Addr2Line()
 * does. Tables are enemy input: every read is bounded.
 */
#pragma once
#include <stdint.h>

#include "model/capture.h"

/*
 * The line of the instruction at `at` bytes (3.10 and before: f_lasti in bytes), CODE_NOT_BEGUN or
 * CODE_NOWHERE. 0: it has none, or the table does not say. Takes as long as the table is.
 */
uint32_t python_line(const struct raw_code *code, uint32_t at);
