// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "abi.h"
#include "collect/segments.h"

enum { BLOCK_BYTES = ABI_BLOCK_WORDS * 4 };

struct maps {
	int outer; /* the object's */
	int fds[ABI_MAX_SEGMENTS];
};

/*
 * Each exactly like the template in the object: 5.10 takes no other, and only then are lookups
 * compiled into the programs.
 */
static int add(void *ctx, uint32_t segment)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	struct maps *m = ctx;
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "segment", 4, BLOCK_BYTES, ABI_SEGMENT_BLOCKS,
				&opts);
	int r;

	if (fd < 0)
		return -errno;
	if (bpf_map_update_elem(m->outer, &segment, &fd, BPF_ANY)) {
		r = -errno;
		close(fd);
		return r;
	}
	m->fds[segment] = fd;
	return 0;
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
	free(ctx);
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
