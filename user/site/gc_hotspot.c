// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * HotSpot (libjvm.so, JDK 8 on): its USDT probes. hotspot:gc__begin(full), gc__end are around what
 * a collection does while the program stands still; hotspot:vmops__begin(name, length, mode),
 * vmops__end around each operation of the VM's thread, of which collections are some. Before an
 * operation of mode 0 that thread stops all others: SafepointSynchronize::begin(); one of mode 1
 * is no pause. Source: hotspot/share/gc/shared/gcVMOperations.cpp, runtime/vmThread.cpp.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "site/gc_sites.h"
#include "site/usdt.h"

/* Places of `kinds`, from 1 on; a collection's argument, 0 or 1, sets the lowest two bits of them.
 */
enum { KIND_SAFEPOINT = 3, KIND_OPERATION, KIND_BITS = 2 };

static const char *const kinds[] = { "collection", "full collection", "time to safepoint",
				     "VM operation", NULL };

static const struct probe {
	struct usdt_name name;
	enum abi_probe_role role;
	uint32_t pair;
	uint8_t kind;
	bool tells_kind; /* its first argument says more of the kind */
	bool tells_name; /* … is the name of what is done, which HotSpot reads just before */
	bool has_mode;	 /* its third one is not 0: no pause */
} probes[] = {
	{ { "hotspot", "gc__begin" }, ABI_PROBE_BEGIN, 0, 0, true, false, false },
	{ { "hotspot", "gc__end" }, ABI_PROBE_END, 0, 0, false, false, false },
	{ { "hotspot", "vmops__begin" }, ABI_PROBE_BEGIN, 1, KIND_OPERATION, false, true, true },
	{ { "hotspot", "vmops__end" }, ABI_PROBE_END, 1, 0, false, false, true },
};

enum { SAFEPOINT_PAIR = 2 };

/* Of a text such as "OpenJDK 64-Bit Server VM (…) for linux-amd64 JRE (17.0.15+6), built on …". */
static void say_version(const struct image *im, struct probe_sites *ret)
{
	static const char before[] = " JRE (", ours[] = "OpenJDK 64-Bit";
	struct image_section rodata = image_section(im, ".rodata");
	uint64_t at = gc_search(im, rodata, before, sizeof(before) - 1);
	const char *name = gc_search(im, rodata, ours, sizeof(ours) - 1) ? "OpenJDK" : "HotSpot";
	char version[16] = "";
	const char *number = version;

	if (at)
		gc_read_text(im, at + sizeof(before) - 1, version, sizeof(version));
	/* "1.8.0_402-b06" */
	if (!strncmp(version, "1.", 2))
		number += 2;
	if (isdigit((unsigned char)*number))
		snprintf(ret->found, sizeof(ret->found), "%s %.*s", name,
			 (int)strspn(number, "0123456789"), number);
	else
		snprintf(ret->found, sizeof(ret->found), "%s", name);
}

/* Is there an end to what begins? A begin that nothing ends would be counted as lost each time. */
static bool are_pairs(const struct usdt_site *sites, int nr)
{
	unsigned seen = 0, collections = 1 << 0 | 1 << 1, operations = 1 << 2 | 1 << 3;

	for (int i = 0; i < nr; i++)
		seen |= 1u << sites[i].which;
	return (seen & collections) == collections &&
	       (!(seen & operations) || (seen & operations) == operations);
}

