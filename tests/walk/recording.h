/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a thread looked like when it was stopped: all that a walk of its stack
 * reads, and what libdw makes of it. A saved recording is text, a word and its
 * values a line, numbers in hex:
 *
 *	bpfprof-walk 1 MACHINE
 *	process                             what follows is another process, or as it is now
 *	mapping START END OFFSET BUILDID PATH    executable; BUILDID may be -
 *	vdso START BYTES
 *	thread TID                          one stop of one thread
 *	registers WORD…                     in the order of the kernel's struct pt_regs
 *	memory ADDRESS BYTES
 *	frame PC EXACT KNOWN                libdw's, leaf first; each 0 or 1: is it not a return
 *	                                    address, is there call-frame information
 *	end REASON                          why libdw stopped; "root": it got there,
 *	                                    "no caller": it may have
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

enum {
	RECORDING_REGISTERS = 21,
	RECORDING_MAX_STACK = 256 << 10, /* bytes from the stack pointer up */
	RECORDING_RED_ZONE = 128,
	RECORDING_MAX_FRAMES = 1024,
	RECORDING_MAX_MEMORY = 4096, /* pieces */
	RECORDING_PAGE = 4096,
	RECORDING_BUILD_ID = 20,
};

/* Words of struct pt_regs that are known by name. */
enum { RECORDING_FP = 4, RECORDING_PC = 16, RECORDING_SP = 19 };

struct recording_mapping {
	uint64_t start, end, offset;
	char *path; /* "" where no file is */
	uint8_t build_id[RECORDING_BUILD_ID];
	uint32_t build_id_size;
};

struct recording_memory {
	uint64_t at;
	size_t size;
	uint8_t *bytes;
};

struct recording_frame {
	uint64_t pc;
	bool exact;
	bool known; /* there is call-frame information for it */
};

/* What all threads of a process have in common. */
struct recording_process {
	struct recording_mapping *mappings; /* executable ones, ascending */
	size_t nr_mappings, cap_mappings;
	struct recording_memory vdso;
};

struct recording {
	pid_t tid;
	uint64_t registers[RECORDING_REGISTERS];
	struct recording_memory *memory;
	size_t nr_memory, cap_memory;
	struct recording_frame frames[RECORDING_MAX_FRAMES];
	size_t nr_frames;
	char end[80];
};

void recording_process_done(struct recording_process *p);
void recording_clear(struct recording *r);
void recording_done(struct recording *r);
/* Adds bytes that were read elsewhere; takes them over, on failure too. 0 or -ENOMEM. */
int recording_add_memory(struct recording *r, uint64_t at, uint8_t *bytes, size_t size);
/* -EFAULT: not all of it was saved, or not in one piece. */
int recording_read(const struct recording *r, uint64_t at, void *to, size_t size);
/* NULL: nothing executable is there. */
const struct recording_mapping *recording_mapping_at(const struct recording_process *p,
						     uint64_t at);
/* 0 or -ENOMEM; build_id may be NULL. */
int recording_add_mapping(struct recording_process *p, const struct recording_mapping *m,
			  const char *path);

void recording_write_head(FILE *out);
void recording_write_process(FILE *out, const struct recording_process *p);
void recording_write(FILE *out, const struct recording *r);

struct recording_reader {
	FILE *in;
	char *line;
	size_t cap_line, nr_lines;
	bool kept; /* `line` has been read and not used */
};

/* 0, or -EINVAL: no recording, or one of another machine. */
int recording_reader_init(struct recording_reader *reader, FILE *in);
void recording_reader_done(struct recording_reader *reader);
/*
 * The next stop; *ret_process is told whether `p` changed. 1, 0 at the end, or a negative errno
 * (-EINVAL: nr_lines says where).
 */
int recording_next(struct recording_reader *reader, struct recording_process *p,
		   struct recording *r, bool *ret_process);
