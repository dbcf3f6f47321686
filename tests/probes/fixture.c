// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "base/now.h"
#include "fixture.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { PAGES = 128 };

void bench_check(void)
{
	struct uprobe_kernel k;
	struct rlimit files;
	int r = uprobe_kernel_read(&k);

	signal(SIGPIPE, SIG_IGN);
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	if (!geteuid() && r >= 0 && k.cookies)
		return;
	printf("skipped: probes in programs need root, and a kernel with uprobes and cookies\n");
	exit(77);
}

/* An address of the file as an offset in it. */
static uint64_t offset_of(Elf *elf, uint64_t address)
{
	GElf_Phdr h;
	size_t nr;

	elf_getphdrnum(elf, &nr);
	for (size_t i = 0; i < nr; i++)
		if (gelf_getphdr(elf, (int)i, &h) && h.p_type == PT_LOAD && address >= h.p_vaddr &&
		    address - h.p_vaddr < h.p_filesz)
			return address - h.p_vaddr + h.p_offset;
	return 0;
}

static int add_function(const struct wanted *w, const char *name, uint64_t offset,
			struct probe_sites *ret)
{
	struct probe_site site = { .role = ABI_PROBE_BEGIN,
				   .offset = offset,
				   .pair = (uint32_t)ret->nr,
				   .name = strdup(name) };
	int r = probe_sites_add(ret, &site);

	if (r < 0 || !w->returns)
		return r;
	site.role = ABI_PROBE_END;
	site.is_return = true;
	site.name = strdup(name);
	return probe_sites_add(ret, &site);
}

static int find_in(Elf *elf, const struct wanted *w, struct probe_sites *ret)
{
	Elf_Scn *section = NULL;
	GElf_Shdr h;
	GElf_Sym sym;
	int r = 0;

	while (r >= 0 && (section = elf_nextscn(elf, section))) {
		Elf_Data *data;

		if (!gelf_getshdr(section, &h) || h.sh_type != SHT_SYMTAB)
			continue;
		data = elf_getdata(section, NULL);
		for (int i = 0; r >= 0 && gelf_getsym(data, i, &sym); i++) {
			const char *name = elf_strptr(elf, h.sh_link, sym.st_name);

			if (name && GELF_ST_TYPE(sym.st_info) == STT_FUNC &&
			    !strncmp(name, w->prefix, strlen(w->prefix)))
				r = add_function(w, name, offset_of(elf, sym.st_value), ret);
		}
	}
	return r;
}

int find_functions(void *ctx, const struct runtime_image *image, struct probe_sites *ret,
		   struct strbuf *why)
{
	struct wanted *w = ctx;
	int r = 0;
	Elf *elf;

	(void)why;
	w->seen++;
	/* Other programs of this machine have such names too. */
	if (!strstr(image->path, "probes"))
		return 0;
	elf_version(EV_CURRENT);
	elf = elf_begin(image->fd, ELF_C_READ, NULL);
	if (elf)
		r = find_in(elf, w, ret);
	elf_end(elf);
	if (r >= 0 && ret->nr && w->bad)
		r = add_function(w, "bad", w->bad, ret);
	return r < 0 ? r : ret->nr > 0;
}

void bench_open(struct bench *b)
{
	b->finder = (struct probe_finder){ .find = find_functions, .ctx = &b->wanted };
	b->settings.finder = &b->finder;
	b->settings.filter = &b->filter;
	b->settings.max_probes = b->settings.max_probes ? b->settings.max_probes : 8192;
	b->settings.max_spans = 64;
	assert_int_equal(capture_init(&b->capture), 0);
	b->obj = bpf_object__open_file(HITS, NULL);
	assert_non_null(b->obj);
	assert_int_equal(probes_prepare(&b->settings, b->obj, &b->flags), 0);
	assert_int_equal(bpf_object__load(b->obj), 0);
	assert_int_equal(sideband_open_eager(&b->sideband, PAGES), 0);
	assert_int_equal(tracker_new(&b->tracker, &b->capture), 0);
	for (size_t i = 0; i < b->filter.nr_pids; i++)
		assert_int_equal(filter_add_pid(b->obj, b->filter.pids[i]), 0);
	assert_int_equal(probes_open(&b->probes, &b->settings, b->obj, b->tracker, &b->capture), 0);
}

void bench_scan(struct bench *b)
{
	const struct filter *f = &b->filter;

	while (tracker_scan(b->tracker, f->nr_pids ? f->pids : NULL, f->nr_pids) > 0)
		;
	assert_int_equal(probes_tend(b->probes), 0);
}

