// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * compare: reads what lines.py writes, and asks python_line() the same. Says on standard output how
 * many answers and code objects there were, and how many answers differ; on standard error the
 * first ones that do. Exit status 1: some differ; 2: the input was not whole.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "symbolize/python_lines.h"

enum { FROM = -2, SHOWN = 10, MAX_BYTES = 256 << 20 };

#define END 0xffffffffu

struct head {
	uint32_t format;
	int32_t first_line;
	uint32_t nr_table, nr_answers;
};

struct counts {
	uint64_t codes, answers, with_line, wrong;
};

static void *read_some(size_t size)
{
	void *bytes = malloc(size ? size : 1);

	if (!bytes || (size && fread(bytes, size, 1, stdin) != 1)) {
		free(bytes);
		return NULL;
	}
	return bytes;
}

static int compare_code(const struct head *h, struct counts *c)
{
	_cleanup_free_ uint8_t *table = NULL;
	_cleanup_free_ int32_t *expected = NULL;
	struct raw_code code = {
		.first_line = (uint32_t)h->first_line,
		.format = (enum code_lines)h->format,
		.nr_lines = h->nr_table,
	};

	if (h->nr_table > MAX_BYTES || h->nr_answers > MAX_BYTES / sizeof(*expected))
		return -1;
	table = read_some(h->nr_table);
	expected = read_some(h->nr_answers * sizeof(*expected));
	if (!table || !expected)
		return -1;
	code.lines = table;
	for (uint32_t i = 0; i < h->nr_answers; i++) {
		uint32_t wanted = expected[i] > 0 ? (uint32_t)expected[i] : 0;
		uint32_t got = python_line(&code, (uint32_t)(FROM + 2 * (int32_t)i));

		c->with_line += wanted != 0;
		if (got == wanted || c->wrong++ >= SHOWN)
			continue;
		fprintf(stderr, "code %llu, first line %d, at %d: %u, CPython says %d\n",
			(unsigned long long)c->codes, h->first_line, FROM + 2 * (int32_t)i, got,
			expected[i]);
	}
	c->codes++;
	c->answers += h->nr_answers;
	return 0;
}

int main(void)
{
	struct counts c = { 0 };
	struct head h = { 0 };

	while (fread(&h, sizeof(h), 1, stdin) == 1 && h.format != END) {
		if (compare_code(&h, &c) < 0) {
			fprintf(stderr, "compare: a code object is not whole\n");
			return 2;
		}
	}
	if (h.format != END || h.nr_answers != c.codes || !c.with_line) {
		fprintf(stderr, "compare: the input ends after %llu code objects\n",
			(unsigned long long)c.codes);
		return 2;
	}
	printf("%llu offsets of %llu code objects, %llu with a line: %llu differ\n",
	       (unsigned long long)c.answers, (unsigned long long)c.codes,
	       (unsigned long long)c.with_line, (unsigned long long)c.wrong);
	return c.wrong != 0;
}
