/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The tracker's inside, for the files that make it up: tracker.c (events),
 * scan.c (/proc), frames.c (addresses), files.c (what is mapped, by number),
 * objects.c (files of the capture), open.c, mapped.c
 * (whole spaces), continued.c. A range names a file of the
 * table here; an object of the capture is made of it when it is first sampled, and files that turn
 * out to be the same share one.
 */
#pragma once
#include "base/intern.h"
#include "process/space.h"
#include "process/target_file.h"
#include "process/tracker.h"

enum {
	FILE_JIT = 0, /* all anonymous memory */
	MAX_ANCESTORS = 8,
	SWEEP_AT_LEAST = 8192, /* files */
};

enum file_kind {
	FILE_IS_ELF,
	FILE_IS_JIT,   /* memory that a process writes its code to */
	FILE_IS_MEMFD, /* a JIT's, or an executable's: seen when it is opened */
	FILE_IS_VDSO,
	FILE_IS_SPECIAL, /* "[uprobes]" and the like: no file, no names */
};

struct mapped_file {
	enum file_kind kind;
	uint32_t object;  /* SPACE_NO_OBJECT: not sampled yet */
	uint32_t tried;	  /* seq of the space through which opening failed last */
	bool settled;	  /* nothing more can be learned of it */
	bool told;	  /* to who listens, and opened since then */
	uint64_t told_at; /* … or may be yet; 0: not told */
	uint32_t mark;	  /* by who listens; 0: none */
	bool followed;	  /* … and still is told, of each space that maps it */
};

enum { TEXTS = 16, TEXT_SEGMENTS = 4 };

struct text_segment {
	uint64_t offset, address, size; /* in the file; p_vaddr; bytes */
};

/* The executable segments of a file. */
struct text {
	uint32_t object, nr;
	bool is_read;
	struct text_segment segments[TEXT_SEGMENTS];
};

struct tracker {
	struct capture *capture;
	struct space_table spaces;
	struct intern file_keys; /* struct file_identity, then the path */
	struct mapped_file *files;
	uint32_t nr_files, cap_files, sweep_at;
	struct intern object_keys;
	uint32_t *object_ids; /* by id of object_keys */
	uint32_t cap_object_ids;
	uint32_t none;	    /* object of what has no process either; SPACE_NO_OBJECT */
	struct range *read; /* by the last reading of /proc/PID/maps */
	uint32_t nr_read, cap_read;
	bool read_limited;
	struct strbuf text;
	int proc_fd;
	uint32_t round;
	struct text texts[TEXTS]; /* by object, the last that were asked for */
	struct range continued;	  /* see tracker_find_range() */
	uint64_t next_rescan;	  /* not before this */
	bool rescan_due;
	uint64_t scan_until; /* of tracker_scan() */
	bool scan_late;	     /* it left processes out */
	newly_mapped_fn on_mapped;
	void *on_mapped_ctx;
	bool follows; /* a file at least */
};

/* files.c */
int tracker_file(struct tracker *t, const char *path, const struct file_identity *id,
		 uint32_t *ret_file);
const char *tracker_file_path(const struct tracker *t, uint32_t file);
const struct file_identity *tracker_file_identity(const struct tracker *t, uint32_t file);
/* What a kind of file has as the offset of a range that begins at `start`. */
uint64_t tracker_file_offset(const struct tracker *t, uint32_t file, uint64_t start,
			     uint64_t offset);
/* Frees the numbers of files that no space maps any more, when there are many. 0 or -ENOMEM. */
int tracker_sweep_files(struct tracker *t);

/* mapped.c */
/* Tells who listens that this is mapped in a space from now on. */
void tracker_tell(struct tracker *t, const struct space *s, const struct range *r, uint32_t nr);
/* The same of all that a space maps of files that are followed. */
void tracker_tell_followed(struct tracker *t, const struct space *s);

/* frames.c */
/* The space in which `id` was sampled; made where a process is new. NULL: what it was is lost. */
int tracker_find_space(struct tracker *t, const struct process_id *id, struct space **ret);
/*
 * What lies at an address: 1; 0: nothing, *ret is NULL. /proc is asked for what is not known.
 * *ret is good until the next call.
 */
int tracker_find_range(struct tracker *t, struct space *s, uint64_t at, const struct range **ret);

/* continued.c */
/*
 * Code that a program copied into anonymous memory, in its own place (for huge pages): the first
 * part of a range, from `at` on, that lies among a file's mappings where the file has its code.
 * false: there is none.
 */
bool tracker_continued(struct tracker *t, struct space *s, const struct range *r, uint64_t at,
		       struct range *ret);

/* scan.c */
/*
 * Reads /proc/PID/maps into t->read. The number of ranges (0: a kernel thread), or a negative
 * errno: -ESRCH, -ENOENT: gone.
 */
int tracker_read_maps(struct tracker *t, uint32_t tgid);

/* objects.c */
/* The object of a range that was sampled. 0 or -ENOMEM. */
int tracker_object(struct tracker *t, struct space *s, const struct range *r, uint32_t *ret_object);
/* The same without opening or making anything: false: it was not sampled yet. */
bool tracker_known_object(const struct tracker *t, const struct range *r, uint32_t *ret_object);
/* The object of all that is unknown in a space; NULL: of nobody in particular. */
int tracker_none(struct tracker *t, struct space *s, uint32_t *ret_object);

/* open.c */
/* Opens what a range maps, if it is surely the same file, and says what it is. -1: can't be had. */
int tracker_open_file(struct tracker *t, struct space *s, const struct range *r,
		      struct file_identity *ret);
/* The perf map of a process, and its owner. A negative errno: -ESRCH: the process is gone. */
int tracker_open_perf_map(struct tracker *t, const struct space *s, uint32_t *ret_uid);
