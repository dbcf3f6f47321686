// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "symbolize/symbolizer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/intern.h"
#include "symbolize/demangle.h"
#include "symbolize/objects.h"
#include "symbolize/plumbing.h"
#include "symbolize/python_lines.h"

enum { MAX_INLINED = 128, NO_STRING = 0 };

/* A profile's frame before it is in a profile. Strings are ids of ours, + 1. */
struct named {
	uint64_t address;
	uint32_t object, module;
	uint32_t function, file, line, first_line;
	enum frame_kind kind;
};

/* What a distinct {object, offset} stands for: some of symbolizer.named. */
struct named_range {
	uint32_t first, nr;
};

struct symbolizer {
	struct objects objects;
	struct intern strings;
	uint32_t *shown; /* by string id: its demangled form's id + 1; 0: not yet asked for */
	uint32_t cap_shown;
	struct intern addresses; /* struct raw_frame, as ids of `ranges` */
	struct named_range *ranges;
	uint32_t cap_ranges;
	struct named *named;
	uint32_t nr_named, cap_named;
	uint32_t *frames; /* by index in named: frame id in `into`, + 1; 0: not there yet */
	uint32_t cap_frames;
	uint32_t *mappings; /* by object: mapping id in `into`, + 1; 0: not there yet */
	uint32_t nr_mappings, cap_mappings;
	uint32_t *stack;
	enum plumbing_role *raw_roles, *roles; /* of the raw frames, and of those in `stack` */
	uint32_t cap_stack, cap_raw_roles, cap_roles;
	/* Which profile `frames` speak of, and how to tell it from another at the same place. */
	const struct profile *into;
	int64_t into_time_ns;
	uint32_t into_nr_frames, into_last; /* into_last: frame id + 1 */
	struct frame into_last_frame;
};

int symbolizer_new(struct symbolizer **ret, const struct capture *capture,
		   const struct symbolizer_settings *settings)
{
	struct symbolizer *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->objects.capture = capture;
	s->objects.settings = *settings;
	*ret = s;
	return 0;
}

void symbolizer_free(struct symbolizer *s)
{
	if (!s)
		return;
	objects_done(&s->objects);
	intern_done(&s->strings);
	intern_done(&s->addresses);
	free(s->shown);
	free(s->ranges);
	free(s->named);
	free(s->frames);
	free(s->mappings);
	free(s->stack);
	free(s->raw_roles);
	free(s->roles);
	free(s);
}

/* *ret_id: id + 1, NO_STRING for none. */
static int add_string(struct symbolizer *s, const char *text, uint32_t *ret_id)
{
	uint32_t id;
	int r;

	*ret_id = NO_STRING;
	if (!text || !text[0])
		return 0;
	if (array_reserve(s->shown, s->cap_shown, s->strings.count + 1u) < 0)
		return -ENOMEM;
	r = intern_add(&s->strings, text, strlen(text), &id);
	if (r < 0)
		return r;
	if (r)
		s->shown[id] = NO_STRING;
	*ret_id = id + 1;
	return 0;
}

static const char *string_at(const struct symbolizer *s, uint32_t id)
{
	return id == NO_STRING ? "" : intern_bytes(&s->strings, id - 1);
}

/* A symbol's name as it is shown. */
static int add_name(struct symbolizer *s, const char *name, uint32_t *ret_id)
{
	struct strbuf text = STRBUF_INIT;
	uint32_t raw, shown;
	int r = add_string(s, name, &raw);

	if (r < 0 || raw == NO_STRING || s->shown[raw - 1] != NO_STRING) {
		*ret_id = raw == NO_STRING ? NO_STRING : s->shown[raw - 1];
		return r;
	}
	demangle(name, &text);
	r = text.failed ? -ENOMEM : add_string(s, strbuf_str(&text), &shown);
	strbuf_done(&text);
	if (r < 0)
		return r;
	s->shown[raw - 1] = shown;
	*ret_id = shown;
	return 0;
}