static int on_process(void *ctx, const struct process_event *e)
{
	struct bench *b = ctx;

	if (e->kind == PROCESS_MAP && !b->mapped_ns && strstr(e->path, "probes"))
		b->mapped_ns = e->time;
	return tracker_event(b->tracker, e);
}

void bench_pump(struct bench *b, int ms)
{
	struct pollfd wait = { .fd = sideband_fd(b->sideband), .events = POLLIN };
	uint64_t now;

	poll(&wait, 1, ms);
	now = now_ns();
	assert_true(sideband_read(b->sideband) >= 0);
	assert_int_equal(sideband_deliver(b->sideband, now, on_process, b), 0);
	assert_int_equal(probes_tend(b->probes), 0);
	if (!b->attached_ns && probes_nr(b->probes))
		b->attached_ns = now_ns();
}

void bench_await(struct bench *b, size_t nr)
{
	uint64_t end = now_ns() + 1000000000;

	while (probes_nr(b->probes) < nr && now_ns() < end)
		bench_pump(b, 10);
	assert_int_equal(probes_nr(b->probes), nr);
}

void bench_close(struct bench *b)
{
	probes_stop(b->probes);
	probes_free(b->probes);
	tracker_free(b->tracker);
	sideband_close(b->sideband);
	bpf_object__close(b->obj);
	capture_done(&b->capture);
	*b = (struct bench){ 0 };
}

uint64_t bench_hits(struct bench *b)
{
	struct bpf_map *map = bpf_object__find_map_by_name(b->obj, "probe_hits");
	int nr_cpus = libbpf_num_possible_cpus();
	uint64_t values[1024], sum = 0;

	assert_true(nr_cpus > 0 && nr_cpus <= 1024);
	/* The last place is that of measuring costs. */
	for (uint32_t i = 0; i < bpf_map__max_entries(map) - 1; i++) {
		assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(map), &i, values), 0);
		for (int cpu = 0; cpu < nr_cpus; cpu++)
			sum += values[cpu];
	}
	return sum;
}

static void hear(struct target *t, const char *what)
{
	char line[64];

	assert_non_null(fgets(line, sizeof(line), t->out));
	line[strcspn(line, "\n")] = '\0';
	assert_string_equal(line, what);
}

void target_spawn(struct target *t, const char *path, const char *first, void (*before)(void *ctx),
		  void *ctx)
{
	char *const argv[] = { (char *)(uintptr_t)path, (char *)(uintptr_t)first, NULL };
	int in[2], out[2];

	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	t->pid = fork();
	assert_true(t->pid >= 0);
	if (!t->pid) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		if (before)
			before(ctx);
		execv(path, argv);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	t->in = fdopen(in[1], "w");
	t->out = fdopen(out[0], "r");
}

void target_ready(struct target *t, const char *first)
{
	if (first)
		hear(t, "done");
	hear(t, "ready");
}

void target_start(struct target *t, const char *path, const char *first, void (*before)(void *ctx),
		  void *ctx)
{
	target_spawn(t, path, first, before, ctx);
	target_ready(t, first);
}

void target_call(struct target *t, const char *line)
{
	fprintf(t->in, "%s\n", line);
	fflush(t->in);
	hear(t, "done");
}

void target_end(struct target *t)
{
	fclose(t->in);
	fclose(t->out);
	waitpid(t->pid, NULL, 0);
}

void target_code(pid_t pid, uint8_t *to, size_t size)
{
	char path[64], line[512];
	unsigned long start = 0, end = 0;
	FILE *maps;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	maps = fopen(path, "re");
	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps)) {
		if (strstr(line, " r-xp ") && strstr(line, "probes_target") &&
		    sscanf(line, "%lx-%lx", &start, &end) == 2)
			break;
	}
	fclose(maps);
	assert_true(end - start >= size);
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(pread(fd, to, size, (off_t)start), size);
	close(fd);
}

uint64_t target_offset(const char *function)
{
	const struct wanted w = { .prefix = function };
	struct probe_sites sites = PROBE_SITES_INIT;
	int fd = open(TARGET, O_RDONLY | O_CLOEXEC);
	uint64_t offset;
	Elf *elf;

	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	assert_int_equal(find_in(elf, &w, &sites), 0);
	assert_true(sites.nr > 0);
	offset = sites.sites[0].offset;
	elf_end(elf);
	close(fd);
	probe_sites_done(&sites);
	return offset;
}
