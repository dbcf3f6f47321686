// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "symbolize/plt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/strbuf.h"

enum {
	MAX_CODE = 16 << 20,
	MAX_RELOCATIONS = 64 << 20,
	MAX_DYNSYM = 64 << 20,
	MAX_NAME = 64 << 10,
};

/* Which symbol a slot will point to. */
struct slot {
	uint64_t address;
	uint32_t symbol;
};

struct slots {
	struct slot *at;
	size_t nr, cap;
	uint32_t *by_index; /* symbols of .rela.plt, in its order */
	size_t nr_by_index, cap_by_index;
};

static bool is_plt(const char *name)
{
	return !strcmp(name, ".plt") || !strncmp(name, ".plt.", 5) || !strcmp(name, ".iplt");
}

static Elf_Scn *next_plt(const struct elf_file *f, Elf_Scn *section, GElf_Shdr *h)
{
	size_t strings;

	if (elf_getshdrstrndx(f->elf, &strings) < 0)
		return NULL;
	while ((section = elf_nextscn(f->elf, section))) {
		const char *name;

		if (!gelf_getshdr(section, h) || h->sh_type != SHT_PROGBITS ||
		    !(h->sh_flags & SHF_EXECINSTR) || h->sh_size > UINT64_MAX - h->sh_addr)
			continue;
		name = elf_file_string(f, strings, h->sh_name);
		if (name && is_plt(name))
			return section;
	}
	return NULL;
}

void plt_find_sections(const struct elf_file *f, struct plt_sections *ret)
{
	Elf_Scn *section = NULL;
	GElf_Shdr h;

	*ret = (struct plt_sections){ 0 };
	while (ret->nr < PLT_MAX_SECTIONS && (section = next_plt(f, section, &h))) {
		ret->at[ret->nr].start = h.sh_addr;
		ret->at[ret->nr++].end = h.sh_addr + h.sh_size;
	}
}

static int add_slot(struct slots *s, uint64_t address, uint32_t symbol)
{
	if (array_reserve(s->at, s->cap, s->nr + 1) < 0)
		return -ENOMEM;
	s->at[s->nr++] = (struct slot){ address, symbol };
	return 0;
}

static int read_relocations(Elf_Scn *section, bool of_plt, struct slots *s)
{
	GElf_Shdr h;
	Elf_Data *data = elf_section_data(section, MAX_RELOCATIONS);
	size_t nr;

	if (!data || !gelf_getshdr(section, &h) || h.sh_type != SHT_RELA || !h.sh_entsize)
		return 0;
	nr = data->d_size / h.sh_entsize;
	for (size_t i = 0; i < nr && i < INT32_MAX; i++) {
		GElf_Rela rela;
		uint32_t symbol;

		if (!gelf_getrela(data, (int)i, &rela))
			break;
		symbol = (uint32_t)GELF_R_SYM(rela.r_info);
		if (of_plt) {
			if (array_reserve(s->by_index, s->cap_by_index, i + 1) < 0)
				return -ENOMEM;
			s->by_index[s->nr_by_index++] = symbol;
		}
		if (symbol && add_slot(s, rela.r_offset, symbol) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int compare_slots(const void *a, const void *b)
{
	const struct slot *x = a, *y = b;

	return x->address < y->address ? -1 : x->address > y->address;
}

static uint32_t symbol_of(const struct slots *s, const struct plt_entry *e)
{
	const struct slot key = { .address = e->slot }, *found;

	if (!e->slot)
		return e->index < s->nr_by_index ? s->by_index[e->index] : 0;
	found = s->nr ? bsearch(&key, s->at, s->nr, sizeof(*s->at), compare_slots) : NULL;
	return found ? found->symbol : 0;
}

/* The dynamic symbols that relocations count by. */
struct dynamic_symbols {
	const struct elf_file *file;
	Elf_Data *data;
	size_t strings;
};

static const char *name_of(const struct dynamic_symbols *d, uint32_t symbol)
{
	GElf_Sym s;
	const char *name;

	if (!symbol || symbol > INT32_MAX || !gelf_getsym(d->data, (int)symbol, &s) || !s.st_name)
		return NULL;
	name = elf_file_string(d->file, d->strings, s.st_name);
	return name && name[0] && strnlen(name, MAX_NAME) < MAX_NAME ? name : NULL;
}

static int add_entries(struct symtab *t, const struct elf_file *f, Elf_Scn *section,
		       const struct slots *slots, const struct dynamic_symbols *symbols)
{
	GElf_Shdr h;
	Elf_Data *code = elf_section_data(section, MAX_CODE);
	struct strbuf name = STRBUF_INIT;
	size_t size;
	int r = 0;

	if (!code || !gelf_getshdr(section, &h))
		return 0;
	size = plt_entry_size(f->header.e_machine, h.sh_entsize);
	for (size_t at = 0; !r && size && code->d_size - at >= size; at += size) {
		struct plt_entry e = { 0 };
		const char *target;

		if (!plt_decode(f->header.e_machine, (const uint8_t *)code->d_buf + at, size,
				h.sh_addr + at, &e))
			continue;
		target = name_of(symbols, symbol_of(slots, &e));
		if (!target)
			continue;
		strbuf_reset(&name);
		strbuf_addf(&name, "%s@plt", target);
		r = name.failed ? -ENOMEM
				: symtab_add_named(t, h.sh_addr + at, size, strbuf_str(&name));
	}
	strbuf_done(&name);
	return r;
}

static int add_sections(struct symtab *t, const struct elf_file *f, struct slots *slots)
{
	struct dynamic_symbols symbols = { .file = f };
	Elf_Scn *section = NULL;
	GElf_Shdr h;
	int r;

	symbols.data = elf_section_data(elf_file_section_of_type(f, SHT_DYNSYM, &h), MAX_DYNSYM);
	if (!symbols.data)
		return 0;
	symbols.strings = h.sh_link;
	r = read_relocations(elf_file_section(f, ".rela.plt", &h), true, slots);
	/* .plt.got jumps through slots that are filled at start, which stand here. */
	if (!r && elf_file_section(f, ".plt.got", &h))
		r = read_relocations(elf_file_section(f, ".rela.dyn", &h), false, slots);
	if (slots->nr)
		qsort(slots->at, slots->nr, sizeof(*slots->at), compare_slots);
	while (!r && (section = next_plt(f, section, &h)))
		r = add_entries(t, f, section, slots, &symbols);
	return r;
}

int plt_add(struct symtab *t, const struct elf_file *f)
{
	struct slots slots = { 0 };
	int r = add_sections(t, f, &slots);

	free(slots.at);
	free(slots.by_index);
	return r;
}
