// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* CPython 3.15's ring of collections, written here as it writes it: word by word. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "site/gc_python_ring.h"

enum { WORDS = 8, NR_STEPS = 2 * WORDS };

/* By their place in an entry. */
enum { START, STOP, COLLECTIONS, COLLECTED, UNCOLLECTABLE, CANDIDATES, DURATION, HEAP };

struct writer {
	uint64_t words[GC_PYTHON_RING_BYTES / 8];
	int64_t clock;
	uint64_t nr[GC_PYTHON_GENERATIONS], ns[GC_PYTHON_GENERATIONS];
};

static unsigned nr_of(unsigned generation)
{
	return generation ? 3 : 11;
}

static uint64_t *ring_of(struct writer *w, unsigned generation)
{
	static const unsigned firsts[] = { 0, 89, 114 };

	return w->words + firsts[generation];
}

static double seconds_of(uint64_t word)
{
	double d;

	memcpy(&d, &word, sizeof(d));
	return d;
}

static uint64_t word_of(double seconds)
{
	uint64_t word;

	memcpy(&word, &seconds, sizeof(word));
	return word;
}

/* Stops before step `steps`: first the index, then a copy of the entry before, then its words. */
static void write_some(struct writer *w, unsigned generation, int64_t ns, unsigned steps)
{
	/* Its end comes last. */
	static const unsigned order[] = { START,    COLLECTIONS, COLLECTED, CANDIDATES,
					  DURATION, HEAP,	 STOP };
	uint64_t *ring = ring_of(w, generation), new[WORDS];
	unsigned nr = nr_of(generation), index = (unsigned)ring[nr * WORDS];
	const uint64_t *from = ring + index * WORDS;
	uint64_t *to = ring + (index + 1) % nr * WORDS;

	memcpy(new, from, sizeof(new));
	new[START] = (uint64_t)w->clock;
	new[STOP] = (uint64_t)(w->clock + ns);
	new[COLLECTIONS]++;
	new[COLLECTED] += 7;
	new[CANDIDATES] += 9;
	new[DURATION] = word_of(seconds_of(from[DURATION]) + (double)ns / 1e9);
	new[HEAP] = 1000;
	if (steps)
		ring[nr * WORDS] = (index + 1) % nr;
	for (unsigned i = 1; i <= WORDS && i < steps; i++)
		to[i - 1] = from[i - 1];
	for (unsigned i = 0; i < sizeof(order) / sizeof(*order) && i + WORDS + 1 < steps; i++)
		to[order[i]] = new[order[i]];
}

static void collect(struct writer *w, unsigned generation, int64_t ns)
{
	w->clock += 1000;
	write_some(w, generation, ns, NR_STEPS + 1);
	w->clock += ns;
	w->nr[generation]++;
	w->ns[generation] += (uint64_t)ns;
}

static struct writer *new_writer(void)
{
	struct writer *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	w->clock = 46646815814886;
	return w;
}

static uint64_t total_of(const struct gc_python_news *news)
{
	uint64_t total = news->lost_ns;

	for (uint32_t i = 0; i < news->nr; i++)
		total += news->pauses[i].ns;
	return total;
}

/* Any number of collections between two looks: each one is counted once, and its time is. */
static void all_is_counted(void **state)
{
	(void)state;
	for (unsigned step = 1; step < 40; step++) {
		struct gc_python_mark marks[GC_PYTHON_GENERATIONS] = { 0 };
		uint64_t nr[GC_PYTHON_GENERATIONS] = { 0 }, ns[GC_PYTHON_GENERATIONS] = { 0 };
		struct writer *w = new_writer();

		for (unsigned n = 0; n < 400; n++) {
			unsigned g = n % 7 == 6 ? 2 : n % 3 == 2;
			struct gc_python_news news;

			collect(w, g, 1000 + n * 37 % 5000);
			if (n % step && n != 399)
				continue;
			for (g = 0; g < GC_PYTHON_GENERATIONS; g++) {
				uint64_t before = marks[g].nr;

				assert_int_equal(gc_python_ring_news(w->words, g, &marks[g], &news),
						 0);
				nr[g] += news.nr + news.nr_lost;
				ns[g] += total_of(&news);
				assert_int_equal(nr[g], w->nr[g]);
				/* Nothing is called lost that is still there. */
				assert_int_equal(news.nr_lost, nr[g] - before > nr_of(g)
								       ? nr[g] - before - nr_of(g)
								       : 0);
			}
		}
		for (unsigned g = 0; g < GC_PYTHON_GENERATIONS; g++)
			assert_true(ns[g] + 5 > w->ns[g] && ns[g] < w->ns[g] + 5);
		free(w);
	}
}