static enum frame_kind kind_of(const struct object *o)
{
	switch (o->kind) {
	case OBJECT_KERNEL:
		return FRAME_KERNEL;
	case OBJECT_JIT:
		return FRAME_JIT;
	case OBJECT_MARK:
		return FRAME_MARK;
	case OBJECT_CODE:
		return FRAME_INTERPRETER;
	default:
		return FRAME_NATIVE;
	}
}

static int add_named(struct symbolizer *s, const struct named *n)
{
	if (array_reserve(s->named, s->cap_named, s->nr_named + 1u) < 0 ||
	    array_reserve(s->frames, s->cap_frames, s->nr_named + 1u) < 0)
		return -ENOMEM;
	s->frames[s->nr_named] = 0;
	s->named[s->nr_named++] = *n;
	return 0;
}

static int add_symbol(struct symbolizer *s, const struct symbol *symbol, struct named n)
{
	/* What a runtime calls its code is no mangled name, whatever it looks like. */
	bool plain = symbol->kind == FRAME_JIT || symbol->kind == FRAME_INTERPRETER;
	int r = plain ? add_string(s, symbol->name, &n.function)
		      : add_name(s, symbol->name, &n.function);

	if (!r)
		r = add_string(s, symbol->file, &n.file);
	if (!r)
		r = add_string(s, symbol->module, &n.module);
	n.line = n.file == NO_STRING ? 0 : symbol->line;
	n.first_line = n.file == NO_STRING ? 0 : symbol->first_line;
	n.kind = symbol->kind;
	return r < 0 ? r : add_named(s, &n);
}

static int add_unnamed(struct symbolizer *s, const struct object *o, struct named n)
{
	n.kind = kind_of(o);
	if (o->kind == OBJECT_MARK) {
		n.address = 0;
		if (add_string(s, o->path, &n.function) < 0)
			return -ENOMEM;
	}
	return add_named(s, &n);
}

/* A code object is its own symbol: what it says of itself was read when it was first seen. */
static int resolve_code(struct symbolizer *s, const struct raw_frame *raw, struct named_range *ret)
{
	const struct capture *c = s->objects.capture;
	struct raw_code code = capture_code_at(c, (uint32_t)(raw->offset >> 32));
	uint32_t at = (uint32_t)raw->offset;
	struct symbol symbol = { .name = capture_string_at(c, code.name),
				 .file = capture_string_at(c, code.file),
				 .line = at == CODE_NOWHERE ? 0 : python_line(&code, at),
				 .first_line = code.first_line,
				 .kind = FRAME_INTERPRETER };
	int r = add_symbol(s, &symbol, (struct named){ .object = raw->object });

	if (r < 0)
		return r;
	*ret = (struct named_range){ s->nr_named - 1, 1 };
	return 0;
}

static int resolve(struct symbolizer *s, const struct raw_frame *raw, struct named_range *ret)
{
	struct symbol symbols[MAX_INLINED] = { 0 };
	struct named n = { .address = raw->offset, .object = raw->object };
	struct opened *opened;
	uint32_t first = s->nr_named;
	size_t nr;
	int r = objects_open(&s->objects, raw->object, &opened);

	if (r < 0)
		return r;
	nr = objects_resolve(&s->objects, opened, raw->offset, &n.address, symbols, MAX_INLINED);
	if (!nr)
		r = add_unnamed(s, &s->objects.capture->objects[raw->object], n);
	for (size_t i = 0; i < nr && !r; i++)
		r = add_symbol(s, &symbols[i], n);
	if (r < 0) {
		s->nr_named = first;
		return r;
	}
	objects_limit(&s->objects);
	*ret = (struct named_range){ first, s->nr_named - first };
	return 0;
}

/* The frames of an address: resolved when it is first seen. */
static int find_range(struct symbolizer *s, const struct raw_frame *frame, struct named_range *ret)
{
	struct raw_frame address = { .offset = frame->offset, .object = frame->object };
	const struct raw_frame *raw = &address;
	struct named_range range;
	uint32_t id;
	int r;

	if (intern_find(&s->addresses, raw, sizeof(*raw), &id)) {
		*ret = s->ranges[id];
		return 0;
	}
	if (array_reserve(s->ranges, s->cap_ranges, s->addresses.count + 1u) < 0)
		return -ENOMEM;
	r = s->objects.capture->objects[raw->object].kind == OBJECT_CODE
		    ? resolve_code(s, raw, &range)
		    : resolve(s, raw, &range);
	if (r < 0)
		return r;
	if (intern_add(&s->addresses, raw, sizeof(*raw), &id) < 0)
		return -ENOMEM;
	s->ranges[id] = *ret = range;
	return 0;
}

