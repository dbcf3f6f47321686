// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "export/pstats.h"

/* What makes two frames the same function: all that the format can hold of them. */
struct place {
	uint32_t file, name, line; /* file, name: ids in pstats.texts */
};

struct pair_key {
	uint32_t function, caller;
};

struct build {
	struct pstats *out;
	const struct profile *p;
	struct intern places, pairs; /* struct place, struct pair_key → index in *out */
	uint32_t *of_frame;	     /* → function + 1; 0: not yet */
	uint32_t *seen, *seen_pair;  /* → the last stack that counted it, plus 1 */
	uint32_t cap_functions, cap_pairs, cap_seen, cap_seen_pair;
	unsigned value; /* which of the profile's values the costs are */
	struct strbuf raw, escaped, text;
};

/* SnakeViz puts names into a script of its page as they are: none may end that. */
static int add_text(struct build *b, const char *s, uint32_t *ret)
{
	int r;

	strbuf_reset(&b->escaped);
	strbuf_reset(&b->text);
	strbuf_add_escaped(&b->escaped, s);
	for (const char *c = strbuf_str(&b->escaped); *c; c++)
		if (*c == '<' && (c[1] == '/' || c[1] == '!'))
			strbuf_adds(&b->text, "\\x3c");
		else
			strbuf_addch(&b->text, *c);
	if (b->escaped.failed || b->text.failed)
		return -ENOMEM;
	if (b->text.len > INT32_MAX)
		return -EFBIG;
	r = intern_add(&b->out->texts, strbuf_str(&b->text), b->text.len, ret);
	return r < 0 ? r : 0;
}

static int add_place(struct build *b, const char *file, uint32_t line, const char *name,
		     uint32_t *ret)
{
	struct pstats *out = b->out;
	struct place place = { .line = line };
	int r = add_text(b, file, &place.file);

	if (!r)
		r = add_text(b, name, &place.name);
	if (!r)
		r = intern_add(&b->places, &place, sizeof(place), ret);
	if (r <= 0)
		return r;
	if (array_reserve(out->functions, b->cap_functions, *ret + 1u) < 0 ||
	    array_reserve(b->seen, b->cap_seen, *ret + 1u) < 0)
		return -ENOMEM;
	out->functions[*ret] =
		(struct pstats_function){ .file = intern_bytes(&out->texts, place.file),
					  .name = intern_bytes(&out->texts, place.name),
					  .line = line };
	b->seen[*ret] = 0;
	out->nr_functions++;
	return 0;
}

/* "~" and a name in angle brackets: what pstats shows as "{name}", as it does Python's built-ins.
 */
static int add_builtin(struct build *b, const char *name, uint32_t *ret)
{
	strbuf_reset(&b->raw);
	strbuf_addf(&b->raw, "<%s>", name);
	return b->raw.failed ? -ENOMEM : add_place(b, "~", 0, strbuf_str(&b->raw), ret);
}

/*
 * Lines of native code are those that ran, not those where its functions begin, and one function
 * can have several files: its module is its place.
 */
static int add_frame(struct build *b, uint32_t id, uint32_t *ret)
{
	const struct frame *f = profile_frame_at(b->p, id);
	const char *file = profile_string_at(b->p, f->file), *name;
	uint32_t line = profile_frame_line(b->p, f);
	struct strbuf text = STRBUF_INIT;
	int r;

	if (f->kind == FRAME_INTERPRETER) {
		name = f->function ? profile_string_at(b->p, f->function) : "[interpreted]";
	} else {
		file = f->mapping ? profile_string_at(
					    b->p, profile_mapping_at(b->p, f->mapping - 1)->path)
				  : "";
		profile_frame_name(b->p, id, &text);
		name = strbuf_str(&text);
	}
	if (text.failed)
		r = -ENOMEM;
	else if (*file || line)
		r = add_place(b, *file ? file : "~", line, name, ret);
	else
		r = add_builtin(b, name, ret);
	strbuf_done(&text);
	return r;
}

static int function_of(struct build *b, uint32_t frame, uint32_t *ret)
{
	int r = 0;

	if (!b->of_frame[frame]) {
		r = add_frame(b, frame, ret);
		b->of_frame[frame] = r < 0 ? 0 : *ret + 1;
	} else {
		*ret = b->of_frame[frame] - 1;
	}
	return r;
}

static int pair_of(struct build *b, uint32_t function, uint32_t caller, uint32_t *ret)
{
	struct pstats *out = b->out;
	struct pair_key key = { function, caller };
	int r = intern_add(&b->pairs, &key, sizeof(key), ret);

	if (r <= 0)
		return r;
	if (array_reserve(out->pairs, b->cap_pairs, *ret + 1u) < 0 ||
	    array_reserve(b->seen_pair, b->cap_seen_pair, *ret + 1u) < 0)
		return -ENOMEM;
	out->pairs[*ret] = (struct pstats_pair){ .function = function, .caller = caller };
	b->seen_pair[*ret] = 0;
	out->nr_pairs++;
	return 0;
}

/* Sums of samples of one stack. */
struct amount {
	uint64_t count, value;
};

