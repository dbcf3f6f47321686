/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Probes in programs: each file that a measured process maps is shown once to
 * a finder (site/probe_site.h), and what it finds is attached to the
 * file's inode: by uprobe_multi where the kernel has it, one perf event a
 * probe else. What a probe means stands in the map `probes`, at the place that is its cookie.
 * Nothing of a target is read or written but by the kernel's own breakpoints, which go with the
 * last file descriptor, also when we are killed.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "kernel/filter.h"
#include "model/capture.h"
#include "process/tracker.h"
#include "site/probe_site.h"

struct bpf_object;
struct probes;

enum { PROBES_MAX = 32768 };

/* A file's code in a process: from `offset` of the file on at `start`. */
struct probes_mapped {
	struct space_key key;
	uint64_t start, offset;
	int fd; /* the file */
};

/*
 * What is done where a finder says that nothing can be probed in a file: there may be another way
 * to what it looks for. Each process that maps the file is told then.
 */
struct probes_instead {
	/* 1: there is, *ret_at is for mapped(); 0: there is none. `why` is said either way. */
	int (*find)(void *ctx, const struct runtime_image *image, uint64_t *ret_at,
		    struct strbuf *why);
	/* 0 or -ENOMEM. */
	int (*mapped)(void *ctx, const struct probes_mapped *m, uint64_t at);
	void *ctx;
};

struct probes_settings {
	const struct probes_instead *instead; /* NULL */
	const struct probe_finder *finder;
	const struct filter *filter; /* processes by number: only they are probed */
	uint32_t max_probes;	     /* room in the map, to PROBES_MAX */
	uint32_t max_spans;	     /* what may be open at a time, in all threads together */
	double max_overhead;	     /* of one CPU: 0.05; 0: no bound */
	/*
	 * The place that a file's runtime (probe_sites.runtime) has in the kernel half's map; 0:
	 * there is none. NULL: runtimes are not walked. For probes_open() on.
	 */
	uint32_t (*place_runtime)(void *ctx, const struct abi_runtime *runtime);
	void *place_ctx;
};

/*
 * How this kernel attaches probes: before the object is loaded, sizes its maps, chooses programs.
 * ABI_COOKIES and ABI_MULTI are set in *ret_flags where that is so. 0 or a negative errno: -ENODEV:
 * the kernel has no uprobes.
 */
int probes_prepare(const struct probes_settings *settings, struct bpf_object *obj,
		   uint32_t *ret_flags);
/* All that is pointed to outlives it. */
int probes_open(struct probes **ret, const struct probes_settings *settings, struct bpf_object *obj,
		struct tracker *tracker, struct capture *capture);
/* Detaches all. Counts what is still open into the capture's quality. */
void probes_stop(struct probes *p);
void probes_free(struct probes *p);
DEFINE_CLEANUP(struct probes, probes_free)

/*
 * Looks at what processes have mapped since the last look, within an allowance of time; and keeps
 * to max_overhead: the hottest are detached. 0 or a negative errno.
 */
int probes_tend(struct probes *p);
/*
 * A program will be started: probes its file and the libraries that it names now, as far as they
 * are found, for there is no time later. 0 or -ENOMEM.
 */
int probes_expect(struct probes *p, const char *program);
/* The same of one file, unless only processes that are known by number are measured. */
int probes_expect_file(struct probes *p, const char *path);
/* There is more to look at: ask soon. */
bool probes_pending(const struct probes *p);
/* How many probes are attached now. */
size_t probes_nr(const struct probes *p);
/* Was any file that had something to be probed mapped by a measured process? */
bool probes_found(const struct probes *p);
/* Was nothing attached, because all that was found was refused? */
bool probes_refused(const struct probes *p);
/*
 * Says for people what was found and what could not be probed, a line each: "ruby 3.3, pid 812: no
 * probe in this build". The nth line since the start, or NULL.
 */
const char *probes_note(const struct probes *p, size_t n);
/*
 * Says for people what was probed and what was not, in whom: "watched Python 3.11 (3 processes);
 * could not watch Ruby 3.3 (pid 900): no probe in this build". Nothing, if the finder has no word
 * for what it finds.
 */
void probes_watched(struct probes *p, struct strbuf *out);
size_t probes_memory(const struct probes *p);
