/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A profile: named frames in stacks, and samples that count them. Everything
 * is interned to dense ids that start at 0 and never change; string 0 is "",
 * stack 0 is the empty one, label set 0 has no labels. A live measurement and
 * a saved file end in the same struct profile, and all exporters and views
 * read only this.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "model/process_times.h"
#include "model/quality.h"

enum frame_kind {
	FRAME_KERNEL,
	FRAME_NATIVE,
	FRAME_INLINED,	   /* a native call that the compiler inlined into the next frame */
	FRAME_JIT,	   /* compiled at run time, named by its runtime */
	FRAME_INTERPRETER, /* a frame of an interpreted language */
	FRAME_MARK,	   /* no code: a note such as "[stack lost]" */
	FRAME_KINDS
};

/* What a value counts. unit: "count", "nanoseconds" or "bytes". */
struct value_type {
	const char *name, *unit;
};

/* An executable, a library, the kernel, a perf map: what frames point into. */
struct mapping {
	uint32_t path;	       /* string; as the process saw it; "[kernel]", "[vdso]", "[jit]" */
	uint32_t build_id;     /* string, lower-case hex; 0: unknown */
	uint64_t start, limit; /* ELF virtual addresses of its code; 0, 0: unknown */
	uint64_t offset;       /* of `start` in the file */
};

/* One function in one stack. Inlined frames stand before (leafward of) their caller. */
struct frame {
	uint64_t address;    /* ELF virtual address, or absolute (kernel, JIT); 0: none */
	uint32_t mapping;    /* id + 1; 0: none */
	uint32_t function;   /* string, demangled; 0: no name is known */
	uint32_t file;	     /* string; 0: unknown */
	uint32_t line;	     /* 0: unknown */
	uint32_t first_line; /* of the function, in `file`; 0: unknown */
	enum frame_kind kind;
};

struct stack {
	uint32_t nr;
	const uint32_t *frames; /* frame ids, leaf first */
};

/* Who was measured: a thread as it was when sampled. */
struct who {
	uint32_t pid, tid;	    /* in the initial pid namespace */
	uint32_t comm;		    /* string: the thread's name */
	uint32_t container, cgroup; /* strings; 0: none */
};

/* A label: two strings. */
struct label {
	uint32_t name, value;
};

struct label_set {
	uint32_t nr;
	const struct label *labels;
};

enum { BUCKET_NONE = UINT32_MAX };

struct sample {
	uint32_t stack, who, labels; /* ids */
	uint32_t bucket;	     /* of bucket.h, by the value; BUCKET_NONE: no distribution */
	uint64_t count;		     /* how many events */
	uint64_t total;		     /* their sum in the mode's unit */
	uint64_t min, max;	     /* of one event; 0 where there is no distribution */
};

/* Facts of the whole measurement. Strings belong to the profile. */
struct profile_info {
	const char *mode;	     /* "cpu" */
	struct value_type values[2]; /* the first is what folded lines and flame graphs show */
	int64_t time_ns;	     /* start, since 1970 */
	uint64_t duration_ns;
	uint64_t period; /* between samples, in `values` unit that is no count; 0: none */
	const char *host, *command; /* uname -n and -r; the command line that made it */
	/* Where nothing was seen, why that may be: "watched Python 3.11 (pid 812)"; "" */
	const char *watched;
	struct quality quality;
};

struct profile;

/* Strings of `info` are copied. 0 or -ENOMEM. */
int profile_new(struct profile **ret, const struct profile_info *info);
void profile_free(struct profile *p);
DEFINE_CLEANUP(struct profile, profile_free)

/* Each finds or adds; 0 or -ENOMEM. Ids inside must be of this profile. */
int profile_string(struct profile *p, const char *s, uint32_t *ret_id);
int profile_string_n(struct profile *p, const char *s, size_t size, uint32_t *ret_id);
int profile_mapping(struct profile *p, const struct mapping *m, uint32_t *ret_id);
int profile_frame(struct profile *p, const struct frame *f, uint32_t *ret_id);
int profile_stack(struct profile *p, const struct stack *s, uint32_t *ret_id);
int profile_who(struct profile *p, const struct who *w, uint32_t *ret_id);
int profile_labels(struct profile *p, const struct label_set *l, uint32_t *ret_id);
/* Adds to the sample with the same stack, who, labels and bucket. */
int profile_add(struct profile *p, const struct sample *s);
/* Adds to what is known of a process's time. 0 or -ENOMEM. */
int profile_add_time(struct profile *p, const struct process_time *time);
/* Adds all of `from`, counts and totals times `scale`; both are of one mode (-EINVAL if not). */
int profile_merge(struct profile *into, const struct profile *from, double scale);

/*
 * Copies `from`, but stacks that have frames of an interpreter keep only these, and marks. 0 and a
 * new profile, or -ENOMEM.
 */
int profile_interpreted(const struct profile *from, struct profile **ret);
/*
 * Copies `from` with each call of Python in one sample, of its own time: without those that sum up
 * the same calls otherwise (summary_calls()). 0 and a new profile, or -ENOMEM.
 */
int profile_calls_once(const struct profile *from, struct profile **ret);
/* From now on names, and sums by name, tell lines of an interpreted function apart. No file keeps
 * that. */
void profile_split_lines(struct profile *p, bool split);

struct profile_info *profile_info(struct profile *p);
const struct profile_info *profile_facts(const struct profile *p);
const char *profile_string_at(const struct profile *p, uint32_t id);
const struct mapping *profile_mapping_at(const struct profile *p, uint32_t id);
const struct frame *profile_frame_at(const struct profile *p, uint32_t id);
struct stack profile_stack_at(const struct profile *p, uint32_t id);
const struct who *profile_who_at(const struct profile *p, uint32_t id);
struct label_set profile_labels_at(const struct profile *p, uint32_t id);
const struct sample *profile_sample_at(const struct profile *p, uint32_t id);
/* Of some processes: those whose time is known, by mode. */
const struct process_times *profile_times(const struct profile *p);
uint32_t profile_nr_strings(const struct profile *p);
uint32_t profile_nr_mappings(const struct profile *p);
uint32_t profile_nr_frames(const struct profile *p);
uint32_t profile_nr_stacks(const struct profile *p);
uint32_t profile_nr_whos(const struct profile *p);
uint32_t profile_nr_label_sets(const struct profile *p);
uint32_t profile_nr_samples(const struct profile *p);
size_t profile_memory(const struct profile *p);

/* values[i] of a sample: its count, or its total, as the unit says. */
uint64_t profile_value(const struct profile *p, const struct sample *s, unsigned i);
/* Does any sample stand in a bucket: is there a distribution to show? */
bool profile_has_distribution(const struct profile *p);
/*
 * A frame's name as every output shows it: the function, "[module+0xoffset]" for one without a
 * name, "function (path/file.py:12)" for one of an interpreter, with profile_frame_line(). Not
 * escaped; each output escapes for its own syntax.
 */
void profile_frame_name(const struct profile *p, uint32_t frame, struct strbuf *out);
/*
 * The line by which functions of an interpreter are told apart: that where it begins, or, after
 * profile_split_lines(), the one that runs. 0: unknown; other frames have none.
 */
uint32_t profile_frame_line(const struct profile *p, const struct frame *f);
/* "kernel", "native", "inlined", "jit", "interpreter", "mark". */
const char *frame_kind_name(enum frame_kind kind);
