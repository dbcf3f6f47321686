// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The walk, where nothing that it reads can be trusted: blocks, lists of mappings, stacks and
 * registers made at random, half of them nearly right. Each block stands alone between pages that
 * can't be touched. The same rounds each time; other numbers of rounds and seeds by hand:
 *   test_walk_hostile [ROUNDS [SEED]]
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "abi.h"

enum {
	BLOCKS = 3,
	BLOCK_BYTES = ABI_BLOCK_WORDS * 4,
	PAGES = 16,
	WORDS = 4 * PAGES, /* of the directory, in block 0 behind the mappings */
	DIRECTORY = 256,
	MAPPINGS = 8,
	DEFAULT_ROUNDS = 200000,
	REFILL = 16, /* rounds after which all is made anew */
	MAX_READS = 6,
};

static uint64_t state;
static uint32_t *blocks[BLOCKS];
static uint64_t starts[MAPPINGS], sizes[MAPPINGS];
static uint32_t nr_reads;
static unsigned int unreadable; /* of 256 reads */

static uint64_t draw(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static uint32_t below(uint32_t n)
{
	return (uint32_t)(draw() >> 32) % n;
}

static uint64_t code_address(void)
{
	uint32_t i = below(MAPPINGS);

	return starts[i] + below((uint32_t)sizes[i]);
}

/* What a stack may hold: code's addresses, the stack's own, and anything. */
static uint64_t stack_word(uint64_t at)
{
	switch (below(32)) {
	case 0:
		return draw();
	case 1:
		return below(2) ? at : 0;
	case 2:
	case 3:
	case 4:
		return at + below(4096) * 8ul;
	default:
		return code_address();
	}
}

struct walk;

static const __u32 *walk_block(const struct walk *w, __u32 location)
{
	(void)w;
	return location / ABI_BLOCK_WORDS < BLOCKS ? blocks[location / ABI_BLOCK_WORDS] : NULL;
}

static long walk_copy(const struct walk *w, void *to, __u32 size, __u64 from)
{
	(void)w;
	uint64_t *words = to;

	nr_reads++;
	for (uint32_t i = 0; i < size / 8; i++)
		words[i] = stack_word(from + i * 8ul);
	return below(256) < unreadable ? -14 : 0;
}

static __u64 walk_thread(const struct walk *w)
{
	(void)w;
	return below(4) ? draw() : 0;
}

/* What an interrupted or an outdated entry may hold: anything. */
static struct walk_known *walk_known(const struct walk *w, __u64 hash)
{
	(void)w;
	static __u64 known[16][2];

	(void)hash;
	if (!below(64))
		known[below(16)][below(2)] = draw();
	return (void *)known[below(16)];
}

#include "walk.h"

static void *map_blocks(void)
{
	size_t size = (2ul * BLOCKS + 1) * BLOCK_BYTES;
	uint8_t *all = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (all == MAP_FAILED)
		return NULL;
	for (size_t i = 0; i < BLOCKS; i++) {
		blocks[i] = (uint32_t *)(all + (2 * i + 1) * BLOCK_BYTES);
		if (mprotect(blocks[i], BLOCK_BYTES, PROT_READ | PROT_WRITE))
			return NULL;
	}
	return all;
}

static uint16_t draw_rule(void)
{
	switch (below(16)) {
	case 0:
		return (uint16_t)(CFI_SPECIAL + below(8));
	case 1:
		return (uint16_t)(CFI_FULL + below(below(8) ? 4 : 0x7000));
	case 2:
		return (uint16_t)draw();
	default:
		return (uint16_t)(below(64) << CFI_OFFSET_SHIFT | below(16));
	}
}

/* A full rule whose numbers are small, so that walks get past it. */
static void make_full_rule(uint32_t *words)
{
	uint32_t how = below(5) | below(5) << 4, from = below(24) | (below(4) ? 0 : CFI_CFA_DEREF);

	words[0] = from | how << 8 | below(24) << 16 | below(24) << 24;
	for (int i = 1; i < CFI_RULE_WORDS; i++)
		words[i] = below(4) ? below(512) - 128 : (uint32_t)draw();
}

/* A page's block that is as it should be, but for what comes at random. */
static uint32_t make_page(uint32_t block, uint32_t at)
{
	uint32_t shift = below(CFI_MAX_SHIFT + 1), nr = 1 + below(300), row = 0;
	uint32_t index = at + 4 * CFI_RULE_WORDS, *words = blocks[block];
	uint16_t *buckets = (uint16_t *)&words[index];
	uint32_t *rows = &words[index + CFI_INDEX_WORDS(shift)];
	uint32_t nr_buckets = 1u << (CFI_MAX_SHIFT - shift);

	for (int i = 0; i < 4; i++)
		make_full_rule(&words[at + (uint32_t)i * CFI_RULE_WORDS]);
	for (uint32_t i = 0; i < nr; i++)
		rows[i] = (i * (65536 / nr)) << 16 | draw_rule();
	for (uint32_t i = 0; i < nr_buckets; i++) {
		while (row + 1 < nr && rows[row + 1] >> 16 <= i << (CFI_BUCKET_SHIFT + shift))
			row++;
		buckets[i] = (uint16_t)row;
	}
	buckets[nr_buckets] = (uint16_t)(nr - 1);
	return CFI_PAGE(block * ABI_BLOCK_WORDS + index, shift);
}

static void make_mappings(void)
{
	uint64_t at = 0x400000 + (draw() & 0xfff000);

	for (uint32_t i = 0; i < MAPPINGS; i++) {
		struct abi_mapping m = { .start = at, .kind = ABI_MAPPING_TABLE };

		m.end = at + 1 + below(1 << 20);
		m.page = DIRECTORY + below(PAGES);
		m.low = (uint16_t)(below(16) << 12);
		if (!below(8))
			m.kind = (uint16_t)below(6);
		starts[i] = at;
		sizes[i] = m.end - at;
		at = m.end + below(3) * 65536ul;
		memcpy(blocks[0] + i * ABI_MAPPING_WORDS, &m, sizeof(m));
	}
}

static void fill(void)
{
	for (uint32_t i = 0; i < BLOCKS; i++) {
		for (uint32_t j = 0; j < ABI_BLOCK_WORDS; j++)
			blocks[i][j] = (uint32_t)draw();
	}
	for (uint32_t i = 0; i < PAGES; i++) {
		blocks[0][DIRECTORY + i] = make_page(1 + i % (BLOCKS - 1), i * 512);
		for (uint32_t j = i + PAGES; j < WORDS; j += PAGES)
			blocks[0][DIRECTORY + j] = blocks[0][DIRECTORY + i];
	}
}

/* A few words that are something else. */
static void spoil(void)
{
	for (uint32_t n = below(8); n; n--)
		blocks[below(BLOCKS)][below(ABI_BLOCK_WORDS)] = (uint32_t)draw();
	if (!below(8))
		blocks[0][DIRECTORY + below(WORDS)] = (uint32_t)draw();
	/* What ends behind its block. */
	if (!below(8))
		blocks[0][DIRECTORY + below(WORDS)] = CFI_PAGE(
			(1 + below(BLOCKS)) * ABI_BLOCK_WORDS - 1 - below(64), below(8));
	if (!below(4))
		blocks[0][below(MAPPINGS * ABI_MAPPING_WORDS)] = (uint32_t)draw();
}

static void start(struct walk *w)
{
	for (size_t i = 0; i < WALK_REGISTERS; i++)
		w->registers[i] = stack_word(0x7ffc00000000);
	w->pc = below(8) ? code_address() : draw();
	w->sp = below(8) ? 0x7ffc00000000 + below(4096) * 8ul : draw();
	w->fp = below(2) ? w->sp + below(512) * 8 : draw();
	w->window_at = below(8) ? WALK_NO_WINDOW : draw();
	w->start = w->size = 0;
	w->mappings = below(8) ? 0 : (uint32_t)draw();
	w->nr_mappings = below(8) ? MAPPINGS : (uint32_t)draw();
	w->first = below(ABI_MAX_DEPTH);
	w->nr = w->nr_asked = 0;
	w->max = below(ABI_MAX_DEPTH + 1);
	w->exact = w->whole = 1;
	w->stop = w->flags = 0;
}

/* One walk. false: it went beyond what it may do. */
static bool walk_once(struct walk *w, __u64 *frames)
{
	uint32_t steps = 0;
	int last;

	start(w);
	do {
		nr_reads = 0;
		last = walk_step(w, frames);
		if (nr_reads > MAX_READS || ++steps > w->max + 1)
			return false;
	} while (!last);
	return w->nr <= w->max && w->stop != ABI_STOP_NONE && w->stop < ABI_STOPS &&
	       w->nr_asked <= ABI_MAX_ASKED;
}

int main(int argc, char **argv)
{
	unsigned long rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : DEFAULT_ROUNDS;
	/* Of their own, so that a sanitizer sees what lies behind them. */
	__u64 *frames = calloc(2ul * ABI_MAX_DEPTH, sizeof(*frames));
	struct walk *w = calloc(1, sizeof(*w));
	uint64_t ended[ABI_STOPS] = {}, nr_frames = 0;
	int status = 0;

	state = argc > 2 ? strtoul(argv[2], NULL, 10) | 1 : 0x9e3779b97f4a7c15;
	if (!frames || !w || !map_blocks())
		return 1;
	for (unsigned long i = 0; i < rounds && !status; i++) {
		if (i % REFILL == 0)
			fill();
		make_mappings();
		spoil();
		unreadable = below(2) ? 0 : below(64);
		if (!walk_once(w, frames)) {
			fprintf(stderr, "round %lu: %u frames of %u, stop %u\n", i, w->nr, w->max,
				w->stop);
			status = 1;
		}
		ended[w->stop]++;
		nr_frames += w->nr;
	}
	printf("%lu walks, %" PRIu64 " frames; ended by", rounds, nr_frames);
	for (int i = ABI_STOP_ROOT; i < ABI_STOP_UNREADABLE; i++) {
		printf(" %d: %" PRIu64, i, ended[i]);
		status |= !ended[i]; /* a way that was not gone is not tested */
	}
	printf("\n");
	free(w);
	free(frames);
	return status;
}
