// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <string.h>

#include "base/array.h"
#include "base/json.h"
#include "cmd/dump.h"
#include "view/text.h"

enum { COMMAND_COLUMNS = 200 };

/* The stack of a thread. */
struct found {
	uint32_t tid, stack, sample;
	bool interpreted;
	const struct profile *profile;
};

struct found_list {
	struct found *f;
	uint32_t nr, cap;
};

struct printer {
	const struct dump_settings *settings;
	const struct dump_shown *shown;
	struct found_list taken, sampled;
	FILE *out;
	struct json json;
	struct strbuf line, text;
};

static int by_tid(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	return x->tid < y->tid ? -1 : x->tid > y->tid;
}

/* Of one thread: first those that the interpreter was not known at, and the newest last. */
static int by_worth(const void *a, const void *b)
{
	const struct found *x = a, *y = b;
	int r = by_tid(a, b);

	if (!r)
		r = x->interpreted - y->interpreted;
	return r ? r : x->sample < y->sample ? -1 : 1;
}

static bool is_interpreted(const struct profile *p, uint32_t stack)
{
	struct stack s = profile_stack_at(p, stack);

	for (uint32_t i = 0; i < s.nr; i++)
		if (profile_frame_at(p, s.frames[i])->kind == FRAME_INTERPRETER)
			return true;
	return false;
}

/* Only the last one of each thread stays. */
static void keep_best(struct found_list *l)
{
	uint32_t nr = 0;

	if (l->nr)
		qsort(l->f, l->nr, sizeof(*l->f), by_worth);
	for (uint32_t i = 0; i < l->nr; i++)
		if (i + 1 == l->nr || l->f[i + 1].tid != l->f[i].tid)
			l->f[nr++] = l->f[i];
	l->nr = nr;
}

static int list_stacks(const struct profile *p, uint32_t pid, struct found_list *l)
{
	l->nr = 0;
	for (uint32_t i = 0; p && i < profile_nr_samples(p); i++) {
		const struct sample *s = profile_sample_at(p, i);
		const struct who *who = profile_who_at(p, s->who);

		if (who->pid != pid)
			continue;
		if (array_reserve(l->f, l->cap, l->nr + 1u) < 0)
			return -ENOMEM;
		l->f[l->nr++] = (struct found){ who->tid, s->stack, i, is_interpreted(p, s->stack),
						p };
	}
	keep_best(l);
	return 0;
}

static const struct found *find_stack(const struct printer *p, const struct snapshot_thread *t)
{
	const struct found_list *l = t->result == SNAPSHOT_TAKEN ? &p->taken : &p->sampled;
	const struct found key = { .tid = t->tid };

	return l->nr ? bsearch(&key, l->f, l->nr, sizeof(*l->f), by_tid) : NULL;
}

/* Why there is less to see than there should be; NULL: there is not. */
static const char *lack_of(const struct snapshot_thread *t, bool has_stack)
{
	if (t->result == SNAPSHOT_NOTHING)
		return NULL;
	if (t->result != SNAPSHOT_TAKEN) {
		if (has_stack)
			return NULL;
		return t->result == SNAPSHOT_ON_CPU ? "running; no sample within 100 ms"
						    : "runs again and again; no stack could be had";
	}
	return snapshot_lack(t);
}

static void print_frame(struct printer *p, const struct profile *profile, uint32_t frame)
{
	const struct frame *f = profile_frame_at(profile, frame);

	strbuf_adds(&p->line, "    ");
	text_function(&p->line, profile, frame);
	if (f->kind == FRAME_KERNEL)
		strbuf_adds(&p->line, "_[k]");
	if (f->function && f->kind != FRAME_KERNEL && (f->file || f->mapping)) {
		strbuf_adds(&p->line, " (");
		text_where(&p->line, profile, frame);
		strbuf_addch(&p->line, ')');
	}
	strbuf_addch(&p->line, '\n');
}

static void print_thread(struct printer *p, const struct snapshot_thread *t)
{
	const struct found *found = find_stack(p, t);
	const char *lack = lack_of(t, found);
	struct stack stack = { 0 };

	if (found)
		stack = profile_stack_at(found->profile, found->stack);
	strbuf_addf(&p->line, "Thread %u \"", t->tid);
	strbuf_add_escaped(&p->line, t->comm);
	strbuf_addf(&p->line, "\", %s%s\n", snapshot_state_name(t->state),
		    t->holds_gil ? ", holds the GIL" : "");
	for (uint32_t i = 0; i < stack.nr; i++)
		print_frame(p, found->profile, stack.frames[i]);
	if (lack)
		strbuf_addf(&p->line, "    [%s]\n", lack);
	text_put(&p->line, &p->settings->view, p->out);
}

