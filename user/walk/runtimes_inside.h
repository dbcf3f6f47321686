/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The inside of runtimes.h: runtimes.c (processes), runtimes_code.c (what they run). */
#pragma once
#include "base/intern.h"
#include "runtime/runtime.h"
#include "walk/runtimes.h"

enum look { NOT_LOOKED, HAS_NONE, HAS_RUNTIME, HAS_REFUSED };

/* An object of the capture. */
struct looked {
	enum look look;
	struct runtime_build build;
};

/* A process, or a file, by its place in the map. */
struct placed {
	bool used;
	bool foreseen; /* the process was not initialised: it may say more */
	struct space_key key;
	uint32_t object; /* of a process */
	uint64_t bias;
	uint64_t since_ns, naming_ns; /* since when its code is named; CPU time that it took */
	uint64_t names;		      /* of code, that are kept */
};

struct runtimes {
	struct tracker *tracker;
	struct capture *capture;
	struct abi_runtime *entries; /* as the kernel half reads them; 0 is nobody's */
	size_t entries_size;	     /* of the map; 0: not ours to unmap */
	struct placed *placed;
	uint32_t nr;
	struct looked **looked; /* by object; NULL: not yet */
	uint32_t nr_looked, cap_looked;
	uint64_t names_credit; /* of a process */
	struct intern code_keys;
	uint32_t *codes; /* of the capture, by id of code_keys */
	uint32_t cap_codes;
	struct raw_frame lost, left_out, awaited[ABI_AWAITED_ENDS]; /* marks */
};

/* runtimes_code.c */
int runtimes_make_marks(struct runtimes *r);
