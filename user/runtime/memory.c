// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <sys/uio.h>

#include "runtime/runtime.h"

int target_memory_read(const struct target_memory *m, uint64_t from, void *to, size_t size)
{
	char *into = to;

	while (size) {
		struct iovec local = { into, size };
		struct iovec remote = { (void *)(uintptr_t)from, size };
		ssize_t n = process_vm_readv(m->pid, &local, 1, &remote, 1, 0);

		if (n < 0 && errno == ESRCH)
			return -ESRCH;
		/* What is read up to a page that is not there is a success, the next call is not.
		 */
		if (n <= 0)
			return -EFAULT;
		into += n;
		from += (uint64_t)n;
		size -= (size_t)n;
	}
	return 0;
}
