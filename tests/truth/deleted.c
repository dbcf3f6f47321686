// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* deleted FILE COPY ARGS...: executes a copy of FILE, which is to delete itself. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

static int copy(const char *from, const char *to)
{
	int in = open(from, O_RDONLY | O_CLOEXEC), out;
	struct stat st;
	ssize_t n = 1;

	if (in < 0 || fstat(in, &st))
		return -1;
	out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	if (out < 0)
		return -1;
	for (off_t at = 0; at < st.st_size && n > 0;)
		n = sendfile(out, in, &at, (size_t)(st.st_size - at));
	close(in);
	return close(out) || n <= 0 ? -1 : 0;
}

int main(int argc, char **argv)
{
	if (argc < 4)
		return 2;
	if (copy(argv[1], argv[2])) {
		perror(argv[2]);
		return 1;
	}
	execv(argv[2], argv + 2);
	perror(argv[2]);
	return 127;
}