static void add_hex(struct strbuf *out, const uint8_t *bytes, uint32_t size)
{
	for (uint32_t i = 0; i < size; i++)
		strbuf_addf(out, "%02x", bytes[i]);
}

static const char *path_of(const struct object *o)
{
	switch (o->kind) {
	case OBJECT_KERNEL:
		return "[kernel]";
	case OBJECT_VDSO:
		return "[vdso]";
	case OBJECT_JIT:
		return "[jit]";
	case OBJECT_NONE:
		return "[unknown]";
	default:
		return o->path;
	}
}

static int add_mapping(struct symbolizer *s, uint32_t object, struct profile *into,
		       uint32_t *ret_id)
{
	const struct object *o = &s->objects.capture->objects[object];
	struct mapping m = { 0 };
	struct strbuf hex = STRBUF_INIT;
	struct opened *opened;
	int r = objects_open(&s->objects, object, &opened);

	if (r < 0)
		return r;
	m.start = opened->about.start;
	m.limit = opened->about.limit;
	m.offset = opened->about.offset;
	if (opened->about.build_id_size)
		add_hex(&hex, opened->about.build_id, opened->about.build_id_size);
	else
		add_hex(&hex, o->build_id, o->build_id_size);
	r = hex.failed ? -ENOMEM : profile_string(into, strbuf_str(&hex), &m.build_id);
	strbuf_done(&hex);
	if (!r)
		r = profile_string(into, path_of(o), &m.path);
	return r < 0 ? r : profile_mapping(into, &m, ret_id);
}

static int find_mapping(struct symbolizer *s, const struct named *n, struct profile *into,
			uint32_t *ret_id)
{
	struct mapping m = { 0 };
	int r;

	/* A module's code is not where the kernel's is, nor has it the kernel's build-id. */
	if (n->module != NO_STRING) {
		r = profile_string(into, string_at(s, n->module), &m.path);
		return r < 0 ? r : profile_mapping(into, &m, ret_id);
	}
	if (array_reserve(s->mappings, s->cap_mappings, n->object + 1u) < 0)
		return -ENOMEM;
	while (s->nr_mappings <= n->object)
		s->mappings[s->nr_mappings++] = 0;
	if (!s->mappings[n->object]) {
		r = add_mapping(s, n->object, into, ret_id);
		if (r < 0)
			return r;
		s->mappings[n->object] = *ret_id + 1;
	}
	*ret_id = s->mappings[n->object] - 1;
	return 0;
}

static int add_frame(struct symbolizer *s, const struct named *n, struct profile *into,
		     uint32_t *ret_id)
{
	struct frame f;
	int r = 0;

	memset(&f, 0, sizeof(f)); /* frames are compared as bytes */
	f.address = n->address;
	f.line = n->line;
	f.first_line = n->first_line;
	f.kind = n->kind;
	if (n->kind != FRAME_MARK && n->kind != FRAME_INTERPRETER) {
		r = find_mapping(s, n, into, &f.mapping);
		f.mapping++;
	}
	if (!r)
		r = profile_string(into, string_at(s, n->function), &f.function);
	if (!r)
		r = profile_string(into, string_at(s, n->file), &f.file);
	if (!r)
		r = profile_frame(into, &f, ret_id);
	if (r < 0)
		return r;
	s->into_last = *ret_id + 1;
	memcpy(&s->into_last_frame, &f, sizeof(f));
	return 0;
}

/*
 * Frame ids hold for one profile. One that was freed may have left its place to another, which
 * then has fewer frames, or not the same ones.
 */
