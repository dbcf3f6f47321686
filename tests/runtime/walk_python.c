// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * walk_python PID THREAD…: what user/runtime finds in a process, and the Python frames of threads,
 * given by their thread pointers, walked by bpf/python.h as the kernel half does it. Prints the
 * version, the loop's ranges, the routes, and of each thread a line: why the walk ended, the routes
 * that led to its state, and the functions' names.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "runtime/python_walk.h"
#include "runtime/runtime.h"

struct found {
	struct runtime_build build;
	struct runtime_process process;
	bool is_found;
	struct strbuf why;
	char path[4096];
};

/* What is mapped there, whatever root and name it has. */
static int open_mapped(pid_t pid, uint64_t start, uint64_t end)
{
	char name[128];

	snprintf(name, sizeof(name), "/proc/%d/map_files/%lx-%lx", pid, start, end);
	return open(name, O_RDONLY | O_CLOEXEC);
}

/* The bias, by the program header whose page is mapped there. */
static uint64_t bias_of(int fd, uint64_t start, uint64_t offset)
{
	Elf64_Ehdr h;
	Elf64_Phdr p;

	if (pread(fd, &h, sizeof(h), 0) != sizeof(h) || h.e_type == ET_EXEC)
		return 0;
	for (int i = 0; i < h.e_phnum; i++)
		if (pread(fd, &p, sizeof(p), (off_t)(h.e_phoff + (size_t)i * sizeof(p))) ==
			    sizeof(p) &&
		    p.p_type == PT_LOAD && (p.p_offset & ~4095ull) == offset)
			return start - (p.p_vaddr & ~4095ull);
	return 0;
}

static void judge(struct found *f, const char *path, uint64_t start, uint64_t end, uint64_t offset)
{
	const char *name = strrchr(path, '/');
	int fd = open_mapped(f->process.memory.pid, start, end), r = 0;
	uint64_t bias;

	if (fd < 0 || !name)
		return;
	bias = bias_of(fd, start, offset);
	if (!strncmp(name, "/libc.so", 8) || !strncmp(name, "/ld-musl", 8)) {
		f->process.libc_fd = fd;
		f->process.libc_bias = bias;
		return;
	}
	if (!f->is_found) {
		struct runtime_image image = { fd, f->path, bias };

		snprintf(f->path, sizeof(f->path), "%s", path);
		r = runtime_detect(&image, &f->build, &f->why);
		if (r > 0) {
			f->is_found = true;
			f->process.image = image;
			return;
		}
	}
	if (r < 0)
		printf("refused %s: %s\n", path, strbuf_str(&f->why));
	close(fd);
}

static void look(struct found *f)
{
	char name[64], line[4200], path[4096], last[4096] = "";

	snprintf(name, sizeof(name), "/proc/%d/maps", f->process.memory.pid);
	_cleanup_fclose_ FILE *maps = fopen(name, "r");

	while (maps && fgets(line, sizeof(line), maps)) {
		unsigned long start, end, offset;
		char access[5];

		if (sscanf(line, "%lx-%lx %4s %lx %*s %*s %4095s", &start, &end, access, &offset,
			   path) != 5 ||
		    access[2] != 'x' || path[0] != '/' || !strcmp(path, last))
			continue;
		memcpy(last, path, sizeof(last));
		judge(f, path, start, end, offset);
	}
}

