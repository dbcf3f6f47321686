/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which processes have an interpreter, and how the kernel half walks its
 * stack: looks for runtimes (user/runtime) in the files of sampled processes,
 * puts what a walk needs into the map `runtimes`, and keeps what code objects
 * are called. A place in that map is a process's until no program can read
 * it any more: who shows it to the kernel half says when. Or a file's, for good.
 */
#pragma once
#include "abi.h"
#include "base/cleanup.h"
#include "model/capture.h"
#include "process/tracker.h"

struct bpf_object;
struct runtimes;

/* Sizes the map, which has room for so many processes. Before the object is loaded. */
int runtimes_prepare(struct bpf_object *obj, uint32_t nr);
/* All that is pointed to outlives it. */
int runtimes_open(struct runtimes **ret, struct bpf_object *obj, uint32_t nr,
		  struct tracker *tracker, struct capture *capture);
/* The same with the entries being anywhere: runtimes_free() leaves them. */
int runtimes_new(struct runtimes **ret, struct abi_runtime *entries, uint32_t nr,
		 struct tracker *tracker, struct capture *capture);
void runtimes_free(struct runtimes *r);
DEFINE_CLEANUP(struct runtimes, runtimes_free)

/*
 * Finds out how the space is walked, if it has a runtime in a file that was sampled. *place: what
 * it had (0: none), and has now. 0: settled, until the space's mappings change; -EAGAIN: not yet,
 * ask a little later; -ENOTSUP: it has one that can't be walked, *place is 0; -ENOMEM. A place
 * that it had is still to be put when it has another one. `again`: it is not the first time, when
 * files may be mapped in part: nothing is refused then.
 */
int runtimes_find(struct runtimes *r, const struct space_key *key, bool again, uint32_t *place);
/*
 * Where runtimes_find() says -EAGAIN of a space without a place: how it will be walked, as far as
 * that is known before its runtime is initialised. runtimes_find() goes on from there. 1: it has a
 * place; 0; -ENOMEM.
 */
int runtimes_foresee(struct runtimes *r, const struct space_key *key, uint32_t *place);
/* The place of what a file says of all its processes (of_file), the same one for the same; 0: there
 * is none left. */
uint32_t runtimes_place_file(struct runtimes *r, const struct abi_runtime *of_file);
/* No program reads it any more. */
void runtimes_put(struct runtimes *r, uint32_t place);

/* "Python 3.11", as long as the runtimes; NULL: the place is nobody's. */
const char *runtimes_version(const struct runtimes *r, uint32_t place);
/* Is the address in code that is known to be the interpreter's loop? */
bool runtimes_is_loop(const struct runtimes *r, uint32_t place, uint64_t address);
/* Are loops known by their addresses alone? */
bool runtimes_has_loops(const struct runtimes *r, uint32_t place);
/* A process's names that come at once may take so much memory. As much as is sensible, else. */
void runtimes_bound_names(struct runtimes *r, uint64_t bytes);
/* A record of `size` bytes: what a code object is. 0, -EPROTO or -ENOMEM. */
int runtimes_take_code(struct runtimes *r, const struct abi_code *c, size_t size);
/*
 * The frame of a call of a stack, which says what it was walked by. 1; 0: what it runs is not
 * known, and *ret is a mark; -ENOMEM.
 */
int runtimes_frame(struct runtimes *r, const struct abi_stack *s, const struct abi_call *call,
		   struct raw_frame *ret);
/* The mark that stands for calls that were left out. */
struct raw_frame runtimes_left_out(const struct runtimes *r);
/* The one that says how a list of awaiters ended; NULL: it is whole. */
const struct raw_frame *runtimes_awaited(const struct runtimes *r, enum abi_awaited end);
/* What a process adds to the file's addresses, which maps `offset` of it at `start`, if that is
 * code. */
bool runtimes_find_bias(int fd, uint64_t start, uint64_t offset, uint64_t *ret);
/* Is it a C library, by its name? */
bool runtimes_is_libc(const char *path);
size_t runtimes_memory(const struct runtimes *r);
/* The part of it that grows with each name. */
size_t runtimes_names_memory(const struct runtimes *r);
