/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The probes of one file, attached to its inode for one process or for all:
 * by uprobe_multi, one link for many, or one perf event each. All that was
 * attached ends with its descriptors, also when we are killed. The file is
 * named by our own descriptor of it, so that one that was deleted, or that lies
 * in another mount namespace, is found as well.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi_probe.h"
#include "base/cleanup.h"

struct bpf_link;
struct bpf_program;
struct place_programs;

/* What this kernel has. */
struct uprobe_kernel {
	uint32_t type;			    /* of perf's uprobe events; 0: there are none */
	unsigned return_bit, counter_shift; /* in their config */
	bool cookies;			    /* since 5.15 */
	bool multi;			    /* since 6.6 … */
	bool multi_pid;			    /* … and its filter by process is one, since 6.10 */
};

/* linux/bpf.h: BPF_TRACE_UPROBE_MULTI. A program for it is no good for a perf event. */
enum { UPROBE_MULTI = 48 };

/* 0, or a negative errno: not allowed, or the kernel has no uprobes. */
int uprobe_kernel_read(struct uprobe_kernel *ret);

/* One probe. */
struct uprobe {
	uint64_t offset, semaphore; /* in the file; 0: it has no semaphore */
	uint32_t place;		    /* its cookie; without cookies its program's */
	bool is_return;
	bool unwanted;	       /* it is not attached, or no more */
	bool misread;	       /* by the kernel, which would run something else: not attached */
	int error;	       /* why it isn't attached, though wanted: a negative errno */
	struct bpf_link *link; /* a perf event's; NULL */
	int event;	       /* … without cookies; -1; uprobe_file_new() sets both */
};

/* How all are attached. */
struct uprobe_way {
	const struct uprobe_kernel *kernel;
	bool multi;
	const struct bpf_program *program; /* of all, by cookie */
	struct place_programs *places;	   /* without cookies: one each; not owned */
};

struct uprobe_file {
	const struct uprobe_way *way;
	int fd;	      /* not owned */
	uint32_t pid; /* 0: all processes */
	struct uprobe *probes;
	size_t nr;
	size_t nr_attached;
	int *links; /* of uprobe_multi */
	size_t nr_links, cap_links;
	bool turn;	/* their cookies have ABI_PROBE_TURN */
	int *old_links; /* of the other turn */
	size_t nr_old_links;
	bool limited; /* there were so many failures that not each was looked for */
};

/*
 * Probes are attached in the order in which they stand, but returns first, and taken away in the
 * other: whoever ends something is there before it can begin. Takes over nothing.
 */
int uprobe_file_new(struct uprobe_file **ret, const struct uprobe_way *way, int fd, uint32_t pid,
		    const struct uprobe *probes, size_t nr);
/* Detaches. */
void uprobe_file_free(struct uprobe_file *f);
DEFINE_CLEANUP(struct uprobe_file, uprobe_file_free)
/* Attaches what is wanted, for the first time. 0 or -ENOMEM; what failed says why itself. */
int uprobe_attach(struct uprobe_file *f);
/*
 * Detaches what is unwanted. One link of uprobe_multi has many: what stays is attached by another
 * one, of the other turn, beside it, until uprobe_detach_old(). Where there is no room for
 * both, or the rest fails, the old ones go first. 0 or -ENOMEM.
 */
int uprobe_attach_beside(struct uprobe_file *f);
void uprobe_detach_old(struct uprobe_file *f);
/* What an error of a probe means, for people. */
const char *uprobe_error(int error);
/* Bytes of memory. */
size_t uprobe_file_memory(const struct uprobe_file *f);
