/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which code lies where in which process, at any time of the measuring.
 * Fed with side-band records in the order of their time; /proc is read only
 * for what ran before, and again after records were lost. An address space is
 * named by {tgid, exec id}: a pid that is used again or that executes another
 * program is another space, and the old one stays as long as it may be asked for.
 * Objects (files) are put into the capture, opened when they are first sampled.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "model/capture.h"

enum process_event_kind {
	PROCESS_MAP,  /* executable memory was mapped */
	PROCESS_EXEC, /* the process executes a new program: its old mappings are gone */
	PROCESS_FORK, /* a process (or thread) was made */
	PROCESS_EXIT, /* a process (or thread) ended */
};

struct process_event {
	enum process_event_kind kind;
	uint64_t time;			   /* CLOCK_MONOTONIC, ns */
	uint32_t tgid, tid;		   /* FORK: the new one */
	uint32_t parent;		   /* FORK: tgid it came from */
	uint64_t start, size, file_offset; /* MAP */
	const char *path; /* MAP: as the kernel says it: a path, "//anon", "[vdso]" … */
	dev_t dev;	  /* MAP: 0 where a build-id came instead */
	ino_t ino;
	uint8_t build_id[BUILD_ID_MAX];
	uint32_t build_id_size;
};

struct tracker;

int tracker_new(struct tracker **ret, struct capture *capture);
void tracker_free(struct tracker *t);
DEFINE_CLEANUP(struct tracker, tracker_free)

/*
 * Reads /proc for all processes (pids: NULL) or for these, those of which nothing is known.
 * 0; 1: that took too long, call again for the rest; -ENOMEM. A process that is gone or can't be
 * read is passed over.
 */
int tracker_scan(struct tracker *t, const uint32_t *pids, size_t nr);
/*
 * Side-band records were lost: what is known of mappings may lack some; reads /proc again, or
 * leaves it to a later tracker_forget() where that was done a moment ago.
 */
int tracker_rescan(struct tracker *t);
int tracker_event(struct tracker *t, const struct process_event *e);

/* The process as BPF saw it when it took a stack. */
struct process_id {
	uint32_t tgid;
	uint64_t start_ns; /* CLOCK_BOOTTIME at which it was made: /proc/PID/stat's 22nd field in ns
			    */
	uint64_t time;	   /* CLOCK_MONOTONIC of the stack */
};

/*
 * Normalises nr user addresses, leaf first, into ret_frames (callers: addresses of the call).
 * Opens what is sampled for the first time. 1: all found; 0: some are OBJECT_NONE, for nothing
 * was known to be mapped there; -ENOMEM.
 */
int tracker_frames(struct tracker *t, const struct process_id *id, const uint64_t *addresses,
		   uint32_t nr, struct raw_frame *ret_frames);

/* Names an address space for as long as the tracker remembers it. */
struct space_key {
	uint32_t tgid, seq;
};

/* `nr` alone may shrink. */
struct space_version {
	uint64_t changes;  /* of what is mapped */
	uint64_t replaced; /* of these: other code stood there before */
	uint32_t nr;	   /* mappings there are */
	/* What it shares with those it was forked of, and which were of it, until an exec. */
	uint32_t family;
	uint64_t from;	 /* CLOCK_MONOTONIC; 0: before the measuring */
	bool forked;	 /* at `from` its memory was a copy of its parent's, or is the parent's */
	uint32_t parent; /* tgid; 0: unknown */
	/* When its tgid had another space: after an exec, or of a new process; 0: it has it yet. */
	uint64_t until;
};

enum mapped_kind {
	MAPPED_ELF,
	MAPPED_MEMFD, /* an ELF file or a JIT's memory: not opened yet */
	MAPPED_JIT,
	MAPPED_VDSO, /* of a 64-bit process */
	MAPPED_SPECIAL,
};

/* Executable memory. */
struct mapped {
	uint64_t start, end;
	uint64_t offset; /* in the file, at start */
	enum mapped_kind kind;
	uint32_t object;  /* of the capture; UINT32_MAX: it was not sampled yet, or has none */
	const char *path; /* as the process sees it; good until the next event */
};

typedef int (*mapped_fn)(void *ctx, const struct mapped *m);

/*
 * A process was seen to map a file's code. true: of this file no more is to be told, if
 * tracker_open_at() can open it.
 */
typedef bool (*newly_mapped_fn)(void *ctx, const struct space_key *key, const struct mapped *m);

/* Before anything is tracked. `fn` may not call the tracker. */
void tracker_listen(struct tracker *t, newly_mapped_fn fn, void *ctx);
/*
 * Who listens gives the file that is mapped at an address a number, not 0, of its own; and is
 * shown, of each process that has not ended, such numbers of files that it maps, perhaps several
 * times.
 */
void tracker_mark(struct tracker *t, const struct space_key *key, uint64_t address, uint32_t mark);
void tracker_each_marked(const struct tracker *t,
			 void (*fn)(void *ctx, uint32_t tgid, uint32_t mark), void *ctx);
/*
 * Of the file that is mapped at an address each process is told: those that map it already, at
 * once, and those that will, also by a fork.
 */
void tracker_follow(struct tracker *t, const struct space_key *key, uint64_t address);
/*
 * Opens the file that is mapped at an address, for the caller to close, if it is surely the same.
 * The descriptor, and its path as the process sees it; or a negative errno: it can't be had. The
 * tracker itself keeps nothing of it.
 */
int tracker_open_at(struct tracker *t, const struct space_key *key, uint64_t address,
		    char *ret_path, size_t size);

/* The space in which a process was at a time. 1, 0: there is none, or -ENOMEM. */
int tracker_space(struct tracker *t, const struct process_id *id, struct space_key *ret);
/* false: it is forgotten. */
bool tracker_space_version(const struct tracker *t, const struct space_key *key,
			   struct space_version *ret);
/*
 * Calls fn for all that is mapped, ascending. 0 or what fn said, if negative. Opens nothing, but
 * for a file whose code continues in anonymous memory.
 */
int tracker_each_mapped(struct tracker *t, const struct space_key *key, mapped_fn fn, void *ctx);
/* What is mapped at an address; opens it. 1, 0: nothing is known to be, or -ENOMEM. */
int tracker_open_mapped(struct tracker *t, const struct space_key *key, uint64_t address,
			struct mapped *ret);
/* Container id and cgroup path of a process, as string ids of the capture; 0: none or unknown. */
int tracker_cgroup(struct tracker *t, uint32_t tgid, uint32_t *ret_container, uint32_t *ret_cgroup);
/* When a process ended, CLOCK_MONOTONIC; 0: it did not, or nothing is known of that. */
uint64_t tracker_ended(const struct tracker *t, const struct process_id *id);
/* Lets go of processes that ended more than a second before `time`. */
void tracker_forget(struct tracker *t, uint64_t time);
size_t tracker_memory(const struct tracker *t);
