// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Where Go's runtime goes over to another stack, and where nobody called whom it calls. */
#include <string.h>

#include "cfi.h"
#include "unwind/go_code.h"

enum {
	MAX_FUNCTION = 512, /* before a call */
	MAX_ANCHOR = 16,
	RCX_LOAD = 7,
	MAX_CAPTURED = 24,
};

/*
 * Code in hexadecimal. ?? is any byte. G reads or writes what says which goroutine runs; it is
 * thread-local, by its offset or, in code that may be anywhere, by rcx: T, or G, loads that.
 */
struct shape {
	const char *anchor; /* bytes only; where they are found the others are tried */
	int returns;	    /* where the call returns to, from there, in bytes; T may lie between */
	const char *before; /* ends where the call returns to */
	const char *after;  /* begins there */
	const char *start;  /* of the function, MAX_FUNCTION before at most */
	uint32_t rule;
	struct cfi_elsewhere elsewhere; /* of CFI_FULL */
};

#define RSP(offset) ((offset) / 8 << CFI_OFFSET_SHIFT | 2) /* and rbp at CFA - 16 */

#define SYSTEMSTACK_ANCHOR  "4889fa488b3fffd7"
#define CROSSCALL_ANCHOR    "4883c418488b1c244c8b642408"
#define CROSSCALL	    CROSSCALL_ANCHOR "4c8b6c24104c8b7424184c8b7c2420488b6c24284883c430"
#define OWN_FRAME	    "554889e5"
#define MCALL_ANCHOR	    "504c8b2241ffd4"
#define CGOCALL_ANCHOR	    "488b7c2430488b7708482b742428"
#define CGOCALL_ANCHOR_1_24 "488b7c2408488b7708482b3424"
#define CGOCALL_BACK	    "G4889f4894424??"
#define CGOCALL_RECORD                                                                             \
	{                                                                                          \
		.from = CFI_BY_STACK, .how = CFI_ELSEWHERE, .first = 48, .second = 8, .fourth = 40 \
	}
#define CALLBACK_ANCHOR "488d4424284829e0"
#define CALLBACK \
	CALLBACK_ANCHOR "G4889e74801c7488b5ff848895e??48897e??G488b5b??488b33G488b66??488b0424"

#define VDSO_ANCHOR	 "488b0424488b542408"
#define NOW_FIRST_ANCHOR "bf01000000488d3424488b05"
#define NOW_ANCHOR	 "488b442410488b7c2418488b0c24"
#define NOW_BACK	 "4869c900ca9a3b488b5424084c89e4"

