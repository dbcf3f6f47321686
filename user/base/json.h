/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Writes JSON (RFC 8259) to a stream as it goes, with nothing kept. Commas are
 * its own affair; `key` is the member's name inside an object and NULL inside
 * an array or at the top. Errors are the stream's, to be checked by its owner.
 * Strings may hold any bytes: what is no UTF-8 becomes the text \xNN.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { JSON_DEPTH_MAX = 16 };

struct json {
	FILE *out;
	unsigned depth;
	char ends[JSON_DEPTH_MAX]; /* what closes each open level */
	bool filled[JSON_DEPTH_MAX];
};

void json_init(struct json *j, FILE *out);
void json_object(struct json *j, const char *key);
void json_array(struct json *j, const char *key);
/* Closes the innermost object or array; the last one ends with a newline. */
void json_end(struct json *j);
void json_string(struct json *j, const char *key, const char *value);
void json_u64(struct json *j, const char *key, uint64_t value);
/* A share, to six places; a number that JSON can't say is null. */
void json_share(struct json *j, const char *key, double value);
void json_i64(struct json *j, const char *key, int64_t value);
