// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "collect/drain.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/array.h"
#include "base/log.h"
#include "base/now.h"
#include "collect/cputimes.h"
#include "collect/records.h"
#include "kernel/barrier.h"

enum { PAUSE_MS = 1 };

/* Counters of the kernel half, by what they mean for the profile. */
static const struct {
	enum abi_counter counter;
	enum quality_id quality;
} counter_meanings[] = {
	{ ABI_COUNT_LOST, QUALITY_EVENTS },	      { ABI_COUNT_LOST, QUALITY_LOST },
	{ ABI_COUNT_NO_START, QUALITY_NO_START },     { ABI_COUNT_MERGED, QUALITY_MERGED },
	{ ABI_COUNT_REQUEUED, QUALITY_REQUEUED },     { ABI_COUNT_SPLIT, QUALITY_SPLIT },
	{ ABI_COUNT_UNRETURNED, QUALITY_UNRETURNED },
};

struct drain {
	const struct drain_settings *settings;
	struct bpf_object *obj;
	struct capture *capture;
	struct sideband *sideband;
	struct tables *tables;
	const struct tracker *tracker;
	struct cputimes *cputimes; /* NULL: not wanted */
	struct records *records;
	struct ring_buffer *ring;
	char *regions; /* as the map `regions` has them */
	size_t region_size, regions_size;
	volatile __u32 *generation; /* the kernel half's */
	void *globals;
	size_t globals_size;
	struct barrier *barrier;
	uint64_t counted[ARRAY_SIZE(counter_meanings)]; /* already in the capture */
	struct tables_counts tables_counted;
};

static size_t region_size(const struct budget *b)
{
	return sizeof(struct abi_region) + b->slots * sizeof(struct abi_slot);
}

int drain_prepare(const struct drain_settings *settings, struct bpf_object *obj)
{
	const struct budget *b = &settings->budget;
	struct bpf_map *regions = bpf_object__find_map_by_name(obj, "regions");
	struct bpf_map *ring = bpf_object__find_map_by_name(obj, "ring");
	struct bpf_map *seen = bpf_object__find_map_by_name(obj, "seen");
	int r;

	if (!regions || !ring || !seen)
		return -ENOENT;
	r = bpf_map__set_value_size(regions, (__u32)region_size(b));
	if (r >= 0)
		r = bpf_map__set_max_entries(regions, ABI_GENERATIONS * b->nr_cpus);
	if (r >= 0)
		r = bpf_map__set_max_entries(ring, b->ring_bytes);
	if (r >= 0)
		r = bpf_map__set_max_entries(seen, b->seen);
	return r;
}

static size_t whole_pages(size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (size + page - 1) / page * page;
}

static int map_memory(struct drain *d)
{
	struct bpf_map *regions = bpf_object__find_map_by_name(d->obj, "regions");
	struct bpf_map *globals = bpf_object__find_map_by_name(d->obj, ".bss");

	if (!globals)
		return -ENOENT;
	d->region_size = region_size(&d->settings->budget);
	d->regions_size = whole_pages(d->region_size * ABI_GENERATIONS *
				      d->settings->budget.nr_cpus);
	d->regions = mmap(NULL, d->regions_size, PROT_READ | PROT_WRITE, MAP_SHARED,
			  bpf_map__fd(regions), 0);
	if (d->regions == MAP_FAILED)
		return -errno;
	d->globals_size = whole_pages(bpf_map__value_size(globals));
	d->globals = mmap(NULL, d->globals_size, PROT_READ | PROT_WRITE, MAP_SHARED,
			  bpf_map__fd(globals), 0);
	if (d->globals == MAP_FAILED)
		return -errno;
	d->generation = d->globals; /* the only variable there */
	return 0;
}

int drain_open(struct drain **ret, const struct drain_settings *settings, struct bpf_object *obj,
	       struct capture *capture, struct tracker *tracker, struct sideband *sideband,
	       struct tables *tables)
{
	_cleanup_(drain_freep) struct drain *d = calloc(1, sizeof(*d));
	int r;

	if (!d)
		return -ENOMEM;
	d->settings = settings;
	d->obj = obj;
	d->capture = capture;
	d->sideband = sideband;
	d->tables = tables;
	d->tracker = tracker;
	d->regions = d->globals = MAP_FAILED;
	r = map_memory(d);
	if (r >= 0)
		r = barrier_new(&d->barrier);
	if (r >= 0)
		r = records_new(&d->records, settings, capture, tracker, sideband, tables);
	if (r < 0)
		return r;
	d->ring = ring_buffer__new(bpf_object__find_map_fd_by_name(obj, "ring"), records_take,
				   d->records, NULL);
	if (!d->ring)
		return -errno;
	for (__u32 i = 0; i < ABI_GENERATIONS * settings->budget.nr_cpus; i++)
		((struct abi_region *)(d->regions + i * d->region_size))->epoch = 1;
	*ret = d;
	d = NULL;
	return 0;
}

void drain_free(struct drain *d)
{
	if (!d)
		return;
	ring_buffer__free(d->ring);
	records_free(d->records);
	cputimes_free(d->cputimes);
	if (d->regions != MAP_FAILED)
		munmap(d->regions, d->regions_size);
	if (d->globals != MAP_FAILED)
		munmap(d->globals, d->globals_size);
	barrier_free(d->barrier);
	free(d);
}