static void turn_to(struct symbolizer *s, const struct profile *into)
{
	int64_t time_ns = profile_facts(into)->time_ns;
	uint32_t nr = profile_nr_frames(into);

	if (s->into == into && s->into_time_ns == time_ns && nr >= s->into_nr_frames &&
	    (!s->into_last || !memcmp(profile_frame_at(into, s->into_last - 1), &s->into_last_frame,
				      sizeof(s->into_last_frame))))
		return;
	if (s->nr_named)
		memset(s->frames, 0, s->nr_named * sizeof(*s->frames));
	s->nr_mappings = 0;
	s->into = into;
	s->into_time_ns = time_ns;
	s->into_nr_frames = s->into_last = 0;
}

static int add_to_stack(struct symbolizer *s, const struct raw_frame *raw, enum plumbing_role role,
			struct profile *into, uint32_t *nr)
{
	struct named_range range;
	int r = find_range(s, raw, &range);

	if (r < 0)
		return r;
	if (array_reserve(s->stack, s->cap_stack, (size_t)*nr + range.nr) < 0 ||
	    array_reserve(s->roles, s->cap_roles, (size_t)*nr + range.nr) < 0)
		return -ENOMEM;
	for (uint32_t i = range.first; i < range.first + range.nr; i++) {
		uint32_t id;

		if (!s->frames[i]) {
			r = add_frame(s, &s->named[i], into, &id);
			if (r < 0)
				return r;
			s->frames[i] = id + 1;
		}
		s->roles[*nr] = role;
		s->stack[(*nr)++] = s->frames[i] - 1;
	}
	return 0;
}

/*
 * How many frames at the leaf are the probe's and not the event's: the BPF program and what calls
 * it at a tracepoint (kernel/trace/bpf_trace.c, include/linux/tracepoint.h).
 */
static uint32_t count_probe_frames(const struct symbolizer *s, const struct profile *p, uint32_t nr)
{
	static const char *const prefixes[] = { "bpf_prog_", "bpf_trace_run", "__bpf_trace_",
						"__traceiter_" };
	uint32_t n = 0;

	for (; s->objects.settings.at_tracepoint && n < nr; n++) {
		const struct frame *f = profile_frame_at(p, s->stack[n]);
		const char *name = profile_string_at(p, f->function);
		bool found = false;

		for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
			found = found || !strncmp(name, prefixes[i], strlen(prefixes[i]));
		if (f->kind != FRAME_KERNEL || !found)
			break;
	}
	return n;
}

int symbolizer_stack(struct symbolizer *s, uint32_t raw_stack, struct profile *into,
		     uint32_t *ret_stack)
{
	struct raw_stack raw = capture_stack_at(s->objects.capture, raw_stack);
	uint32_t nr = 0, skip;
	int r = 0;

	turn_to(s, into);
	if (array_reserve(s->raw_roles, s->cap_raw_roles, raw.nr) < 0)
		return -ENOMEM;
	plumbing_roles(s->objects.capture, &raw, s->raw_roles);
	for (uint32_t i = 0; i < raw.nr && !r; i++)
		r = add_to_stack(s, &raw.frames[i], s->raw_roles[i], into, &nr);
	s->into_nr_frames = profile_nr_frames(into);
	if (r < 0)
		return r;
	if (!s->objects.settings.internals)
		nr = plumbing_remove(into, s->stack, s->roles, nr);
	skip = count_probe_frames(s, into, nr);
	return profile_stack(into, &(struct stack){ .nr = nr - skip, .frames = s->stack + skip },
			     ret_stack);
}

size_t symbolizer_memory(const struct symbolizer *s)
{
	return sizeof(*s) + s->objects.memory + s->strings.memory + s->addresses.memory +
	       s->cap_shown * sizeof(*s->shown) + s->cap_ranges * sizeof(*s->ranges) +
	       s->cap_named * sizeof(*s->named) + s->cap_frames * sizeof(*s->frames) +
	       s->cap_mappings * sizeof(*s->mappings) + s->cap_stack * sizeof(*s->stack) +
	       (s->cap_raw_roles + s->cap_roles) * sizeof(*s->roles);
}
