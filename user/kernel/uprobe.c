// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "kernel/uprobe.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/array.h"
#include "base/file.h"
#include "kernel/place_programs.h"

#define PMU "/sys/bus/event_source/devices/uprobe/"

enum {
	MULTI_RETURN = 1, /* linux/bpf.h: BPF_F_UPROBE_MULTI_RETURN */
	/* Each costs as many links as a search by halves takes. */
	MAX_SEARCHED = 64,
	ENOTSUPP_KERNEL = 524, /* linux/errno.h: the kernel's own, of instructions */
};

/* include/uapi/linux/bpf.h: link_create of union bpf_attr, with its uprobe_multi. */
struct multi_attr {
	uint32_t prog_fd, target_fd, attach_type, link_flags;
	uint64_t path, offsets, counters, cookies;
	uint32_t nr, flags, pid, pad;
};

static int link_create(struct multi_attr *attr)
{
	int fd = (int)syscall(SYS_bpf, BPF_LINK_CREATE, attr, sizeof(*attr));

	return fd < 0 ? -errno : fd;
}

/* "config:32-63" */
static unsigned first_bit(const char *path, unsigned otherwise)
{
	struct strbuf text = STRBUF_INIT;
	unsigned bit;

	if (file_read(path, 64, &text) < 0 || sscanf(strbuf_str(&text), "config:%u", &bit) != 1 ||
	    bit > 63)
		bit = otherwise;
	strbuf_done(&text);
	return bit;
}

/* No path is a folder's: the kernel says so once it has understood all before. */
static int try_multi(int program, uint32_t pid)
{
	uint64_t offset = 0;
	struct multi_attr attr = { .prog_fd = (uint32_t)program,
				   .attach_type = UPROBE_MULTI,
				   .path = (uintptr_t) "/",
				   .offsets = (uintptr_t)&offset,
				   .nr = 1,
				   .pid = pid };
	int r = link_create(&attr);

	if (r >= 0)
		close(r);
	return r;
}

static void read_multi(struct uprobe_kernel *k)
{
	/* r0 = 0; exit */
	static const struct bpf_insn nothing[] = { { .code = 0xb7 }, { .code = 0x95 } };
	LIBBPF_OPTS(bpf_prog_load_opts, opts,
		    .expected_attach_type = (enum bpf_attach_type)UPROBE_MULTI);
	int program = bpf_prog_load(BPF_PROG_TYPE_KPROBE, NULL, "GPL", nothing, ARRAY_SIZE(nothing),
				    &opts);

	if (program < 0)
		return;
	k->multi = try_multi(program, 0) == -EBADF;
	/* 46ba0e49b642 ("bpf: fix multi-uprobe PID filtering logic") checks it first. */
	k->multi_pid = k->multi && try_multi(program, UINT32_MAX) == -EINVAL;
	close(program);
}

int uprobe_kernel_read(struct uprobe_kernel *ret)
{
	struct uprobe_kernel k = { 0 };
	unsigned long long type;
	int r = file_read_u64(PMU "type", &type);

	if (r < 0)
		return r == -ENOENT ? -ENODEV : r;
	k.type = (uint32_t)type;
	k.return_bit = first_bit(PMU "format/retprobe", 0);
	k.counter_shift = first_bit(PMU "format/ref_ctr_offset", 32);
	/* Both came with 5.15: cookies of perf's links and the helper that reads them. */
	k.cookies = libbpf_probe_bpf_helper(BPF_PROG_TYPE_KPROBE, BPF_FUNC_get_attach_cookie,
					    NULL) == 1;
	if (k.cookies)
		read_multi(&k);
	*ret = k;
	return 0;
}

/*
 * arch/x86/kernel/uprobes.c goes by an instruction's opcode, and of those with VEX, EVEX, XOP or
 * REX2 before it some have the opcode of one that it emulates: vpbroadcastb %esi,%ymm17 (7a), with
 * which strchrnul() of the C library begins, is taken for a jump, and the program goes on without
 * it.
 */
static bool is_misread(int fd, uint64_t offset)
{
#if defined(__x86_64__)
	static const uint8_t prefixes[] = { 0x66, 0x67, 0xf2, 0xf3, 0x2e, 0x3e,
					    0x26, 0x36, 0x64, 0x65, 0xf0 };
	uint8_t code[16];
	ssize_t size = pread(fd, code, sizeof(code), (off_t)offset);
	ssize_t at = 0;

	while (at < size && memchr(prefixes, code[at], sizeof(prefixes)))
		at++;
	if (at + 1 >= size)
		return false;
	return code[at] == 0x62 || code[at] == 0xc4 || code[at] == 0xc5 || code[at] == 0xd5 ||
	       (code[at] == 0x8f && code[at + 1] & 0x38);
#else
	(void)fd;
	(void)offset;
	return false;
#endif
}