uint64_t drain_begin(struct drain *d, bool process_times)
{
	uint64_t now = now_ns();
	int ends_fd;

	if (!process_times)
		return now;
	ends_fd = bpf_object__find_map_fd_by_name(d->obj, "process_ends");
	if (cputimes_new(&d->cputimes, d->capture, d->tracker, ends_fd, now) < 0)
		log_warn("no memory for the CPU times of processes: they are left out");
	records_time(d->records, d->cputimes);
	return now;
}

int drain_see(struct drain *d, uint32_t tgid, uint64_t start_ns)
{
	return d->cputimes ? cputimes_see(d->cputimes, tgid, start_ns) : 0;
}

void drain_end(struct drain *d)
{
	if (d->cputimes)
		cputimes_stop(d->cputimes, now_ns());
}

int drain_fd(const struct drain *d)
{
	return ring_buffer__epoll_fd(d->ring);
}

/* Returns when no BPF program runs any more that began before. What they want is answered. */
static int wait_for_programs(struct drain *d)
{
	struct pollfd fds[] = { { .fd = barrier_fd(d->barrier), .events = POLLIN },
				{ .fd = drain_fd(d), .events = POLLIN } };
	int r = barrier_begin(d->barrier), ended;

	if (r < 0)
		return r;
	for (int nr = 2; r >= 0 && !fds[0].revents; nr = 3 - nr) {
		/* Who asks again and again is answered in a while. */
		if (poll(fds, (nfds_t)nr, nr == 1 ? PAUSE_MS : -1) < 0 && errno != EINTR)
			r = -errno;
		if (r >= 0 && nr == 2 && fds[1].revents)
			r = ring_buffer__consume(d->ring);
		if (r >= 0 && nr == 2 && fds[1].revents)
			r = records_answer(d->records);
	}
	ended = barrier_end(d->barrier);
	return r < 0 ? r : ended;
}

static int read_region(struct drain *d, struct abi_region *r)
{
	__u32 left = r->used;

	for (__u32 i = 0; left && i < d->settings->budget.slots; i++) {
		const struct abi_slot *s = &r->slots[i];
		int err;

		if (s->key.epoch != r->epoch)
			continue;
		err = records_slot(d->records, s);
		if (err < 0)
			return err;
		left--;
	}
	r->used = 0;
	r->epoch++;
	return 0;
}

static int read_generation(struct drain *d, __u32 generation)
{
	__u32 nr = d->settings->budget.nr_cpus;

	for (__u32 cpu = 0; cpu < nr; cpu++) {
		int r = read_region(d, (struct abi_region *)(d->regions + (generation * nr + cpu) *
										  d->region_size));

		if (r < 0)
			return r;
	}
	return 0;
}

static int read_counters(struct drain *d)
{
	int fd = bpf_object__find_map_fd_by_name(d->obj, "counters");
	int nr_cpus = libbpf_num_possible_cpus();
	_cleanup_free_ __u64 *values = calloc((size_t)nr_cpus, sizeof(*values));

	if (!values)
		return -ENOMEM;
	for (size_t i = 0; i < ARRAY_SIZE(counter_meanings); i++) {
		__u32 key = counter_meanings[i].counter;
		__u64 sum = 0;

		if (bpf_map_lookup_elem(fd, &key, values))
			return -errno;
		for (int cpu = 0; cpu < nr_cpus; cpu++)
			sum += values[cpu];
		d->capture->quality.n[counter_meanings[i].quality] += sum - d->counted[i];
		d->counted[i] = sum;
	}
	return 0;
}

static void count_tables(struct drain *d)
{
	uint64_t *n = d->capture->quality.n;
	struct tables_counts now, *old = &d->tables_counted;

	tables_count(d->tables, &now);
	n[QUALITY_NO_TABLE] += now.no_table - old->no_table;
	n[QUALITY_TABLES_DROPPED] += now.no_room - old->no_room + now.left - old->left +
				     now.no_list - old->no_list + now.left_out - old->left_out;
	*old = now;
}

/* A mode whose events begin and end keeps those under way in a map of this name. */
static void count_unfinished(struct drain *d)
{
	int fd = bpf_object__find_map_fd_by_name(d->obj, "started");
	__u64 key, *previous = NULL;
	struct abi_started s;

	while (fd >= 0 && !bpf_map_get_next_key(fd, previous, &key)) {
		if (!bpf_map_lookup_elem(fd, &key, &s) && s.open && s.who)
			d->capture->quality.n[QUALITY_UNFINISHED]++;
		previous = &key;
	}
}

int drain_answer(struct drain *d)
{
	int r = ring_buffer__consume(d->ring);
	return r < 0 ? r : records_settle(d->records);
}

void drain_listen(struct drain *d, live_event_fn on_event, void *ctx)
{
	records_listen(d->records, on_event, ctx);
}

int drain_run(struct drain *d, bool last)
{
	__u32 old = *d->generation & 1;
	int r;

	*d->generation = !old;
	r = wait_for_programs(d);
	if (r >= 0 && d->tables)
		tables_barrier(d->tables);
	if (r >= 0)
		r = ring_buffer__consume(d->ring);
	if (r >= 0)
		r = records_settle(d->records);
	if (r >= 0)
		r = read_generation(d, old);
	if (r >= 0)
		r = read_counters(d);
	if (r >= 0 && d->tables)
		count_tables(d);
	if (r >= 0 && d->cputimes)
		r = cputimes_read(d->cputimes, now_ns(), last);
	/* Programs that began after the switch may have written the other one. */
	if (r >= 0 && last)
		r = read_generation(d, !old);
	if (last)
		count_unfinished(d);
	if (r >= 0 && last)
		r = records_finish(d->records);
	return r < 0 ? r : 0;
}
