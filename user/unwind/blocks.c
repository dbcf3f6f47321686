// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "unwind/blocks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

enum {
	PAGE_SIZE = 1 << CFI_PAGE_SHIFT,
	ROWS_OF_BUCKET = 6, /* aimed at: an index of half a byte a row, at most */
	MAX_PAGES = 1 << 20,
	NR_SLOTS = 2 * CFI_MAX_RULES, /* of the hash of a page's full rules */
	MAX_WORDS = CFI_PAGE_LOCATION(UINT32_MAX),
};

struct block_writer {
	struct unwind_table *table;
	size_t max_bytes;
	size_t pages_capacity, blocks_capacity, words_capacity;
	/* In force now. */
	uint32_t rule;
	struct cfi_rule full;
	/* The page that is being filled. */
	bool is_open, is_full;
	uint64_t page;
	uint32_t nr_rows, nr_rules;
	/* Words for more of them; one row is kept for saying that the others found none. */
	uint32_t room;
	/* Of one row and no full rule: the last one made. */
	uint32_t plain_rule, plain_block;
	uint32_t rows[CFI_BLOCK_WORDS];
	struct cfi_rule rules[CFI_MAX_RULES];
	uint16_t slots[NR_SLOTS]; /* number + 1 */
};

static int reserve_words(struct block_writer *w, uint32_t nr)
{
	struct unwind_table *t = w->table;
	size_t want = (size_t)t->nr_words + nr;

	if (want > MAX_WORDS)
		return -EFBIG;
	/* What is reserved doubles. */
	if (want > w->words_capacity &&
	    unwind_table_memory(t) + 2 * want * sizeof(*t->words) > w->max_bytes)
		return -EFBIG;
	return array_reserve(t->words, w->words_capacity, want);
}

/* Fewer buckets where rows are few. */
static uint32_t choose_shift(uint32_t nr_rows)
{
	uint32_t shift = 0;

	while (shift < CFI_MAX_SHIFT && nr_rows < (uint32_t)ROWS_OF_BUCKET
							  << (CFI_MAX_SHIFT - shift))
		shift++;
	return shift;
}

static void write_index(const struct block_writer *w, uint32_t *words, uint32_t shift)
{
	uint16_t numbers[2 * CFI_INDEX_WORDS(0)] = { 0 };
	uint32_t nr = 1u << (CFI_MAX_SHIFT - shift), bits = CFI_BUCKET_SHIFT + shift;

	/* Of the rows between two buckets' begins the last one is in force at the second. */
	for (uint32_t row = 0; row < w->nr_rows; row++)
		numbers[((w->rows[row] >> 16) + (1u << bits) - 1) >> bits] = (uint16_t)row;
	for (uint32_t b = 1; b <= nr; b++)
		numbers[b] = numbers[b] > numbers[b - 1] ? numbers[b] : numbers[b - 1];
	memcpy(words, numbers, CFI_INDEX_WORDS(shift) * sizeof(*words));
}

static int write_block(struct block_writer *w, uint32_t *ret)
{
	struct unwind_table *t = w->table;
	uint32_t shift = choose_shift(w->nr_rows), rules = w->nr_rules * CFI_RULE_WORDS;
	uint32_t size = rules + CFI_INDEX_WORDS(shift) + w->nr_rows, *words;

	if (w->nr_rows == 1 && !w->nr_rules && t->nr_blocks && w->rows[0] == w->plain_rule) {
		*ret = w->plain_block;
		return 0;
	}
	if (w->nr_rows == 1 && w->rows[0] == CFI_GAP && t->nr_blocks) {
		*ret = 0;
		return 0;
	}
	int r = reserve_words(w, size);

	if (!r)
		r = array_reserve(t->blocks, w->blocks_capacity, t->nr_blocks + 1);
	if (r)
		return r;
	words = t->words + t->nr_words;
	for (uint32_t i = 0; i < w->nr_rules; i++)
		memcpy(words + rules - (i + 1) * CFI_RULE_WORDS, &w->rules[i], sizeof(w->rules[i]));
	write_index(w, words + rules, shift);
	memcpy(words + rules + CFI_INDEX_WORDS(shift), w->rows, w->nr_rows * sizeof(*w->rows));
	t->blocks[t->nr_blocks] = (struct unwind_block){ t->nr_words, size, t->nr_words + rules,
							 shift };
	t->nr_words += size;
	t->nr_full += w->nr_rules;
	if (w->nr_rows == 1 && !w->nr_rules) {
		w->plain_rule = w->rows[0];
		w->plain_block = t->nr_blocks;
	}
	*ret = t->nr_blocks++;
	return 0;
}

static int add_page(struct block_writer *w, uint32_t block)
{
	struct unwind_table *t = w->table;
	int r;

	if (t->nr_pages == w->pages_capacity && 2 * unwind_table_memory(t) > w->max_bytes)
		return -EFBIG;
	r = array_reserve(t->pages, w->pages_capacity, t->nr_pages + 1);
	if (!r)
		t->pages[t->nr_pages++] = block;
	return r;
}

static uint32_t hash_rule(const struct cfi_rule *rule)
{
	uint32_t words[CFI_RULE_WORDS], h = 0;

	memcpy(words, rule, sizeof(words));
	for (int i = 0; i < CFI_RULE_WORDS; i++)
		h = (h ^ words[i]) * 0x9e3779b1u;
	return h ^ h >> 15;
}

