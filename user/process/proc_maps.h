/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * /proc/PID/maps: the executable entries only, handed out one by one as they
 * are read, so that a process with any number of mappings needs no memory here.
 * The format is proc_pid_maps(5). Names come from the process and may hold
 * anything; the only byte that the kernel escapes in them is the newline (\012).
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct proc_map {
	uint64_t start, end, offset; /* bytes; offset: in the file */
	dev_t dev;
	ino_t ino;	  /* 0: no file */
	const char *path; /* as the kernel says it, newlines restored; "": anonymous */
};

/* A negative return ends the reading and is passed on. */
typedef int (*proc_map_fn)(void *ctx, const struct proc_map *map);

/*
 * One line, without its newline, followed by a NUL; changed in place.
 * 1: executable, *ret is filled (its path points into the line); 0: not executable; -EINVAL.
 */
int proc_maps_line(char *line, size_t size, struct proc_map *ret);
/*
 * Calls `fn` for each executable entry of an open maps file. The number of entries, or what
 * `fn` or read(2) said. A line that can't be read is passed over and counted in *ret_bad
 * (which may be NULL).
 */
int proc_maps_read(int fd, proc_map_fn fn, void *ctx, uint32_t *ret_bad);
