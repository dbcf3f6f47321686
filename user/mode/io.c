// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <string.h>

#include "base/file.h"
#include "collect/mode.h"
#include "io.h"
#include "io.skel.h"
#include "mode/own_opts.h"

/* The block device's name, as /sys/dev/block/MAJOR:MINOR/uevent has it. */
static void device_text(uint64_t device, struct strbuf *out)
{
	unsigned major = (unsigned)(device >> IO_MINOR_BITS);
	unsigned minor = (unsigned)(device & ((1u << IO_MINOR_BITS) - 1));
	struct strbuf path = STRBUF_INIT, text = STRBUF_INIT;
	const char *name;

	strbuf_addf(&path, "/sys/dev/block/%u:%u/uevent", major, minor);
	if (file_read(strbuf_str(&path), 4096, &text) >= 0 &&
	    (name = strstr(strbuf_str(&text), "DEVNAME=")))
		strbuf_add(out, name + 8, strcspn(name + 8, "\n"));
	else
		strbuf_addf(out, "%u:%u", major, minor);
	strbuf_done(&path);
	strbuf_done(&text);
}

/* enum req_op of include/linux/blk_types.h: those whose numbers never changed. */
static void op_text(uint64_t op, struct strbuf *out)
{
	static const char *const names[] = {
		[0] = "read",	      [1] = "write",	    [2] = "flush",	[3] = "discard",
		[5] = "secure-erase", [9] = "write-zeroes", [34] = "driver-in", [35] = "driver-out",
	};

	if (op < sizeof(names) / sizeof(*names) && names[op])
		strbuf_adds(out, names[op]);
	else
		strbuf_addf(out, "op-%u", (unsigned)op);
}

static void phase_text(uint64_t phase, struct strbuf *out)
{
	strbuf_adds(out, phase == IO_QUEUE ? "queue" : "device");
}

static const struct label_type labels[] = {
	{ "device", IO_DEVICE_SHIFT, IO_DEVICE_BITS, device_text },
	{ "op", IO_OP_SHIFT, IO_OP_BITS, op_text },
	{ "phase", IO_PHASE_SHIFT, IO_PHASE_BITS, phase_text },
	{ 0 },
};

static int set_by_device(void *ctx, const char *value, struct strbuf *error)
{
	struct mode_settings *s = ctx;

	(void)value;
	(void)error;
	s->by = "device";
	return 0;
}

static int set_queue(void *ctx, const char *value, struct strbuf *error)
{
	struct mode_settings *s = ctx;

	(void)value;
	(void)error;
	s->flags |= ABI_QUEUE_PHASE;
	return 0;
}

static const struct opt opts[] = {
	{ "latency", 'L', NULL, "show whole histograms", own_opt_latency, NULL },
	{ "by-device", 'D', NULL, "one row a device, all operations together", set_by_device,
	  NULL },
	{ "queue", 'Q', NULL, "measure the time in the queue too", set_queue, NULL },
	{ "slower", 0, "TIME", "list each request that took at least TIME, as it ends",
	  own_opt_slower, NULL },
	{ 0 },
};

const struct mode mode_io = {
	.name = "io",
	.summary = "how long block I/O takes, by device and operation, and who caused it",
	.about = "Times every request to a block device from the moment the driver gets it "
		 "until it is done (phase device), with -Q also the time before, in the queue "
		 "(phase queue), and charges it to the process and stack that submitted it.",
	.values = { { "latency", "nanoseconds" }, { "timings", "count" } },
	.labels = labels,
	.opts = opts,
	.at_tracepoint = true,
	.stacks_optional = true,
	.view = "hist",
	.duration_ns = 10000000000,
	.object = io_bpf__elf_bytes,
};
