// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "model/capture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"

struct sample_key {
	uint64_t tag;
	uint32_t stack, who, bucket, task;
};

int capture_init(struct capture *c)
{
	struct object kernel = { .kind = OBJECT_KERNEL, .path = strdup("[kernel]"), .fd = -1 };
	uint32_t id;

	*c = (struct capture){ 0 };
	if (capture_object(c, &kernel, &id) < 0 || capture_string(c, "", &id) < 0 ||
	    capture_stack(c, NULL, 0, &id) < 0) {
		capture_done(c);
		return -ENOMEM;
	}
	return 0;
}

void capture_done(struct capture *c)
{
	for (uint32_t i = 0; i < c->nr_objects; i++) {
		free(c->objects[i].path);
		if (c->objects[i].fd >= 0)
			close(c->objects[i].fd);
	}
	free(c->objects);
	free(c->samples);
	free(c->detached);
	intern_done(&c->strings);
	intern_done(&c->stacks);
	intern_done(&c->whos);
	intern_done(&c->sample_keys);
	intern_done(&c->codes);
	process_times_done(&c->times);
	*c = (struct capture){ 0 };
}

void capture_restart(struct capture *c)
{
	intern_done(&c->sample_keys);
	process_times_done(&c->times);
	c->restarts++;
	c->nr_samples = 0;
	c->quality = (struct quality){ 0 };
}

int capture_object(struct capture *c, const struct object *o, uint32_t *ret_id)
{
	if (!o->path || array_reserve(c->objects, c->cap_objects, c->nr_objects + 1u) < 0) {
		free(o->path);
		if (o->fd >= 0)
			close(o->fd);
		return -ENOMEM;
	}
	c->objects[c->nr_objects] = *o;
	*ret_id = c->nr_objects++;
	return 0;
}

static int add(struct intern *t, const void *bytes, size_t size, uint32_t *ret_id)
{
	int r = intern_add(t, bytes, size, ret_id);

	return r < 0 ? r : 0;
}

int capture_string(struct capture *c, const char *s, uint32_t *ret_id)
{
	return add(&c->strings, s, strlen(s), ret_id);
}

int capture_stack(struct capture *c, const struct raw_frame *frames, uint32_t nr, uint32_t *ret_id)
{
	return add(&c->stacks, frames, nr * sizeof(*frames), ret_id);
}

int capture_who(struct capture *c, const struct raw_who *w, uint32_t *ret_id)
{
	return add(&c->whos, w, sizeof(*w), ret_id);
}

int capture_mark(struct capture *c, const char *text, struct raw_frame *ret)
{
	struct object o = { .kind = OBJECT_MARK, .path = strdup(text), .fd = -1 };
	struct raw_frame frame = { 0 };
	int r = capture_object(c, &o, &frame.object);

	if (r < 0)
		return r;
	*ret = frame;
	return 0;
}

int capture_mark_stack(struct capture *c, const char *text, uint32_t *ret_id)
{
	struct raw_frame frame;
	int r = capture_mark(c, text, &frame);

	return r < 0 ? r : capture_stack(c, &frame, 1, ret_id);
}

/* What a code object is interned as; its lines follow. */
struct code_key {
	uint32_t name, file, first_line, format;
};

int capture_code(struct capture *c, const struct raw_code *code, uint32_t *ret_id)
{
	struct code_key key = { code->name, code->file, code->first_line, code->format };
	_cleanup_free_ char *bytes = malloc(sizeof(key) + code->nr_lines);

	if (!bytes)
		return -ENOMEM;
	memcpy(bytes, &key, sizeof(key));
	if (code->nr_lines)
		memcpy(bytes + sizeof(key), code->lines, code->nr_lines);
	return add(&c->codes, bytes, sizeof(key) + code->nr_lines, ret_id);
}

int capture_code_frame(struct capture *c, uint32_t code, uint32_t at, struct raw_frame *ret)
{
	if (!c->code_object) {
		struct object o = { .kind = OBJECT_CODE,
				    .path = strdup("[interpreted]"),
				    .fd = -1 };
		int r = capture_object(c, &o, &c->code_object);

		if (r < 0)
			return r;
	}
	*ret = (struct raw_frame){ .object = c->code_object, .offset = (uint64_t)code << 32 | at };
	return 0;
}

int capture_add(struct capture *c, const struct raw_sample *s)
{
	struct sample_key key = { s->tag, s->stack, s->who, s->bucket, s->task };
	struct raw_sample *to;
	uint32_t id;
	int r;

	if (!s->count)
		return 0;
	if (array_reserve(c->samples, c->cap_samples, c->nr_samples + 1u) < 0)
		return -ENOMEM;
	r = intern_add(&c->sample_keys, &key, sizeof(key), &id);
	if (r < 0)
		return r;
	to = &c->samples[id];
	if (r) {
		*to = *s;
		c->nr_samples++;
		return 0;
	}
	to->count += s->count;
	to->total += s->total;
	to->min = s->min < to->min ? s->min : to->min;
	to->max = s->max > to->max ? s->max : to->max;
	return 0;
}

struct raw_stack capture_stack_at(const struct capture *c, uint32_t id)
{
	return (struct raw_stack){ .nr = (uint32_t)(intern_size(&c->stacks, id) /
						    sizeof(struct raw_frame)),
				   .frames = intern_bytes(&c->stacks, id) };
}

const struct raw_who *capture_who_at(const struct capture *c, uint32_t id)
{
	return intern_bytes(&c->whos, id);
}

const char *capture_string_at(const struct capture *c, uint32_t id)
{
	return intern_bytes(&c->strings, id);
}

struct raw_code capture_code_at(const struct capture *c, uint32_t id)
{
	const struct code_key *key = intern_bytes(&c->codes, id);

	return (struct raw_code){ .name = key->name,
				  .file = key->file,
				  .first_line = key->first_line,
				  .format = key->format,
				  .nr_lines = (uint32_t)(intern_size(&c->codes, id) - sizeof(*key)),
				  .lines = (const uint8_t *)(key + 1) };
}

const char *capture_detached_at(const struct capture *c, uint64_t tag)
{
	for (uint32_t i = 0; i < c->nr_detached; i++)
		if (c->detached[i].tag == tag)
			return capture_string_at(c, c->detached[i].text);
	return NULL;
}

int capture_detached(struct capture *c, uint64_t tag, const char *text)
{
	struct raw_detached d = { .tag = tag };

	if (capture_detached_at(c, tag))
		return 0;
	if (array_reserve(c->detached, c->cap_detached, c->nr_detached + 1u) < 0 ||
	    capture_string(c, text, &d.text) < 0)
		return -ENOMEM;
	c->detached[c->nr_detached++] = d;
	return 0;
}

size_t capture_memory(const struct capture *c)
{
	return c->cap_objects * sizeof(*c->objects) + c->cap_samples * sizeof(*c->samples) +
	       c->strings.memory + c->stacks.memory + c->whos.memory + c->sample_keys.memory +
	       c->codes.memory + c->cap_detached * sizeof(*c->detached) +
	       process_times_memory(&c->times);
}
