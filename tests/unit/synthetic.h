/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Profiles made up for tests: short ways to say who, which stack and how much. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/hist.h"
#include "export/exporter.h"
#include "model/profile.h"

static const struct profile_info cpu_info = {
	.mode = "cpu",
	.values = { { "samples", "count" }, { "cpu", "nanoseconds" } },
	.time_ns = 1700000000123456789,
	.duration_ns = 10000000000,
	.period = 10101010,
	.host = "box 6.18",
	.command = "bpfprof cpu -d 10",
};

static const struct profile_info io_info = {
	.mode = "io",
	.values = { { "latency", "nanoseconds" }, { "requests", "count" } },
	.time_ns = 1700000000000000000,
	.duration_ns = 5000000000,
	.host = "box 6.18",
	.command = "bpfprof io --latency",
};

static inline struct profile *new_profile(const struct profile_info *info)
{
	struct profile *p = NULL;

	assert_int_equal(profile_new(&p, info), 0);
	return p;
}

static inline uint32_t text(struct profile *p, const char *s)
{
	uint32_t id;

	assert_int_equal(profile_string(p, s, &id), 0);
	return id;
}

static inline uint32_t mapping(struct profile *p, const char *path, const char *build_id)
{
	struct mapping m = { .path = text(p, path), .build_id = text(p, build_id) };
	uint32_t id;

	assert_int_equal(profile_mapping(p, &m, &id), 0);
	return id + 1;
}

static inline uint32_t frame(struct profile *p, enum frame_kind kind, const char *name,
			     uint32_t mapping_id, uint64_t address, const char *file, uint32_t line)
{
	struct frame f = { .address = address,
			   .mapping = mapping_id,
			   .function = text(p, name),
			   .file = text(p, file),
			   .line = line,
			   .kind = kind };
	uint32_t id;

	assert_int_equal(profile_frame(p, &f, &id), 0);
	return id;
}

static inline uint32_t interpreted(struct profile *p, const char *name, const char *file,
				   uint32_t first_line, uint32_t line)
{
	struct frame f = { .function = text(p, name),
			   .file = text(p, file),
			   .line = line,
			   .first_line = first_line,
			   .kind = FRAME_INTERPRETER };
	uint32_t id;

	assert_int_equal(profile_frame(p, &f, &id), 0);
	return id;
}

static inline uint32_t stack_n(struct profile *p, uint32_t nr, const uint32_t *frames)
{
	uint32_t id;

	assert_int_equal(profile_stack(p, &(struct stack){ nr, frames }, &id), 0);
	return id;
}

/* Leaf first. */
#define stack_of(p, ...)                                                   \
	stack_n(p, sizeof((uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t), \
		(uint32_t[]){ __VA_ARGS__ })

static inline uint32_t who(struct profile *p, uint32_t pid, uint32_t tid, const char *comm)
{
	struct who w = { .pid = pid, .tid = tid, .comm = text(p, comm) };
	uint32_t id;

	assert_int_equal(profile_who(p, &w, &id), 0);
	return id;
}

/* Pairs of name and value, ended by NULL. */
static inline uint32_t labels(struct profile *p, const char *const *words)
{
	struct label set[8];
	uint32_t nr = 0, id;

	for (; words[0]; words += 2)
		set[nr++] = (struct label){ text(p, words[0]), text(p, words[1]) };
	assert_int_equal(profile_labels(p, &(struct label_set){ nr, set }, &id), 0);
	return id;
}

static inline void sample(struct profile *p, uint32_t stack, uint32_t who_id, uint64_t count,
			  uint64_t total)
{
	struct sample s = {
		.stack = stack, .who = who_id, .bucket = BUCKET_NONE, .count = count, .total = total
	};

	assert_int_equal(profile_add(p, &s), 0);
}

static inline void latency(struct profile *p, uint32_t stack, uint32_t who_id, uint32_t label_set,
			   uint64_t ns)
{
	struct sample s = { .stack = stack,
			    .who = who_id,
			    .labels = label_set,
			    .bucket = bucket_of(ns),
			    .count = 1,
			    .total = ns,
			    .min = ns,
			    .max = ns };

	assert_int_equal(profile_add(p, &s), 0);
}

/* What an exporter writes; the caller frees. */
static inline char *exported(const struct profile *p, const char *format, bool per_thread,
			     size_t *ret_size)
{
	const struct exporter *e = exporter_find(format);
	struct export_settings settings = { .per_thread = per_thread };
	char *buf = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&buf, &size);

	assert_non_null(e);
	assert_non_null(f);
	assert_int_equal(e->write(p, &settings, f), 0);
	fclose(f);
	if (ret_size)
		*ret_size = size;
	return buf;
}
