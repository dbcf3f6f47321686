/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Python's marshal format (CPython, Python/marshal.c), front to back and only
 * with what all since 2.5 read: no references, no short forms. Errors are the
 * stream's. A tuple's items follow it; of a dict keys and values by turns, then
 * marshal_dict_end(). Nothing is kept or checked of how they are nested.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

void marshal_float(FILE *out, double value);
void marshal_int(FILE *out, uint64_t value);
/* At most INT32_MAX bytes, all of them UTF-8. */
void marshal_text(FILE *out, const char *text, size_t size);
void marshal_tuple(FILE *out, uint32_t nr);
void marshal_dict(FILE *out);
void marshal_dict_end(FILE *out);
