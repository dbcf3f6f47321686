/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A pattern that names functions: * is any text, ? any byte, [a-z] and [!a-z]
 * one of a set, \ takes a byte as it is. It is asked of a function's name as the file has it,
 * then of the readable one, without parameters; with them where the pattern has a '('.
 * Few names are demangled for it: a name from a source stands in the mangled one as it is.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/strbuf.h"

struct function_pattern {
	const char *text;   /* the caller's */
	const char *needle; /* in `text`: what each mangled name that matches has; NULL: unknown */
	size_t needle_size;
	bool has_parameters;
	bool is_plain; /* nothing in it stands for anything else */
};

void function_pattern_init(struct function_pattern *p, const char *text);
/* Does it name this function? `scratch` is anybody's. */
bool function_pattern_match(const struct function_pattern *p, const char *name, size_t size,
			    struct strbuf *scratch);
/* The pattern alone, in time of the product of both sizes at most. */
bool function_pattern_glob(const char *pattern, const char *text);
/* Could a demangler show this word for a name that doesn't have it? */
bool function_pattern_is_shorthand(const char *word, size_t size);
