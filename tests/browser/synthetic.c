// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Writes flame graphs of made-up profiles whose every share is known:
 * synthetic known|hostile|large FOLDER → FOLDER/NAME.svg and .html, and for
 * large the milliseconds that each took on standard output.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "export/exporter.h"

enum { MAX_DEPTH = 64 };

static uint32_t string(struct profile *p, const char *s)
{
	uint32_t id = 0;

	if (profile_string(p, s, &id) < 0)
		abort();
	return id;
}

static uint32_t frame(struct profile *p, enum frame_kind kind, const char *name, const char *module,
		      const char *file, uint32_t line)
{
	struct mapping m = { .path = string(p, module) };
	struct frame f = { .kind = kind,
			   .function = string(p, name),
			   .file = string(p, file),
			   .line = line,
			   .address = name[0] ? 0 : 0x1234 };
	uint32_t id;

	if (profile_mapping(p, &m, &id) < 0)
		abort();
	f.mapping = id + 1;
	if (profile_frame(p, &f, &id) < 0)
		abort();
	return id;
}

static void add(struct profile *p, const char *comm, uint32_t tid, const uint32_t *frames,
		uint32_t nr, uint64_t count)
{
	uint32_t leaf_first[MAX_DEPTH];
	struct who w = { .pid = 100, .tid = tid, .comm = string(p, comm) };
	struct sample s = { .count = count, .total = count * 1000, .bucket = BUCKET_NONE };

	for (uint32_t i = 0; i < nr; i++)
		leaf_first[i] = frames[nr - 1 - i];
	if (profile_stack(p, &(struct stack){ nr, leaf_first }, &s.stack) < 0 ||
	    profile_who(p, &w, &s.who) < 0 || profile_add(p, &s) < 0)
		abort();
}

/* 1000 samples. tests/browser/test_page.py and check_files.py know the shares. */
static void fill_known(struct profile *p)
{
	const char *app = "/usr/bin/web", *libc = "/usr/lib/libc.so.6", *k = "[kernel]";
	const char *py = "/usr/bin/python3";
	uint32_t main_ = frame(p, FRAME_NATIVE, "main", app, "src/main.c", 40);
	uint32_t main_2 = frame(p, FRAME_NATIVE, "main", app, "src/main.c", 52);
	uint32_t serve = frame(p, FRAME_NATIVE, "serve", app, "src/serve.c", 17);
	uint32_t parse = frame(p, FRAME_INLINED, "parse_header", app, "src/http.h", 9);
	uint32_t copy = frame(p, FRAME_NATIVE, "memcpy", libc, "", 0);
	uint32_t unnamed = frame(p, FRAME_NATIVE, "", libc, "", 0);
	uint32_t entry = frame(p, FRAME_KERNEL, "entry_SYSCALL_64", k, "", 0);
	uint32_t read = frame(p, FRAME_KERNEL, "vfs_read", k, "", 0);
	uint32_t kcopy = frame(p, FRAME_KERNEL, "memcpy", k, "", 0);
	uint32_t module = frame(p, FRAME_INTERPRETER, "<module>", py, "/srv/jobs/run.py", 3);
	uint32_t init_a = frame(p, FRAME_INTERPRETER, "__init__", py, "/srv/jobs/a.py", 5);
	uint32_t init_b = frame(p, FRAME_INTERPRETER, "__init__", py, "/srv/jobs/b.py", 6);
	uint32_t jit = frame(p, FRAME_JIT, "LazyCompile:*render", "[jit]", "", 0);
	uint32_t lost = frame(p, FRAME_MARK, "[stack lost]", "", "", 0);

	add(p, "web", 101, (uint32_t[]){ main_, serve, parse }, 3, 200);
	add(p, "web", 102, (uint32_t[]){ main_2, serve, parse, copy }, 4, 100);
	add(p, "web", 102, (uint32_t[]){ main_, serve, copy }, 3, 50);
	add(p, "web", 102, (uint32_t[]){ main_, serve, entry, read, kcopy }, 5, 150);
	add(p, "web", 102, (uint32_t[]){ main_, serve, entry, read }, 4, 30);
	/* A recursion: a search for it must count it once. */
	add(p, "web", 102, (uint32_t[]){ main_, serve, serve, serve }, 4, 70);
	add(p, "web", 102, (uint32_t[]){ main_, unnamed }, 2, 20);
	add(p, "python3", 200, (uint32_t[]){ module, init_a, copy }, 3, 110);
	add(p, "python3", 200, (uint32_t[]){ module, init_b }, 2, 90);
	add(p, "node", 300, (uint32_t[]){ jit }, 1, 140);
	add(p, "node", 300, (uint32_t[]){ lost }, 1, 36);
	add(p, "node", 300, (uint32_t[]){ 0 }, 0, 4);
}

static const char *const hostile[] = {
	"]]>",
	"</script><script>window.pwned=1</script>",
	"<!--<script>",
	"</style><img src=x onerror=window.pwned=1>",
	"a&b<c>\"d\"'e'\\f",
	"bell\a esc\033[31m tab\t nl\n",
	"bad \xff\xfe utf8 \xc3",
	"overlong \xc0\xaf surrogate \xed\xa0\x80",
	"nonchar \xef\xbf\xbe \xef\xbf\xbf",
	"rtl \xe2\x80\xae gpj.exe",
	"c1 \xc2\x85 ls \xe2\x80\xa8",
	"&amp;&#x3c;",
	"漢字の関数名がここに長く続く場合",
	"emoji 🔥🔥🔥 ümläut",
	"__proto__",
	"constructor",
	"(a+",
	"${1}`x`",
	"std::map<std::string, std::vector<int>>::operator[]",
};

