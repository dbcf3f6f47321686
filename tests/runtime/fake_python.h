/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Structures that have what is walked where CPython 3.10 has it. */
#pragma once
#include <pthread.h>
#include <stdint.h>

struct fake_text {
	uint64_t refs, type, length, hash;
	uint32_t state, pad;
	uint64_t wide;
	char ascii[16];
};

struct fake_code {
	char before[40];
	int first_line;
	char between[60];
	struct fake_text *file, *name;
	void *lines;
	char more[128];
};

struct fake_frame {
	char before[24];
	struct fake_frame *back;
	struct fake_code *code;
	char between[56];
	int at;
	char more[64];
};

struct fake_state {
	struct fake_state *previous, *next;
	void *interpreter;
	struct fake_frame *frame;
	char between[144];
	uint64_t thread;
};

struct fake_interpreter {
	struct fake_interpreter *next;
	struct fake_state *first;
};

struct fake_runtime {
	char before[32];
	struct fake_interpreter *interpreters;
	char between[528];
	struct fake_state *holder;
	void *automatic;
	int is_created;
	pthread_key_t key;
	char more[64];
};

/* In a section of its own, which is not .bss. */
#define FAKE_RUNTIME __attribute__((section(".PyRuntime"))) = { .before = "x" }

_Static_assert(__builtin_offsetof(struct fake_code, file) == 104, "co_filename");
_Static_assert(__builtin_offsetof(struct fake_frame, at) == 96, "f_lasti");
_Static_assert(__builtin_offsetof(struct fake_state, thread) == 176, "thread_id");
_Static_assert(__builtin_offsetof(struct fake_runtime, key) == 588, "autoTSSkey");
