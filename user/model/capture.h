/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What was taken, before it has names: the border between collecting and
 * symbolizing, which know nothing of each other. A frame is normalised to
 * {object, offset}, so that the same code in a thousand processes is one
 * frame, and one of a process that is gone still resolves: an object keeps
 * what is needed to read it later. Object 0 is the kernel, stack 0 is empty.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cleanup.h"
#include "base/intern.h"
#include "model/process_times.h"
#include "model/quality.h"

enum object_kind {
	OBJECT_KERNEL, /* offset: the absolute address */
	OBJECT_ELF,    /* offset: in the file */
	OBJECT_VDSO,   /* offset: from the start of the vdso */
	OBJECT_JIT,    /* anonymous executable memory of one process; offset: the address there */
	OBJECT_NONE,   /* an address of one process where nothing was known to be mapped */
	OBJECT_MARK,   /* no code: `path` says what is missing: "[stack lost]" */
	OBJECT_CODE,   /* of an interpreter: offset: code id << 32 | instruction; CODE_NOWHERE */
};

#define CODE_NOWHERE   0xffffffffu /* which instruction it is at is not known */
#define CODE_NOT_BEGUN 0xfffffffeu /* before its first one; its line is the first line */

/* How a code object says which line an instruction is of: PEP 626, Objects/lnotab_notes.txt … */
enum code_lines {
	CODE_LINES_NONE,
	CODE_LINES_LNOTAB,    /* CPython 3.6 to 3.9: pairs of bytes */
	CODE_LINES_RANGES,    /* 3.10 */
	CODE_LINES_LOCATIONS, /* from 3.11 */
};

/* What an interpreter runs: a function, a module, a class's body. */
struct raw_code {
	uint32_t name, file; /* strings of the capture; as qualified as the interpreter knows it */
	uint32_t first_line; /* 0: unknown */
	enum code_lines format;
	uint32_t nr_lines; /* bytes */
	const uint8_t *lines;
};

enum { BUILD_ID_MAX = 20 };

struct object {
	enum object_kind kind;
	char *path; /* as the process saw it; owned; never NULL */
	uint8_t build_id[BUILD_ID_MAX];
	uint32_t build_id_size; /* 0: none known */
	dev_t dev;
	ino_t ino; /* 0: unknown */
	/* The file, opened when it was first sampled; -1: could not be. For JIT its perf map. */
	int fd;
	uint32_t pid; /* JIT, NONE: whose memory; ELF: who was first seen to map it */
	uint32_t uid; /* JIT: the process's owner, who must own the perf map */
};

enum raw_flag {
	RAW_RUNS = 1 << 0, /* the loop of an interpreter: what it runs stands before it */
};

struct raw_frame {
	uint64_t offset; /* callers: of the call, i.e. the return address minus 1 */
	uint32_t object;
	uint32_t flags; /* enum raw_flag */
};

struct raw_stack {
	uint32_t nr;
	const struct raw_frame *frames; /* leaf first: kernel, then user */
};

/* Who was measured. comm, container, cgroup: string ids of the capture. */
struct raw_who {
	uint32_t pid, tid, comm, container, cgroup;
};

struct raw_sample {
	uint32_t stack, who;
	uint64_t tag;	 /* the mode's label_type table says what it means */
	uint32_t bucket; /* BUCKET_NONE: no distribution */
	uint32_t task;	 /* string of the capture: what the program calls it; 0: none */
	uint64_t count, total, min, max;
};

/* Events of a tag were watched no longer from a time on: their samples have a label LABEL_DETACHED.
 */
struct raw_detached {
	uint64_t tag;
	uint32_t text; /* its value, a string of the capture */
};

struct capture {
	struct object *objects;
	uint32_t nr_objects, cap_objects;
	struct intern strings, stacks, whos, sample_keys, codes;
	uint32_t code_object; /* the object of all interpreted frames; 0: there are none yet */
	struct raw_sample *samples;
	uint32_t nr_samples, cap_samples;
	struct raw_detached *detached;
	uint32_t nr_detached, cap_detached;
	struct quality quality;
	struct process_times times; /* of processes with samples, where a mode wants them */
	uint32_t restarts;
};

/* Makes object 0, string 0 ("") and stack 0. 0 or -ENOMEM. */
int capture_init(struct capture *c);
void capture_done(struct capture *c);
/* Forgets the samples, the times and the quality counters, keeps all that they point to. */
void capture_restart(struct capture *c);

/* Appends an object and takes over `path` and `fd` (also when it fails). 0 or -ENOMEM. */
int capture_object(struct capture *c, const struct object *o, uint32_t *ret_id);
/* Each finds or adds; 0 or -ENOMEM. */
int capture_string(struct capture *c, const char *s, uint32_t *ret_id);
int capture_stack(struct capture *c, const struct raw_frame *frames, uint32_t nr, uint32_t *ret_id);
int capture_who(struct capture *c, const struct raw_who *w, uint32_t *ret_id);
/* Adds: a frame that says what is missing ("[stack lost]"), and a stack of it. 0 or -ENOMEM. */
int capture_mark(struct capture *c, const char *text, struct raw_frame *ret);
int capture_mark_stack(struct capture *c, const char *text, uint32_t *ret_id);
int capture_code(struct capture *c, const struct raw_code *code, uint32_t *ret_id);
/* The frame of a code object's instruction. 0 or -ENOMEM. */
int capture_code_frame(struct capture *c, uint32_t code, uint32_t at, struct raw_frame *ret);
/* Adds to the sample with the same stack, who, tag, task and bucket. */
int capture_add(struct capture *c, const struct raw_sample *s);
/* Of a tag that had it before nothing changes. */
int capture_detached(struct capture *c, uint64_t tag, const char *text);
/* The label's value; NULL: it was watched all the time. */
const char *capture_detached_at(const struct capture *c, uint64_t tag);

struct raw_stack capture_stack_at(const struct capture *c, uint32_t id);
const struct raw_who *capture_who_at(const struct capture *c, uint32_t id);
const char *capture_string_at(const struct capture *c, uint32_t id);
/* Its lines are good as long as the capture. */
struct raw_code capture_code_at(const struct capture *c, uint32_t id);
/* Bytes that the capture holds. */
size_t capture_memory(const struct capture *c);