static void fill_hostile(struct profile *p)
{
	uint32_t frames[sizeof(hostile) / sizeof(*hostile)];
	uint32_t nr = 0;

	for (; nr < sizeof(hostile) / sizeof(*hostile); nr++)
		frames[nr] = frame(p, nr % 2 ? FRAME_NATIVE : FRAME_INTERPRETER, hostile[nr],
				   hostile[(nr + 3) % 8], hostile[(nr + 5) % 8], nr);
	add(p, "]]></script>", 1, frames, nr, 10);
	for (uint32_t i = 0; i < nr; i++)
		add(p, hostile[i], i, &frames[i], 1, 5);
}

/* xorshift64: the same profile on every machine. */
static uint32_t roll(uint64_t *state, uint32_t sides)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (uint32_t)(*state >> 20) % sides;
}

/* Of a caller's callees the first few take most of the time. */
static uint32_t skewed(uint64_t *state)
{
	const uint32_t r = roll(state, 100);

	return r < 84 ? 0 : r < 93 ? 1 : r < 98 ? 2 : 3 + roll(state, 5);
}

enum { NR_FUNCTIONS = 6000, NR_KERNEL = 1500 };

static void make_functions(struct profile *p, uint32_t *ret_frames)
{
	static const char *const verbs[] = {
		"read",	  "parse", "alloc", "flush", "lookup", "hash",
		"insert", "walk",  "copy",  "lock",  "poll",   "emit"
	};
	static const char *const modules[] = { "/usr/lib/libengine.so.4", "/usr/sbin/stored",
					       "/usr/lib/libc.so.6" };
	char name[128];

	for (uint32_t i = 0; i < NR_FUNCTIONS; i++) {
		bool kernel = i < NR_KERNEL;
		enum frame_kind kind = kernel	    ? FRAME_KERNEL
				       : i % 9 == 8 ? FRAME_INLINED
				       : i % 41 < 3 ? FRAME_INTERPRETER
						    : FRAME_NATIVE;

		snprintf(name, sizeof(name), "%s%s_%s_%u",
			 kernel || i % 3 ? "" : "storage::engine::", verbs[i % 12],
			 verbs[i / 12 % 12], i);
		ret_frames[i] = frame(p, kind, name, kernel ? "[kernel]" : modules[i % 3],
				      i % 4 || kernel ? "" : "src/engine.cc", i % 4 ? 0 : i);
	}
}

/* 20,000 samples in 8,000 stacks, as of a busy machine at 999 Hz. */
static void fill_large(struct profile *p)
{
	uint32_t frames[MAX_DEPTH], functions[NR_FUNCTIONS];
	char comm[16];

	make_functions(p, functions);
	for (uint32_t i = 0; i < 20000; i++) {
		uint64_t state = 88172645463325252u * (1 + i % 8009);
		uint32_t program = roll(&state, 4) + skewed(&state), at = program * 101;
		uint32_t user = 6 + roll(&state, 30);
		uint32_t depth = user + (roll(&state, 3) ? 0 : 4 + roll(&state, 20));

		for (uint32_t d = 0; d < depth; d++) {
			uint32_t range = d < user ? NR_FUNCTIONS - NR_KERNEL : NR_KERNEL;

			at = (at * 31 + d + 7 * skewed(&state)) % range;
			frames[d] = functions[d < user ? NR_KERNEL + at : at];
		}
		snprintf(comm, sizeof(comm), "worker-%u", program);
		add(p, comm, i % 64, frames, depth, 1);
	}
}

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int write_file(const struct profile *p, const struct exporter *e, const char *folder,
		      const char *name)
{
	const struct export_settings settings = { 0 };
	_cleanup_(strbuf_done) struct strbuf path = STRBUF_INIT;
	_cleanup_fclose_ FILE *out = NULL;
	double start = now_ms();
	int r;

	strbuf_addf(&path, "%s/%s%s", folder, name, e->suffix);
	out = fopen(strbuf_str(&path), "w");
	if (!out)
		return -errno;
	r = e->write(p, &settings, out);
	if (r >= 0 && fflush(out))
		r = -errno;
	printf("%s%s: %.1f ms, %ld bytes\n", name, e->suffix, now_ms() - start, ftell(out));
	return r;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*fill)(struct profile *p);
	} profiles[] = { { "known", fill_known },
			 { "hostile", fill_hostile },
			 { "large", fill_large } };
	struct profile_info info = { .mode = "cpu",
				     .values = { { "samples", "count" }, { "cpu", "nanoseconds" } },
				     .time_ns = 1700000000000000000,
				     .duration_ns = 10000000000,
				     .host = "meadow 6.12.9",
				     .command = "bpfprof cpu -F 999 -d 10s -o known.svg",
				     .quality.n[QUALITY_EVENTS] = 1000,
				     .quality.n[QUALITY_FRAMES] = 3500 };

	if (argc != 3)
		return 2;
	for (size_t i = 0; i < sizeof(profiles) / sizeof(*profiles); i++) {
		_cleanup_(profile_freep) struct profile *p = NULL;

		if (strcmp(argv[1], profiles[i].name))
			continue;
		if (i == 1)
			info.command = "bpfprof </script>]]> \xff";
		if (profile_new(&p, &info) < 0)
			return 1;
		profiles[i].fill(p);
		return write_file(p, &exporter_svg, argv[2], argv[1]) < 0 ||
		       write_file(p, &exporter_html, argv[2], argv[1]) < 0;
	}
	return 2;
}
