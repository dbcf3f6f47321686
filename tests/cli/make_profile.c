// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* make_profile cpu|io|gc|python|empty|no_gc: a small profile with known sums, as pprof on standard
 * output.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hist.h"
#include "model/profile.h"
#include "pprof/pprof.h"

enum { PERIOD = 10000000, MAX_FRAMES = 8 };

static uint32_t check(int r, uint32_t id)
{
	if (r < 0) {
		fprintf(stderr, "make_profile: %s\n", strerror(-r));
		exit(1);
	}
	return id;
}

static uint32_t string(struct profile *p, const char *s)
{
	uint32_t id = 0;
	int r = profile_string(p, s, &id);

	return check(r, id);
}

static uint32_t frame(struct profile *p, enum frame_kind kind, const char *module, const char *name,
		      const char *file, uint32_t line)
{
	struct mapping m = { .path = string(p, module) };
	struct frame f = { .kind = kind,
			   .address = 0x1000 + line,
			   .function = string(p, name),
			   .file = string(p, file),
			   .line = line };
	uint32_t mapping = 0, id = 0;

	check(profile_mapping(p, &m, &mapping), 0);
	f.mapping = mapping + 1;
	check(profile_frame(p, &f, &id), 0);
	return id;
}

static uint32_t who(struct profile *p, uint32_t pid, const char *comm)
{
	struct who w = { .pid = pid, .tid = pid, .comm = string(p, comm) };
	uint32_t id = 0;

	check(profile_who(p, &w, &id), 0);
	return id;
}

static uint32_t stack(struct profile *p, const uint32_t *frames, uint32_t nr)
{
	uint32_t id = 0;

	check(profile_stack(p, &(struct stack){ nr, frames }, &id), 0);
	return id;
}

static struct profile *new_profile(struct profile_info info)
{
	struct profile *p = NULL;

	info.time_ns = 1700000000000000000;
	info.duration_ns = 10000000000;
	info.host = "testhost, Linux 6.1.0 x86_64";
	info.command = "bpfprof test";
	check(profile_new(&p, &info), 0);
	return p;
}

static void add(struct profile *p, uint32_t stack_id, uint32_t who_id, uint64_t count)
{
	check(profile_add(p, &(struct sample){ .stack = stack_id,
					       .who = who_id,
					       .bucket = BUCKET_NONE,
					       .count = count,
					       .total = count * PERIOD }),
	      0);
}

/* 1000 samples: spin 700 (400 of them below outer), read 200, an unnamed 99, a hostile name 1. */
static struct profile *make_cpu(void)
{
	struct profile *p = new_profile((struct profile_info){
		.mode = "cpu",
		.values = { { "samples", "count" }, { "cpu", "nanoseconds" } },
		.period = PERIOD });
	uint32_t start = frame(p, FRAME_NATIVE, "/usr/bin/app", "main", "/src/app/main.c", 12);
	uint32_t outer = frame(p, FRAME_NATIVE, "/usr/bin/app",
			       "outer<std::vector<std::basic_string<char>>>::call(unsigned long)",
			       "/src/app/outer.cpp", 345);
	uint32_t spin = frame(p, FRAME_NATIVE, "/usr/bin/app", "spin", "/src/app/spin.c", 7);
	uint32_t read = frame(p, FRAME_KERNEL, "[kernel]", "vfs_read", "", 0);
	uint32_t unnamed = frame(p, FRAME_NATIVE, "/usr/lib/libmystery.so.1", "", "", 0);
	uint32_t hostile = frame(p, FRAME_JIT, "[jit]", "\033]0;owned\a na\u00efve", "", 0);
	uint32_t app = who(p, 4242, "app"), cat = who(p, 99, "cat");

	add(p, stack(p, (uint32_t[]){ spin, start }, 2), app, 300);
	add(p, stack(p, (uint32_t[]){ spin, outer, outer, start }, 4), app, 400);
	add(p, stack(p, (uint32_t[]){ read }, 1), cat, 200);
	add(p, stack(p, (uint32_t[]){ unnamed, start }, 2), app, 99);
	add(p, stack(p, (uint32_t[]){ hostile }, 1), cat, 1);
	profile_info(p)->quality.n[QUALITY_EVENTS] = 1000;
	profile_info(p)->quality.n[QUALITY_FRAMES] = 2600;
	profile_info(p)->quality.n[QUALITY_UNSYMBOLIZED] = 99;
	return p;
}

static uint32_t code(struct profile *p, const char *name, const char *file, uint32_t first_line,
		     uint32_t line)
{
	struct frame f = { .kind = FRAME_INTERPRETER,
			   .function = string(p, name),
			   .file = string(p, file),
			   .line = line,
			   .first_line = first_line };
	uint32_t id = 0;

	check(profile_frame(p, &f, &id), 0);
	return id;
}

