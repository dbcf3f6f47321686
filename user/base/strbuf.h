/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Growing bytes, always followed by a NUL. A strbuf remembers that memory
 * ran out (`failed`) and then takes nothing more, so that a writer may append
 * many times and check once. It knows nothing of files or of profiling.
 */
#pragma once
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct strbuf {
	char *buf; /* NULL until the first byte; use strbuf_str() to read */
	size_t len, cap;
	bool failed;
};

#define STRBUF_INIT \
	{           \
		0   \
	}

void strbuf_done(struct strbuf *sb);
/* Empties; keeps the memory, clears `failed`. */
void strbuf_reset(struct strbuf *sb);
/* The bytes as a C string, never NULL; valid until the next change. */
const char *strbuf_str(const struct strbuf *sb);
/* Hands the memory to the caller, who frees it; NULL when `failed`. */
char *strbuf_steal(struct strbuf *sb);

/* Room for `more` bytes that the caller writes at buf + len; `failed` if there is none. */
void strbuf_reserve(struct strbuf *sb, size_t more);
void strbuf_add(struct strbuf *sb, const void *bytes, size_t size);
void strbuf_adds(struct strbuf *sb, const char *s);
void strbuf_addch(struct strbuf *sb, char c);
void strbuf_addf(struct strbuf *sb, const char *format, ...) __attribute__((format(printf, 2, 3)));
void strbuf_addvf(struct strbuf *sb, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));
/*
 * Adds text from a target as a terminal may show it: the bytes of controls (of those that turn text
 * around, too) and bytes that are no UTF-8 become \xNN; all else stands.
 */
void strbuf_add_escaped(struct strbuf *sb, const char *s);
/* Adds text with only the bytes that are no UTF-8 as \xNN, for formats that must be UTF-8. */
void strbuf_add_utf8(struct strbuf *sb, const char *s);