static void see(struct pstats_cost *cost, const struct amount *a, bool self)
{
	cost->primitive += a->count;
	cost->calls += a->count;
	cost->total += a->value;
	cost->self += self ? a->value : 0;
}

/* A function that recurs in a stack, and a call that does, is counted once. */
static int sum_stack(struct build *b, uint32_t id, const struct amount *a)
{
	const struct stack s = profile_stack_at(b->p, id);
	uint32_t callee = 0, function, pair;
	int r;

	if (!s.nr) {
		r = add_builtin(b, "no stack", &function);
		if (!r)
			see(&b->out->functions[function].cost, a, true);
		return r;
	}
	for (uint32_t i = 0; i < s.nr; i++, callee = function) {
		r = function_of(b, s.frames[i], &function);
		if (r < 0)
			return r;
		if (b->seen[function] != id + 1)
			see(&b->out->functions[function].cost, a, !i);
		b->seen[function] = id + 1;
		if (!i)
			continue;
		r = pair_of(b, callee, function, &pair);
		if (r < 0)
			return r;
		if (b->seen_pair[pair] != id + 1)
			see(&b->out->pairs[pair].cost, a, i == 1);
		b->seen_pair[pair] = id + 1;
	}
	return 0;
}

/* What the numbers are, as a function that took nothing: pstats has no other place for a note. */
static int add_note(struct build *b)
{
	const struct profile_info *info = profile_facts(b->p);
	_cleanup_(strbuf_done) struct strbuf note = STRBUF_INIT;
	const char *counted = "samples";
	uint32_t id;

	for (unsigned i = 0; i < 2; i++)
		if (!strcmp(info->values[i].unit, "count") && *info->values[i].name)
			counted = info->values[i].name;
	strbuf_addf(&note, "bpfprof %s: ncalls are %s", info->mode, counted);
	if (!b->out->is_time)
		strbuf_addf(&note, ", times are %s in %s", info->values[b->value].name,
			    info->values[b->value].unit);
	return note.failed ? -ENOMEM : add_builtin(b, strbuf_str(&note), &id);
}

static int sum_samples(struct build *b)
{
	uint32_t nr = profile_nr_stacks(b->p);
	_cleanup_free_ struct amount *of_stack = calloc(nr + 1u, sizeof(*of_stack));
	int r = of_stack ? add_note(b) : -ENOMEM;

	for (uint32_t i = 0; i < profile_nr_samples(b->p) && !r; i++) {
		const struct sample *s = profile_sample_at(b->p, i);

		of_stack[s->stack].count += s->count;
		of_stack[s->stack].value += profile_value(b->p, s, b->value);
	}
	for (uint32_t i = 0; i < nr && !r; i++)
		if (of_stack[i].count || of_stack[i].value)
			r = sum_stack(b, i, &of_stack[i]);
	return r;
}

/* What a sample of mode calls sums up, by its labels: see bpf/calls.h. */
enum sum {
	SUM_NONE,  /* no call */
	SUM_WHOLE, /* nothing of Python: calls, each with all of its time */
	SUM_SELF,
	SUM_BY_CALLER,
	SUM_CUMULATIVE,
	SUMS
};

static enum sum sum_of(const struct profile *p, const struct sample *s)
{
	static const char *const names[SUMS] = {
		[SUM_SELF] = "self",
		[SUM_BY_CALLER] = "by-caller",
		[SUM_CUMULATIVE] = "cumulative",
	};
	struct label_set set = profile_labels_at(p, s->labels);
	enum sum sum = SUM_NONE;

	for (uint32_t i = 0; i < set.nr; i++) {
		const char *name = profile_string_at(p, set.labels[i].name);
		const char *value = profile_string_at(p, set.labels[i].value);

		if (!strcmp(name, "function") && sum == SUM_NONE)
			sum = SUM_WHOLE;
		for (enum sum k = SUM_SELF; k < SUMS && !strcmp(name, "sum"); k++)
			if (!strcmp(value, names[k]))
				sum = k;
	}
	return sum;
}

static void add_calls(struct pstats_cost *cost, const struct amount *a, bool self, bool total)
{
	cost->calls += self ? a->count : 0;
	cost->self += self ? a->value : 0;
	cost->primitive += total ? a->count : 0;
	cost->total += total ? a->value : 0;
}

/* Of calls of which only the whole time is known, that stands for their own, too. */
static int sum_call(struct build *b, const struct sample *s, enum sum sum)
{
	const struct stack stack = profile_stack_at(b->p, s->stack);
	const struct amount a = { s->count, profile_value(b->p, s, b->value) };
	const bool whole = sum <= SUM_WHOLE;
	uint32_t function, caller, pair;
	int r;

	if (stack.nr)
		r = function_of(b, stack.frames[0], &function);
	else
		r = add_builtin(b, "no stack", &function);
	if (r < 0)
		return r;
	add_calls(&b->out->functions[function].cost, &a, whole || sum == SUM_SELF,
		  whole || sum == SUM_CUMULATIVE);
	if (stack.nr < 2 || sum == SUM_CUMULATIVE ||
	    profile_frame_at(b->p, stack.frames[1])->kind == FRAME_MARK)
		return 0;
	r = function_of(b, stack.frames[1], &caller);
	if (!r)
		r = pair_of(b, function, caller, &pair);
	if (!r)
		add_calls(&b->out->pairs[pair].cost, &a, whole || sum == SUM_SELF,
			  whole || sum == SUM_BY_CALLER);
	return r;
}

