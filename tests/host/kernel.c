// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The kernel's part in a host test: maps as one table, a ring that counts. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { ENTRIES = 256, KEY_MAX = 16 };

static struct entry {
	const void *map;
	char key[KEY_MAX];
	__u32 key_size;
	void *value;
} entries[ENTRIES];

struct host host;
static struct task_struct leader;
struct task_struct host_task = { .group_leader = &leader, .mm = (void *)&leader };

static struct entry *find(const void *map, const void *key, __u32 key_size)
{
	for (int i = 0; i < ENTRIES; i++)
		if (entries[i].map == map && entries[i].key_size == key_size &&
		    !memcmp(entries[i].key, key, key_size))
			return &entries[i];
	return NULL;
}

void *host_lookup(const void *map, const void *key, __u32 key_size)
{
	struct entry *e = find(map, key, key_size);

	return e ? e->value : NULL;
}

static struct entry *add(const void *map, const void *key, __u32 key_size, __u32 size)
{
	for (int i = 0; i < ENTRIES; i++) {
		struct entry *e = &entries[i];

		if (e->map)
			continue;
		if (key_size > KEY_MAX)
			abort();
		e->map = map;
		memcpy(e->key, key, key_size);
		e->key_size = key_size;
		e->value = calloc(1, size);
		if (!e->value)
			abort();
		return e;
	}
	return NULL;
}

int host_update(const void *map, const void *key, __u32 key_size, const void *value, __u32 size)
{
	struct entry *e = find(map, key, key_size);

	if (!e)
		e = add(map, key, key_size, size);
	if (!e)
		return -E2BIG;
	memcpy(e->value, value, size);
	return 0;
}

int host_delete(const void *map, const void *key, __u32 key_size)
{
	struct entry *e = find(map, key, key_size);

	if (!e)
		return -ENOENT;
	free(e->value);
	*e = (struct entry){ 0 };
	return 0;
}

void host_make(const void *map, __u32 key, __u32 size)
{
	if (!add(map, &key, sizeof(key), size))
		abort();
}

void host_reset(void)
{
	for (int i = 0; i < ENTRIES; i++) {
		free(entries[i].value);
		entries[i] = (struct entry){ 0 };
	}
	host = (struct host){ .comm = "test", .pid_tgid = 7ull << 32 | 8 };
}

/* From gcc 13 on `const volatile` is in read-only memory. A setting may reach into a second page.
 */
void *host_writable(const volatile void *setting)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), at = (uintptr_t)setting;

	if (mprotect((void *)(at & -page), 2 * page, PROT_READ | PROT_WRITE) &&
	    mprotect((void *)(at & -page), page, PROT_READ | PROT_WRITE))
		abort();
	return (void *)at;
}

long host_read_user(void *to, __u32 size, const void *from)
{
	__u64 at = (__u64)(uintptr_t)from - host.memory_at;

	if (at >= host.memory_size || size > host.memory_size - at)
		return -EFAULT;
	memcpy(to, (const char *)host.memory + at, size);
	return 0;
}

long host_ring(const void *record, __u64 size)
{
	if (host.ring_full)
		return -EAGAIN;
	host.nr_records++;
	memcpy(&host.last_record_type, record, sizeof(host.last_record_type));
	memcpy(host.last_record, record,
	       size < sizeof(host.last_record) ? size : sizeof(host.last_record));
	return 0;
}

long host_stack(void *frames, __u64 size)
{
	__u64 bytes = host.nr_frames * sizeof(__u64);

	bytes = bytes < size ? bytes : size;
	memcpy(frames, host.frames, bytes);
	return (long)bytes;
}

void *host_reserve(__u64 size)
{
	return host.ring_full ? NULL : calloc(1, size);
}

void host_submit(void *record, __u64 size)
{
	host_ring(record, size);
	free(record);
}

long host_read_kernel(void *to, __u32 size, const void *from)
{
	memcpy(to, from, size);
	return 0;
}
