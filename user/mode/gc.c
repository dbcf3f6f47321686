// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "collect/mode.h"
#include "gc.skel.h"
#include "mode/own_opts.h"
#include "model/label.h"
#include "site/collector.h"
#include "site/gc_python_ledger.h"

/* A kind or a reason is known by its runtime: these fields begin where the runtime stands. */
enum {
	KIND_FIELD_BITS = GC_KIND_SHIFT + GC_KIND_BITS,
	REASON_FIELD_BITS = GC_REASON_SHIFT + GC_REASON_BITS,
};
_Static_assert(GC_RUNTIME_SHIFT == 0, "the runtime is the lowest of a tag");

static const struct gc_collector *collector_of(uint64_t tag)
{
	uint64_t runtime = tag & ((1u << GC_RUNTIME_BITS) - 1);

	return runtime < GC_RUNTIMES ? gc_collectors[runtime] : NULL;
}

/* The nth, from 1, of a list that ends with NULL. A number that the list lacks is shown as such. */
static void add_name(const char *const *names, uint64_t n, struct strbuf *out)
{
	uint64_t i = 1;

	if (!n)
		return;
	while (names && names[i - 1] && i < n)
		i++;
	if (names && names[i - 1])
		strbuf_adds(out, names[i - 1]);
	else
		strbuf_addf(out, "%u", (unsigned)n - 1);
}

static void runtime_text(uint64_t runtime, struct strbuf *out)
{
	const struct gc_collector *c = collector_of(runtime);

	strbuf_adds(out, c ? c->name : "unknown");
}

static void generation_text(uint64_t generation, struct strbuf *out)
{
	if (generation)
		strbuf_addf(out, "%u", (unsigned)generation - 1);
}

static void kind_text(uint64_t tag, struct strbuf *out)
{
	const struct gc_collector *c = collector_of(tag);

	add_name(c ? c->kinds : NULL, tag >> GC_KIND_SHIFT, out);
}

static void reason_text(uint64_t tag, struct strbuf *out)
{
	const struct gc_collector *c = collector_of(tag);

	add_name(c ? c->reasons : NULL, tag >> GC_REASON_SHIFT, out);
}

static const struct label_type labels[] = {
	{ LABEL_RUNTIME, GC_RUNTIME_SHIFT, GC_RUNTIME_BITS, runtime_text },
	{ "generation", GC_GENERATION_SHIFT, GC_GENERATION_BITS, generation_text },
	{ "kind", GC_RUNTIME_SHIFT, KIND_FIELD_BITS, kind_text },
	{ "reason", GC_RUNTIME_SHIFT, REASON_FIELD_BITS, reason_text },
	{ "operation", ABI_TEXT_SHIFT, ABI_TEXT_BITS, NULL },
	{ 0 },
};

static const struct opt opts[] = {
	{ "latency", 'L', NULL, "show whole histograms", own_opt_latency, NULL },
	{ "slower", 0, "TIME",
	  "list each pause that took at least TIME, as it ends, with the stack that asked for it",
	  own_opt_slower, NULL },
	{ 0 },
};

static const struct probe_finder finder = { .find = collectors_find,
					    .what = "runtime that collects garbage",
					    .ledger = &gc_python_ledger };

const struct mode mode_gc = {
	.name = "gc",
	.summary = "how long garbage collection stops programs, and which stacks asked for it",
	.about =
		"Times every garbage collection of the runtimes that it finds in processes, also "
		"in "
		"those that start later: by process, generation or kind, and reason, with the "
		"stack "
		"of the thread that set it off. A collection inside another one counts by itself.\n"
		"\n"
		"Where a build of CPython 3.15 has nothing that can be probed, the ring that it "
		"keeps of its last collections is read four times a second: these have no stack, "
		"and those that were overwritten meanwhile count in the sums alone.",
	.values = { { "pause", "nanoseconds" }, { "pauses", "count" } },
	.labels = labels,
	.has_texts = true,
	.opts = opts,
	.stacks_optional = true,
	.events_have_stacks = true,
	.view = "pauses",
	.duration_ns = 10000000000,
	.process_times = true,
	.object = gc_bpf__elf_bytes,
	.finder = &finder,
};
