// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Saves what threads look like at random moments, and libdw's stacks of them (recording.h), for
 * `replay` to walk here or where the same files are:
 *   record FILE N PROGRAM [ARGUMENT…]
 *   record FILE N -p PID
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "blocks.h"
#include "tracee.h"
#include "truth.h"

enum { MIN_US = 1000, MAX_US = 50000 };

static int save_stop(const struct tracee *t, FILE *out)
{
	struct recording_process process = {};
	struct recording recording = {};
	struct truth *truth = NULL;
	int r = tracee_mappings(t, &process);

	if (!r)
		r = truth_new(&truth, t->pid);
	for (size_t i = 0; !r && i < process.nr_mappings; i++) {
		struct recording_mapping *m = &process.mappings[i];

		if (m->path[0] == '/')
			m->build_id_size = blocks_build_id(m->path, m->build_id);
	}
	if (!r)
		recording_write_process(out, &process);
	for (size_t i = 0; !r && i < t->nr; i++) {
		r = tracee_record(t, i, &recording);
		if (r)
			break;
		truth_unwind(truth, &recording);
		recording_write(out, &recording);
	}
	recording_done(&recording);
	recording_process_done(&process);
	truth_free(truth);
	return r;
}

int main(int argc, char **argv)
{
	_cleanup_fclose_ FILE *out = NULL;
	static struct tracee tracee;
	unsigned long nr;
	int r;

	if (argc < 4) {
		fprintf(stderr, "record FILE N PROGRAM… | -p PID\n");
		return 1;
	}
	out = fopen(argv[1], "we");
	if (!out) {
		perror(argv[1]);
		return 1;
	}
	nr = strtoul(argv[2], NULL, 10);
	if (argc == 5 && !strcmp(argv[3], "-p"))
		r = tracee_attach(&tracee, (pid_t)atoi(argv[4]));
	else
		r = tracee_start(&tracee, argv + 3);
	recording_write_head(out);
	while (!r && nr--) {
		if (tracee_run(&tracee, MIN_US + (unsigned int)rand() % (MAX_US - MIN_US)))
			break;
		r = save_stop(&tracee, out);
	}
	tracee_done(&tracee);
	if (!r && fflush(out))
		r = -errno;
	if (r)
		fprintf(stderr, "record: %s\n", strerror(-r));
	return r != 0;
}
