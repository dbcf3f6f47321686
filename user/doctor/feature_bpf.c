// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "base/array.h"
#include "doctor/feature_probe.h"

enum { LOG_SIZE = 8192 };

/* libbpf says on standard error what is to go into `found`. */
static struct btf *btf_load(const char *path)
{
	libbpf_print_fn_t print = libbpf_set_print(NULL);
	struct btf *btf = path ? btf__parse(path, NULL) : btf__load_vmlinux_btf();
	int err = errno;

	libbpf_set_print(print);
	errno = err;
	return btf;
}

static void btf_freep(struct btf **btf)
{
	btf__free(*btf);
}

static enum feature_state state_of(const struct feature *f)
{
	return f->needed ? FEATURE_MISSING : FEATURE_DEGRADED;
}

enum feature_state probe_btf(const struct feature *f, struct strbuf *found, struct strbuf *cure)
{
	static const char path[] = "/sys/kernel/btf/vmlinux";
	_cleanup_(btf_freep) struct btf *btf = btf_load(path);
	int err = btf ? 0 : -errno;

	if (btf) {
		strbuf_addf(found, "%u types in %s", btf__type_cnt(btf), path);
		return FEATURE_OK;
	}
	strbuf_addf(found, "%s: %s", path, strerror(-err));
	if (err == -ENOENT && access("/sys/kernel", F_OK))
		strbuf_adds(cure, "sudo mount -t sysfs sysfs /sys");
	else
		strbuf_adds(cure, "a kernel with CONFIG_DEBUG_INFO_BTF=y");
	return state_of(f);
}

static int32_t tracepoint_type(const struct btf *btf, const char *name)
{
	_cleanup_(strbuf_done) struct strbuf s = STRBUF_INIT;

	strbuf_addf(&s, "btf_trace_%s", name);
	return btf__find_by_name_kind(btf, strbuf_str(&s), BTF_KIND_TYPEDEF);
}

enum feature_state probe_block_tracepoints(const struct feature *f, struct strbuf *found,
					   struct strbuf *cure)
{
	static const char *const names[] = { "block_rq_insert", "block_rq_issue",
					     "block_rq_complete", "block_rq_requeue" };
	_cleanup_(btf_freep) struct btf *btf = btf_load(NULL);
	unsigned absent = 0;

	if (!btf) {
		strbuf_adds(found, "unknown without BTF");
		return state_of(f);
	}
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (tracepoint_type(btf, names[i]) >= 0)
			continue;
		strbuf_addf(found, "%s %s", absent++ ? "," : "absent from BTF:", names[i]);
	}
	if (!absent) {
		strbuf_adds(found, "insert, issue, complete, requeue");
		return FEATURE_OK;
	}
	strbuf_adds(cure, "a kernel with CONFIG_BLOCK and CONFIG_BPF_EVENTS");
	return state_of(f);
}

/* Loads a program as it is told. A descriptor, or a negative errno with the kernel's `log`. */
static int program_load(unsigned type, const struct bpf_insn *insns, size_t nr, char *log)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .log_buf = log, .log_size = LOG_SIZE, .log_level = 1);

	log[0] = 0;
	if (type == BPF_PROG_TYPE_TRACING) {
		_cleanup_(btf_freep) struct btf *btf = btf_load(NULL);
		int32_t id = btf ? tracepoint_type(btf, "sched_switch") : -ENOENT;

		if (id < 0)
			return -ENOENT;
		opts.expected_attach_type = BPF_TRACE_RAW_TP;
		opts.attach_btf_id = (uint32_t)id;
	}
	return bpf_prog_load(type, NULL, "GPL", insns, nr, &opts);
}

static enum feature_state refused(const struct feature *f, int err, struct strbuf *found,
				  struct strbuf *cure)
{
	if (err == -EPERM || err == -EACCES) {
		strbuf_adds(found, "may not be tried: no permission");
		capabilities_cure(cure);
	} else {
		strbuf_addf(found, "refused: %s", strerror(-err));
	}
	return state_of(f);
}

enum feature_state probe_program(const struct feature *f, struct strbuf *found, struct strbuf *cure)
{
	static const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	char log[LOG_SIZE];
	_cleanup_close_ int fd = program_load(f->which, insns, ARRAY_SIZE(insns), log);

	if (fd >= 0) {
		strbuf_adds(found, "load");
		return FEATURE_OK;
	}
	if (fd == -EINVAL || fd == -ENOENT)
		strbuf_adds(cure, "a kernel with CONFIG_BPF_EVENTS and CONFIG_DEBUG_INFO_BTF");
	return refused(f, fd, found, cure);
}

enum feature_state probe_helper(const struct feature *f, struct strbuf *found, struct strbuf *cure)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_JMP | BPF_CALL, .imm = (int32_t)f->which },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	/* How the verifier has said, over the years, that there is no such helper. */
	static const char *const absent[] = { "invalid func ", "unknown func ",
					      "cannot use helper" };
	char log[LOG_SIZE];
	_cleanup_close_ int fd = program_load(BPF_PROG_TYPE_PERF_EVENT, insns, ARRAY_SIZE(insns),
					      log);

	for (size_t i = 0; i < ARRAY_SIZE(absent); i++) {
		if (!strstr(log, absent[i]))
			continue;
		strbuf_adds(found, "not in this kernel");
		if (f->needed)
			strbuf_adds(cure, "a newer kernel, with CONFIG_BPF_EVENTS");
		return state_of(f);
	}
	/* A call without arguments is refused too, but only after the helper was found. */
	if (fd < 0 && !log[0])
		return refused(f, fd, found, cure);
	strbuf_adds(found, "there");
	return FEATURE_OK;
}

enum feature_state probe_map(const struct feature *f, struct strbuf *found, struct strbuf *cure)
{
	uint32_t page = (uint32_t)sysconf(_SC_PAGESIZE);
	bool is_array = f->which == BPF_MAP_TYPE_ARRAY;
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = is_array ? BPF_F_MMAPABLE : 0);
	_cleanup_close_ int fd = bpf_map_create((enum bpf_map_type)f->which, NULL, is_array ? 4 : 0,
						is_array ? 8 : 0, page, &opts);
	void *at;

	if (fd < 0)
		return refused(f, fd, found, cure);
	at = mmap(NULL, page, PROT_READ, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		return refused(f, -errno, found, cure);
	munmap(at, page);
	strbuf_adds(found, "made and mapped");
	return FEATURE_OK;
}