static void pauses_are_exact(void **state)
{
	struct gc_python_mark mark = { 0 };
	struct gc_python_news news;
	struct writer *w = new_writer();

	(void)state;
	collect(w, 0, 5000);
	collect(w, 2, 777777);
	collect(w, 0, 6000);
	assert_int_equal(gc_python_ring_news(w->words, 0, &mark, &news), 0);
	assert_int_equal(news.nr, 2);
	assert_int_equal(news.nr_lost, 0);
	assert_int_equal(news.pauses[0].ns, 5000);
	assert_int_equal(news.pauses[1].ns, 6000);
	assert_int_equal(news.pauses[1].end, w->clock);
	assert_int_equal(gc_python_ring_news(w->words, 0, &mark, &news), 0);
	assert_int_equal(news.nr + news.nr_lost, 0);
	free(w);
}

/* Wherever a look comes in between: what is being written is not there yet, and then it is. */
static void half_written(void **state)
{
	(void)state;
	for (unsigned g = 0; g < GC_PYTHON_GENERATIONS; g++) {
		for (unsigned before = 0; before < 30; before++) {
			for (unsigned steps = 0; steps < NR_STEPS; steps++) {
				struct gc_python_mark mark = { 0 };
				struct writer *w = new_writer();
				struct gc_python_news news;
				uint64_t nr, ns;
				uint64_t index;

				for (unsigned i = 0; i < before; i++)
					collect(w, g, 2000 + i);
				index = ring_of(w, g)[nr_of(g) * WORDS];
				w->clock += 1000;
				write_some(w, g, 3333, steps);
				assert_int_equal(gc_python_ring_news(w->words, g, &mark, &news), 0);
				assert_int_equal(news.nr + news.nr_lost, before);
				nr = news.nr + news.nr_lost;
				ns = total_of(&news);
				for (uint32_t i = 0; i < news.nr; i++)
					assert_int_equal(news.pauses[i].ns,
							 2000 + before - news.nr + i);
				/* It goes on where it was. */
				ring_of(w, g)[nr_of(g) * WORDS] = index;
				write_some(w, g, 3333, NR_STEPS + 1);
				assert_int_equal(gc_python_ring_news(w->words, g, &mark, &news), 0);
				assert_int_equal(nr + news.nr + news.nr_lost, before + 1);
				ns += total_of(&news);
				assert_true(ns + 3 > w->ns[g] + 3333 && ns < w->ns[g] + 3333 + 3);
				free(w);
			}
		}
	}
}

static void begins_at_a_time(void **state)
{
	struct gc_python_mark mark, last;
	struct gc_python_news news;
	struct writer *w = new_writer();
	int64_t time;

	(void)state;
	assert_int_equal(gc_python_ring_before(w->words, 0, w->clock, &mark), 0);
	assert_int_equal(mark.nr, 0);
	for (unsigned i = 0; i < 20; i++)
		collect(w, 0, 1000);
	time = w->clock + 1;
	for (unsigned i = 0; i < 10; i++)
		collect(w, 0, 1000);
	assert_int_equal(gc_python_ring_before(w->words, 0, time, &mark), 0);
	assert_int_equal(mark.nr, 20);
	assert_int_equal(gc_python_ring_news(w->words, 0, &mark, &news), 0);
	assert_int_equal(news.nr, 10);
	assert_int_equal(news.nr_lost, 0);
	/* Then the one before it is gone: how many came since is not known any more. */
	collect(w, 0, 1000);
	assert_int_equal(gc_python_ring_before(w->words, 0, time, &mark), 1);
	assert_int_equal(mark.nr, 20);
	assert_int_equal(gc_python_ring_last(w->words, 0, &last), 0);
	assert_int_equal(last.nr, 31);
	assert_int_equal(gc_python_ring_news(w->words, 0, &last, &news), 0);
	assert_int_equal(news.nr + news.nr_lost, 0);
	free(w);
}

