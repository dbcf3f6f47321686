// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "truth.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

enum { REMEMBERED = 4096 };

struct truth {
	Dwfl *dwfl;
	pid_t pid;
	struct recording *recording; /* the one at work */
	bool unreadable; /* it wanted memory that is not there, and says nothing of it */
	/* Addresses that were looked up last: a table by their low bits. */
	uint64_t asked[REMEMBERED];
	bool answers[REMEMBERED];
};

/* The numbers that DWARF gives registers, as words of struct pt_regs: rax, rdx, rcx, rbx … */
static const uint8_t dwarf_registers[] = {
	10, 12, 11, 5, 13, 14, 4, 19, 9, 8, 7, 6, 3, 2, 1, 0, 16
};

static int no_debuginfo(Dwfl_Module *module, void **data, const char *name, Dwarf_Addr base,
			const char *file, const char *link, GElf_Word crc, char **ret)
{
	(void)module, (void)data, (void)name, (void)base, (void)file, (void)link, (void)crc;
	(void)ret;
	return -1;
}

static const Dwfl_Callbacks module_callbacks = {
	.find_elf = dwfl_linux_proc_find_elf,
	.find_debuginfo = no_debuginfo,
};

/* Another page of the process. */
static int record_page(struct truth *t, uint64_t at)
{
	uint8_t *bytes = malloc(RECORDING_PAGE);
	struct iovec local = { bytes, RECORDING_PAGE };
	struct iovec remote = { (void *)(at & -(uint64_t)RECORDING_PAGE), RECORDING_PAGE };

	if (!bytes)
		return -ENOMEM;
	if (process_vm_readv(t->pid, &local, 1, &remote, 1, 0) != RECORDING_PAGE) {
		free(bytes);
		return -EFAULT;
	}
	return recording_add_memory(t->recording, at & -(uint64_t)RECORDING_PAGE, bytes,
				    RECORDING_PAGE);
}

static bool read_memory(Dwfl *dwfl, Dwarf_Addr at, Dwarf_Word *ret, void *data)
{
	struct truth *t = data;

	(void)dwfl;
	if (!recording_read(t->recording, at, ret, 8))
		return true;
	/* A word in two pieces is not worth the code. */
	if (!record_page(t, at) && !recording_read(t->recording, at, ret, 8))
		return true;
	t->unreadable = true;
	return false;
}

static pid_t next_thread(Dwfl *dwfl, void *data, void **thread)
{
	struct truth *t = data;

	(void)dwfl;
	if (*thread)
		return 0;
	*thread = t;
	return t->recording->tid;
}

static bool get_thread(Dwfl *dwfl, pid_t tid, void *data, void **ret)
{
	(void)dwfl, (void)tid;
	*ret = data;
	return true;
}

static bool set_registers(Dwfl_Thread *thread, void *data)
{
	const struct truth *t = data;
	Dwarf_Word registers[sizeof(dwarf_registers)];

	for (size_t i = 0; i < sizeof(dwarf_registers); i++)
		registers[i] = t->recording->registers[dwarf_registers[i]];
	return dwfl_thread_state_registers(thread, 0, sizeof(dwarf_registers), registers);
}

static const Dwfl_Thread_Callbacks thread_callbacks = {
	.next_thread = next_thread,
	.get_thread = get_thread,
	.memory_read = read_memory,
	.set_initial_registers = set_registers,
};

static int add_frame(Dwfl_Frame *frame, void *data)
{
	struct recording *r = ((struct truth *)data)->recording;
	Dwarf_Addr pc;
	bool exact;

	if (!dwfl_frame_pc(frame, &pc, &exact))
		return -1;
	if (r->nr_frames == RECORDING_MAX_FRAMES) {
		snprintf(r->end, sizeof(r->end), "depth");
		return DWARF_CB_ABORT;
	}
	r->frames[r->nr_frames++] = (struct recording_frame){ .pc = pc, .exact = exact };
	return DWARF_CB_OK;
}

/* libdw ends the same way where it has lost a register. */
static bool is_root(struct truth *t, uint64_t at)
{
	Dwfl_Module *module = dwfl_addrmodule(t->dwfl, at);
	Dwarf_Op memory[3], *ops = NULL;
	Dwarf_Frame *frame;
	Dwarf_Addr bias;
	Dwarf_CFI *cfi;
	size_t nr = 0;
	bool undefined;

	cfi = module ? dwfl_module_eh_cfi(module, &bias) : NULL;
	if (!cfi || dwarf_cfi_addrframe(cfi, at - bias, &frame))
		return false;
	undefined = !dwarf_frame_register(frame, sizeof(dwarf_registers) - 1, memory, &ops, &nr) &&
		    !nr && ops == memory;
	free(frame);
	return undefined;
}

/* Is there call-frame information for an address? */
static bool is_known(struct truth *t, uint64_t at)
{
	Dwfl_Module *module;
	Dwarf_Frame *frame;
	Dwarf_Addr bias;
	Dwarf_CFI *cfi;
	bool known;

	if (t->asked[at % REMEMBERED] == at)
		return t->answers[at % REMEMBERED];
	module = dwfl_addrmodule(t->dwfl, at);
	cfi = module ? dwfl_module_eh_cfi(module, &bias) : NULL;
	known = cfi && !dwarf_cfi_addrframe(cfi, at - bias, &frame);
	if (known)
		free(frame);
	t->asked[at % REMEMBERED] = at;
	t->answers[at % REMEMBERED] = known;
	return known;
}

int truth_new(struct truth **ret, pid_t pid)
{
	struct truth *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->pid = pid;
	t->dwfl = dwfl_begin(&module_callbacks);
	if (!t->dwfl || dwfl_linux_proc_report(t->dwfl, pid) ||
	    dwfl_report_end(t->dwfl, NULL, NULL) ||
	    !dwfl_attach_state(t->dwfl, NULL, pid, &thread_callbacks, t)) {
		fprintf(stderr, "libdw: %s\n", dwfl_errmsg(-1));
		truth_free(t);
		return -EIO;
	}
	*ret = t;
	return 0;
}

void truth_free(struct truth *t)
{
	if (!t)
		return;
	dwfl_end(t->dwfl);
	free(t);
}

void truth_unwind(struct truth *t, struct recording *r)
{
	int status;

	r->nr_frames = 0;
	r->end[0] = '\0';
	t->unreadable = false;
	t->recording = r;
	status = dwfl_getthread_frames(t->dwfl, r->tid, add_frame, t);
	t->recording = NULL;
	if (!status && t->unreadable)
		snprintf(r->end, sizeof(r->end), "memory");
	if (!r->end[0])
		snprintf(r->end, sizeof(r->end), "%s", status ? dwfl_errmsg(-1) : "root");
	if (!strcmp(r->end, "root") && r->nr_frames) {
		const struct recording_frame *last = &r->frames[r->nr_frames - 1];

		if (!is_root(t, last->pc - !last->exact))
			snprintf(r->end, sizeof(r->end), "no caller");
	}
	for (size_t i = 0; i < r->nr_frames; i++)
		r->frames[i].known = is_known(t, r->frames[i].pc - !r->frames[i].exact);
}
