/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The inside of tables.h, for the files that make it up: tables.c (what is
 * called), tables_file.c (a file's table), tables_list.c (what a space maps),
 * tables_space.c (the table of spaces), tables_walk.c. A list that walks can find refers to
 * tables that stand: a table that leaves is first taken out of all lists, and
 * what both stood in is used again after a barrier.
 */
#pragma once
#include "base/allowance.h"
#include "unwind/cache.h"
#include "unwind/table.h"
#include "walk/runtimes.h"
#include "walk/segments.h"
#include "walk/tables.h"

enum {
	/* A directory has the words of so many pages; larger tables have several. */
	DIRECTORY_PAGES = 4096,
	LISTS_KEPT = 4,
	MAX_WANTED = 64,
	MAX_ASKS = 64,
	MAX_SOON = 64,
};

enum table_state {
	TABLE_NONE, /* not asked for yet */
	TABLE_LOADED,
	TABLE_NOTHING, /* there is nothing to go by */
	TABLE_KEEPS_FP,
	TABLE_CLOSED, /* the file could not be opened */
	TABLE_FAILED,
	TABLE_LEFT, /* made room for others */
};

/* What a table on disk is found by. Who owns the file: nobody makes one up for root's. */
struct cache_key {
	uint8_t build_id[BUILD_ID_MAX];
	uint32_t build_id_size, owner;
	uint32_t pad;
	uint64_t size;
};
_Static_assert(sizeof(struct cache_key) == 40, "no padding");

/* Of an object of the capture. */
struct table {
	enum table_state state;
	uint64_t used;	  /* by tables.clock */
	uint64_t left_at; /* ns */
	uint64_t first_page;
	uint32_t nr_pages, nr_segments, nr_runs;
	uint32_t tries; /* to find room */
	struct unwind_segment *segments;
	struct segment_run *runs; /* the directories first */
	size_t words;
};

enum entry_state {
	ENTRY_USED,
	ENTRY_LEAVING, /* a walk may have found it */
	ENTRY_LEFT,    /* the same, before the last tables_tend() */
	ENTRY_QUIET,   /* a stack that went by it may still come out of the ring */
};

/* An address space, as walks know it. */
struct published {
	enum entry_state state;
	uint32_t entry;
	bool due;    /* its list may be outdated, for other reasons than the tracker's version */
	bool lacks;  /* some of its files have no table yet */
	uint32_t nr; /* mappings */
	uint64_t token;
	struct space_key key;
	struct space_version version; /* when the list was made */
	struct segment_run list;      /* words 0: none */
	uint64_t tables;	      /* a bit for each object, modulo 64, that it refers to */
	uint64_t used;		      /* by tables.clock */
	uint64_t made, wait;	      /* ns: when; no sooner than so much later again */
	struct {
		uint32_t location;
		uint64_t replaced; /* the version's */
	} before[LISTS_KEPT];
	uint32_t nr_before;
	uint32_t runtime;    /* its place; 0: none */
	uint32_t foreseen;   /* the place that it had before it was initialised; 0: none */
	bool has_refused;    /* it has one that can't be walked */
	uint64_t look_again; /* ns: when to look for one; 0: when its mappings change */
	uint64_t look_wait;  /* ns: the time before that */
	uint64_t program;    /* that it executes, as in struct abi_ask */
	uint64_t starts;     /* ns: until when a runtime will come: it just started; 0: who knows */
};

struct tables {
	struct tables_settings settings;
	struct tracker *tracker;
	struct capture *capture;
	struct segments *segments;
	struct runtimes *runtimes;  /* NULL: interpreters are not looked for */
	struct unwind_cache *cache; /* NULL: none */
	struct unwind_table *fresh; /* compiled last, not on disk yet; NULL: none */
	struct cache_key fresh_key;
	struct abi_space *entries; /* as the kernel half reads them */
	size_t entries_size;	   /* of the map; 0: not ours to unmap */
	int programs_fd; /* the map of those that have an interpreter; -1: there is none */
	struct published **spaces; /* by entry; NULL: it is free */
	uint32_t nr_spaces;
	struct published **published; /* the same, one behind the other */
	uint32_t nr_published, cap_published, next_published;
	struct table **tables; /* by object; NULL: nothing is known */
	uint32_t nr_tables, cap_tables;
	uint64_t clock, page_size;
	uint64_t lists;		 /* number of the last one */
	bool loaded;		 /* a table, since the last tables_tend() */
	bool pending;		 /* a space is to be looked at again, a little later */
	uint64_t soon[MAX_SOON]; /* … tokens of those that are, as far as there is room */
	uint32_t nr_soon;
	uint64_t scan_again;	/* ns: not before then are all spaces looked at */
	uint64_t publishing_ns; /* that the last such look took for what it published */
	uint32_t wanted[MAX_WANTED];
	uint32_t nr_wanted;
	struct abi_ask asks[MAX_ASKS]; /* that found no entry */
	uint32_t nr_asks;
	struct abi_mapping *list; /* being made */
	uint32_t nr_list, cap_list, nr_pieces;
	bool list_lacks; /* code without an entry lies behind its last one */
	/* Of lists, those of spaces with many mappings apart: they may take long. */
	struct allowance loading, listing, long_listing, walking;
	uint32_t *own_block; /* the list of a stack that is walked here */
	size_t table_memory;
	struct tables_counts counts;
};

/* tables.c */
/* As tables_open(), with what the kernel half reads being anywhere. Takes over `store`. */
int tables_new(struct tables **ret, const struct tables_settings *settings,
	       const struct segments_store *store, struct abi_space *entries,
	       struct tracker *tracker, struct capture *capture);
/* Loads the tables of what is asked for. 0 or -ENOMEM. */
int tables_load_asked(struct tables *t, const struct abi_ask *ask, const struct space_key *key);
/*
 * Before the tables of what is asked for are loaded: shows the interpreter there may be in it.
 * Tables take long, and a walk of interpreted frames does without. 0 or -ENOMEM.
 */
int tables_show_runtime(struct tables *t, const struct abi_ask *ask);

/* tables_file.c */
/* What is known of an object's table; never NULL, but when there is no memory. */
struct table *tables_of(struct tables *t, uint32_t object);
/* Loads a table, or sees to it that it will be. 0 or -ENOMEM. */
int tables_load(struct tables *t, uint32_t object);
/* Has a table loaded at the next tables_tend(). */
void tables_want(struct tables *t, uint32_t object);
/* What had to wait. */
int tables_load_wanted(struct tables *t);
/* Writes what was compiled to disk: not before, since stacks wait for the table. */
void tables_keep(struct tables *t);
void table_free(struct tables *t, struct table *table);

/* tables_space.c: the lists' that a space with so many mappings has a part in. */
struct allowance *tables_listing(struct tables *t, uint32_t nr_mappings);

/* tables_list.c */
/* Makes t->list of a space, *ret_tables and *ret_lacks as in struct published. 0 or -ENOMEM. */
int tables_make_list(struct tables *t, const struct space_key *key, uint64_t *ret_tables,
		     bool *ret_lacks);

/* tables_space.c */
struct published *tables_find(const struct tables *t, uint64_t token);
/* The space's entry, made if there is room. 1, 0: there is none before the next barrier, -ENOMEM.
 */
int tables_take_entry(struct tables *t, uint64_t token, const struct space_key *key,
		      struct published **ret);
/* Location of the space's first mapping; 0: it has no list. */
uint32_t tables_list_at(const struct published *p);
/* Looks for an interpreter in what the space maps, and shows it. 0 or -ENOMEM. */
int tables_find_runtime(struct tables *t, struct published *p);
/* Publishes a space's list as it is now, if it differs. 0 or -ENOMEM. */
int tables_publish(struct tables *t, struct published *p);
/* The space has no list from here on. */
void tables_withdraw(struct tables *t, struct published *p);
/* An object's table leaves: no list refers to it any more. */
void tables_withdraw_table(struct tables *t, uint32_t object);
/* It is to be looked at again, a little later. */
void tables_look_soon(struct tables *t, const struct published *p);
/*
 * Publishes those that are due, as far as time allows. Where there are many, all are looked at now
 * and then, and else those that tables_look_soon() was called for.
 */
int tables_tend_spaces(struct tables *t);
/* What leaves goes one step further: LEAVING, LEFT, QUIET, free. */
void tables_mark_entries(struct tables *t);
void tables_quiet_entries(struct tables *t);
void tables_reclaim_entries(struct tables *t);
