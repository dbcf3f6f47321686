// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a hit costs, measured by probing ourselves: how much depends on the instruction. */
#include <errno.h>
#include <fcntl.h>
#include <link.h>

#include "base/array.h"
#include "base/now.h"
#include "probe/inside.h"

enum { CALLS_A_ROUND = 25, ROUNDS = 40 };
static const uint64_t BOUND_NS = 3000000; /* each of six */

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

/* The quickest of some rounds: the others were disturbed. */
static double time_of(void (*fn)(void))
{
	uint64_t least = UINT64_MAX, began = now_ns(), before = began, now;

	for (int i = 0; i < ROUNDS && before - began < BOUND_NS; i++) {
		for (int k = 0; k < CALLS_A_ROUND; k++)
			fn();
		now = now_ns();
		least = now - before < least ? now - before : least;
		before = now;
	}
	return (double)least / CALLS_A_ROUND;
}

enum { EMULATED, STEPPED, FUNCTIONS };
static void (*const functions[FUNCTIONS])(void) = { probes_cost_emulated, probes_cost_stepped };

/* 0, or a negative errno: they can't be probed. */
static int attach(const struct uprobe_way *way, int fd, uint32_t place, bool is_return,
		  struct uprobe_file **ret)
{
	struct uprobe probes[FUNCTIONS];
	struct uprobe_file *u;
	int r;

	for (int i = 0; i < FUNCTIONS; i++) {
		struct search s = { .address = (uintptr_t)functions[i] };

		dl_iterate_phdr(find_offset, &s);
		if (!s.found)
			return -ENOENT;
		probes[i] = (struct uprobe){ .offset = s.offset,
					     .place = place,
					     .is_return = is_return };
	}
	r = uprobe_file_new(&u, way, fd, (uint32_t)getpid(), probes, FUNCTIONS);
	if (r < 0)
		return r;
	*ret = u;
	r = uprobe_attach(u);
	return r < 0 || u->nr_attached == FUNCTIONS ? r : -ENODEV;
}

static void set_more(double *to, double with, double without)
{
	if (with > without)
		*to = with - without;
}

void probes_measure_cost(struct probes_cost *c, const struct uprobe_way *way, uint32_t place)
{
	double plain[FUNCTIONS], entry[FUNCTIONS];

	/* What stands for what can't be measured: about what an idle machine shows. */
	c->ns[COST_ENTRY_EMULATED] = c->ns[COST_RETURN_EMULATED] = 1000;
	c->ns[COST_ENTRY_STEPPED] = c->ns[COST_RETURN_STEPPED] = 3000;
	c->fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	for (int i = 0; i < FUNCTIONS; i++)
		plain[i] = time_of(functions[i]);
	if (c->fd < 0 || attach(way, c->fd, place, false, &c->entries) < 0)
		return;
	for (int i = 0; i < FUNCTIONS; i++) {
		entry[i] = time_of(functions[i]);
		set_more(&c->ns[i == EMULATED ? COST_ENTRY_EMULATED : COST_ENTRY_STEPPED], entry[i],
			 plain[i]);
	}
	if (attach(way, c->fd, place, true, &c->returns) < 0)
		return;
	for (int i = 0; i < FUNCTIONS; i++)
		set_more(&c->ns[i == EMULATED ? COST_RETURN_EMULATED : COST_RETURN_STEPPED],
			 time_of(functions[i]), entry[i]);
}

void probes_cost_done(struct probes_cost *c)
{
	uprobe_file_free(c->returns);
	uprobe_file_free(c->entries);
	if (c->fd >= 0)
		close(c->fd);
}