/*
 * 1000 samples. /srv/app/main.py: line 2 (fib, from line 1) 100 itself, and 200 below itself;
 * line 6 (Job.run, from 5) calls fib; line 7 compresses: 400 native, 100 in the kernel; line 50
 * is past the end of the source that tests have. 50 in another main.py, 100 without Python.
 */
static struct profile *make_python(void)
{
	static const char main_py[] = "/srv/app/main.py";
	struct profile *p = new_profile((struct profile_info){
		.mode = "cpu",
		.values = { { "samples", "count" }, { "cpu", "nanoseconds" } },
		.period = PERIOD });
	uint32_t fib = code(p, "fib", main_py, 1, 2), calls = code(p, "Job.run", main_py, 5, 6);
	uint32_t packs = code(p, "Job.run", main_py, 5, 7), late = code(p, "late", main_py, 49, 50);
	uint32_t other = code(p, "<module>", "/srv/lib/main.py", 1, 1);
	uint32_t odd = code(p, "odd", "/srv/\033[31m;x.py", 1, 1);
	uint32_t deflate = frame(p, FRAME_NATIVE, "/lib/libz.so.1", "deflate", "", 0);
	uint32_t fault = frame(p, FRAME_KERNEL, "[kernel]", "do_page_fault", "", 0);
	uint32_t python = who(p, 7, "python3");

	add(p, stack(p, (uint32_t[]){ fib, calls, other }, 3), python, 100);
	add(p, stack(p, (uint32_t[]){ fib, fib, fib, calls, other }, 5), python, 200);
	add(p, stack(p, (uint32_t[]){ deflate, packs, other }, 3), python, 400);
	add(p, stack(p, (uint32_t[]){ fault, deflate, packs, other }, 4), python, 100);
	add(p, stack(p, (uint32_t[]){ late, other }, 2), python, 40);
	add(p, stack(p, (uint32_t[]){ odd, other }, 2), python, 10);
	add(p, stack(p, (uint32_t[]){ other }, 1), python, 50);
	add(p, stack(p, (uint32_t[]){ fault, deflate }, 2), python, 100);
	profile_info(p)->quality.n[QUALITY_EVENTS] = 1000;
	profile_info(p)->quality.n[QUALITY_INTERPRETED] = 900;
	return p;
}

static void add_request(struct profile *p, uint32_t stack_id, uint32_t who_id, uint32_t labels,
			uint64_t ns, uint64_t count)
{
	check(profile_add(p, &(struct sample){ .stack = stack_id,
					       .who = who_id,
					       .labels = labels,
					       .bucket = bucket_of(ns),
					       .count = count,
					       .total = count * ns,
					       .min = ns,
					       .max = ns }),
	      0);
}

static uint32_t labels(struct profile *p, const char *device, const char *op)
{
	const struct label l[] = { { string(p, "device"), string(p, device) },
				   { string(p, "op"), string(p, op) },
				   { string(p, "phase"), string(p, "device") } };
	uint32_t id = 0;

	check(profile_labels(p, &(struct label_set){ 3, l }, &id), 0);
	return id;
}

/* vda read: 1 ms to 100 ms, one request each ms; vda write: 50 of 2 ms; vdb read: one of 7 s. */
static struct profile *make_io(void)
{
	struct profile *p = new_profile((struct profile_info){
		.mode = "io",
		.values = { { "latency", "nanoseconds" }, { "requests", "count" } } });
	uint32_t submit = frame(p, FRAME_KERNEL, "[kernel]", "submit_bio_noacct", "", 0);
	uint32_t ext4 = frame(p, FRAME_KERNEL, "[kernel]", "ext4_mpage_readpages", "", 0);
	uint32_t vfs = frame(p, FRAME_KERNEL, "[kernel]", "vfs_read", "", 0);
	uint32_t pread = frame(p, FRAME_NATIVE, "/lib/libc.so.6", "pread64", "", 0);
	uint32_t start = frame(p, FRAME_NATIVE, "/usr/bin/fio", "main", "/src/fio/fio.c", 30);
	uint32_t reader = stack(p, (uint32_t[]){ submit, ext4, vfs, pread, start }, 5);
	uint32_t writer = stack(p, (uint32_t[]){ submit }, 1);
	uint32_t fio = who(p, 100, "fio"), flush = who(p, 7, "kworker/u8:1");

