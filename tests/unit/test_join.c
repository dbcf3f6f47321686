// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "collect/join.h"

enum { MOST = 32 };

/*
 * Stacks as words, leaf first. Native: lower-case letters, with a '*' behind one that is a loop,
 * and a '^' where the calls of the next interpreter begin at the earliest; '/' is behind its last
 * one. Calls: capital letters, with a '.' behind one that its loop was entered with and a '!'
 * behind a task's outermost; '|' where some were left out. Awaiters: as they are walked, with a '?'
 * where not all of them are known.
 */
struct case_of_join {
	const char *native, *calls, *joined, *awaiters;
	bool fits, cut, by_address;
};

static uint32_t read_native(const char *s, struct raw_frame *ret, struct join_stack *stack,
			    uint32_t *bounds)
{
	uint32_t nr = 0;

	for (; *s; s++) {
		if (*s == '*')
			ret[nr - 1].flags = RAW_RUNS;
		else if (*s == '^')
			bounds[stack->nr_bounds++] = nr - 1;
		else
			ret[nr++] = (struct raw_frame){ .offset = (uint64_t)*s };
	}
	return nr;
}

static uint32_t read_calls(const char *s, struct join_call *ret, uint32_t *ret_left_out)
{
	uint32_t nr = 0;

	*ret_left_out = UINT32_MAX;
	for (; *s; s++) {
		if (*s == '|')
			*ret_left_out = nr;
		else if (*s == '.')
			ret[nr - 1].entered = true;
		else if (*s == '/')
			ret[nr - 1].last = true;
		else if (*s == '!')
			ret[nr - 1].task = true;
		else
			ret[nr++] = (struct join_call){ .frame = { .offset = (uint64_t)*s } };
	}
	return nr;
}

static void check(const struct case_of_join *c)
{
	struct raw_frame native[MOST] = { 0 }, joined[3 * MOST];
	struct join_call calls[MOST] = { 0 }, awaiters[MOST] = { 0 };
	const struct raw_frame end = { .offset = '?' };
	const char *awaited = c->awaiters ? c->awaiters : "";
	struct join_stack s = { .native = native,
				.calls = calls,
				.awaiters = awaiters,
				.end = strchr(awaited, '?') ? &end : NULL,
				.native_whole = !c->cut,
				.loops_by_address = c->by_address,
				.mark = { .offset = '|' } };
	char text[3 * MOST] = "", known[MOST] = "";
	uint32_t bounds[MOST], nr, none;
	bool fits;

	s.bounds = bounds;
	s.nr_native = read_native(c->native, native, &s, bounds);
	s.nr_calls = read_calls(c->calls, calls, &s.left_out);
	memcpy(known, awaited, strcspn(awaited, "?"));
	s.nr_awaiters = read_calls(known, awaiters, &none);
	nr = join(&s, joined, &fits);
	assert_true(nr <= s.nr_native + s.nr_calls + s.nr_awaiters + 2);
	for (uint32_t i = 0; i < nr; i++)
		text[i] = (char)joined[i].offset;
	assert_string_equal(text, c->joined);
	assert_int_equal(fits, c->fits);
}