int uprobe_file_new(struct uprobe_file **ret, const struct uprobe_way *way, int fd, uint32_t pid,
		    const struct uprobe *probes, size_t nr)
{
	struct uprobe_file *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	*f = (struct uprobe_file){ .way = way, .fd = fd, .pid = pid, .nr = nr };
	f->probes = calloc(nr ? nr : 1, sizeof(*f->probes));
	if (!f->probes) {
		free(f);
		return -ENOMEM;
	}
	memcpy(f->probes, probes, nr * sizeof(*probes));
	for (size_t i = 0; i < nr; i++) {
		f->probes[i].link = NULL;
		f->probes[i].event = -1;
		f->probes[i].misread = is_misread(fd, probes[i].offset);
		if (f->probes[i].misread)
			f->probes[i].error = -ENOTSUPP_KERNEL;
	}
	*ret = f;
	return 0;
}

/* The entries' came last. */
static void close_links(int *links, size_t *nr)
{
	while (*nr)
		close(links[--*nr]);
}

void uprobe_detach_old(struct uprobe_file *f)
{
	close_links(f->old_links, &f->nr_old_links);
	free(f->old_links);
	f->old_links = NULL;
}

static bool is_attached(const struct uprobe *p)
{
	return p->link || p->event >= 0;
}

static void detach_one(struct uprobe *p)
{
	if (p->link)
		bpf_link__destroy(p->link);
	if (p->event >= 0)
		close(p->event);
	p->link = NULL;
	p->event = -1;
}

void uprobe_file_free(struct uprobe_file *f)
{
	if (!f)
		return;
	uprobe_detach_old(f);
	close_links(f->links, &f->nr_links);
	for (int is_return = 0; is_return < 2; is_return++)
		for (size_t i = f->nr; i--;)
			if (f->probes[i].is_return == is_return)
				detach_one(&f->probes[i]);
	free(f->links);
	free(f->probes);
	free(f);
}

static void path_of(const struct uprobe_file *f, char *to, size_t size)
{
	snprintf(to, size, "/proc/self/fd/%d", f->fd);
}

