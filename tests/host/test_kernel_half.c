// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What of the kernel half is pure C: globs, slots, ids, buckets. */
#include <linux/types.h>
#include "bucket.h"
#include "glob.h"
#include "hash.h"
#include "slots.h"

#include <fnmatch.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static int match(const char *pattern, const char *text)
{
	char p[ABI_GLOB_LEN] = { 0 }, t[ABI_COMM_LEN] = { 0 };

	strncpy(p, pattern, sizeof(p) - 1);
	memcpy(t, text, strnlen(text, sizeof(t)));
	return glob_match(p, t);
}

static void glob_matches_as_fnmatch_does(void **state)
{
	static const char letters[] = "ab*?";
	unsigned seed = 7, matched = 0;

	(void)state;
	assert_true(match("*", ""));
	assert_true(match("py*3", "python3"));
	assert_false(match("py*3", "python31"));
	assert_true(match("exactly-16-bytes", "exactly-16-bytes"));
	for (int i = 0; i < 200000; i++) {
		char p[9] = { 0 }, t[9] = { 0 };

		for (int k = rand_r(&seed) % 8; k >= 0; k--)
			p[k] = letters[rand_r(&seed) % 4];
		for (int k = rand_r(&seed) % 8; k >= 0; k--)
			t[k] = letters[rand_r(&seed) % 2];
		assert_int_equal(match(p, t), !fnmatch(p, t, 0));
		matched += match(p, t);
	}
	assert_in_range(matched, 1000, 199000);
}

/* The worst pattern for going back: bounded steps must still suffice to be right. */
static void glob_is_bounded_and_right_at_its_worst(void **state)
{
	(void)state;
	assert_true(match("*a*a*a*a*a*a*a*a", "aaaaaaaaaaaaaaaa"));
	assert_false(match("*a*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaa"));
	assert_true(match("****************************aaa", "aaaaaaaaaaaaaaaa"));
	assert_true(match("*aaaaaaab", "aaaaaaaaaaaaaaab"));
}

enum { SLOTS = 1024 };

static struct abi_region *new_region(void)
{
	struct abi_region *r = calloc(1, sizeof(*r) + SLOTS * sizeof(struct abi_slot));

	assert_non_null(r);
	r->epoch = 1;
	return r;
}

static void slots_count_what_a_plain_sum_counts(void **state)
{
	static __u64 count[300], total[300], min[300], max[300];
	struct abi_region *r = new_region();
	unsigned seed = 3, seen = 0;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		unsigned k = rand_r(&seed) % 300;
		__u64 value = rand_r(&seed) % 1000;
		struct abi_key key = { .who = k % 7, .stack = hash_id(k), .tag = k, .bucket = k };

		if (!slots_add(r, SLOTS - 1, &key, value))
			continue;
		min[k] = !count[k] || value < min[k] ? value : min[k];
		max[k] = value > max[k] ? value : max[k];
		count[k]++;
		total[k] += value;
	}
	for (unsigned i = 0; i < SLOTS; i++) {
		const struct abi_slot *s = &r->slots[i];

		if (s->key.epoch != r->epoch)
			continue;
		assert_int_equal(s->count, count[s->key.tag]);
		assert_int_equal(s->total, total[s->key.tag]);
		assert_int_equal(s->min, min[s->key.tag]);
		assert_int_equal(s->max, max[s->key.tag]);
		seen++;
	}
	assert_int_equal(seen, r->used);
	assert_in_range(seen, 295, 300);
	free(r);
}

static void a_new_epoch_empties_a_region(void **state)
{
	struct abi_region *r = new_region();
	struct abi_key key = { .who = 1, .stack = 2 };

	(void)state;
	assert_int_equal(slots_add(r, SLOTS - 1, &key, 5), 1);
	r->epoch++;
	r->used = 0;
	assert_int_equal(slots_add(r, SLOTS - 1, &key, 9), 1);
	assert_int_equal(r->used, 1);
	for (unsigned i = 0; i < SLOTS; i++)
		if (r->slots[i].key.epoch == r->epoch)
			assert_int_equal(r->slots[i].total, 9);
	free(r);
}

static void a_full_region_says_so(void **state)
{
	struct abi_region *r = new_region();
	int refused = 0;

	(void)state;
	for (int i = 0; i < 4 * SLOTS; i++) {
		struct abi_key key = { .stack = hash_id((__u64)i) };

		refused += !slots_add(r, SLOTS - 1, &key, 1);
	}
	assert_int_equal(refused + r->used, 4 * SLOTS);
	assert_in_range(r->used, SLOTS * 9 / 10, SLOTS);
	free(r);
}

static void buckets_are_narrow_and_without_gaps(void **state)
{
	unsigned seed = 1;

	(void)state;
	for (unsigned b = 0; b + 1 < BUCKET_COUNT; b++) {
		__u64 from = bucket_from(b), to = bucket_from(b + 1);

		assert_int_equal(bucket_of(from), b);
		assert_int_equal(bucket_of(to - 1), b);
		assert_true(b < BUCKET_STEPS || (to - from) * BUCKET_STEPS <= from);
	}
	for (int i = 0; i < 100000; i++) {
		__u64 v = (__u64)rand_r(&seed) * rand_r(&seed) >> rand_r(&seed) % 60;

		assert_int_equal(bucket_log2(v | 1), 63 - __builtin_clzll(v | 1));
		assert_true(bucket_from(bucket_of(v)) <= v);
	}
	assert_int_equal(bucket_of(~0ull), BUCKET_COUNT - 1);
}

static int compare(const void *a, const void *b)
{
	__u64 x = *(const __u64 *)a, y = *(const __u64 *)b;

	return x < y ? -1 : x > y;
}

static void ids_of_like_stacks_differ(void **state)
{
	enum { N = 1 << 18 };
	__u64 *ids = calloc(N, sizeof(*ids));

	(void)state;
	assert_non_null(ids);
	for (__u64 i = 0; i < N; i++)
		ids[i] = hash_id(hash_word(hash_word(0x1234, 0x7f0000000000 + i % 512),
					   0x7f0000000000 + i / 512));
	qsort(ids, N, sizeof(*ids), compare);
	for (int i = 1; i < N; i++)
		assert_true(ids[i] != ids[i - 1]);
	free(ids);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(glob_matches_as_fnmatch_does),
		cmocka_unit_test(glob_is_bounded_and_right_at_its_worst),
		cmocka_unit_test(slots_count_what_a_plain_sum_counts),
		cmocka_unit_test(a_new_epoch_empties_a_region),
		cmocka_unit_test(a_full_region_says_so),
		cmocka_unit_test(buckets_are_narrow_and_without_gaps),
		cmocka_unit_test(ids_of_like_stacks_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
