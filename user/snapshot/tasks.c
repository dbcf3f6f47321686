// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "snapshot/tasks.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TASKS = 32768, READ_BYTES = 64 << 10 };

struct snapshot_tasks {
	struct bpf_object *obj;
	struct bpf_link *link;
	struct strbuf bytes;
};

static int say(int r, struct strbuf *error)
{
	if (r == -EPERM || r == -EACCES)
		strbuf_adds(error, "not allowed to load BPF programs: run as root, or with CAP_BPF "
				   "and CAP_PERFMON ('bpfprof doctor' says what is missing)");
	else
		strbuf_addf(error,
			    "the kernel did not take the BPF program that reads its threads: %s "
			    "(-v shows the kernel's own words)",
			    strerror(-r));
	return r;
}

static int load(struct snapshot_tasks *s, const void *elf, size_t size)
{
	struct bpf_program *prog;

	s->obj = bpf_object__open_mem(elf, size, NULL);
	if (!s->obj)
		return -errno;
	if (bpf_object__load(s->obj) < 0)
		return -errno;
	prog = bpf_object__find_program_by_name(s->obj, "on_task");
	s->link = prog ? bpf_program__attach_iter(prog, NULL) : NULL;
	if (s->link)
		return 0;
	return prog ? -errno : -ENOENT;
}

int snapshot_tasks_open(struct snapshot_tasks **ret, const void *elf, size_t size,
			struct strbuf *error)
{
	_cleanup_(snapshot_tasks_freep) struct snapshot_tasks *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	r = load(s, elf, size);
	if (r < 0)
		return say(r, error);
	*ret = s;
	s = NULL;
	return 0;
}

void snapshot_tasks_free(struct snapshot_tasks *s)
{
	if (!s)
		return;
	bpf_link__destroy(s->link);
	bpf_object__close(s->obj);
	strbuf_done(&s->bytes);
	free(s);
}

int snapshot_tasks_read(struct snapshot_tasks *s, const struct dump_config *wanted,
			const struct dump_task **ret)
{
	int map = bpf_object__find_map_fd_by_name(s->obj, "wanted");
	_cleanup_close_ int fd = -1;
	__u32 zero = 0;
	ssize_t n;

	if (map < 0 || bpf_map_update_elem(map, &zero, wanted, BPF_ANY))
		return map < 0 ? map : -errno;
	fd = bpf_iter_create(bpf_link__fd(s->link));
	if (fd < 0)
		return -errno;
	strbuf_reset(&s->bytes);
	for (;;) {
		strbuf_reserve(&s->bytes, READ_BYTES);
		if (s->bytes.failed)
			return -ENOMEM;
		n = read(fd, s->bytes.buf + s->bytes.len, READ_BYTES);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			break;
		s->bytes.len += (size_t)n;
		if (s->bytes.len > MAX_TASKS * sizeof(struct dump_task))
			return -EFBIG;
	}
	*ret = (const struct dump_task *)(const void *)s->bytes.buf;
	return (int)(s->bytes.len / sizeof(struct dump_task));
}