/*
 * A caller that was there before the measurement and has not returned has no call, and would be a
 * root without time to SnakeViz. What is known of its time is that of calls from it: none of them
 * is inside of another one, else a call of the caller had returned.
 */
static int add_unreturned(struct build *b)
{
	bool any = false;
	uint32_t id;

	for (uint32_t i = 0; i < b->out->nr_pairs; i++) {
		const struct pstats_pair *pair = &b->out->pairs[i];
		struct pstats_cost *caller = &b->out->functions[pair->caller].cost;

		if (caller->calls)
			continue;
		caller->total += pair->cost.total;
		any = true;
	}
	if (!any)
		return 0;
	return add_builtin(b, "bpfprof calls: 0 calls: not seen to return, cumtime of callees",
			   &id);
}

static int sum_calls(struct build *b)
{
	bool whole = false;
	uint32_t id;
	int r = 0;

	for (uint32_t i = 0; i < profile_nr_samples(b->p) && !r; i++) {
		const struct sample *s = profile_sample_at(b->p, i);
		enum sum sum = sum_of(b->p, s);

		whole |= sum <= SUM_WHOLE;
		r = sum_call(b, s, sum);
	}
	if (!r)
		r = add_unreturned(b);
	if (!r && whole)
		r = add_builtin(b, "bpfprof calls: tottime is that of whole calls", &id);
	return r;
}

/* A profile of another program can have a value of this name. */
static bool is_of_calls(const struct profile *p)
{
	if (strcmp(profile_facts(p)->mode, "calls"))
		return false;
	for (uint32_t i = 0; i < profile_nr_samples(p); i++)
		if (sum_of(p, profile_sample_at(p, i)) != SUM_NONE)
			return true;
	return false;
}

struct ranked {
	struct pstats_function function;
	uint32_t id;
};

static int by_place(const void *a, const void *b)
{
	const struct pstats_function *x = &((const struct ranked *)a)->function;
	const struct pstats_function *y = &((const struct ranked *)b)->function;
	int r = strcmp(x->file, y->file);

	if (!r)
		r = (x->line > y->line) - (x->line < y->line);
	return r ? r : strcmp(x->name, y->name);
}

static int by_functions(const void *a, const void *b)
{
	const struct pstats_pair *x = a, *y = b;
	int r = (x->function > y->function) - (x->function < y->function);

	return r ? r : (x->caller > y->caller) - (x->caller < y->caller);
}

static int sort(struct pstats *s)
{
	_cleanup_free_ struct ranked *ranked = calloc(s->nr_functions + 1u, sizeof(*ranked));
	_cleanup_free_ uint32_t *rank = calloc(s->nr_functions + 1u, sizeof(*rank));

	if (!ranked || !rank)
		return -ENOMEM;
	for (uint32_t i = 0; i < s->nr_functions; i++)
		ranked[i] = (struct ranked){ s->functions[i], i };
	qsort(ranked, s->nr_functions, sizeof(*ranked), by_place);
	for (uint32_t i = 0; i < s->nr_functions; i++) {
		s->functions[i] = ranked[i].function;
		rank[ranked[i].id] = i;
	}
	for (uint32_t i = 0; i < s->nr_pairs; i++) {
		s->pairs[i].function = rank[s->pairs[i].function];
		s->pairs[i].caller = rank[s->pairs[i].caller];
	}
	if (s->nr_pairs)
		qsort(s->pairs, s->nr_pairs, sizeof(*s->pairs), by_functions);
	return 0;
}

int pstats_init(struct pstats *s, const struct profile *p)
{
	const struct profile_info *info = profile_facts(p);
	struct build b = { .out = s, .p = p };
	uint32_t id;
	int r = -ENOMEM;

	*s = (struct pstats){ 0 };
	b.value = !strcmp(info->values[0].unit, "count") && *info->values[1].unit;
	s->is_time = !strcmp(info->values[b.value].unit, "nanoseconds");
	b.of_frame = calloc(profile_nr_frames(p) + 1u, sizeof(*b.of_frame));
	if (b.of_frame)
		r = is_of_calls(p) ? sum_calls(&b) : sum_samples(&b);
	/* pstats opens no file that is empty. */
	if (!r && !s->nr_functions)
		r = add_builtin(&b, "bpfprof: nothing was measured", &id);
	if (!r)
		r = sort(s);
	intern_done(&b.places);
	intern_done(&b.pairs);
	strbuf_done(&b.raw);
	strbuf_done(&b.escaped);
	strbuf_done(&b.text);
	free(b.of_frame);
	free(b.seen);
	free(b.seen_pair);
	if (r < 0)
		pstats_done(s);
	return r;
}

void pstats_done(struct pstats *s)
{
	free(s->functions);
	free(s->pairs);
	intern_done(&s->texts);
	*s = (struct pstats){ 0 };
}
