// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "kernel/barrier.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* What is written to begin_fd; to end_fd: 1 + the errno of the wait. */
enum { WAIT = 1, END = 2 };

struct barrier {
	int outer_fd, inner_fd; /* an array of maps, for the sake of what an update waits for */
	int begin_fd, end_fd;
	pthread_t thread;
	bool runs;
};

/*
 * The kernel gives this to whoever replaces an inner map: 1ae80cf31938 ("bpf: wait for running BPF
 * programs when updating map-in-map").
 */
static int wait_for_programs(const struct barrier *b)
{
	uint32_t zero = 0;

	return bpf_map_update_elem(b->outer_fd, &zero, &b->inner_fd, BPF_ANY) ? errno : 0;
}

static void *wait_thread(void *ctx)
{
	const struct barrier *b = ctx;
	uint64_t what;

	while (read(b->begin_fd, &what, sizeof(what)) == sizeof(what) && what == WAIT) {
		uint64_t said = 1 + (uint64_t)wait_for_programs(b);

		if (write(b->end_fd, &said, sizeof(said)) != sizeof(said))
			break;
	}
	return NULL;
}

/* Signals are for those who look what they mean. */
static int start(struct barrier *b)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	r = pthread_sigmask(SIG_SETMASK, &all, &before);
	if (r)
		return -r;
	r = pthread_create(&b->thread, NULL, wait_thread, b);
	b->runs = !r;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -r;
}

int barrier_new(struct barrier **ret)
{
	_cleanup_(barrier_freep) struct barrier *b = malloc(sizeof(*b));
	LIBBPF_OPTS(bpf_map_create_opts, opts);
	int r;

	if (!b)
		return -ENOMEM;
	*b = (struct barrier){ -1, -1, -1, -1, 0, false };
	b->inner_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "barrier_inner", 4, 4, 1, NULL);
	if (b->inner_fd < 0)
		return -errno;
	opts.inner_map_fd = (uint32_t)b->inner_fd;
	b->outer_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "barrier", 4, 4, 1, &opts);
	if (b->outer_fd < 0)
		return -errno;
	b->begin_fd = eventfd(0, EFD_CLOEXEC);
	b->end_fd = eventfd(0, EFD_CLOEXEC);
	if (b->begin_fd < 0 || b->end_fd < 0)
		return -errno;
	r = start(b);
	if (r < 0)
		return r;
	*ret = b;
	b = NULL;
	return 0;
}

static int tell(const struct barrier *b, uint64_t what)
{
	return write(b->begin_fd, &what, sizeof(what)) == sizeof(what) ? 0 : -errno;
}

void barrier_free(struct barrier *b)
{
	const int fds[] = { b ? b->outer_fd : -1, b ? b->inner_fd : -1, b ? b->begin_fd : -1,
			    b ? b->end_fd : -1 };

	if (!b)
		return;
	if (b->runs && !tell(b, END))
		pthread_join(b->thread, NULL);
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	free(b);
}

int barrier_begin(struct barrier *b)
{
	return tell(b, WAIT);
}

int barrier_fd(const struct barrier *b)
{
	return b->end_fd;
}

int barrier_end(struct barrier *b)
{
	uint64_t said;
	ssize_t n;

	do {
		n = read(b->end_fd, &said, sizeof(said));
	} while (n < 0 && errno == EINTR);
	return n == sizeof(said) ? 1 - (int)said : -EIO;
}