/* 1; 0: not all that belong together are there; -ENOMEM. */
static int add_probes(const struct image *im, struct probe_sites *ret)
{
	_cleanup_free_ struct usdt_site *sites = NULL;
	struct usdt_name names[ARRAY_SIZE(probes)];
	int nr, r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(probes); i++)
		names[i] = probes[i].name;
	nr = usdt_find(im, names, ARRAY_SIZE(names), &sites);
	if (nr < 0 || !are_pairs(sites, nr))
		return nr < 0 ? nr : 0;
	for (int i = 0; i < nr && !r; i++) {
		const struct probe *p = &probes[sites[i].which];
		struct probe_site site = { .role = p->role,
					   .offset = sites[i].offset,
					   .semaphore = sites[i].semaphore,
					   .pair = p->pair,
					   .tag = GC_HOTSPOT | (uint64_t)p->kind << GC_KIND_SHIFT };
		struct abi_argument a;

		if (p->tells_kind && usdt_argument(sites[i].arguments, 0, im->machine, &a)) {
			a.shift = GC_KIND_SHIFT;
			a.bits = KIND_BITS;
			site.arguments[0] = a;
		}
		if (p->tells_name && usdt_argument(sites[i].arguments, 0, im->machine, &a)) {
			a.is_text = 1;
			site.arguments[0] = a;
		}
		if (p->has_mode && usdt_argument(sites[i].arguments, 2, im->machine, &a)) {
			site.arguments[1] = a;
			site.flags = ABI_PROBE_IF_ZERO;
		}
		r = probe_sites_add(ret, &site);
	}
	return r ? r : 1;
}

/* Where there is a symbol table. */
static int add_safepoint(const struct image *im, struct probe_sites *ret)
{
	struct image_symbol s = { .name = "_ZN20SafepointSynchronize5beginEv" };
	int r = image_symbols(im, SHT_SYMTAB, &s, 1);
	const struct probe_site site = { .pair = SAFEPOINT_PAIR,
					 .tag = GC_HOTSPOT | (uint64_t)KIND_SAFEPOINT
								     << GC_KIND_SHIFT };

	if (r <= 0 || !s.is_code)
		return r < 0 ? r : 0;
	r = gc_add_function(im, s.address, &site, ret);
	return r == -EFAULT ? 0 : r;
}

/*
 * Where there is a symbol table, of JDK 15 and later: who asks the VM's thread for an operation,
 * and where that begins with it, before it stops the others.
 */
static int add_askers(const struct image *im, struct probe_sites *ret)
{
	struct image_symbol s[] = {
		{ .name = "_ZN8VMThread7executeEP12VM_Operation" },
		{ .name = "_ZN8VMThread13inner_executeEP12VM_Operation" },
	};
	struct probe_site ask = { .role = ABI_PROBE_ASK }, answer = { .role = ABI_PROBE_ANSWER };
	int r = image_symbols(im, SHT_SYMTAB, s, ARRAY_SIZE(s));

	if (r < (int)ARRAY_SIZE(s) || !s[0].is_code || !s[1].is_code)
		return r < 0 ? r : 0;
	/* execute() is static, inner_execute() has `this` before it. */
	ask.arguments[0] = gc_argument(im, 0, 8, 0, 0);
	answer.arguments[0] = gc_argument(im, 1, 8, 0, 0);
	r = gc_add_place(im, s[0].address, &ask, ret);
	if (!r)
		r = gc_add_place(im, s[1].address, &answer, ret);
	return r == -EFAULT ? 0 : r;
}

static int find(const struct image *im, struct probe_sites *ret, struct strbuf *why)
{
	struct image_symbol s[] = { { .name = "gHotSpotVMStructs" },
				    { .name = "JNI_CreateJavaVM" } };
	int r = image_symbols(im, SHT_DYNSYM, s, ARRAY_SIZE(s));

	if (r < (int)ARRAY_SIZE(s))
		return r < 0 ? r : 0;
	say_version(im, ret);
	r = add_probes(im, ret);
	if (r < 0)
		return r;
	if (!r) {
		strbuf_adds(why, "no probe in this build");
		return -ENOTSUP;
	}
	r = add_safepoint(im, ret);
	if (!r)
		r = add_askers(im, ret);
	if (r)
		return r;
	snprintf(ret->how, sizeof(ret->how), "USDT");
	return 1;
}

const struct gc_collector gc_hotspot = {
	.name = "hotspot",
	.kinds = kinds,
	.find = find,
};
