// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "snapshot/copy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "base/cleanup.h"

/* A read ends at the first page that can't be read only where one of these begins. */
enum { PIECE = 4096, AT_ONCE = 64 };

/* Bytes that could be read, or a negative errno. */
static ssize_t read_pieces(pid_t pid, uint64_t from, char *to, size_t size)
{
	struct iovec remote[AT_ONCE];
	size_t done = 0;

	while (done < size) {
		struct iovec local = { to + done, 0 };
		unsigned long nr = 0;
		ssize_t n;

		while (nr < AT_ONCE && local.iov_len < size - done) {
			uint64_t at = from + done + local.iov_len;
			size_t piece = PIECE - (at & (PIECE - 1)), left;

			left = size - done - local.iov_len;
			piece = piece < left ? piece : left;
			remote[nr++] = (struct iovec){ (void *)(uintptr_t)at, piece };
			local.iov_len += piece;
		}
		n = process_vm_readv(pid, &local, 1, remote, nr, 0);
		if (n < 0 && errno != EFAULT)
			return -errno;
		if (n > 0)
			done += (size_t)n;
		if (n < 0 || (size_t)n < local.iov_len)
			break;
	}
	return (ssize_t)done;
}

int snapshot_copy(pid_t pid, const struct dump_task *task, uint32_t size, struct abi_copy **ret)
{
	_cleanup_free_ struct abi_copy *c = malloc(sizeof(*c) + size);
	struct abi_copy *smaller;
	ssize_t n;

	if (!c)
		return -ENOMEM;
	memset(c, 0, sizeof(*c));
	c->ask.type = ABI_COPY;
	c->ask.tgid = (uint32_t)pid;
	c->from = (task->sp - ABI_RED_ZONE) & ~7ull;
	memcpy(c->registers, task->registers, sizeof(c->registers));
	n = read_pieces(pid, c->from, c->memory, size);
	if (!n) {
		/* There may be no memory below the stack pointer. */
		c->from = task->sp & ~7ull;
		n = read_pieces(pid, c->from, c->memory, size);
	}
	if (n < 0)
		return (int)n;
	c->size = (uint32_t)n;
	smaller = realloc(c, sizeof(*c) + (size_t)n);
	*ret = smaller ? smaller : c;
	c = NULL;
	return 0;
}

bool snapshot_copy_is_full(const struct abi_copy *c, uint32_t size)
{
	return c->size == size;
}