static void print_process(struct printer *p)
{
	const struct snapshot_process *process = p->shown->process;
	struct strbuf command = STRBUF_INIT;

	strbuf_add_escaped(&command, strbuf_str(&process->command));
	text_cut(&p->line, strbuf_str(&command), COMMAND_COLUMNS);
	strbuf_addf(&p->line, " (pid %u%s%s%s), %u thread%s\n", process->pid,
		    process->runtime ? ", " : "", process->runtime ? process->runtime : "",
		    process->without_gil ? ", no GIL: free-threaded" : "", process->nr_threads,
		    process->nr_threads == 1 ? "" : "s");
	p->line.failed |= command.failed;
	strbuf_done(&command);
	text_put(&p->line, &p->settings->view, p->out);
	for (uint32_t i = 0; i < process->nr_threads; i++)
		print_thread(p, &process->threads[i]);
}

static void json_frame(struct printer *p, const struct profile *profile, uint32_t frame)
{
	const struct frame *f = profile_frame_at(profile, frame);

	strbuf_reset(&p->text);
	if (f->kind == FRAME_INTERPRETER && f->function)
		strbuf_adds(&p->text, profile_string_at(profile, f->function));
	else
		profile_frame_name(profile, frame, &p->text);
	json_object(&p->json, NULL);
	json_string(&p->json, "name", strbuf_str(&p->text));
	json_string(&p->json, "kind", frame_kind_name(f->kind));
	if (f->file)
		json_string(&p->json, "file", profile_string_at(profile, f->file));
	if (f->line)
		json_u64(&p->json, "line", f->line);
	if (f->mapping) {
		const struct mapping *m = profile_mapping_at(profile, f->mapping - 1);

		json_string(&p->json, "module", profile_string_at(profile, m->path));
	}
	json_end(&p->json);
}

static void json_thread(struct printer *p, const struct snapshot_thread *t)
{
	const struct found *found = find_stack(p, t);
	const char *lack = lack_of(t, found);
	struct stack stack = { 0 };

	if (found)
		stack = profile_stack_at(found->profile, found->stack);
	json_object(&p->json, NULL);
	json_u64(&p->json, "tid", t->tid);
	json_string(&p->json, "name", t->comm);
	json_string(&p->json, "state", snapshot_state_name(t->state));
	json_u64(&p->json, "holds_gil", t->holds_gil);
	json_string(&p->json, "lacks", lack ? lack : "");
	json_array(&p->json, "frames");
	for (uint32_t i = 0; i < stack.nr; i++)
		json_frame(p, found->profile, stack.frames[i]);
	json_end(&p->json);
	json_end(&p->json);
}

static void json_process(struct printer *p)
{
	const struct snapshot_process *process = p->shown->process;

	json_object(&p->json, NULL);
	json_u64(&p->json, "pid", process->pid);
	json_string(&p->json, "command", strbuf_str(&process->command));
	json_string(&p->json, "runtime", process->runtime ? process->runtime : "");
	json_u64(&p->json, "without_gil", process->without_gil);
	json_array(&p->json, "threads");
	for (uint32_t i = 0; i < process->nr_threads; i++)
		json_thread(p, &process->threads[i]);
	json_end(&p->json);
	json_end(&p->json);
}

static int print_all(struct printer *p, const struct dump_shown *shown, uint32_t nr)
{
	int r = 0;

	for (uint32_t i = 0; r >= 0 && i < nr; i++) {
		uint32_t pid = shown[i].process->pid;

		p->shown = &shown[i];
		r = list_stacks(shown[i].taken, pid, &p->taken);
		if (r >= 0)
			r = list_stacks(shown[i].sampled, pid, &p->sampled);
		if (r < 0)
			break;
		if (p->settings->as_json) {
			json_process(p);
		} else {
			if (i)
				fputc('\n', p->out);
			print_process(p);
		}
		r = p->line.failed || p->text.failed ? -ENOMEM : 0;
	}
	return r;
}

int dump_print(const struct dump_settings *settings, const struct dump_shown *shown, uint32_t nr,
	       FILE *out)
{
	struct printer p = { .settings = settings, .out = out };
	int r;

	json_init(&p.json, out);
	if (settings->as_json) {
		json_object(&p.json, NULL);
		json_array(&p.json, "processes");
	}
	r = print_all(&p, shown, nr);
	if (settings->as_json) {
		json_end(&p.json);
		json_end(&p.json);
	}
	free(p.taken.f);
	free(p.sampled.f);
	strbuf_done(&p.line);
	strbuf_done(&p.text);
	return r;
}
