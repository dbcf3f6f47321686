// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a hit costs, measured by probing ourselves: how much depends on the instruction. */
#include <errno.h>
#include <fcntl.h>
#include <link.h>

#include "base/array.h"
#include "collect/probes_inside.h"

enum { CALLS_AT_ONCE = 25, CALLS_MOST = 1000 };
static const uint64_t BOUND_NS = 5000000; /* each of four */

/* Begins with what the kernel emulates, and with what it has to step. */
void probes_cost_emulated(void);
void probes_cost_stepped(void);
#if defined(__x86_64__)
__asm__(".pushsection .text\n.p2align 4\n.globl probes_cost_emulated\n"
	".type probes_cost_emulated, @function\n"
	"probes_cost_emulated:\n\tpush %rbp\n\tpop %rbp\n\tret\n"
	".size probes_cost_emulated, .-probes_cost_emulated\n"
	".p2align 4\n.globl probes_cost_stepped\n.type probes_cost_stepped, @function\n"
	"probes_cost_stepped:\n\tmov %rbp, %rax\n\tret\n"
	".size probes_cost_stepped, .-probes_cost_stepped\n.popsection\n");
#elif defined(__aarch64__)
__asm__(".pushsection .text\n.p2align 4\n.globl probes_cost_emulated\n"
	".type probes_cost_emulated, %function\n"
	"probes_cost_emulated:\n\tnop\n\tret\n"
	".size probes_cost_emulated, .-probes_cost_emulated\n"
	".p2align 4\n.globl probes_cost_stepped\n.type probes_cost_stepped, %function\n"
	"probes_cost_stepped:\n\tmov x9, x9\n\tret\n"
	".size probes_cost_stepped, .-probes_cost_stepped\n.popsection\n");
#else
#error "which instructions does the kernel emulate?"
#endif

#if defined(__x86_64__)
/* arch/x86/kernel/uprobes.c: branch_setup_xol_ops(), push_setup_xol_ops(). */
bool probes_is_emulated(const uint8_t *code, size_t size)
{
	size_t at = 0;

	while (at < size && code[at] == 0x66)
		at++;
	if (at + 1 < size && code[at] == 0x0f)
		return (code[at + 1] >= 0x80 && code[at + 1] <= 0x8f) || code[at + 1] == 0x1f;
	if (at + 1 < size && code[at] == 0x41 && (code[at + 1] & 0xf8) == 0x50)
		return true;
	return at < size &&
	       ((code[at] & 0xf8) == 0x50 || (code[at] & 0xf0) == 0x70 || code[at] == 0x90 ||
		code[at] == 0xe8 || code[at] == 0xe9 || code[at] == 0xeb);
}
#else
/* arch/arm64/kernel/probes/decode-insn.c: what is simulated is what depends on its address. */
bool probes_is_emulated(const uint8_t *code, size_t size)
{
	uint32_t word;

	if (size < sizeof(word))
		return false;
	word = (uint32_t)code[0] | (uint32_t)code[1] << 8 | (uint32_t)code[2] << 16 |
	       (uint32_t)code[3] << 24;
	return word == 0xd503201f || (word & 0x7c000000) == 0x14000000 ||
	       (word & 0xff000010) == 0x54000000 || (word & 0x7e000000) == 0x34000000 ||
	       (word & 0x1f000000) == 0x10000000;
}
#endif

struct search {
	uintptr_t address;
	uint64_t offset;
	bool found;
};

/* The main program comes first, and its segments say where in the file an address is. */
static int find_offset(struct dl_phdr_info *info, size_t size, void *ctx)
{
	struct search *s = ctx;

	(void)size;
	for (unsigned i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *h = &info->dlpi_phdr[i];
		uintptr_t start = info->dlpi_addr + h->p_vaddr;

		if (h->p_type != PT_LOAD || s->address < start || s->address - start >= h->p_filesz)
			continue;
		s->offset = s->address - start + h->p_offset;
		s->found = true;
	}
	return 1;
}

static double time_of(void (*fn)(void))
{
	uint64_t began = tables_now(), spent = 0;
	unsigned nr = 0;

	while (nr < CALLS_MOST && spent < BOUND_NS) {
		for (int i = 0; i < CALLS_AT_ONCE; i++)
			fn();
		nr += CALLS_AT_ONCE;
		spent = tables_now() - began;
	}
	return (double)spent / nr;
}

/* A call's time while its entry, or both its entry and its return, are probed; 0: can't be. */
static double probed_time(const struct uprobe_way *way, int fd, uint64_t offset, uint32_t place,
			  void (*fn)(void), size_t nr)
{
	const struct uprobe probes[] = { { .offset = offset, .place = place },
					 { .offset = offset, .place = place, .is_return = true } };
	_cleanup_(uprobe_file_freep) struct uprobe_file *u = NULL;

	if (uprobe_file_new(&u, way, fd, (uint32_t)getpid(), probes, nr) < 0 ||
	    uprobe_attach(u) < 0 || u->nr_attached != nr)
		return 0;
	return time_of(fn);
}

static void measure(const struct uprobe_way *way, int fd, uint32_t place, void (*fn)(void),
		    double *ret_entry, double *ret_return)
{
	struct search s = { .address = (uintptr_t)fn };
	double plain, entry, both;

	dl_iterate_phdr(find_offset, &s);
	if (!s.found)
		return;
	plain = time_of(fn);
	entry = probed_time(way, fd, s.offset, place, fn, 1);
	both = probed_time(way, fd, s.offset, place, fn, 2);
	if (entry > plain)
		*ret_entry = entry - plain;
	if (both > entry && entry > 0)
		*ret_return = both - entry;
}

void probes_measure_cost(const struct uprobe_way *way, uint32_t place, struct probes_cost *ret)
{
	_cleanup_close_ int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	/* What stands in for what can't be measured: seen on an idle machine. */
	struct probes_cost c = { { [COST_ENTRY_EMULATED] = 1000,
				   [COST_RETURN_EMULATED] = 1200,
				   [COST_ENTRY_STEPPED] = 3000,
				   [COST_RETURN_STEPPED] = 1200 } };

	if (fd >= 0) {
		measure(way, fd, place, probes_cost_emulated, &c.ns[COST_ENTRY_EMULATED],
			&c.ns[COST_RETURN_EMULATED]);
		measure(way, fd, place, probes_cost_stepped, &c.ns[COST_ENTRY_STEPPED],
			&c.ns[COST_RETURN_STEPPED]);
	}
	*ret = c;
}
