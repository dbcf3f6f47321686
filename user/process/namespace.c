// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "process/namespace.h"

#include <sys/stat.h>

/* PROC_USER_INIT_INO, PROC_PID_INIT_INO */
enum { INODE_USER = 0xEFFFFFFDu, INODE_PID = 0xEFFFFFFCu };

static bool is_first(const char *path, ino_t inode)
{
	struct stat st;

	return !stat(path, &st) && st.st_ino == inode;
}

bool namespace_is_first_user(void)
{
	return is_first("/proc/self/ns/user", INODE_USER);
}

bool namespace_is_first_pid(void)
{
	return is_first("/proc/self/ns/pid", INODE_PID);
}