static const struct shape shapes[] = {
	/* systemstack: from the goroutine's stack to the thread's. */
	{ .anchor = SYSTEMSTACK_ANCHOR,
	  .returns = 8,
	  .before = "488b62??" SYSTEMSTACK_ANCHOR,
	  .after = "G488b58??488b83????????G488b60??488b68??48c740??0000000048c740??000000005dc3",
	  .start = OWN_FRAME "488b7c2410",
	  .rule = CFI_OTHER_STACK },
	/* … to Go 1.20, without a frame of its own. */
	{ .anchor = SYSTEMSTACK_ANCHOR,
	  .returns = 8,
	  .before = "488b5a??4889dc" SYSTEMSTACK_ANCHOR,
	  .after = "G488b58??488b83????????G488b60??48c740??00000000c3",
	  .start = "488b7c2408",
	  .rule = CFI_FULL,
	  .elsewhere = { .from = CFI_BY_THREAD, .how = CFI_ELSEWHERE } },
	/* asmcgocall: the same, for a function of C. It is called with or without a landing pad. */
	{ .anchor = CGOCALL_ANCHOR_1_24,
	  .before = "e8????????",
	  .after = "T" CGOCALL_ANCHOR_1_24 CGOCALL_BACK "5dc3",
	  .start = OWN_FRAME,
	  .rule = CFI_OTHER_STACK },
	{ .anchor = CGOCALL_ANCHOR,
	  .before = "ffd0",
	  .after = "T" CGOCALL_ANCHOR CGOCALL_BACK "5dc3",
	  .start = OWN_FRAME,
	  .rule = CFI_OTHER_STACK },
	{ .anchor = CGOCALL_ANCHOR,
	  .before = "ffd0",
	  .after = "T" CGOCALL_ANCHOR CGOCALL_BACK "c3",
	  .start = "488b442408488b5c2410",
	  .rule = CFI_FULL,
	  .elsewhere = CGOCALL_RECORD },
	/* cgocallback: from the thread's stack, with C on it, to the goroutine's. */
	{ .anchor = CALLBACK_ANCHOR,
	  .before = "ffd0",
	  .after = CALLBACK,
	  .start = OWN_FRAME "4883ec18",
	  .rule = CFI_OTHER_STACK },
	{ .anchor = CALLBACK_ANCHOR,
	  .before = "ffd2",
	  .after = CALLBACK,
	  .start = OWN_FRAME "4883ec18",
	  .rule = CFI_OTHER_STACK },
	{ .anchor = CALLBACK_ANCHOR,
	  .before = "ffd0",
	  .after = CALLBACK,
	  .start = "4883ec2048896c2418488d6c2418",
	  .rule = CFI_OTHER_STACK },
	/*
	 * nanotime1, walltime and time.now, which call the vdso on the thread's stack. They know
	 * their own by r12.
	 */
	{ .anchor = VDSO_ANCHOR,
	  .before = "ffd0",
	  .after = VDSO_ANCHOR "4c89e4",
	  .start = OWN_FRAME "4883ec??4989e4498b5e30",
	  .rule = CFI_OTHER_STACK },
	{ .anchor = NOW_ANCHOR,
	  .before = "ffd0",
	  .after = NOW_ANCHOR NOW_BACK,
	  .start = OWN_FRAME "4883ec??4989e4498b5e30",
	  .rule = CFI_OTHER_STACK },
	{ .anchor = NOW_FIRST_ANCHOR,
	  .before = "ffd0",
	  .after = NOW_FIRST_ANCHOR "????????ffd0" NOW_ANCHOR NOW_BACK,
	  .start = OWN_FRAME "4883ec??4989e4498b5e30",
	  .rule = CFI_OTHER_STACK },
	{ .anchor = VDSO_ANCHOR,
	  .before = "ffd0",
	  .after = VDSO_ANCHOR "4c89e4",
	  .start = "4883ec??48896c24??488d6c24??4989e4498b5e30",
	  .rule = CFI_OTHER_STACK },
	{ .anchor = NOW_ANCHOR,
	  .before = "ffd0",
	  .after = NOW_ANCHOR NOW_BACK,
	  .start = "4883ec??48896c24??488d6c24??4989e4498b5e30",
	  .rule = CFI_OTHER_STACK },
	{ .anchor = NOW_FIRST_ANCHOR,
	  .before = "ffd0",
	  .after = NOW_FIRST_ANCHOR "????????ffd0" NOW_ANCHOR NOW_BACK,
	  .start = "4883ec??48896c24??488d6c24??4989e4498b5e30",
	  .rule = CFI_OTHER_STACK },
	/* mcall leaves a goroutine: it never returns, and nobody called what it calls. */
	{ .anchor = MCALL_ANCHOR,
	  .returns = 7,
	  .before = "498b66??" MCALL_ANCHOR,
	  .after = "58e9",
	  .start = "",
	  .rule = CFI_ROOT },
	{ .anchor = MCALL_ANCHOR,
	  .returns = 7,
	  .before = "498b66??" MCALL_ANCHOR,
	  .after = "9058e9",
	  .start = "",
	  .rule = CFI_ROOT },
	/*
	 * crosscall2 and sigtramp, which C and the kernel call: what they keep of C's registers
	 * lies where frame pointers lead to.
	 */
	{ .anchor = CROSSCALL_ANCHOR,
	  .before = "e8????????",
	  .after = CROSSCALL "c3",
	  .start = "4883ec30",
	  .rule = RSP(0x50) },
	{ .anchor = CROSSCALL_ANCHOR,
	  .before = "e8????????",
	  .after = CROSSCALL "5dc3",
	  .start = OWN_FRAME "4883ec30",
	  .rule = RSP(0x58) },
};

/* What stood for ?? and, of the last G or T, the offset from the thread pointer. */
struct captured {
	uint8_t bytes[MAX_CAPTURED];
	size_t nr;
	int32_t thread;
	bool has_thread;
};

static int digit(char c)
{
	return c <= '9' ? c - '0' : c - 'a' + 10;
}

/* mov $offset, %rcx; or mov place(%rip), %rcx, which only the loader knows. */
static size_t match_load(const uint8_t *at, size_t left, struct captured *ret)
{
	if (left < RCX_LOAD || at[0] != 0x48)
		return 0;
	ret->has_thread = at[1] == 0xc7 && at[2] == 0xc1;
	if (ret->has_thread)
		memcpy(&ret->thread, at + 3, sizeof(ret->thread));
	return ret->has_thread || (at[1] == 0x8b && at[2] == 0x0d) ? RCX_LOAD : 0;
}

