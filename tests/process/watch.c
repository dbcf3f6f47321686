// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "watch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

uint64_t watch_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

int watch_open(struct watch *w, unsigned pages)
{
	int r;

	*w = (struct watch){ 0 };
	r = sideband_open(&w->sideband, pages);
	if (r < 0)
		return r;
	r = capture_init(&w->capture);
	return r < 0 ? r : tracker_new(&w->tracker, &w->capture);
}

void watch_close(struct watch *w)
{
	tracker_free(w->tracker);
	sideband_close(w->sideband);
	capture_done(&w->capture);
}

static int on_event(void *ctx, const struct process_event *e)
{
	struct watch *w = ctx;

	w->nr_events++;
	w->out_of_order |= e->time < w->last_time;
	w->last_time = e->time;
	if (w->saw)
		w->saw(w, e);
	return tracker_event(w->tracker, e);
}

int watch_pump(struct watch *w)
{
	uint64_t now = watch_now(), lost;
	int r = sideband_read(w->sideband);

	if (r >= 0)
		r = sideband_deliver(w->sideband, now, on_event, w);
	lost = sideband_take_lost(w->sideband);
	w->lost += lost;
	if (r >= 0 && lost)
		r = tracker_rescan(w->tracker);
	return r;
}

int target_start(struct target *t, char *const argv[], void (*before)(void *ctx), void *ctx)
{
	int in[2], out[2];

	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
		return -errno;
	fflush(NULL);
	t->pid = fork();
	if (t->pid < 0)
		return -errno;
	if (!t->pid) {
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		if (before)
			before(ctx);
		execv(argv[0], argv);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	t->in = in[1];
	t->out = out[0];
	return 0;
}

int target_hear(struct target *t)
{
	char line[256];
	unsigned long address;
	size_t n = 0;
	int at;

	while (n < sizeof(line) - 1 && read(t->out, line + n, 1) == 1 && line[n] != '\n')
		n++;
	line[n] = '\0';
	if (sscanf(line, "%lx %n", &address, &at) != 1)
		return -EPROTO;
	t->address = address;
	for (size_t i = 0; i < sizeof(t->code); i++) {
		if (sscanf(line + at + 2 * i, "%2hhx", &t->code[i]) != 1)
			break;
	}
	return 0;
}

void target_end(struct target *t)
{
	close(t->in);
	waitpid(t->pid, NULL, 0);
	close(t->out);
}
