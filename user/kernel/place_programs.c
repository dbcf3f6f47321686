// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "kernel/place_programs.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/array.h"
#include "base/intern.h"

struct place_programs {
	int shared_fd, place_fd; /* maps of the object, not owned */
	struct intern places;	 /* uint32_t, to positions in … */
	int *fds;
	uint32_t cap_fds;
};

int place_programs_new(struct place_programs **ret, struct bpf_object *obj)
{
	const struct bpf_program *shared = bpf_object__find_program_by_name(obj, "on_any_probe");
	int program = shared ? bpf_program__fd(shared) : -1;
	struct place_programs *p;
	uint32_t zero = 0;

	if (program < 0)
		return -ENOENT;
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->shared_fd = bpf_object__find_map_fd_by_name(obj, "probe_shared");
	p->place_fd = bpf_object__find_map_fd_by_name(obj, "probe_place");
	if (p->shared_fd < 0 || p->place_fd < 0 ||
	    bpf_map_update_elem(p->shared_fd, &zero, &program, BPF_ANY)) {
		int r = p->shared_fd < 0 || p->place_fd < 0 ? -ENOENT : -errno;

		place_programs_free(p);
		return r;
	}
	*ret = p;
	return 0;
}

void place_programs_free(struct place_programs *p)
{
	if (!p)
		return;
	for (uint32_t i = 0; i < p->places.count; i++)
		if (p->fds[i] >= 0)
			close(p->fds[i]);
	intern_done(&p->places);
	free(p->fds);
	free(p);
}

/*
 * int on_place(struct pt_regs *ctx)
 * {
 *	u32 zero = 0, *at = bpf_map_lookup_elem(&probe_place, &zero);
 *
 *	if (at) {
 *		*at = place;
 *		bpf_tail_call(ctx, &probe_shared, 0);
 *	}
 *	return 0;
 * }
 */
static int make(const struct place_programs *p, uint32_t place)
{
	enum { R0, R1, R2, R3, CTX = 6, FP = 10 };
	const struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = CTX, .src_reg = R1 },
		{ .code = BPF_ST | BPF_MEM | BPF_W, .dst_reg = FP, .off = -4 },
		{ .code = BPF_LD | BPF_IMM | BPF_DW,
		  .dst_reg = R1,
		  .src_reg = BPF_PSEUDO_MAP_FD,
		  .imm = p->place_fd },
		{ 0 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = R2, .src_reg = FP },
		{ .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = R2, .imm = -4 },
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_map_lookup_elem },
		{ .code = BPF_JMP | BPF_JEQ | BPF_K, .dst_reg = R0, .off = 6 },
		{ .code = BPF_ST | BPF_MEM | BPF_W, .dst_reg = R0, .imm = (int32_t)place },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = R1, .src_reg = CTX },
		{ .code = BPF_LD | BPF_IMM | BPF_DW,
		  .dst_reg = R2,
		  .src_reg = BPF_PSEUDO_MAP_FD,
		  .imm = p->shared_fd },
		{ 0 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = R3 },
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_tail_call },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = R0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_KPROBE, "on_place", "Dual BSD/GPL", code,
			       ARRAY_SIZE(code), NULL);

	return fd < 0 ? -errno : fd;
}

int place_programs_get(struct place_programs *p, uint32_t place)
{
	uint32_t at;
	int r = array_reserve(p->fds, p->cap_fds, p->places.count + 1u);

	if (r >= 0)
		r = intern_add(&p->places, &place, sizeof(place), &at);
	if (r < 0)
		return r;
	/* What failed once is tried again: it may have been the number of open files. */
	if (r > 0 || p->fds[at] < 0)
		p->fds[at] = make(p, place);
	return p->fds[at];
}

size_t place_programs_nr(const struct place_programs *p)
{
	return p ? p->places.count : 0;
}

int place_programs_made(const struct place_programs *p, size_t n)
{
	return p->fds[n];
}

size_t place_programs_memory(const struct place_programs *p)
{
	return p ? sizeof(*p) + p->places.memory + p->cap_fds * sizeof(*p->fds) : 0;
}
