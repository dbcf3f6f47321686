// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * nsroot mount INNER PATH ARGS...: executes PATH in a mount namespace of its own where PATH is
 * INNER. nsroot chroot FOLDER PATH ARGS...: executes PATH, as it is below FOLDER.
 */
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

static int enter_mount(const char *inner, const char *path)
{
	return unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	       mount(inner, path, NULL, MS_BIND, NULL);
}

int main(int argc, char **argv)
{
	int failed = 0;

	if (argc < 5)
		return 2;
	if (!strcmp(argv[1], "mount"))
		failed = enter_mount(argv[2], argv[3]);
	else
		failed = chroot(argv[2]) || chdir("/");
	if (!failed)
		execv(argv[3], argv + 3);
	perror(argv[3]);
	return 127;
}