static int open_event(const struct uprobe_file *f, const struct uprobe *p)
{
	const struct uprobe_kernel *k = f->way->kernel;
	struct perf_event_attr attr = { .size = sizeof(attr), .type = k->type };
	char path[32];
	int fd;

	path_of(f, path, sizeof(path));
	attr.config = (p->is_return ? 1ull << k->return_bit : 0) | p->semaphore << k->counter_shift;
	attr.uprobe_path = (uintptr_t)path;
	attr.probe_offset = p->offset;
	fd = (int)syscall(SYS_perf_event_open, &attr, f->pid ? (int)f->pid : -1, f->pid ? -1 : 0,
			  -1, PERF_FLAG_FD_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int attach_by_cookie(const struct uprobe_way *w, struct uprobe *p, int event)
{
	LIBBPF_OPTS(bpf_perf_event_opts, opts, .bpf_cookie = p->place);

	p->link = bpf_program__attach_perf_event_opts(w->program, event, &opts);
	return p->link ? 0 : -errno;
}

static int attach_by_place(const struct uprobe_way *w, struct uprobe *p, int event)
{
	int program = place_programs_get(w->places, p->place);

	if (program < 0)
		return program;
	if (ioctl(event, PERF_EVENT_IOC_SET_BPF, program))
		return -errno;
	p->event = event;
	return 0;
}

static int attach_one(const struct uprobe_file *f, struct uprobe *p)
{
	int event = open_event(f, p), r;

	if (event < 0)
		return event;
	r = f->way->kernel->cookies ? attach_by_cookie(f->way, p, event)
				    : attach_by_place(f->way, p, event);
	if (r < 0)
		close(event);
	return r;
}

/* What is attached by one link. */
struct batch {
	uint64_t *offsets, *counters, *cookies;
	struct uprobe **probes;
	bool is_return;
	size_t nr_failed;
};

static int attach_batch(struct uprobe_file *f, const struct batch *b, size_t from, size_t nr)
{
	char path[32];
	struct multi_attr attr = { .prog_fd = (uint32_t)bpf_program__fd(f->way->program),
				   .attach_type = UPROBE_MULTI,
				   .path = (uintptr_t)path,
				   .offsets = (uintptr_t)(b->offsets + from),
				   .counters = (uintptr_t)(b->counters + from),
				   .cookies = (uintptr_t)(b->cookies + from),
				   .nr = (uint32_t)nr,
				   .flags = b->is_return ? MULTI_RETURN : 0,
				   .pid = f->pid };
	int fd;

	path_of(f, path, sizeof(path));
	if (array_reserve(f->links, f->cap_links, f->nr_links + 1) < 0)
		return -ENOMEM;
	fd = link_create(&attr);
	if (fd >= 0)
		f->links[f->nr_links++] = fd;
	return fd < 0 ? fd : 0;
}

/* Is it one probe's fault, and not that of all? */
static bool is_ones(int error)
{
	return error == -EINVAL || error == -ENOTSUPP_KERNEL || error == -EOPNOTSUPP ||
	       error == -EEXIST || error == -EIO;
}

/* One bad probe fails its whole link: those that are good are found by halves. */
static int attach_part(struct uprobe_file *f, struct batch *b, size_t from, size_t nr)
{
	int r = attach_batch(f, b, from, nr);

	if (r == -ENOMEM && f->nr_links == f->cap_links)
		return r;
	if (r < 0 && nr > 1 && is_ones(r) && b->nr_failed < MAX_SEARCHED) {
		r = attach_part(f, b, from, nr / 2);
		return r < 0 ? r : attach_part(f, b, from + nr / 2, nr - nr / 2);
	}
	b->nr_failed += r < 0;
	f->limited |= r < 0 && nr > 1;
	for (size_t i = from; i < from + nr; i++)
		b->probes[i]->error = r;
	f->nr_attached += r < 0 ? 0 : nr;
	return 0;
}

static int attach_multi(struct uprobe_file *f, bool is_return)
{
	_cleanup_free_ uint64_t *offsets = calloc(f->nr, sizeof(*offsets));
	_cleanup_free_ uint64_t *counters = calloc(f->nr, sizeof(*counters));
	_cleanup_free_ uint64_t *cookies = calloc(f->nr, sizeof(*cookies));
	_cleanup_free_ struct uprobe **probes = calloc(f->nr, sizeof(*probes));
	struct batch b = { offsets, counters, cookies, probes, is_return, 0 };
	size_t nr = 0;

	if (!offsets || !counters || !cookies || !probes)
		return -ENOMEM;
	for (size_t i = 0; i < f->nr; i++) {
		struct uprobe *p = &f->probes[i];

		if (p->unwanted || p->misread || p->is_return != is_return)
			continue;
		offsets[nr] = p->offset;
		counters[nr] = p->semaphore;
		cookies[nr] = p->place |
			      (f->turn ? (uint64_t)ABI_PROBE_TURN << ABI_COOKIE_FLAGS : 0);
		probes[nr++] = p;
	}
	return nr ? attach_part(f, &b, 0, nr) : 0;
}

static int attach_single(struct uprobe_file *f, bool is_return)
{
	for (size_t i = 0; i < f->nr; i++) {
		struct uprobe *p = &f->probes[i];

		if (p->misread || p->is_return != is_return)
			continue;
		if (p->unwanted) {
			detach_one(p);
			continue;
		}
		if (!is_attached(p))
			p->error = attach_one(f, p);
		f->nr_attached += is_attached(p);
	}
	return 0;
}

int uprobe_attach(struct uprobe_file *f)
{
	int (*attach)(struct uprobe_file * f, bool is_return) = f->way->multi ? attach_multi
									      : attach_single;
	int r;

	if (!f->nr)
		return 0;
	f->nr_attached = 0;
	r = attach(f, true);
	return r < 0 ? r : attach(f, false);
}

static size_t count_wanted(const struct uprobe_file *f)
{
	size_t nr = 0;

	for (size_t i = 0; i < f->nr; i++)
		nr += !f->probes[i].unwanted && !f->probes[i].error;
	return nr;
}

int uprobe_attach_beside(struct uprobe_file *f)
{
	size_t wanted = count_wanted(f);
	int r;

	if (f->way->multi) {
		uprobe_detach_old(f);
		f->old_links = f->links;
		f->nr_old_links = f->nr_links;
		f->links = NULL;
		f->nr_links = f->cap_links = 0;
		f->turn = !f->turn;
	}
	r = uprobe_attach(f);
	if (!f->way->multi || (r >= 0 && f->nr_attached >= wanted))
		return r;
	uprobe_detach_old(f);
	close_links(f->links, &f->nr_links);
	return uprobe_attach(f);
}

const char *uprobe_error(int error)
{
	switch (error) {
	case -ENOTSUPP_KERNEL:
	case -EOPNOTSUPP:
		return "the kernel can't run the instruction there out of line, or it is a "
		       "breakpoint already";
	case -EINVAL:
		return "no code that can be probed lies there";
	case -EPERM:
	case -EACCES:
		return "not allowed: run as root, or with CAP_BPF and CAP_PERFMON";
	case -EMFILE:
	case -ENFILE:
		return "too many open files: raise 'ulimit -n'";
	case -ENOSPC:
		return "no room for more probes";
	case -ESRCH:
		return "the process has ended";
	default:
		return strerror(-error);
	}
}

size_t uprobe_file_memory(const struct uprobe_file *f)
{
	return sizeof(*f) + f->nr * sizeof(*f->probes) + f->cap_links * sizeof(*f->links);
}
