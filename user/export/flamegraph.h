/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A profile as a tree, for the two writers of flame graphs (.svg, .html):
 * they and nothing else include this. A function is what has one box for each
 * of its callers; functions are numbered in the order of their names, 0 being
 * the root's. Node 0 is the root; siblings are linked heaviest first. Names
 * are kept clean: valid UTF-8 without control characters, so that a writer
 * has only to escape its own syntax. The profile must outlive the tree.
 */
#pragma once
#include "base/strbuf.h"
#include "export/exporter.h"
#include "model/profile.h"

/* Kinds of boxes: frame_kind, then those that are no frames. */
enum { FLAME_THREAD = FRAME_KINDS, FLAME_ROOT, FLAME_KINDS };
enum { FLAME_NONE = UINT32_MAX, FLAME_SHADES = 6 };

struct flame_function {
	const char *name;
	uint32_t kind, shade;
	uint32_t module;     /* string of the profile: a path; 0: unknown */
	uint32_t file;	     /* string of the profile; 0: unknown */
	uint32_t line, last; /* the sampled lines of `file`; 0: unknown */
};

struct flame_node {
	uint32_t function, depth; /* the root's depth is 0 */
	uint32_t parent, first, next;
	uint64_t self, total; /* in the profile's first value */
};

struct flame {
	const struct profile *profile;
	struct flame_function *functions;
	uint32_t nr_functions;
	struct flame_node *nodes;
	uint32_t nr_nodes, depth; /* of the deepest node */
	uint64_t kind_self[FLAME_KINDS];
	struct strbuf names;
};

/* 0, -ENOMEM, or -EFBIG for more than 2^32 boxes. */
int flame_init(struct flame *f, const struct profile *p, const struct export_settings *settings);
void flame_done(struct flame *f);
/* The next node in depth-first order, or past its children; FLAME_NONE after the last. */
uint32_t flame_next(const struct flame *f, uint32_t node, bool past_children);
/* "kernel", …, "thread", "all": also the classes in flamegraph.css. */
const char *flame_kind_name(uint32_t kind);

/* The first half of flame_init(): the functions, and which one each frame and thread is. */
struct flame_ids {
	uint32_t *frame, *who; /* by id of the profile; FLAME_NONE: in no sample */
};

int flame_functions(struct flame *f, const struct export_settings *settings, struct flame_ids *ids);
void flame_ids_done(struct flame_ids *ids);

/* Clean text for XML content and attributes; clean text as a JSON string that is safe in a page. */
void flame_add_xml(struct strbuf *out, const char *s);
void flame_add_json(struct strbuf *out, const char *s);
void flame_add_u64(struct strbuf *out, uint64_t n);

/* "bpfprof cpu"; "20,000 samples · 10 s · host"; a value with its unit. All clean. */
void flame_add_title(const struct flame *f, struct strbuf *out);
void flame_add_subtitle(const struct flame *f, struct strbuf *out);
void flame_add_value(const struct flame *f, uint64_t value, struct strbuf *out);

/* The data that flamegraph_tree.js reads, as one JSON object. */
void flame_add_data(const struct flame *f, bool page, struct strbuf *out);
/* The embedded style and scripts. */
void flame_add_style(struct strbuf *out);
void flame_add_script(struct strbuf *out);