/* Not what came after the mark. */
static void another_interpreter(void **state)
{
	struct gc_python_mark mark = { 0 };
	struct writer *w = new_writer(), *other = new_writer();
	struct gc_python_news news;

	(void)state;
	for (unsigned i = 0; i < 20; i++)
		collect(w, 0, 5000);
	assert_int_equal(gc_python_ring_news(w->words, 0, &mark, &news), 0);
	/* Fewer; as many, but at other times; more, but in less time. */
	assert_int_equal(gc_python_ring_news(other->words, 0, &mark, &news), -ERANGE);
	for (unsigned i = 0; i < 20; i++)
		collect(other, 0, 3000);
	assert_int_equal(gc_python_ring_news(other->words, 0, &mark, &news), -ERANGE);
	for (unsigned i = 0; i < 12; i++)
		collect(other, 0, 10);
	assert_int_equal(gc_python_ring_news(other->words, 0, &mark, &news), -ERANGE);
	assert_int_equal(mark.nr, 20);
	free(w);
	free(other);
}

/* Any word that is another one is seen, or makes no difference. */
static void enemy_words(void **state)
{
	static const uint64_t values[] = { 0,
					   1,
					   5,
					   12,
					   0x7fffffffffffffff,
					   UINT64_MAX,
					   0x7ff0000000000000,
					   0x7ff8000000000000,
					   1ull << 52 };

	(void)state;
	for (unsigned at = 0; at < GC_PYTHON_RING_BYTES / 8; at++) {
		for (unsigned i = 0; i < sizeof(values) / sizeof(*values); i++) {
			struct writer *w = new_writer();

			for (unsigned n = 0; n < 25; n++)
				for (unsigned g = 0; g < GC_PYTHON_GENERATIONS; g++)
					collect(w, g, 4000);
			w->words[at] = values[i];
			for (unsigned g = 0; g < GC_PYTHON_GENERATIONS; g++) {
				struct gc_python_mark mark = { 0 };
				struct gc_python_news news;

				if (gc_python_ring_news(w->words, g, &mark, &news))
					continue;
				assert_true(news.nr + news.nr_lost <= 25);
				assert_true(news.nr + news.nr_lost >= 24);
				assert_true(total_of(&news) < 25 * 4000 + 10);
				for (uint32_t k = 0; k < news.nr; k++)
					assert_int_equal(news.pauses[k].ns, 4000);
			}
			free(w);
		}
	}
}

static void enemy_noise(void **state)
{
	uint64_t words[GC_PYTHON_RING_BYTES / 8];
	struct gc_python_news news;

	(void)state;
	srandom(15);
	for (unsigned n = 0; n < 20000; n++) {
		bool is_wide = n % 2;

		for (unsigned i = 0; i < sizeof(words) / 8; i++)
			words[i] = is_wide ? (uint64_t)random() << 33 ^ (uint64_t)random()
					   : (uint64_t)random() % 4;
		for (unsigned g = 0; g <= GC_PYTHON_GENERATIONS; g++) {
			struct gc_python_mark mark = { 0 };

			if (gc_python_ring_news(words, g, &mark, &news))
				continue;
			/* Two collections that took no time look as if there were some. */
			assert_false(is_wide);
			assert_true(news.nr + news.nr_lost <= 3 && total_of(&news) <= 9);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_is_counted),      cmocka_unit_test(pauses_are_exact),
		cmocka_unit_test(half_written),	       cmocka_unit_test(begins_at_a_time),
		cmocka_unit_test(another_interpreter), cmocka_unit_test(enemy_words),
		cmocka_unit_test(enemy_noise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