/* A str's characters, those that are not of one byte as '?'. */
static void print_text(const struct target_memory *m, const struct abi_python *l, uint64_t text)
{
	uint64_t length = 0;
	uint32_t state = 0;
	unsigned shift = l->free_threaded && l->minor >= 14 ? 8 : 2, kind;
	bool is_ascii;

	if (target_memory_read(m, text + l->text_length, &length, 8) ||
	    target_memory_read(m, text + l->text_state, &state, 4) || length > 300) {
		printf(" <unreadable>");
		return;
	}
	kind = state >> shift & 7;
	is_ascii = state >> (shift + 4) & 1;
	putchar(' ');
	for (uint64_t i = 0; i < length; i++) {
		uint32_t c = 0;

		target_memory_read(m, text + (is_ascii ? l->text_ascii : l->text_other) + i * kind,
				   &c, kind < 4 ? kind : 4);
		if (c < 0x80)
			putchar(c == ' ' ? '_' : (int)c);
		else if (c < 0x800)
			printf("%c%c", (int)(0xc0 | c >> 6), (int)(0x80 | (c & 0x3f)));
		else
			putchar('?');
	}
}

static void print_routes(const struct python_target *t, const struct abi_python *l)
{
	uint64_t holder = l->holder ? python_pointer(&t->walk, l->holder) : 0;

	if (holder && python_pointer(&t->walk, holder + l->state_thread) != t->walk.thread)
		holder = 0;
	printf(" %s%s%s%s", python_thread_local(&t->walk, &l->held) ? "H" : "-",
	       python_thread_local(&t->walk, &l->kept) ? "K" : "-", holder ? "G" : "-",
	       python_by_key(&t->walk, l) ? "S" : "-");
}

static void walk(const struct found *f, const struct abi_python *l, uint64_t thread)
{
	static struct abi_call calls[ABI_MAX_CALLS];
	struct python_target t = { .memory = &f->process.memory };
	uint64_t entries[ABI_MAX_ENTRIES];
	unsigned entered = 0;

	if (!python_begin(&t.walk, l, thread))
		while (!python_step(&t.walk, l, calls, (__u64 *)entries))
			;
	for (unsigned i = 0; i < t.walk.nr && i < ABI_MAX_CALLS; i++)
		entered += calls[i].check & ABI_CALL_ENTERED;
	printf("thread %lu %d", thread, t.walk.stop);
	print_routes(&t, l);
	printf(" %u", entered);
	for (unsigned i = 0; i < t.walk.nr && i < ABI_MAX_CALLS; i++) {
		uint64_t at = l->code_qualname ? l->code_qualname : l->code_name;

		print_text(t.memory, l, python_pointer(&t.walk, calls[i].code + at));
	}
	putchar('\n');
}

static void print_runtime(const struct runtime_build *b, const struct abi_python *l)
{
	printf("version %s\n", b->version);
	for (uint32_t i = 0; i < b->nr_loop; i++)
		printf("loop %#lx %#lx\n", b->loop[i].start, b->loop[i].end);
	printf("routes held %lld/%llu kept %lld/%llu holder %#llx key %#llx (%#x %#x %u %u) task "
	       "%u free-threaded %u\n",
	       (long long)l->held.offset, l->held.module, (long long)l->kept.offset, l->kept.module,
	       l->holder, l->key, l->key_block, l->key_blocks, l->key_size, l->key_data,
	       l->state_task, l->free_threaded);
}

int main(int argc, char **argv)
{
	struct found f = { .process.libc_fd = -1 };
	struct abi_runtime runtime = { 0 };
	bool ahead = argc > 2 && !strcmp(argv[2], "ahead");
	int r;

	if (argc < 2)
		return 2;
	f.process.memory.pid = atoi(argv[1]);
	look(&f);
	if (!f.is_found) {
		printf("none\n");
		strbuf_done(&f.why);
		return 1;
	}
	r = (ahead ? f.build.runtime->foresee : f.build.runtime->describe)(&f.build, &f.process,
									   &runtime, &f.why);
	if (r) {
		printf("describe: %s %s\n", strerror(-r), strbuf_str(&f.why));
	} else {
		print_runtime(&f.build, &runtime.python);
		for (int i = 2 + ahead; i < argc; i++)
			walk(&f, &runtime.python, strtoull(argv[i], NULL, 0));
	}
	runtime_build_done(&f.build);
	strbuf_done(&f.why);
	return r != 0;
}