/* 0: it is no G. */
static size_t match_g(const uint8_t *at, size_t left, struct captured *ret)
{
	size_t n = match_load(at, left, ret);

	if (left - n < 4 || at[n] != 0x64 || at[n + 1] != 0x48 ||
	    (at[n + 2] != 0x8b && at[n + 2] != 0x89))
		return 0;
	if (n || left < 9 || (at[3] & 0xc7) != 4 || at[4] != 0x25)
		return (at[n + 3] & 0xc7) == 1 ? n + 4 : 0;
	ret->has_thread = true;
	memcpy(&ret->thread, at + 5, sizeof(ret->thread));
	return 9;
}

/* Does the code at `at` look like this? */
static bool match(const struct go_window *c, size_t at, const char *shape, struct captured *ret)
{
	for (; *shape && at < c->size; shape++) {
		const uint8_t *byte = c->bytes + at;
		size_t n = 1;

		if (*shape == 'T') {
			n = match_load(byte, c->size - at, ret);
		} else if (*shape == 'G') {
			n = match_g(byte, c->size - at, ret);
			if (!n)
				return false;
		} else if (*shape++ == '?') {
			ret->bytes[ret->nr++ % MAX_CAPTURED] = *byte;
		} else if (*byte != (digit(shape[-1]) << 4 | digit(shape[0]))) {
			return false;
		}
		at += n;
	}
	return !*shape;
}

/* The nearest place before where a function can begin, if it begins like this. */
static bool match_start(const struct go_window *c, size_t at, const char *shape)
{
	size_t least = at > MAX_FUNCTION ? at - MAX_FUNCTION : 0;
	struct captured unused = { .nr = 0 };

	if (!*shape)
		return true;
	for (at -= (c->address + at) % 16; at > least; at -= 16) {
		if (match(c, at, shape, &unused))
			return true;
		/* Another one ends here. */
		if (c->bytes[at - 1] == 0xcc || at < 16)
			return false;
	}
	return false;
}

/* systemstack of old: g's thread, its goroutine, and where that one's sp was kept. */
static bool fill_chain(const struct captured *found, struct cfi_elsewhere *ret)
{
	uint32_t goroutine;

	memcpy(&goroutine, found->bytes + 1, sizeof(goroutine));
	if (!found->has_thread || goroutine > UINT16_MAX)
		return false;
	ret->first = found->thread;
	ret->second = found->bytes[0];
	ret->third = (uint16_t)goroutine;
	ret->fourth = found->bytes[5];
	return true;
}

/* Does a call of this shape return to `at`? */
static bool is_call(const struct go_window *c, size_t at, const struct shape *s, struct go_row *ret,
		    struct cfi_rule *ret_full)
{
	size_t before = strlen(s->before) / 2;
	struct captured unused = { .nr = 0 }, found = { .nr = 0 };
	struct cfi_elsewhere elsewhere = s->elsewhere;

	if (at <= before || !match(c, at - before, s->before, &unused) ||
	    !match(c, at, s->after, &found) || !match_start(c, at - 1, s->start))
		return false;
	if (s->rule == CFI_FULL && elsewhere.from == CFI_BY_THREAD &&
	    !fill_chain(&found, &elsewhere))
		return false;
	/* A caller is looked up where its call is. */
	*ret = (struct go_row){ c->address + at - 1, 1, s->rule, 0 };
	memcpy(ret_full, &elsewhere, sizeof(*ret_full));
	return true;
}

static int add(struct go_code *ret, struct go_row *row, const struct cfi_rule *full)
{
	if (row->rule == CFI_FULL) {
		if (ret->nr_full == GO_MAX_FULL)
			return 0;
		row->full = ret->nr_full;
		ret->full[ret->nr_full++] = *full;
	}
	return go_code_add(ret, row);
}

static int search(const struct go_window *c, const struct shape *s, struct go_code *ret)
{
	uint8_t anchor[MAX_ANCHOR];
	size_t size = strlen(s->anchor) / 2;
	const uint8_t *at = c->bytes, *end = c->bytes + c->size;
	struct cfi_rule full;
	struct go_row row;
	int r = 0;

	for (size_t i = 0; i < size; i++)
		anchor[i] = (uint8_t)(digit(s->anchor[2 * i]) << 4 | digit(s->anchor[2 * i + 1]));
	while (!r && (at = memmem(at, (size_t)(end - at), anchor, size))) {
		size_t returns = (size_t)(at - c->bytes) + (size_t)s->returns;

		if (is_call(c, returns, s, &row, &full) ||
		    (s->after[0] == 'T' && returns >= RCX_LOAD &&
		     is_call(c, returns - RCX_LOAD, s, &row, &full)))
			r = add(ret, &row, &full);
		at++;
	}
	return r;
}

int go_stacks_search(const struct go_window *w, struct go_code *ret)
{
	int r = 0;

	for (size_t i = 0; !r && i < sizeof(shapes) / sizeof(*shapes); i++)
		r = search(w, &shapes[i], ret);
	return r;
}
