// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* replay FILE…: walks what `record` saved (recording.h), and compares with what libdw said then. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "compare.h"

static int replay(FILE *in, struct comparison *comparison)
{
	struct recording_reader reader = {};
	struct recording_process process = {};
	struct recording recording = {};
	static struct walked walked;
	struct blocks *blocks = NULL;
	bool changed;
	int r = recording_reader_init(&reader, in), more = 0;

	if (!r)
		r = blocks_new(&blocks);
	while (!r && (more = recording_next(&reader, &process, &recording, &changed)) > 0) {
		if (changed)
			r = blocks_use(blocks, &process);
		if (r)
			break;
		walker_walk(blocks, &recording, ABI_MAX_DEPTH, &walked);
		comparison_add(comparison, &process, &recording, &walked);
	}
	if (more < 0) {
		fprintf(stderr, "line %zu is not understood\n", reader.nr_lines);
		r = more;
	}
	recording_reader_done(&reader);
	recording_done(&recording);
	recording_process_done(&process);
	blocks_free(blocks);
	return r;
}

int main(int argc, char **argv)
{
	int status = argc < 2;

	for (int i = 1; i < argc; i++) {
		_cleanup_fclose_ FILE *in = fopen(argv[i], "re");
		struct comparison comparison = { .first_shown = COMPARE_FIRST_WRONG };
		int r = in ? replay(in, &comparison) : -errno;

		if (r)
			fprintf(stderr, "%s: %s\n", argv[i], strerror(-r));
		comparison_print(&comparison, argv[i]);
		status |= r || !comparison.stops || comparison_wrong(&comparison);
	}
	return status;
}
