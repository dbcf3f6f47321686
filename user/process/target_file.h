/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Opening a file that another process named. A name may lead to a FIFO, a
 * device or a file put there since: nothing but a regular file is ever opened
 * for reading, links stay inside the folder that stands for the process's
 * root, and the caller compares what was opened with what was mapped.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "model/capture.h"

/* What is known of a file. Zero fields are unknown. */
struct file_identity {
	dev_t dev;
	ino_t ino;
	uint32_t build_id_size;
	uint8_t build_id[BUILD_ID_MAX];
};

enum target_file_flag {
	TARGET_IN_ROOT = 1 << 0, /* `dir_fd` is the root of path and of links in it */
	TARGET_NO_LINK = 1 << 1, /* the last component must not be a link */
};

/* The root folder of a process, O_PATH; a negative errno. `proc_fd` is /proc. */
int target_root(int proc_fd, uint32_t pid);
/*
 * Opens a regular file for reading; *ret_stat (may be NULL) is its stat(2).
 * The descriptor, or a negative errno: -EINVAL (no regular file), -EMFILE also when
 * descriptors get scarce, so that some stay for our own use.
 */
int target_file_open(int dir_fd, const char *path, unsigned flags, struct stat *ret_stat);
/* What an open file is: its device, inode, and build-id if it has one. */
void target_file_identify(int fd, const struct stat *st, struct file_identity *ret);
/* Are both surely one file? By build-id where both have one, else by device and inode. */
bool file_identity_equal(const struct file_identity *a, const struct file_identity *b);
/*
 * May its build-id be believed, so that it stands for all files that have it? Nobody but root, or
 * who we are, can have made it up.
 */
bool target_file_is_trusted(int fd);
/* Lets us have as many descriptors as we are allowed. */
void target_file_raise_limit(void);
