// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Where the interpreter's loop returns. In all these versions its last act is `return
 * _Py_CheckFunctionResult(…)`, which nothing passes by but the refusal of a call that is too deep:
 * that is no call, and returns NULL at once. Where a compiler calls this function, takes the stack
 * down and returns, the call is the exit: the kernel emulates calls, but executes a ret or a pop
 * one at a time, which takes many times as long. Code that is anything else is refused.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "site/calls_python_inside.h"
#include "site/x86_code.h"

enum {
	MAX_STEPS = 24,
	MAX_PLT = 24,
	MAX_TABLE = 32 << 20, /* bytes of one of the linker's */
	MAX_WORDS = 4,
	MAX_CODE = X86_MAX_CODE,
};

/* A ret takes the address of its own return off the stack. */
enum { RETURN_SIZE = 8 };

static const char CHECK[] = "_Py_CheckFunctionResult";

struct part {
	struct runtime_range range;
	uint8_t *bytes;
};

struct loop {
	const struct image *im;
	struct part parts[RUNTIME_MAX_RANGES];
	uint32_t nr_parts;
	uint64_t check; /* the function; 0: the file has none of its own */
	bool has_words;
	uint64_t words[MAX_WORDS]; /* the linker's, which become its address */
	uint32_t nr_words;
	struct calls_python_exit *exits;
	int nr_exits;
	/* Addresses from which code returns without a way around: the rest of an epilogue. */
	struct runtime_range ends[2 * CALLS_PYTHON_EXITS];
	uint32_t nr_ends;
};

/* An instruction of the loop. */
struct instruction {
	uint64_t address;
	const uint8_t *bytes;
	size_t size; /* 0: none that is known */
	bool is_jump;
	struct x86_jump jump;
};

static bool read_instruction(const struct loop *l, uint64_t address, struct instruction *ret)
{
	for (uint32_t i = 0; i < l->nr_parts; i++) {
		const struct part *p = &l->parts[i];

		if (address < p->range.start || address >= p->range.end)
			continue;
		ret->address = address;
		ret->bytes = p->bytes + (address - p->range.start);
		ret->size = x86_length(ret->bytes, p->range.end - address);
		ret->is_jump = ret->size && x86_jump(ret->bytes, ret->size, address, &ret->jump);
		return ret->size != 0;
	}
	return false;
}

static bool is_return(const struct instruction *i)
{
	return i->bytes[0] == 0xc3 || (i->size == 2 && i->bytes[0] == 0xf3 && i->bytes[1] == 0xc3);
}

static bool is_of_loop(const struct loop *l, uint64_t address)
{
	for (uint32_t i = 0; i < l->nr_parts; i++)
		if (address >= l->parts[i].range.start && address < l->parts[i].range.end)
			return true;
	return false;
}

/* Its symbol's name is the function's. */
static bool is_of_check(const Elf64_Rela *rela, const char *symbols, size_t symbols_size,
			const char *names, size_t names_size)
{
	uint64_t from = ELF64_R_SYM(rela->r_info) * sizeof(Elf64_Sym);
	Elf64_Sym s;

	if (symbols_size < sizeof(s) || from > symbols_size - sizeof(s))
		return false;
	memcpy(&s, symbols + from, sizeof(s));
	return s.st_name < names_size && !strcmp(names + s.st_name, CHECK);
}

/* Of one table: the linker's words that become the address of the function. 0, -ENOMEM. */
static int find_words_in(struct loop *l, const Elf64_Shdr *table, const char *symbols,
			 size_t symbols_size, const char *names, size_t names_size)
{
	_cleanup_free_ char *bytes = NULL;
	int r = image_section_bytes(l->im, table, MAX_TABLE, &bytes);

	if (r || !bytes)
		return r;
	for (size_t at = 0; table->sh_size - at >= sizeof(Elf64_Rela); at += sizeof(Elf64_Rela)) {
		Elf64_Rela rela;

		memcpy(&rela, bytes + at, sizeof(rela));
		if (l->nr_words < MAX_WORDS &&
		    is_of_check(&rela, symbols, symbols_size, names, names_size))
			l->words[l->nr_words++] = rela.r_offset;
	}
	return 0;
}

/* All at once: a loop has any number of calls, and each may be by a stub of its own. */
static int find_words(struct loop *l)
{
	static const char *const tables[] = { ".rela.plt", ".rela.dyn" };
	const Elf64_Shdr *symbols = image_section_header(l->im, ".dynsym"),
			 *names = image_section_header(l->im, ".dynstr");
	_cleanup_free_ char *symbol_bytes = NULL, *name_bytes = NULL;
	int r = 0;

	l->has_words = true;
	if (!symbols || !names)
		return 0;
	r = image_section_bytes(l->im, symbols, MAX_TABLE, &symbol_bytes);
	if (!r)
		r = image_section_bytes(l->im, names, MAX_TABLE, &name_bytes);
	if (r || !symbol_bytes || !name_bytes)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(tables) && !r; i++) {
		const Elf64_Shdr *table = image_section_header(l->im, tables[i]);

		if (table)
			r = find_words_in(l, table, symbol_bytes, symbols->sh_size, name_bytes,
					  names->sh_size);
	}
	return r;
}

/* A stub of the PLT: an endbr64, and a jump by the linker's word. 0: it is none. */
static uint64_t word_of_stub(const struct image *im, uint64_t stub)
{
	static const uint8_t landing[] = { 0xf3, 0x0f, 0x1e, 0xfa };
	uint8_t bytes[MAX_PLT];
	size_t at = 0;
	int32_t relative;

	/* The last one may have no more behind it. */
	memset(bytes, 0, sizeof(bytes));
	if (image_read(im, stub, bytes, sizeof(bytes)) && image_read(im, stub, bytes, 6))
		return 0;
	if (!memcmp(bytes, landing, sizeof(landing)))
		at = sizeof(landing);
	if (bytes[at] == 0xf2)
		at++;
	if (bytes[at] != 0xff || bytes[at + 1] != 0x25)
		return 0;
	memcpy(&relative, bytes + at + 2, sizeof(relative));
	return stub + at + 6 + (uint64_t)(int64_t)relative;
}

/* 1, 0, -ENOMEM. */
static int leads_to_check(struct loop *l, uint64_t target)
{
	uint64_t word;
	int r = 0;

	if (target == l->check)
		return target != 0;
	word = is_of_loop(l, target) ? 0 : word_of_stub(l->im, target);
	if (word && !l->has_words)
		r = find_words(l);
	for (uint32_t i = 0; word && r >= 0 && i < l->nr_words; i++)
		if (l->words[i] == word)
			return 1;
	return r;
}

/* add $n,%rsp */
static bool is_add(const struct instruction *i, uint32_t *ret)
{
	const uint8_t *b = i->bytes;

	if (i->size < 4 || b[0] != 0x48 || b[2] != 0xc4)
		return false;
	if (b[1] == 0x83)
		*ret = b[3] & 0x80 ? 0 : b[3];
	else if (b[1] == 0x81 && i->size == 7 && !(b[6] & 0x80))
		memcpy(ret, b + 3, sizeof(*ret));
	else
		return false;
	return *ret && !(*ret & 7) && *ret < 1u << 20;
}

static bool is_pop(const struct instruction *i)
{
	const uint8_t *b = i->bytes;

	return (i->size == 1 && (b[0] & 0xf8) == 0x58 && b[0] != 0x5c) ||
	       (i->size == 2 && b[0] == 0x41 && (b[1] & 0xf8) == 0x58);
}

/* Of a check of the stack: mov n(%rsp),%reg; sub or xor %fs:0x28,%reg; a jump if it is wrong. */
static bool is_stack_check(const struct instruction *i)
{
	const uint8_t *b = i->bytes;

	if (i->is_jump)
		return i->jump.is_conditional;
	if (i->size == 9 && b[0] == 0x64)
		return (b[1] & 0xf8) == 0x48 && (b[2] == 0x2b || b[2] == 0x33) &&
		       (b[3] & 0xc7) == 0x04 && b[4] == 0x25 && b[5] == 0x28;
	return i->size >= 5 && (b[0] & 0xf8) == 0x48 && b[1] == 0x8b && (b[2] & 7) == 4 &&
	       b[2] >> 6 != 3 && b[3] == 0x24;
}

static int add_end(struct loop *l, uint64_t start, uint64_t end)
{
	for (uint32_t i = 0; i < l->nr_ends; i++)
		if (l->ends[i].start <= start && end == l->ends[i].end)
			return 1;
		else if (end == l->ends[i].end)
			return l->ends[i].start = start, 1;
	if (l->nr_ends == ARRAY_SIZE(l->ends))
		return 0;
	l->ends[l->nr_ends++] = (struct runtime_range){ start, end };
	return 1;
}

/*
 * Does nothing but a return come from `address` on? *ret: how much is taken off the stack then,
 * with the return address. Notes where this way's last straight part lies.
 */
static bool returns(struct loop *l, uint64_t address, uint32_t *ret)
{
	uint64_t start = address;
	uint32_t taken = 0, n;

	for (int steps = 0; steps < MAX_STEPS; steps++) {
		struct instruction i;

		if (!read_instruction(l, address, &i))
			return false;
		if (is_return(&i)) {
			*ret = taken + RETURN_SIZE;
			return add_end(l, start, address + 1);
		}
		address += i.size;
		if (i.is_jump && !i.jump.is_conditional && !i.jump.is_call)
			address = start = i.jump.target;
		else if (is_pop(&i))
			taken += 8;
		else if (!taken && is_add(&i, &n))
			taken = n;
		else if (taken || !is_stack_check(&i))
			return false;
	}
	return false;
}

typedef int (*instruction_fn)(struct loop *l, const struct instruction *i,
			      const struct instruction *before);

/* Shows all instructions, in their order, each with the one before it. */
static int each(struct loop *l, instruction_fn look)
{
	for (uint32_t n = 0; n < l->nr_parts; n++) {
		struct instruction before = { 0 }, i;

		for (uint64_t at = l->parts[n].range.start; at < l->parts[n].range.end;
		     at += i.size, before = i) {
			int r = read_instruction(l, at, &i) ? look(l, &i, &before) : -ENOENT;

			if (r < 0)
				return r;
		}
	}
	return 0;
}

static int find_exit(struct loop *l, const struct instruction *i, const struct instruction *before)
{
	uint32_t taken;
	int r;

	(void)before;
	if (!i->is_jump || !i->jump.is_call)
		return 0;
	r = leads_to_check(l, i->jump.target);
	if (r <= 0 || !returns(l, i->address + i->size, &taken))
		return r < 0 ? r : 0;
	if (l->nr_exits == CALLS_PYTHON_EXITS)
		return -ENOENT;
	l->exits[l->nr_exits++] = (struct calls_python_exit){ i->address, taken };
	return 0;
}

static bool is_in_end(const struct loop *l, uint64_t address)
{
	for (uint32_t i = 0; i < l->nr_ends; i++)
		if (address >= l->ends[i].start && address < l->ends[i].end)
			return true;
	return false;
}

static bool is_exit(const struct loop *l, uint64_t address)
{
	for (int i = 0; i < l->nr_exits; i++)
		if (l->exits[i].address == address)
			return true;
	return false;
}

/* xor %eax,%eax: what returns then is NULL. */
static bool is_null(const struct instruction *i)
{
	return i->size == 2 && (i->bytes[0] == 0x31 || i->bytes[0] == 0x33) && i->bytes[1] == 0xc0;
}

/* jmp *x: an ff that isn't a call's, behind prefixes. */
static bool is_indirect_jump(const struct instruction *i)
{
	size_t at = 0;

	while (at + 2 < i->size &&
	       (i->bytes[at] == 0x3e || i->bytes[at] == 0xf2 || (i->bytes[at] & 0xf0) == 0x40))
		at++;
	return at + 2 <= i->size && i->bytes[at] == 0xff && (i->bytes[at + 1] >> 3 & 7) == 4;
}

static bool goes_on(const struct instruction *i)
{
	return !is_return(i) && !is_indirect_jump(i) &&
	       !(i->is_jump && !i->jump.is_conditional && !i->jump.is_call);
}

/* Is there a way out that passes no exit? */
static int check(struct loop *l, const struct instruction *i, const struct instruction *before)
{
	bool jumps = i->is_jump && !i->jump.is_call;

	if (is_return(i) && !is_in_end(l, i->address))
		return -ENOENT;
	if (jumps && !is_of_loop(l, i->jump.target))
		return -ENOENT;
	if (jumps && is_in_end(l, i->jump.target) && !is_in_end(l, i->address))
		if (!before->size || (!is_exit(l, before->address) && !is_null(before)))
			return -ENOENT;
	/* Into one from before it. */
	if (is_in_end(l, i->address) && before->size && !is_in_end(l, before->address) &&
	    goes_on(before) && !is_exit(l, before->address) && !is_null(before))
		return -ENOENT;
	return 0;
}

/* What returns NULL at once was no call. */
static int find_return(struct loop *l, const struct instruction *i,
		       const struct instruction *before)
{
	if (!is_return(i) || (before->size && is_null(before)))
		return 0;
	if (l->nr_exits == CALLS_PYTHON_EXITS)
		return -ENOENT;
	l->exits[l->nr_exits++] = (struct calls_python_exit){ i->address, RETURN_SIZE };
	return 0;
}

static int read_parts(struct loop *l, const struct runtime_range *ranges, uint32_t nr)
{
	for (uint32_t i = 0; i < nr; i++) {
		struct part *p = &l->parts[i];
		uint64_t size = ranges[i].end - ranges[i].start;

		if (size > MAX_CODE)
			return -ENOENT;
		p->range = ranges[i];
		p->bytes = malloc(size + 1);
		if (!p->bytes)
			return -ENOMEM;
		l->nr_parts++;
		if (image_read(l->im, p->range.start, p->bytes, size))
			return -ENOENT;
	}
	return 0;
}

static int find_exits(struct loop *l)
{
	struct image_symbol symbol = { .name = CHECK };
	int r = image_symbols(l->im, SHT_DYNSYM, &symbol, 1);

	l->check = symbol.address;
	if (r >= 0)
		r = each(l, find_exit);
	return r < 0 ? r : each(l, check);
}

static int find(const struct image *im, const struct runtime_range *ranges, uint32_t nr,
		int (*look)(struct loop *l), struct calls_python_exit *ret)
{
	struct loop l = { .im = im, .exits = ret };
	int r = im->machine == EM_X86_64 ? read_parts(&l, ranges, nr) : -ENOENT;

	if (!r)
		r = look(&l);
	for (uint32_t i = 0; i < l.nr_parts; i++)
		free(l.parts[i].bytes);
	return r == -ENOENT ? 0 : r < 0 ? r : l.nr_exits;
}

int calls_python_exits(const struct image *im, const struct runtime_range *ranges, uint32_t nr,
		       struct calls_python_exit ret[CALLS_PYTHON_EXITS])
{
	return find(im, ranges, nr, find_exits, ret);
}

static int find_returns(struct loop *l)
{
	return each(l, find_return);
}

int calls_python_returns(const struct image *im, const struct runtime_range *ranges, uint32_t nr,
			 struct calls_python_exit ret[CALLS_PYTHON_EXITS])
{
	return find(im, ranges, nr, find_returns, ret);
}