	for (uint64_t ms = 1; ms <= 100; ms++)
		add_request(p, reader, fio, labels(p, "vda", "read"), ms * 1000000, 1);
	add_request(p, writer, flush, labels(p, "vda", "write"), 2000000, 50);
	add_request(p, reader, fio, labels(p, "vdb", "read"), 7000000000, 1);
	profile_info(p)->quality.n[QUALITY_EVENTS] = 151;
	profile_info(p)->quality.n[QUALITY_FRAMES] = 555;
	profile_info(p)->quality.n[QUALITY_MERGED] = 3;
	return p;
}

static uint32_t collection(struct profile *p, const char *runtime, const char *name,
			   const char *value, const char *reason)
{
	const struct label l[] = { { string(p, "runtime"), string(p, runtime) },
				   { string(p, name), string(p, value) },
				   { string(p, "reason"), string(p, reason) } };
	uint32_t id = 0;

	check(profile_labels(p, &(struct label_set){ *reason ? 3 : 2, l }, &id), 0);
	return id;
}

static void add_time(struct profile *p, uint32_t pid, uint64_t wall_ns, uint64_t cpu_ns)
{
	check(profile_add_time(
		      p,
		      &(struct process_time){ .pid = pid, .wall_ns = wall_ns, .cpu_ns = cpu_ns }),
	      0);
}

/*
 * Python 4242 (8 s of its 10 s on a CPU): 100 young of 1 to 100 ms, 4 full of 500 ms, two of these
 * manual. Python 77, a hostile name, there for 2 s: 10 young of 20 µs, its CPU time not known. A
 * JVM: 2 young. Of process 5 nothing but its pause is known.
 */
static struct profile *make_gc(void)
{
	struct profile *p = new_profile((struct profile_info){
		.mode = "gc",
		.values = { { "pause", "nanoseconds" }, { "collections", "count" } } });
	uint32_t collect = frame(p, FRAME_NATIVE, "/usr/bin/python3.13", "gc_collect_main", "", 0);
	uint32_t grow = code(p, "Graph.grow", "/srv/app/gr\u00e4ph.py", 10, 12);
	uint32_t load = code(p, "load", "/srv/app/main.py", 1, 3);
	uint32_t alloc = frame(p, FRAME_NATIVE, "/usr/lib/jvm/libjvm.so", "VM_GenCollect::doit", "",
			       0);
	uint32_t grows = stack(p, (uint32_t[]){ collect, grow, load }, 3);
	uint32_t loads = stack(p, (uint32_t[]){ collect, load }, 2);
	uint32_t vm = stack(p, (uint32_t[]){ alloc }, 1);
	uint32_t python = who(p, 4242, "python3"), odd = who(p, 77, "na\u00efve\033[2J");
	uint32_t java = who(p, 900, "VM Thread"), lone = who(p, 5, "gunicorn: w");

	for (uint64_t ms = 1; ms <= 100; ms++)
		add_request(p, grows, python, collection(p, "python", "generation", "0", "heap"),
			    ms * 1000000, 1);
	add_request(p, grows, python, collection(p, "python", "generation", "2", "heap"), 500000000,
		    2);
	add_request(p, loads, python, collection(p, "python", "generation", "2", "manual"),
		    500000000, 2);
	add_request(p, loads, odd, collection(p, "python", "generation", "0", ""), 20000, 10);
	add_request(p, vm, java, collection(p, "hotspot", "kind", "young", ""), 30000000, 2);
	add_request(p, loads, lone, collection(p, "python", "generation", "1", ""), 1000000, 1);
	add_time(p, 4242, 10000000000, 8000000000);
	add_time(p, 77, 2000000000, TIME_UNKNOWN);
	add_time(p, 900, 10000000000, 400000000);
	profile_info(p)->quality.n[QUALITY_EVENTS] = 117;
	profile_info(p)->quality.n[QUALITY_FRAMES] = 320;
	return p;
}

int main(int argc, char **argv)
{
	const char *what = argc == 2 ? argv[1] : "";
	struct profile *p;
	int r;

	if (!strcmp(what, "cpu"))
		p = make_cpu();
	else if (!strcmp(what, "io"))
		p = make_io();
	else if (!strcmp(what, "python"))
		p = make_python();
	else if (!strcmp(what, "gc"))
		p = make_gc();
	else if (!strcmp(what, "no_gc"))
		p = new_profile((struct profile_info){
			.mode = "gc",
			.values = { { "pause", "nanoseconds" }, { "collections", "count" } } });
	else if (!strcmp(what, "empty"))
		p = new_profile((struct profile_info){
			.mode = "cpu",
			.values = { { "samples", "count" }, { "cpu", "nanoseconds" } } });
	else
		return 2;
	r = pprof_write(p, stdout);
	profile_free(p);
	return r < 0 || fflush(stdout) ? 1 : 0;
}
