// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "unwind/table.h"

#include <stdlib.h>
#include <string.h>

#include "unwind/rule.h"

enum { MAX_WORDS = CFI_PAGE_LOCATION(UINT32_MAX), NR_REGISTER_WORDS = 33 };

void unwind_table_free(struct unwind_table *t)
{
	if (!t)
		return;
	free(t->pages);
	free(t->blocks);
	free(t->words);
	free(t->segments);
	free(t);
}

size_t unwind_table_memory(const struct unwind_table *t)
{
	return sizeof(*t) + (size_t)t->nr_pages * sizeof(*t->pages) +
	       (size_t)t->nr_blocks * sizeof(*t->blocks) + (size_t)t->nr_words * sizeof(*t->words) +
	       (size_t)t->nr_segments * sizeof(*t->segments);
}

bool unwind_table_address(const struct unwind_table *t, uint64_t file_offset, uint64_t *ret)
{
	const struct unwind_machine *m = unwind_machine_of(t->machine);
	uint64_t mask = m ? m->page_size - 1 : 0;

	for (uint32_t i = 0; i < t->nr_segments; i++) {
		const struct unwind_segment *s = &t->segments[i];

		if (file_offset >= s->offset && file_offset - s->offset < s->size) {
			*ret = s->address + (file_offset - s->offset);
			return true;
		}
	}
	/* A mapping has whole pages: what stands before and behind is mapped too. */
	for (uint32_t i = 0; i < t->nr_segments; i++) {
		const struct unwind_segment *s = &t->segments[i];
		uint64_t from = s->offset & ~mask, to = (s->offset + s->size + mask) & ~mask;

		if (file_offset >= from && file_offset < to &&
		    (file_offset >= s->offset || s->offset - file_offset <= s->address)) {
			*ret = s->address + (file_offset - s->offset);
			return true;
		}
	}
	return false;
}

static uint32_t index_at(const struct unwind_table *t, const struct unwind_block *b, uint32_t i)
{
	uint16_t number;

	memcpy(&number, (const char *)(t->words + b->index) + 2 * (size_t)i, 2);
	return number;
}

static bool is_valid_rule(uint32_t rule, uint32_t nr_rules)
{
	if (!(rule & CFI_SPECIAL))
		return true;
	return rule <= CFI_OTHER_STACK || (rule >= CFI_FULL && rule - CFI_FULL < nr_rules);
}

static bool is_valid_full(const uint32_t *words)
{
	struct cfi_rule rule;

	memcpy(&rule, words, sizeof(rule));
	return (rule.cfa & ~CFI_CFA_DEREF) < NR_REGISTER_WORDS &&
	       rule.ra_register < NR_REGISTER_WORDS && rule.fp_register < NR_REGISTER_WORDS &&
	       (rule.how & 0xf) <= CFI_ELSEWHERE && rule.how >> 4 <= CFI_UNDEFINED;
}

static bool is_valid_index(const struct unwind_table *t, const struct unwind_block *b,
			   const uint32_t *rows, uint32_t nr_rows)
{
	uint32_t nr = 1u << (CFI_MAX_SHIFT - b->shift), row = 0;

	for (uint32_t i = 0; i < nr; i++) {
		while (row + 1 < nr_rows &&
		       rows[row + 1] >> 16 <= i << (CFI_BUCKET_SHIFT + b->shift))
			row++;
		if (index_at(t, b, i) != row)
			return false;
	}
	return index_at(t, b, nr) == nr_rows - 1;
}

static bool is_valid_block(const struct unwind_table *t, const struct unwind_block *b)
{
	uint32_t nr_rules, nr_rows, head;
	const uint32_t *rows;

	if (b->size > CFI_BLOCK_WORDS || b->begin > t->nr_words ||
	    b->size > t->nr_words - b->begin || b->index < b->begin || b->shift > CFI_MAX_SHIFT)
		return false;
	nr_rules = (b->index - b->begin) / CFI_RULE_WORDS;
	head = b->index - b->begin + CFI_INDEX_WORDS(b->shift);
	if ((b->index - b->begin) % CFI_RULE_WORDS || nr_rules > CFI_MAX_RULES ||
	    head < b->index - b->begin || head >= b->size)
		return false;
	rows = t->words + b->begin + head;
	nr_rows = b->size - head;
	if (rows[0] >> 16)
		return false;
	for (uint32_t i = 0; i < nr_rules; i++)
		if (!is_valid_full(t->words + b->begin + (size_t)i * CFI_RULE_WORDS))
			return false;
	for (uint32_t i = 0; i < nr_rows; i++)
		if (!is_valid_rule(rows[i] & 0xffff, nr_rules) ||
		    (i && rows[i] >> 16 <= rows[i - 1] >> 16))
			return false;
	return is_valid_index(t, b, rows, nr_rows);
}

static bool is_valid_segments(const struct unwind_table *t)
{
	for (uint32_t i = 0; i < t->nr_segments; i++) {
		const struct unwind_segment *s = &t->segments[i];

		if (!s->size || s->size > UINT64_MAX - s->address || s->size > INT64_MAX ||
		    s->offset > INT64_MAX)
			return false;
		if (i && s->address < s[-1].address + s[-1].size)
			return false;
	}
	return true;
}

bool unwind_table_is_valid(const struct unwind_table *t)
{
	const struct unwind_block *gap = t->blocks;

	if (!unwind_machine_of(t->machine) || !is_valid_segments(t))
		return false;
	if (t->kind != UNWIND_TABLE)
		return (t->kind == UNWIND_FRAME_POINTER || t->kind == UNWIND_NOTHING) &&
		       !t->nr_pages && !t->nr_blocks && !t->nr_words;
	if (!t->nr_pages || !t->nr_blocks || t->nr_words > MAX_WORDS ||
	    t->first_page > UINT64_MAX >> CFI_PAGE_SHIFT ||
	    t->nr_pages - 1 > (UINT64_MAX >> CFI_PAGE_SHIFT) - t->first_page)
		return false;
	for (uint32_t i = 0; i < t->nr_pages; i++)
		if (t->pages[i] >= t->nr_blocks)
			return false;
	for (uint32_t i = 0; i < t->nr_blocks; i++)
		if (!is_valid_block(t, &t->blocks[i]))
			return false;
	return gap->size == CFI_INDEX_WORDS(CFI_MAX_SHIFT) + 1 &&
	       t->words[gap->begin + gap->size - 1] == CFI_GAP;
}

uint32_t unwind_table_rule(const struct unwind_table *t, uint64_t address,
			   struct cfi_rule *ret_full)
{
	uint64_t page = (address >> CFI_PAGE_SHIFT) - t->first_page;
	uint32_t low, high, bucket, at = address & 0xffff, rule;
	const struct unwind_block *b;
	const uint32_t *rows;

	if (page >= t->nr_pages)
		return CFI_GAP;
	b = &t->blocks[t->pages[page]];
	bucket = at >> (CFI_BUCKET_SHIFT + b->shift);
	low = index_at(t, b, bucket);
	high = index_at(t, b, bucket + 1);
	rows = t->words + b->index + CFI_INDEX_WORDS(b->shift);
	while (low < high) {
		uint32_t middle = (low + high + 1) / 2;

		if (rows[middle] >> 16 <= at)
			low = middle;
		else
			high = middle - 1;
	}
	rule = rows[low] & 0xffff;
	if (rule >= CFI_FULL)
		memcpy(ret_full,
		       t->words + b->index - (size_t)(rule - CFI_FULL + 1) * CFI_RULE_WORDS,
		       sizeof(*ret_full));
	return rule;
}
