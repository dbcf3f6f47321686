// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "collect/budget.h"

#include <errno.h>
#include <unistd.h>

#include "abi.h"

enum {
	/* A CPU's: three scratches of each kind, and the rules that are remembered. */
	SCRATCH_BYTES = 3 * (2 * ABI_MAX_DEPTH * 8 + 2 * (ABI_MAX_CALLS + ABI_MAX_AWAITERS) * 16 +
			     sizeof(struct abi_code) + 4096) +
			(16 << 10),
	OTHER_MAPS = 4 << 20, /* filters, counters, a mode's own table of what is under way */
	PROGRAM = 12 << 20,   /* the binary, its libraries, the kernel's BTF while loading */
	GROWING_LEAST = 4 << 20,
	TABLES_LEAST = 4 << 20,
	TABLES_SHARE = 3, /* one part in so many of what grows */
};

struct range {
	uint32_t least, most;
};

/* What each is worth at most, and what it can't do without. */
static const struct range slots = { 256, 4096 }, ring = { 128 << 10, 4 << 20 },
			  seen = { 4096, 65536 }, pages = { 4, 64 };

/* The largest power of two in the range with `unit` bytes each that fits into `room`. */
static uint32_t fit(const struct range *r, uint64_t unit, uint64_t room)
{
	uint32_t n = r->most;

	while (n > r->least && n * unit > room)
		n /= 2;
	return n;
}

static size_t fixed_bytes(const struct budget *b)
{
	size_t a_cpu = ABI_GENERATIONS *
			       (sizeof(struct abi_region) + b->slots * sizeof(struct abi_slot)) +
		       SCRATCH_BYTES + b->sideband_pages * (size_t)sysconf(_SC_PAGESIZE);

	return a_cpu * b->nr_cpus + b->ring_bytes + b->seen * sizeof(__u64) + OTHER_MAPS + PROGRAM;
}

uint64_t budget_least(uint32_t nr_cpus)
{
	struct budget b = { nr_cpus, slots.least, ring.least, seen.least, pages.least, 0, 0, 0 };

	return fixed_bytes(&b) + GROWING_LEAST + TABLES_LEAST;
}

int budget_divide(uint64_t max_memory, uint32_t nr_cpus, struct budget *ret)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	struct budget b = { .nr_cpus = nr_cpus };

	if (max_memory < budget_least(nr_cpus))
		return -ENOSPC;
	b.slots = fit(&slots, ABI_GENERATIONS * sizeof(struct abi_slot) * nr_cpus, max_memory / 8);
	b.ring_bytes = fit(&ring, 1, max_memory / 16);
	b.seen = fit(&seen, sizeof(__u64), max_memory / 64);
	b.sideband_pages = fit(&pages, page * nr_cpus, max_memory / 16);
	b.fixed = fixed_bytes(&b);
	if (b.fixed + GROWING_LEAST + TABLES_LEAST > max_memory) {
		b.slots = slots.least;
		b.ring_bytes = ring.least;
		b.seen = seen.least;
		b.sideband_pages = pages.least;
		b.fixed = fixed_bytes(&b);
	}
	b.growing = max_memory - b.fixed;
	b.tables = b.growing / TABLES_SHARE > TABLES_LEAST ? b.growing / TABLES_SHARE
							   : TABLES_LEAST;
	b.growing -= b.tables;
	*ret = b;
	return 0;
}
