/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Numbers as people write them. Each: 0, or -EINVAL (no such thing), -ERANGE (too large). */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"

int parse_u64(const char *s, uint64_t *ret);
/* "10s", "500ms", "2m", "1us", "1h", "1.5s"; a bare number is seconds. In nanoseconds. */
int parse_duration(const char *s, uint64_t *ret_ns);
/* "64M", "1G", "512K", "100000": powers of 1024, an optional B or iB behind. In bytes. */
int parse_size(const char *s, uint64_t *ret_bytes);
/* "0-3,5" → sorted, each once, at most `max` numbers below `limit`. The count, or as above. */
int parse_list(const char *s, uint32_t limit, uint32_t *ret, size_t max);

/* A time for a person, three significant digits: "118 µs", "1.29 ms", "20.3 s". */
void format_duration(uint64_t ns, struct strbuf *out);
/* "17", "1,234", "1,234,567". */
void format_count(uint64_t n, struct strbuf *out);
/* "512 B", "1.50 KiB", "30.2 MiB". */
void format_size(uint64_t bytes, struct strbuf *out);