/* The row of the full rule that is in force, whose number is the page's. */
static uint32_t number_rule(struct block_writer *w)
{
	const struct cfi_rule *rule = &w->full;
	uint32_t at = hash_rule(rule) % NR_SLOTS;

	if (!w->nr_rules)
		memset(w->slots, 0, sizeof(w->slots));
	for (; w->slots[at]; at = (at + 1) % NR_SLOTS)
		if (!memcmp(&w->rules[w->slots[at] - 1], rule, sizeof(*rule)))
			return CFI_FULL + w->slots[at] - 1u;
	/* The row itself needs a word. */
	if (w->nr_rules == CFI_MAX_RULES || w->room < CFI_RULE_WORDS + 1) {
		w->table->nr_bad++;
		return CFI_BROKEN;
	}
	w->room -= CFI_RULE_WORDS;
	w->rules[w->nr_rules++] = *rule;
	w->slots[at] = (uint16_t)w->nr_rules;
	return CFI_FULL + w->nr_rules - 1;
}

static void write_row(struct block_writer *w, uint32_t at, uint32_t rule)
{
	if (w->nr_rows && (w->rows[w->nr_rows - 1] & 0xffff) == rule)
		return;
	w->rows[w->nr_rows++] = at << 16 | rule;
	w->room--;
}

/* Not inlined, as move_on(): most rows need neither. */
static __attribute__((noinline)) void add_rare_row(struct block_writer *w, uint32_t at)
{
	if (w->room) {
		write_row(w, at, number_rule(w));
		return;
	}
	w->table->nr_bad++;
	if (!w->is_full)
		w->rows[w->nr_rows++] = at << 16 | CFI_BROKEN;
	w->is_full = true;
}

static void add_row(struct block_writer *w, uint32_t at)
{
	if (w->room && w->rule != CFI_FULL)
		write_row(w, at, w->rule);
	else
		add_rare_row(w, at);
}

static void open_page(struct block_writer *w, uint64_t page)
{
	w->page = page;
	w->is_open = true;
	w->is_full = false;
	w->nr_rows = w->nr_rules = 0;
	w->room = CFI_BLOCK_WORDS - CFI_INDEX_WORDS(0) - 1;
}

static int close_page(struct block_writer *w)
{
	uint32_t block;
	int r = write_block(w, &block);

	return r ? r : add_page(w, block);
}

/* Fills the pages up to `page`; the first row of that one is written if it begins above 0. */
static int move_to(struct block_writer *w, uint64_t page, bool begins_above)
{
	struct unwind_table *t = w->table;
	uint32_t block;
	int r;

	if (!w->is_open) {
		/* Block 0. */
		t->first_page = page;
		open_page(w, page);
		w->rows[w->nr_rows++] = CFI_GAP;
		r = write_block(w, &block);
		if (r)
			return r;
	} else {
		r = close_page(w);
		if (r)
			return r;
		if (page - t->first_page >= MAX_PAGES)
			return -EFBIG;
		if (page - w->page > 1) {
			open_page(w, w->page + 1);
			add_row(w, 0);
			r = write_block(w, &block);
			for (uint64_t p = w->page; !r && p < page; p++)
				r = add_page(w, block);
			if (r)
				return r;
		}
	}
	open_page(w, page);
	if (begins_above)
		add_row(w, 0);
	return 0;
}

static int set_in_page(struct block_writer *w, uint64_t address, uint32_t rule,
		       const struct cfi_rule *full)
{
	w->rule = rule;
	if (rule == CFI_FULL)
		w->full = *full;
	w->table->nr_rows++;
	add_row(w, (uint32_t)(address % PAGE_SIZE));
	return 0;
}

static __attribute__((noinline)) int move_on(struct block_writer *w, uint64_t address,
					     uint32_t rule, const struct cfi_rule *full)
{
	int r = move_to(w, address >> CFI_PAGE_SHIFT, address % PAGE_SIZE);

	return r ? r : set_in_page(w, address, rule, full);
}

int block_writer_set(struct block_writer *w, uint64_t address, uint32_t rule,
		     const struct cfi_rule *full)
{
	if (rule == w->rule && (rule != CFI_FULL || !memcmp(full, &w->full, sizeof(*full))))
		return 0;
	if (!w->is_open || address >> CFI_PAGE_SHIFT != w->page)
		return move_on(w, address, rule, full);
	return set_in_page(w, address, rule, full);
}

static void shrink(void **array, size_t nr, size_t size)
{
	void *smaller = nr ? reallocarray(*array, nr, size) : NULL;

	if (smaller)
		*array = smaller;
}

int block_writer_finish(struct block_writer *w)
{
	struct unwind_table *t = w->table;
	int r = 0;

	if (!w->is_open)
		return 0;
	if (w->nr_rows > 1 || w->rows[0] != CFI_GAP)
		r = close_page(w);
	w->is_open = false;
	shrink((void **)&t->words, t->nr_words, sizeof(*t->words));
	shrink((void **)&t->blocks, t->nr_blocks, sizeof(*t->blocks));
	shrink((void **)&t->pages, t->nr_pages, sizeof(*t->pages));
	return r;
}

int block_writer_new(struct block_writer **ret, struct unwind_table *t, size_t max_bytes)
{
	struct block_writer *w = malloc(sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->table = t;
	w->max_bytes = max_bytes;
	w->pages_capacity = w->blocks_capacity = w->words_capacity = 0;
	w->rule = CFI_GAP;
	w->is_open = w->is_full = false;
	w->nr_rows = w->nr_rules = 0;
	w->plain_rule = CFI_GAP;
	w->plain_block = 0;
	*ret = w;
	return 0;
}

void block_writer_free(struct block_writer *w)
{
	free(w);
}