static void joins(void **state)
{
	static const struct case_of_join cases[] = {
		/* Nothing interpreted; nothing native. */
		{ "abc", "", "abc", .fits = true },
		{ "", "A.", "A", .fits = false },
		/* One loop, with C below and above it. */
		{ "abe*m", "AB.", "abABem", .fits = true },
		/* C called by a call and calling one: sorted(key=…). */
		{ "e*le*m", "AB.C.", "ABelCem", .fits = true },
		/* Each call has a loop of its own: to 3.10. */
		{ "e*e*e*m", "A.B.C.", "AeBeCem", .fits = true, .by_address = true },
		/* The innermost loop was entered a moment ago. */
		{ "e*e*e*m", "B.C.", "eBeCem", .fits = true, .by_address = true },
		/* Two too many can't be. */
		{ "e*e*e*m", "C.", "Ceeem", .fits = false, .by_address = true },
		/* Loops that say themselves what they run have no such beginning. */
		{ "e*e*m", "C.", "Ceem", .fits = false },
		/* The native stack was cut: what it would have run stands at its root. */
		{ "ae*b", "AB.CD.E.", "aABebCDE", .fits = false, .cut = true },
		/* The walk of calls ended early. */
		{ "ae*b", "AB", "aABeb", .fits = false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check(&cases[i]);
}

static void joins_across_a_gap(void **state)
{
	static const struct case_of_join cases[] = {
		/* All in one loop. */
		{ "abe*m", "ABC|XY.", "abABC|XYem", .fits = true },
		/* One loop a call: those between have theirs behind the mark. */
		{ "e*e*f*g*h*m", "A.B.|Y.Z.", "AeBef|YgZhm", .fits = true, .by_address = true },
		/* Some loops before the gap, one across it, some behind. */
		{ "e*fg*h*m", "AB.C|D.Z.", "ABefC|DgZhm", .fits = true },
		/* Cut: which loops ran the last calls isn't known. */
		{ "e*e*e*", "A.B.|Z.", "AeBee|Z", .fits = false, .cut = true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check(&cases[i]);
}

static void joins_interpreters(void **state)
{
	static const struct case_of_join cases[] = {
		{ "e*e*r^e*e*m", "A.B./C.D.", "AeBerCeDem", .fits = true, .by_address = true },
		{ "e*r^e*s^e*m", "A./B./C.", "AerBesCem", .fits = true, .by_address = true },
		/* C may have run in the second loop: A's, C's, B's is not ruled out. */
		{ "e*e*^re*e*m", "A.B./C.D.", "AeBereem", .fits = false, .by_address = true },
		{ "e*r^e*^se*m", "A./B./C.", "AerBesem", .fits = false, .by_address = true },
		/* One call that isn't shown is not one that has just begun. */
		{ "e*^e*m", "A./B.", "Aeem", .fits = false, .by_address = true },
		/* Nothing is known of where it begins. */
		{ "e*e*e*m", "A./B.C.", "Aeeem", .fits = false, .by_address = true },
		{ "e*r^e*e*m", "A./B./C.", "AerBeem", .fits = false, .by_address = true },
		/* The innermost loop was entered a moment ago. */
		{ "e*e*e*r^e*m", "A.B./C.", "eAeBerCem", .fits = true, .by_address = true },
		{ "e*e*e*^re*m", "A.B./C.", "AeBeerem", .fits = false, .by_address = true },
		/* A third interpreter that is not known. */
		{ "e*r^e*e*e*m", "A./B.", "AerBeeem", .fits = false, .by_address = true },
		/* Cut below its first loop. */
		{ "e*r^e*", "A./B.C.", "AerBeC", .fits = false, .by_address = true, .cut = true },
		{ "e*", "A./B.", "Ae", .fits = false, .by_address = true, .cut = true },
		/* A gap behind where the next one begins, before it, and around it. */
		{ "e*r^e*f*g*m", "A./B.|Z.", "AerBef|Zgm", .fits = true, .by_address = true },
		{ "e*f*r^e*m", "A.|B./C.", "Aefrem", .fits = false, .by_address = true },
		{ "e*f*r^e*m", "A.|C.", "Aefrem", .fits = false, .by_address = true },
		/* Loops that say what they run need no bounds. */
		{ "e*re*m", "AB./CD.", "ABerCDem", .fits = true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check(&cases[i]);
}

static void joins_awaiters(void **state)
{
	static const struct case_of_join cases[] = {
		/* A task, awaited by W, which X called, and that by Y; L runs tasks. */
		{ "e*tl*m", "AB!.LM.", "ABWXYetLMlm", .fits = true, .awaiters = "X!WY!" },
		/* Nothing awaits it; what does is one of several; there are more than that. */
		{ "e*tl*m", "AB!.LM.", "ABetLMlm", .fits = true },
		{ "e*tl*m", "AB!.LM.", "AB?etLMlm", .fits = true, .awaiters = "?" },
		{ "e*tl*m", "AB!.LM.", "ABVWX?etLMlm", .fits = true, .awaiters = "X!WV?" },
		/* The task is C's call from the middle of its loop's group. */
		{ "e*m", "AB!CD.", "ABXCDem", .fits = true, .awaiters = "X!" },
		/* Without native frames. */
		{ "", "A!B.", "AXB", .fits = false, .awaiters = "X!" },
		/* What may be behind a first task that is none is kept together. */
		{ "e*m", "A!.", "ACBDem", .fits = true, .awaiters = "BCD!" },
		/* Only the innermost of two tasks runs. */
		{ "e*m", "A!B!.", "AXBem", .fits = true, .awaiters = "X!" },
		/* The task's call was left out, and is not; the stack was cut. */
		{ "e*m", "AB|YZ.", "AB|WXYZem", .fits = true, .awaiters = "X!W" },
		{ "e*m", "AB|Y!Z.", "AB|YWXZem", .fits = true, .awaiters = "X!W" },
		{ "e*m", "A!B|YZ.", "AWXB|YZem", .fits = true, .awaiters = "X!W" },
		{ "ae*b", "A.B!.C.", "aAebBXC", .fits = false, .cut = true, .awaiters = "X!" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check(&cases[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(joins),
		cmocka_unit_test(joins_interpreters),
		cmocka_unit_test(joins_across_a_gap),
		cmocka_unit_test(joins_awaiters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
