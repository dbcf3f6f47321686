// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>

#include "collect/live.h"
#include "doctor/features.h"

enum { SAID_MAX = 600 };

/* libbpf gives its printer no context. Only set while features_mode_loads() runs. */
static _Thread_local struct strbuf *said;

__attribute__((format(printf, 2, 0))) static int keep(enum libbpf_print_level level,
						      const char *format, va_list args)
{
	if (level == LIBBPF_WARN && said && said->len < SAID_MAX)
		strbuf_addvf(said, format, args);
	return 0;
}

/* All lines as one, but those that tell of a fault which libbpf itself mended. */
static void add_as_line(const struct strbuf *text, struct strbuf *why)
{
	const char *line = strbuf_str(text);

	while (*line) {
		_cleanup_(strbuf_done) struct strbuf one = STRBUF_INIT;
		size_t size = strcspn(line, "\n");

		strbuf_add(&one, line, size);
		if (size && !strstr(strbuf_str(&one), "Retrying without BTF")) {
			strbuf_adds(why, "; ");
			strbuf_add_escaped(why, strbuf_str(&one));
		}
		line += size + (line[size] == '\n');
	}
}

/* A run's line sends its reader to the doctor, in brackets at its end. */
static void add_cause(const struct strbuf *line, struct strbuf *why)
{
	const char *text = strbuf_str(line), *hint = strstr(text, " ('bpfprof doctor'");

	strbuf_add(why, text, hint ? (size_t)(hint - text) : line->len);
}

static int try_mode(const struct mode *m, enum live_unwind unwind, struct strbuf *why)
{
	struct live_settings s = {
		.mode = m->defaults,
		.unwind = unwind,
		.user_stacks = true,
		.kernel_stacks = true,
	};
	_cleanup_(live_freep) struct live *l = NULL;
	int err = live_open(&l, m, &s, why);

	if (err >= 0)
		err = live_start(l, why);
	return err < 0 ? err : 0;
}

/* Attaching included: an object that loads may still find no tracepoint or no perf event. */
int features_mode_loads(const struct mode *m, struct strbuf *why)
{
	_cleanup_(strbuf_done) struct strbuf words = STRBUF_INIT, line = STRBUF_INIT;
	libbpf_print_fn_t print = libbpf_set_print(keep);
	bool by_fp = false;
	int err;

	said = &words;
	err = try_mode(m, LIVE_UNWIND_TABLES, &line);
	if (err < 0 && err != -EPERM && err != -EACCES) {
		_cleanup_(strbuf_done) struct strbuf ignored = STRBUF_INIT;

		by_fp = try_mode(m, LIVE_UNWIND_FP, &ignored) >= 0;
	}
	said = NULL;
	libbpf_set_print(print);
	if (err >= 0)
		return 0;
	if (!line.len)
		strbuf_adds(&line, strerror(-err));
	add_cause(&line, why);
	/* Without the right, all that libbpf says is noise. */
	if (err != -EPERM && err != -EACCES)
		add_as_line(&words, why);
	return by_fp ? 1 : err;
}
