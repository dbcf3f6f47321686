/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Runtimes: programs that run other programs, whose stacks the kernel half can
 * walk beside the native one. One descriptor each; runtimes.c is the table. A
 * new one is a descriptor here, a walk in bpf/ and a kind of abi_runtime. All
 * that is read of files and processes is enemy input. What can't be known for
 * sure is refused, with a reason for people; nothing is guessed.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "abi.h"
#include "base/cleanup.h"
#include "base/strbuf.h"
#include "model/capture.h"

/* A process's memory, read without stopping it: process_vm_readv(2). */
struct target_memory {
	pid_t pid;
};

/* 0, or -EFAULT: not all of it could be read; -ESRCH: the process is gone. */
int target_memory_read(const struct target_memory *m, uint64_t from, void *to, size_t size);

/* An executable or library that a process maps. */
struct runtime_image {
	int fd;		  /* of the ELF file */
	const char *path; /* for messages */
	uint64_t bias;	  /* add it to an address of the file to have the process's */
};

struct runtime_process {
	struct target_memory memory;
	struct runtime_image image; /* the one that holds the runtime */
	int libc_fd;		    /* its C library, where that is another file; -1 */
	uint64_t libc_bias;
};

/* Code of the interpreter's loop in a file: ELF addresses. Such a frame runs interpreted ones. */
struct runtime_range {
	uint64_t start, end;
};

enum { RUNTIME_MAX_RANGES = 8 };

/* What is known of a file that holds a runtime, for all processes that map it. */
struct runtime_build {
	const struct runtime *runtime;
	char version[32]; /* "Python 3.11" */
	/*
	 * The loop, where it has to be known: of runtimes that do not say themselves which native
	 * frame runs which of theirs (CPython to 3.10).
	 */
	struct runtime_range loop[RUNTIME_MAX_RANGES];
	uint32_t nr_loop;
	void *data; /* the runtime's own */
};

/* How its stacks are found in a process, and what came of it: for people. */
struct runtime_explained {
	/* From a thread to its state: "the holder of the GIL, a key of the C library". */
	char routes[128];
	/* The loop's code has to be known (runtime_build.loop), to join its stacks with native
	 * ones. */
	bool needs_loop;
	/* Threads that it knows, each walked once as the kernel half does. */
	uint32_t nr_threads;
	bool limited;				  /* it may know more */
	uint32_t nr_idle;			  /* whole, and it runs nothing there */
	uint32_t nr_stops[ABI_INTERPRETED_STOPS]; /* by enum abi_interpreted */
};

struct runtime {
	const char *name; /* "python" */
	enum abi_runtime_kind kind;
	/*
	 * Does the file hold this runtime? 1: *ret is filled; 0: it does not; -ENOTSUP: it does,
	 * but it can't be walked, `why` says why ("Python 3.16: offsets unknown"); -ENOMEM, or
	 * another error of reading. Looks at symbols and sections, not at names of files.
	 */
	int (*detect)(const struct runtime_image *image, struct runtime_build *ret,
		      struct strbuf *why);
	void (*done)(struct runtime_build *b);
	/*
	 * All that the walk needs in this process (but for `family`). 0; -EAGAIN: not initialised
	 * yet, or not readable: ask again later; -ENOTSUP with `why`; -ENOMEM.
	 */
	int (*describe)(const struct runtime_build *b, const struct runtime_process *p,
			struct abi_runtime *ret, struct strbuf *why);
	/*
	 * The same of a process that describe() says -EAGAIN of, so that its first stacks aren't
	 * missed: by what its files, and what is mapped of them, say for sure. Until it is
	 * initialised a walk finds nothing by it; describe() may know more ways then. 0; -EAGAIN;
	 * -ENOTSUP; -ENOMEM.
	 */
	int (*foresee)(const struct runtime_build *b, const struct runtime_process *p,
		       struct abi_runtime *ret, struct strbuf *why);
	/*
	 * Names a code object, from what the kernel half read and, where that is not enough, from
	 * the process's memory (NULL: it is gone). name, file: UTF-8, appended. ret: first_line,
	 * format, nr_lines; `lines` is appended to ret_lines. 0; -EINVAL: it is no code object;
	 * -EFAULT: its name can't be read; -ENOMEM.
	 */
	int (*read_code)(const struct abi_runtime *r, const struct abi_code *raw,
			 const struct target_memory *memory, struct strbuf *name,
			 struct strbuf *file, struct strbuf *ret_lines, struct raw_code *ret);
	/* Which instruction a call is at, as raw frames say it: in bytes; CODE_NOWHERE. */
	uint32_t (*instruction)(const struct abi_runtime *r, const struct abi_call *call);
	/* Of what describe() said of a process. 0; -EAGAIN: its threads can't be read; -ENOTSUP. */
	int (*explain)(const struct runtime_build *b, const struct runtime_process *p,
		       const struct abi_runtime *r, struct runtime_explained *ret);
	/*
	 * Fills `raw` from the process's memory, as the kernel half would. raw->check: what is
	 * wanted, 0: anything; the same afterwards, if it is that. 0, -EFAULT, -ESRCH.
	 */
	int (*copy_code)(const struct abi_runtime *r, const struct target_memory *memory,
			 uint64_t code, struct abi_code *raw);
};

/* All, NULL behind the last one. */
extern const struct runtime *const runtimes[];

/* Looks for any of them: as runtime.detect. */
int runtime_detect(const struct runtime_image *image, struct runtime_build *ret,
		   struct strbuf *why);
void runtime_build_done(struct runtime_build *b);
const struct runtime *runtime_of(enum abi_runtime_kind kind);
