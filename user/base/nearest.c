// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "base/nearest.h"

#include <string.h>

enum { MAX_WORD = 64, MAX_DISTANCE = 2 };

void nearest_init(struct nearest *n, const char *asked, size_t size)
{
	*n = (struct nearest){ .asked = asked, .size = size, .distance = MAX_DISTANCE + 1 };
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Edits that lead from a to b; two neighbours that changed places are one edit. */
static unsigned edit_distance(const char *a, size_t nr_a, const char *b, size_t nr_b)
{
	unsigned rows[3][MAX_WORD + 1];

	for (size_t k = 0; k <= nr_b; k++)
		rows[0][k] = (unsigned)k;
	for (size_t i = 1; i <= nr_a; i++) {
		unsigned *now = rows[i % 3], *before = rows[(i + 2) % 3];

		now[0] = (unsigned)i;
		for (size_t k = 1; k <= nr_b; k++) {
			now[k] = least(before[k - 1] + (a[i - 1] != b[k - 1]),
				       least(before[k], now[k - 1]) + 1);
			if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1])
				now[k] = least(now[k], rows[(i + 1) % 3][k - 2] + 1);
		}
	}
	return rows[nr_a % 3][nr_b];
}

void nearest_try(struct nearest *n, const char *word)
{
	size_t size = strlen(word);
	unsigned distance;

	if (!n->size || n->size > MAX_WORD || size > MAX_WORD)
		return;
	distance = edit_distance(n->asked, n->size, word, size);
	/* Of a short word, two letters are nearly all. */
	if (distance >= size || distance >= n->size)
		distance = MAX_DISTANCE + 1;
	if (distance > MAX_DISTANCE && n->size > 1 && n->size < size &&
	    !memcmp(n->asked, word, n->size))
		distance = MAX_DISTANCE;
	if (distance < n->distance) {
		n->distance = distance;
		n->best = word;
	}
}
