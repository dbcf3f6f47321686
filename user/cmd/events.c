// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "cmd/events.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <time.h>

#include "base/log.h"
#include "base/parse.h"
#include "view/text.h"

enum { MAX_FRAMES = 12, INDENT = 14 };

static void add_line(const struct events *ev, const struct live_event *e, struct strbuf *lines)
{
	const struct raw_who *who = capture_who_at(ev->capture, e->who);
	int64_t at = ev->realtime + (int64_t)e->time;
	struct strbuf raw = STRBUF_INIT, tag = STRBUF_INIT;
	struct strbuf comm = STRBUF_INIT, pid = STRBUF_INIT;
	time_t seconds = at / 1000000000;
	char clock[16];
	struct tm tm;

	localtime_r(&seconds, &tm);
	strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
	naming_tag(ev->naming, e->tag, &raw);
	/* Functions are called what their file says. */
	strbuf_add_escaped(&tag, strbuf_str(&raw));
	strbuf_add_escaped(&comm, capture_string_at(ev->capture, who->comm));
	strbuf_addf(&pid, "%u", who->pid);
	if (who->tid)
		strbuf_addf(&pid, "/%u", who->tid);
	strbuf_addf(lines, "%s.%03d  %-16s %8s  %-40s  ", clock, (int)(at / 1000000 % 1000),
		    strbuf_str(&comm), strbuf_str(&pid), strbuf_str(&tag));
	format_duration(e->value, lines);
	strbuf_addch(lines, '\n');
	strbuf_done(&raw);
	strbuf_done(&tag);
	strbuf_done(&comm);
	strbuf_done(&pid);
}

/* A profile of just this stack. */
static int name_stack(const struct events *ev, uint32_t raw_stack, struct profile **ret)
{
	const struct profile_info info = { .mode = ev->mode->name };
	_cleanup_(profile_freep) struct profile *p = NULL;
	struct sample s = { .bucket = BUCKET_NONE, .count = 1 };
	int r = profile_new(&p, &info);

	if (r >= 0)
		r = profile_who(p, &(struct who){ 0 }, &s.who);
	if (r >= 0)
		r = naming_stack(ev->naming, raw_stack, p, &s.stack);
	if (r >= 0)
		r = profile_add(p, &s);
	if (r >= 0)
		r = frames_apply(&ev->settings->frames, &p);
	if (r < 0)
		return r;
	*ret = p;
	p = NULL;
	return 0;
}

static void add_stack(const struct events *ev, uint32_t raw_stack, struct strbuf *lines)
{
	unsigned width = ev->settings->view.width;
	_cleanup_(profile_freep) struct profile *p = NULL;
	struct strbuf frame = STRBUF_INIT;
	struct stack s;

	/* Its line was worth to be shown alone. */
	if (name_stack(ev, raw_stack, &p) < 0)
		return;
	s = profile_stack_at(p, profile_sample_at(p, 0)->stack);
	for (uint32_t i = 0; i < s.nr && i < MAX_FRAMES; i++) {
		strbuf_addf(lines, "%*s", INDENT, "");
		text_frame(&frame, p, s.frames[i]);
		text_cut(lines, strbuf_str(&frame), width > INDENT ? width - INDENT : width);
		strbuf_addch(lines, '\n');
		strbuf_reset(&frame);
	}
	if (s.nr > MAX_FRAMES)
		strbuf_addf(lines, "%*s\u2026 %u more\n", INDENT, "", s.nr - MAX_FRAMES);
	strbuf_done(&frame);
}

/* At once, also into a pipe; one that nobody reads must not end the measuring by a signal. */
static void put(struct events *ev, struct strbuf *lines, FILE *out)
{
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct sigaction before;

	sigaction(SIGPIPE, &ignore, &before);
	text_put(lines, &ev->settings->view, out);
	if (fflush(out) && errno == EPIPE)
		ev->unread = true;
	if (ev->unread)
		__fpurge(out);
	sigaction(SIGPIPE, &before, NULL);
}

void events_show(struct events *ev, const struct live_event *e)
{
	/* Standard output belongs to the report when a program reads it. */
	bool data = ev->settings->output.json || ev->settings->output.format;
	struct strbuf lines = STRBUF_INIT;

	if (ev->unread)
		return;
	add_line(ev, e, &lines);
	if (ev->mode->events_have_stacks)
		add_stack(ev, e->stack, &lines);
	log_progress("%s", "");
	put(ev, &lines, data ? stderr : stdout);
	strbuf_done(&lines);
}
