/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The inside of probes.h, for the files that make it up: probes.c (what is
 * called), files.c (files that are mapped), waiting.c (in which order), places.c (what their sites
 * mean, in the kernel half's map), overhead.c (what hits cost), cost.c (measured on ourselves),
 * watched.c (who is probed, for people). A file is an inode; its sites have places one behind the
 * other, and are attached once for all processes or once a process.
 */
#pragma once
#include <sys/stat.h>

#include "base/allowance.h"
#include "base/intern.h"
#include "kernel/place_programs.h"
#include "kernel/uprobe.h"
#include "probe/probes.h"
#include "probe/waiting.h"

enum {
	PROBES_NOTES = 4096,   /* more is not said */
	PROBES_PLAIN = 65536,  /* files with nothing to be probed that are remembered */
	PROBES_REFUSED = 4096, /* … with something that can't be */
	COST_ENTRY_EMULATED = 0,
	COST_RETURN_EMULATED,
	COST_ENTRY_STEPPED,
	COST_RETURN_STEPPED,
	PROBES_COSTS,
};

/* What hits of a kind cost with a program that finds nothing to do, ns. */
struct probes_cost {
	double ns[PROBES_COSTS];
	/* Attached to ourselves. Nobody calls that any more, and detaching takes its time. */
	struct uprobe_file *entries, *returns;
	int fd;
};

/* Tells files apart. Compared as bytes: unused fields 0. */
struct file_key {
	uint64_t dev, ino;
	/*
	 * Of overlays, whose dev says nothing of the file below, and of files that are not kept
	 * open, whose number may be another's later.
	 */
	uint64_t size, changed_ns;
};

/* A place in the kernel half's map, and the site that has it. */
struct probed_place {
	uint64_t hits; /* when the time that is looked at began */
	uint32_t file, site;
	uint32_t pair; /* in all files */
	uint8_t cost;  /* its kind */
	bool detached; /* it cost too much */
};

struct probed_file {
	char *path; /* as the process sees it */
	int fd;	    /* -1: no place of it is probed, nor is it looked at instead */
	bool is_instead;
	uint64_t at; /* probes_instead.mapped() */
	struct probe_sites sites;
	char *why;	    /* it isn't probed though something was found */
	uint32_t first_pid; /* that was seen to map it; 0: nobody yet */
	bool was_attached;
	uint32_t group, nr_pids, last_pid; /* watched.c */
	uint32_t runtime;		   /* place of its sites' runtime; 0: none */
	uint32_t first_place, nr_places;
	bool turn; /* of all that are attached */
	struct uprobe_file **attached;
	size_t nr_attached, cap_attached;
};

struct probes {
	struct probes_settings settings;
	struct bpf_object *obj;
	struct tracker *tracker;
	struct capture *capture;
	struct uprobe_kernel kernel;
	struct uprobe_way way;
	bool by_pid; /* a file is attached for each process by itself */
	int targets_fd, probes_fd, hits_fd;
	struct intern keys; /* struct file_key, to place in … */
	struct probed_file *files;
	uint32_t cap_files;
	struct intern pairs; /* {file, pair} */
	struct intern plain; /* struct file_key of files with nothing to be probed */
	struct waiting waiting;
	bool said_refused;
	uint32_t nr_refused; /* files that are kept for why they are not probed */
	struct allowance looking, looking_later;
	struct probed_place *places;
	uint32_t nr_places, cap_places;
	uint64_t *hits; /* of all places, read in one go */
	struct probes_cost cost;
	int stats_fd; /* while it is open the kernel keeps the time that programs take; -1 */
	uint64_t opened, checked, looked; /* … at hits */
	uint64_t run_ns, run_count;	  /* of our programs, when last looked at */
	double program_ns;		  /* what one run of them takes */
	char **notes;
	size_t nr_notes, cap_notes;
	bool scanned;	 /* what ran before was looked at: what comes from here on is new */
	bool unattached; /* probes_stop() was called */
};

/* files.c */
/* For tracker_listen(). */
bool probes_on_mapped(void *ctx, const struct space_key *key, const struct mapped *m);
/* Looks at the files that wait, as time allows. 0 or -ENOMEM. */
int probes_look(struct probes *p);
/*
 * Looks at a file, whose descriptor it takes over, for a process that maps it (0: nobody yet).
 * *ret_file is untouched where there is none.
 */
int probes_look_at(struct probes *p, const char *path, int fd, uint32_t pid, uint32_t *ret_file);
void probed_file_done(struct probed_file *f);
/* Is a process one of those that are to be measured, as far as that can be told from outside? */
bool probes_want(const struct probes *p, uint32_t tgid);
/* Says one line, owned by nobody else; takes `line` over. */
void probes_say(struct probes *p, struct strbuf *line);
/* The last part of a path. */
const char *probed_file_name(const struct probed_file *f);

/* places.c */
/* Gives a file's sites their places; what doesn't fit is left out and counted. 0 or -ENOMEM. */
int probes_place(struct probes *p, uint32_t file);
/* Attaches a file for a process; 0: for all. 1; 0: it is attached, or nothing of it is; -ENOMEM. */
int probes_attach(struct probes *p, struct probed_file *f, uint32_t pid);
/* Detaches what is unwanted of a file. 0 or a negative errno. */
int probes_attach_rest(struct probes *p, struct probed_file *f);

/* overhead.c */
/* Detaches the hottest, if all together cost too much. 0 or a negative errno. */
int probes_keep_to_overhead(struct probes *p);
/* Says what all hits cost, if that is worth a word. */
void probes_say_cost(struct probes *p);
/* What is open in threads, which nothing will end any more. */
uint64_t probes_count_open(const struct probes *p);

/* cost.c */
/* On ourselves, within some 20 ms and what attaching takes. The place's meaning is to be none. */
void probes_measure_cost(struct probes_cost *c, const struct uprobe_way *way, uint32_t place);
void probes_cost_done(struct probes_cost *c);
/* Can the kernel emulate an instruction, or must it be stepped? */
bool probes_is_emulated(const uint8_t *code, size_t size);
