// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "site/calls_python.h"

#include <errno.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "runtime/python.h"
#include "site/calls_python_inside.h"
#include "site/entry.h"
#include "site/usdt.h"

enum {
	FIRST_MINOR = 6,
	LAST_LOOP_MINOR = 10,
	FRAME_IS_SECOND = 9, /* from then on the thread's state is the first argument */
	FIRST_USDT_MINOR = 15,
	X86_RDI = 14, /* words of struct pt_regs */
	X86_RSI = 13,
	CODE_FLAGS = 48, /* co_flags in a code object, from 3.11 on */
};

static const struct probe_site blank = { .flags = ABI_PROBE_PYTHON, .pair = 1 };

static int add_end(const struct image *im, const struct calls_python_exit *exit,
		   struct probe_sites *ret)
{
	struct probe_site site = blank;

	site.role = ABI_PROBE_END;
	site.flags |= ABI_PROBE_RETURN;
	site.arguments[0] = (struct abi_argument){ .how = ABI_ARGUMENT_VALUE,
						   .offset = (int32_t)exit->above_sp };
	return image_offset(im, exit->address, &site.offset) ? -ENOENT
							     : probe_sites_add(ret, &site);
}

typedef int (*exits_fn)(const struct image *im, const struct runtime_range *ranges,
			uint32_t nr_ranges, struct calls_python_exit ret[CALLS_PYTHON_EXITS]);

/* Of the loop at `address`. 1; 0: where it returns is not sure; -ENOMEM. */
static int add_loop(const struct image *im, const struct image_symbol *loop, exits_fn find_exits,
		    const struct python_release *release, struct probe_sites *ret)
{
	struct calls_python_exit exits[CALLS_PYTHON_EXITS];
	struct runtime_range ranges[RUNTIME_MAX_RANGES];
	struct probe_site begin = blank;
	uint32_t nr_ranges;
	int nr, r;

	if (!loop->is_code || entry_offset(im, loop->address, &begin.offset))
		return 0;
	nr_ranges = python_find_loop(im, loop, ranges);
	nr = nr_ranges ? find_exits(im, ranges, nr_ranges, exits) : 0;
	if (nr <= 0)
		return nr;
	for (int i = 0; i < nr; i++) {
		r = add_end(im, &exits[i], ret);
		if (r)
			return r == -ENOENT ? 0 : r;
	}
	begin.role = ABI_PROBE_BEGIN;
	begin.flags |= ABI_PROBE_RETURN;
	begin.arguments[0] = (struct abi_argument){
		.how = ABI_ARGUMENT_REGISTER,
		.reg = release->minor < FRAME_IS_SECOND ? X86_RDI : X86_RSI,
		.size = 8,
	};
	r = probe_sites_add(ret, &begin);
	return r ? r : 1;
}

/* `flags_at`: as in bpf/python_calls.bpf.h. 1; 0: there are no such probes; -ENOMEM. */
static int add_own(const struct image *im, int32_t flags_at, struct probe_sites *ret)
{
	static const struct usdt_name names[] = { { "python", "function__entry" },
						  { "python", "function__return" } };
	_cleanup_free_ struct usdt_site *found = NULL;
	int nr = usdt_find_all(im, names, 2, &found), r;

	if (nr <= 0)
		return nr;
	for (int i = 0; i < nr; i++) {
		struct probe_site site = blank;

		site.role = found[i].which ? ABI_PROBE_END : ABI_PROBE_BEGIN;
		if (flags_at)
			site.arguments[1] = (struct abi_argument){ .how = ABI_ARGUMENT_VALUE,
								   .offset = flags_at };
		site.offset = found[i].offset;
		site.address = found[i].address;
		site.semaphore = found[i].semaphore;
		r = probe_sites_add(ret, &site);
		if (r)
			return r;
	}
	return 1;
}

/* To 3.10: the cheapest way there is. As add_own(). */
static int add_each_entry(const struct image *im, const struct python_release *release,
			  struct probe_sites *ret)
{
	struct image_symbol loop = { .name = "_PyEval_EvalFrameDefault" };
	const char *how = "its loop";
	int r = image_symbols(im, SHT_DYNSYM, &loop, 1);

	if (r == 0)
		r = image_symbols(im, SHT_SYMTAB, &loop, 1);
	if (r >= 0)
		r = add_loop(im, &loop, calls_python_exits, release, ret);
	if (r == 0) {
		how = "USDT";
		r = add_own(im, 0, ret);
	}
	if (r == 0) {
		how = "its loop, where it returns";
		r = add_loop(im, &loop, calls_python_returns, release, ret);
	}
	snprintf(ret->how, sizeof(ret->how), "%s", r > 0 ? how : "");
	return r;
}

static int find(const struct image *im, struct probe_sites *ret, struct strbuf *why)
{
	struct python_release release;
	int r = python_identify(im, &release);

	if (r == -ENOTSUP)
		strbuf_adds(why, "Python: its version can't be found in the file");
	if (r <= 0)
		return r;
	snprintf(ret->found, sizeof(ret->found), "Python %u.%u", release.major, release.minor);
	if (im->machine != EM_X86_64 || release.major != 3 || release.minor < FIRST_MINOR) {
		strbuf_adds(why,
			    "its calls can't be counted: only those of 3.6 and later on x86-64");
		return -ENOTSUP;
	}
	if (release.minor <= LAST_LOOP_MINOR) {
		r = add_each_entry(im, &release, ret);
		if (!r)
			strbuf_adds(
				why,
				"where its loop begins and returns can't be told in this build");
	} else {
		r = release.minor >= FIRST_USDT_MINOR ? add_own(im, CODE_FLAGS, ret) : 0;
		if (r > 0)
			snprintf(ret->how, sizeof(ret->how), "USDT");
		if (!r)
			strbuf_addf(why,
				    "%s runs calls inside its loop: only entries from C could be "
				    "counted",
				    release.minor >= FIRST_USDT_MINOR ? "this build, without USDT,"
								      : "this version");
	}
	return r ? r : -ENOTSUP;
}

int calls_python_find(void *ctx, const struct runtime_image *image, struct probe_sites *ret,
		      struct strbuf *why)
{
	int r = probe_sites_find(image, find, ret, why);

	(void)ctx;
	/* Sites that have an address say no frame: there the thread's state leads to it. */
	return r > 0 ? python_describe_file(image, ret->sites[0].address, &ret->runtime, why) : r;
}
