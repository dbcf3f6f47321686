// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "abi.h"
#include "walk/segments.h"

enum { BLOCK_BYTES = ABI_BLOCK_WORDS * 4 };

struct maps {
	int outer; /* the object's */
	int fds[ABI_MAX_SEGMENTS];
};

/*
 * Each exactly like the template in the object: 5.10 takes no other, and only then are lookups
 * compiled into the programs.
 */
static int create(void)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "segment", 4, BLOCK_BYTES, ABI_SEGMENT_BLOCKS,
				&opts);

	return fd < 0 ? -errno : fd;
}

/*
 * Each update waits for programs, some 10 ms; since 6.8 a batch of them waits once. Older kernels
 * have batches without that, or none.
 */
static int show(struct maps *m, const uint32_t *segments, const int *fds, uint32_t nr)
{
	LIBBPF_OPTS(bpf_map_batch_opts, opts);
	uint32_t count = nr;

	if (nr > 1 && !bpf_map_update_batch(m->outer, segments, fds, &count, &opts) && count == nr)
		return 0;
	for (uint32_t i = 0; i < nr; i++)
		if (bpf_map_update_elem(m->outer, &segments[i], &fds[i], BPF_ANY))
			return -errno;
	return 0;
}

static int add(void *ctx, const uint32_t *segments, uint32_t nr)
{
	struct maps *m = ctx;
	int fds[ABI_MAX_SEGMENTS], r = 0;
	uint32_t n = 0;

	while (n < nr && r >= 0) {
		r = create();
		if (r >= 0)
			fds[n++] = r;
	}
	if (r >= 0)
		r = show(m, segments, fds, nr);
	for (uint32_t i = 0; i < n; i++) {
		if (r >= 0) {
			m->fds[segments[i]] = fds[i];
			continue;
		}
		bpf_map_delete_elem(m->outer, &segments[i]);
		close(fds[i]);
	}
	return r < 0 ? r : 0;
}

static void remove_segment(void *ctx, uint32_t segment)
{
	struct maps *m = ctx;

	bpf_map_delete_elem(m->outer, &segment);
	close(m->fds[segment]);
	m->fds[segment] = -1;
}

static uint32_t *map(void *ctx, uint32_t segment, uint32_t block)
{
	struct maps *m = ctx;
	void *words = mmap(NULL, BLOCK_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, m->fds[segment],
			   (off_t)block * BLOCK_BYTES);

	return words == MAP_FAILED ? NULL : words;
}

static void unmap(void *ctx, uint32_t *words)
{
	(void)ctx;
	munmap(words, BLOCK_BYTES);
}

static void free_maps(void *ctx)
{
	struct maps *m = ctx;

	for (uint32_t i = 0; i < ABI_MAX_SEGMENTS; i++)
		if (m->fds[i] >= 0)
			close(m->fds[i]);
	free(m);
}

int segments_store_open(struct segments_store *ret, struct bpf_object *obj)
{
	int outer = bpf_object__find_map_fd_by_name(obj, "segments");
	struct maps *m;

	if (outer < 0)
		return outer;
	m = malloc(sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->outer = outer;
	memset(m->fds, -1, sizeof(m->fds));
	*ret = (struct segments_store){ add, remove_segment, map, unmap, free_maps, m };
	return 0;
}
