// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Go: the world stops at runtime.stopTheWorldWithSema and goes on at
 * runtime.startTheWorldWithSema, in the same thread: a collection does it twice, and others
 * (ReadMemStats, GOMAXPROCS, …) do it too; from Go 1.21 on, the reason is the first argument.
 * Returns are not probed: Go moves stacks. Source: runtime/proc.go ("Avoid reusing reasons and add
 * new ones instead").
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "site/gc_sites.h"
#include "site/gopclntab.h"

enum {
	RAX = 10, /* words of struct pt_regs */
	X0 = 0,
	FIRST_WITH_REASON = 21,
	MAX_PROLOGUE = 32,
	MAX_VERSION = 32,
	INFO_SIZE = 32,
	INFO_INLINE = 2, /* the version stands behind the header (Go 1.18) */
};

static const char *const kinds[] = { "stop-the-world", NULL };

static const char *const reasons[] = {
	"unknown",
	"GC mark termination",
	"GC sweep termination",
	"write heap dump",
	"goroutine profile",
	"goroutine profile cleanup",
	"all goroutines stack trace",
	"read mem stats",
	"AllThreadsSyscall",
	"GOMAXPROCS",
	"start trace",
	"stop trace",
	"CountPagesInUse (test)",
	"ReadMetricsSlow (test)",
	"ReadMemStatsSlow (test)",
	"PageCachePagesLeaked (test)",
	"ResetDebugLog (test)",
	NULL,
};

enum { STOP, START, NR_FUNCTIONS };
static const char *const names[NR_FUNCTIONS] = { "runtime.stopTheWorldWithSema",
						 "runtime.startTheWorldWithSema" };

/* "go1.24.3" of .go.buildinfo; "" where it isn't there. Source: debug/buildinfo. */
static void read_version(const struct image *im, char ret[MAX_VERSION])
{
	static const char magic[] = "\xff Go buildinf:";
	uint64_t at = image_section(im, ".go.buildinfo").address, text[2];
	uint8_t info[INFO_SIZE], length;

	ret[0] = '\0';
	if (!at || image_read(im, at, info, sizeof(info)) ||
	    memcmp(info, magic, sizeof(magic) - 1) != 0)
		return;
	if (info[15] & INFO_INLINE) {
		text[0] = at + INFO_SIZE + 1;
		text[1] = image_read(im, at + INFO_SIZE, &length, 1) ? 0 : length;
	} else {
		memcpy(&at, info + 16, sizeof(at));
		if (info[14] != 8 || image_read(im, at, text, sizeof(text)))
			return;
	}
	if (text[1] < MAX_VERSION)
		gc_read_text(im, text[0], ret, text[1] + 1);
}

/* 24 of "go1.24.3", "devel go1.24-1a2b3c"; 0: it can't be told. */
static unsigned long minor_of(const char *version)
{
	const char *go = strstr(version, "go1.");

	return go ? strtoul(go + 4, NULL, 10) : 0;
}

/* Is it, x86-64: a comparison of the stack's end with what the function needs? Its length. */
static size_t stack_check(const uint8_t *b)
{
	static const struct {
		uint8_t length, bytes[12], masked; /* bytes from 4 on that may be any */
	} checks[] = {
		/* cmp 16(%r14),%rsp */
		{ 4, { 0x49, 0x3b, 0x66, 0x10 }, 0 },
		/* lea n(%rsp),%r12; cmp 16(%r14),%r12 */
		{ 9, { 0x4c, 0x8d, 0x64, 0x24, 0, 0x4d, 0x3b, 0x66, 0x10 }, 1 },
		{ 12, { 0x4c, 0x8d, 0xa4, 0x24, 0, 0, 0, 0, 0x4d, 0x3b, 0x66, 0x10 }, 4 },
		/* cmp 16(%rcx),%rsp, and the same with lea n(%rsp),%rax: up to Go 1.16 */
		{ 4, { 0x48, 0x3b, 0x61, 0x10 }, 0 },
		{ 9, { 0x48, 0x8d, 0x44, 0x24, 0, 0x48, 0x3b, 0x41, 0x10 }, 1 },
		{ 12, { 0x48, 0x8d, 0x84, 0x24, 0, 0, 0, 0, 0x48, 0x3b, 0x41, 0x10 }, 4 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		size_t fixed = checks[i].masked ? 4 : 0, behind = fixed + checks[i].masked;

		if (!memcmp(b, checks[i].bytes, fixed) &&
		    !memcmp(b + behind, checks[i].bytes + behind, checks[i].length - behind))
			return checks[i].length;
	}
	return 0;
}

/* Up to Go 1.16 the goroutine is in thread-local storage: what gets it, its length. */
static size_t goroutine_load(const uint8_t *b)
{
	static const uint8_t direct[] = { 0x64, 0x48, 0x8b, 0x0c, 0x25, 0xf8, 0xff, 0xff, 0xff };
	static const uint8_t constant[] = { 0x48, 0xc7, 0xc1, 0xf8, 0xff, 0xff, 0xff };
	static const uint8_t indirect[] = { 0x48, 0x8b, 0x0d };
	static const uint8_t by_rcx[] = { 0x64, 0x48, 0x8b, 0x09 };

	if (!memcmp(b, direct, sizeof(direct)))
		return sizeof(direct);
	/* mov of a constant, or of an offset from the GOT, to %rcx; mov %fs:(%rcx),%rcx */
	if ((!memcmp(b, constant, sizeof(constant)) || !memcmp(b, indirect, sizeof(indirect))) &&
	    !memcmp(b + 7, by_rcx, sizeof(by_rcx)))
		return 7 + sizeof(by_rcx);
	return 0;
}

/* From the beginning of the check on: a push behind the branch that it ends in, or that branch. */
static size_t behind_check_x86(const uint8_t *b)
{
	size_t n = goroutine_load(b), check = stack_check(b + n), behind;

	n += check;
	if (check && b[n] == 0x76) /* jbe */
		behind = n + 2;
	else if (check && b[n] == 0x0f && b[n + 1] == 0x86)
		behind = n + 6;
	else
		return 0;
	return b[behind] == 0x55 ? behind : n; /* push %rbp */
}

/* ldr x16, [x28, #16]; cmp sp, x16, or sub x17, sp, #n; cmp x17, x16; b.ls: the branch. */
static size_t behind_check_arm64(const uint8_t *b)
{
	uint32_t words[4];
	size_t n = 2;

	memcpy(words, b, sizeof(words));
	if ((words[1] & 0xff8003ff) == 0xd10003f1 && words[2] == 0xeb10023f)
		n = 3;
	else if (words[1] != 0xeb3063ff)
		return 0;
	return words[0] == 0xf9400b90 && (words[n] & 0xff00001f) == 0x54000009 ? 4 * n : 0;
}

/*
 * Go's functions begin with a check of the stack, which kernels execute in slow single steps. The
 * branch that it ends in, and a push behind it, are emulated; and there a function is just once,
 * whereas a stack that is too small has it begin again. 0: the code isn't a Go function's.
 */
static uint64_t behind_check(const struct image *im, uint64_t address)
{
	uint8_t b[MAX_PROLOGUE + 8];
	size_t n = 0;

	if (!image_is_code(im, address) || image_read(im, address, b, sizeof(b)))
		return 0;
	if (im->machine == EM_X86_64)
		n = behind_check_x86(b);
	else if (im->machine == EM_AARCH64)
		n = behind_check_arm64(b);
	return n ? address + n : 0;
}

/* 1: all are found; 0: not all; -ENOMEM. */
static int by_symbols(const struct image *im, uint64_t ret[NR_FUNCTIONS])
{
	struct image_symbol s[NR_FUNCTIONS] = { { .name = names[STOP] }, { .name = names[START] } };
	int r = image_symbols(im, SHT_SYMTAB, s, ARRAY_SIZE(s));

	for (size_t i = 0; i < ARRAY_SIZE(s) && r >= 0; i++) {
		uint64_t cheap = behind_check(im, s[i].address);

		if (!s[i].is_code)
			return 0;
		ret[i] = cheap ? cheap : s[i].address;
	}
	return r < 0 ? r : r == NR_FUNCTIONS;
}

static int by_table(const struct image *im, uint64_t ret[NR_FUNCTIONS])
{
	struct gopclntab_function f[NR_FUNCTIONS] = { { .name = names[STOP] },
						      { .name = names[START] } };
	struct gopclntab t;
	int r;

	if (!gopclntab_open(im, &t))
		return 0;
	r = gopclntab_find(im, &t, f, ARRAY_SIZE(f));
	if (r < NR_FUNCTIONS)
		return r < 0 ? r : 0;
	/* What it may be relative to isn't sure: code that looks as it has to is. */
	for (size_t i = 0; i < t.nr_texts; i++) {
		ret[STOP] = behind_check(im, t.texts[i] + f[STOP].entry);
		ret[START] = behind_check(im, t.texts[i] + f[START].entry);
		if (ret[STOP] && ret[START])
			return 1;
	}
	return 0;
}

static int add(const struct image *im, const uint64_t places[NR_FUNCTIONS], unsigned long minor,
	       struct probe_sites *ret)
{
	struct probe_site site = { .role = ABI_PROBE_BEGIN, .tag = GC_GO | 1ull << GC_KIND_SHIFT };
	int r;

	if (minor >= FIRST_WITH_REASON && (im->machine == EM_X86_64 || im->machine == EM_AARCH64))
		site.arguments[0] = (struct abi_argument){ .how = ABI_ARGUMENT_REGISTER,
							   .reg = im->machine == EM_X86_64 ? RAX
											   : X0,
							   .size = 1,
							   .shift = GC_REASON_SHIFT,
							   .bits = GC_REASON_BITS };
	r = gc_add_place(im, places[STOP], &site, ret);
	if (r)
		return r;
	site = (struct probe_site){ .role = ABI_PROBE_END, .tag = site.tag };
	return gc_add_place(im, places[START], &site, ret);
}

static int find(const struct image *im, struct probe_sites *ret, struct strbuf *why)
{
	const char *table = ".symtab";
	uint64_t places[NR_FUNCTIONS];
	char version[MAX_VERSION];
	unsigned long minor;
	int r;

	if (!image_section(im, ".go.buildinfo").address &&
	    !image_section(im, ".gopclntab").address &&
	    !image_section(im, ".data.rel.ro.gopclntab").address)
		return 0;
	read_version(im, version);
	minor = minor_of(version);
	if (minor && minor < 1000)
		snprintf(ret->found, sizeof(ret->found), "Go 1.%lu", minor);
	else
		snprintf(ret->found, sizeof(ret->found), "Go");
	r = by_symbols(im, places);
	if (!r) {
		table = ".gopclntab";
		r = by_table(im, places);
	}
	if (r > 0)
		r = add(im, places, minor, ret);
	else if (!r)
		r = -EFAULT;
	if (r == -EFAULT) {
		strbuf_adds(why, "where it stops the world can't be found in this build");
		return -ENOTSUP;
	}
	if (r)
		return r;
	snprintf(ret->how, sizeof(ret->how), "stopTheWorldWithSema of %s", table);
	return 1;
}

const struct gc_collector gc_go = {
	.name = "go",
	.kinds = kinds,
	.reasons = reasons,
	.find = find,
};
