// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/parse.h"
#include "collect/mode.h"
/* Needs the types of abi.h. */
#include "calls.skel.h"
#include "calls.h"

/* What a sample of a call of Python sums up; others are of single calls. */
static void sum_text(uint64_t sum, struct strbuf *out)
{
	static const char *const names[1 << CALLS_SUM_BITS] = {
		[CALLS_SELF] = LABEL_SUM_SELF,
		[CALLS_BY_CALLER] = LABEL_SUM_BY_CALLER,
		[CALLS_CUMULATIVE] = LABEL_SUM_ALL,
	};

	if (sum < ARRAY_SIZE(names) && names[sum])
		strbuf_adds(out, names[sum]);
}

static const struct label_type labels[] = {
	{ "function", CALLS_FUNCTION_SHIFT, CALLS_FUNCTION_BITS, NULL },
	{ LABEL_SUM, CALLS_SUM_SHIFT, CALLS_SUM_BITS, sum_text },
	{ 0 },
};

static int set_latency(void *ctx, const char *value, struct strbuf *error)
{
	struct mode_settings *s = ctx;

	(void)value;
	(void)error;
	s->full = true;
	return 0;
}

static int set_slower(void *ctx, const char *value, struct strbuf *error)
{
	struct mode_settings *s = ctx;

	if (!parse_duration(value, &s->slower_ns) && s->slower_ns)
		return 0;
	strbuf_addf(error, "--slower takes a time such as 10ms, not '%s'", value);
	return -EINVAL;
}

static int set_max_overhead(void *ctx, const char *value, struct strbuf *error)
{
	struct mode_settings *s = ctx;
	char *end;
	double percent = strtod(value, &end);

	/* 0: no bound. */
	if (end != value && (!*end || (*end == '%' && !end[1])) && isfinite(percent) &&
	    percent >= 0 && percent <= 10000) {
		s->max_overhead = percent / 100;
		s->has_max_overhead = true;
		return 0;
	}
	strbuf_addf(error,
		    "--max-overhead takes a share of one CPU in percent such as 5, or 0 for any, "
		    "not '%s'",
		    value);
	return -EINVAL;
}

static int set_python(void *ctx, const char *value, struct strbuf *error)
{
	struct mode_settings *s = ctx;

	(void)value;
	(void)error;
	s->python = true;
	return 0;
}

static int set_time_all(void *ctx, const char *value, struct strbuf *error)
{
	struct mode_settings *s = ctx;

	(void)value;
	(void)error;
	s->time_all = true;
	return 0;
}

static const struct opt opts[] = {
	{ "latency", 'L', NULL, "show whole histograms", set_latency, NULL },
	{ "slower", 0, "TIME", "list each call that took at least TIME, as it ends", set_slower,
	  NULL },
	{ "max-overhead", 0, "PERCENT",
	  "of one CPU that probes may cost, before the hottest are detached (default 5; 0: any)",
	  set_max_overhead, NULL },
	{ "time-all", 0, NULL,
	  "time functions of C++ and Rust too: an exception that passes one ends its program",
	  set_time_all, NULL },
	{ "python", 0, NULL, "all calls of Python functions, as cProfile counts them", set_python,
	  NULL },
	{ 0 },
};

const struct mode mode_calls = {
	.name = "calls",
	.summary = "how often functions are called, by whom, and how long each call takes",
	.about = "Counts and times every call of chosen functions. FUNCTION is file:pattern: "
		 "libc:malloc, './app:parse*', /usr/lib/x.so:foo, 'app:ns::Class::*'. The file is "
		 "a path, or a name that a library or program is known by; without one, the "
		 "pattern is of the program that -p or -- PROGRAM runs. In a pattern * is any "
		 "text, ? any byte, [a-z] one of a set; it is compared with a function's name, "
		 "mangled and readable, with parameters if it has a '('. The word python alone is "
		 "--python.\n"
		 "\n"
		 "Every process that maps the file is measured, those that start later too. Each "
		 "call costs something; --max-overhead bounds what all of them together cost.\n"
		 "\n"
		 "The end of a call is seen by putting an address of the kernel's in the place of "
		 "the return address. An exception that meets it on its way up ends the program, "
		 "and Go moves its stacks. So functions of C++, Rust and Go are counted, "
		 "not timed; --time-all times those of C++ and Rust too, where you know that "
		 "no exception passes them. A call that never returns (longjmp, exit) is "
		 "dropped and counted.\n"
		 "\n"
		 "--python counts and times every call of Python functions as cProfile does, and "
		 "-o FILE.prof writes what pstats and SnakeViz read: CPython 3.6 to 3.10, and 3.15 "
		 "where it has its probes (USDT). Versions between them run calls inside their "
		 "loop, where nothing can count them. All calls become slower by some "
		 "microseconds: --max-overhead bounds this only where it is given.",
	.values = { { "latency", "nanoseconds" }, { "calls", "count" } },
	.labels = labels,
	.again = (uint64_t)CALLS_AGAIN << CALLS_SUM_SHIFT,
	.opts = opts,
	.stacks_optional = true,
	.view = "hist",
	.duration_ns = 10000000000,
	.defaults = { .max_overhead = 0.05 },
	.object = calls_bpf__elf_bytes,
	.operands = "FUNCTION...",
};
