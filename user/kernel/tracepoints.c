// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "kernel/tracepoints.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "abi.h"
#include "base/array.h"
#include "base/strbuf.h"

struct tracepoints {
	struct btf *btf;
};

int tracepoints_open(struct tracepoints **ret)
{
	struct tracepoints *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->btf = btf__load_vmlinux_btf();
	if (!t->btf) {
		int r = -errno;

		free(t);
		return r;
	}
	*ret = t;
	return 0;
}

void tracepoints_close(struct tracepoints *t)
{
	if (!t)
		return;
	btf__free(t->btf);
	free(t);
}

/* The kernel keeps `typedef void (*btf_trace_NAME)(void *, …)` for each tracepoint. */
int tracepoints_nr_args(const struct tracepoints *t, const char *name)
{
	struct strbuf type = STRBUF_INIT;
	const struct btf_type *b;
	int id;

	strbuf_addf(&type, "btf_trace_%s", name);
	id = btf__find_by_name_kind(t->btf, strbuf_str(&type), BTF_KIND_TYPEDEF);
	strbuf_done(&type);
	if (id < 0)
		return -ENOENT;
	b = btf__type_by_id(t->btf, btf__type_by_id(t->btf, (__u32)id)->type);
	if (!b || !btf_is_ptr(b))
		return -ENOENT;
	b = btf__type_by_id(t->btf, b->type);
	return b && btf_is_func_proto(b) ? btf_vlen(b) - 1 : -ENOENT;
}

bool tracepoints_is_usable(const struct tracepoints *t, const struct bpf_program *prog,
			   uint32_t flags)
{
	/* All of these; any other program is needed always. */
	static const struct {
		const char *program;
		uint32_t flags;
	} needs[] = {
		{ "on_exit", ABI_FILTER_PID },
		{ "on_free", ABI_FILTER_PID },
		{ "on_fork", ABI_FILTER_PID | ABI_CHILDREN },
		{ "on_start", ABI_TABLES },
		{ "on_copy", ABI_TABLES },
	};
	const char *slash = strrchr(bpf_program__section_name(prog), '/');

	for (size_t i = 0; i < ARRAY_SIZE(needs); i++)
		if (!strcmp(needs[i].program, bpf_program__name(prog)) &&
		    (flags & needs[i].flags) != needs[i].flags)
			return false;
	return slash && tracepoints_nr_args(t, slash + 1) >= 0;
}
