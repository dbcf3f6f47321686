// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <string.h>

#include "symbolize/plt.h"

/* x86-64 psABI, 5.2 (and 13.2 for entries with endbr64); Arm's AAELF64 for aarch64. */

static int32_t le32(const uint8_t *p)
{
	return (int32_t)((uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
			 (uint32_t)p[3] << 24);
}

static bool decode_x86_64(const uint8_t *code, size_t size, uint64_t address, struct plt_entry *ret)
{
	static const uint8_t endbr64[] = { 0xf3, 0x0f, 0x1e, 0xfa };
	size_t at = 0;

	if (size >= sizeof(endbr64) && !memcmp(code, endbr64, sizeof(endbr64)))
		at = sizeof(endbr64);
	if (at + 7 <= size && code[at] == 0xf2 && code[at + 1] == 0xff) /* bnd */
		at++;
	if (at + 6 <= size && code[at] == 0xff && code[at + 1] == 0x25) { /* jmp *slot(%rip) */
		ret->slot = address + at + 6 + (uint64_t)(int64_t)le32(code + at + 2);
		return true;
	}
	/* push index; jmp to the first entry: what a slot leads to before it is bound */
	if (at + 10 <= size && code[at] == 0x68 && (code[at + 5] == 0xe9 || code[at + 5] == 0xf2)) {
		ret->slot = 0;
		ret->index = (uint32_t)le32(code + at + 1);
		return true;
	}
	return false;
}

static bool decode_aarch64(const uint8_t *code, size_t size, uint64_t address,
			   struct plt_entry *ret)
{
	for (size_t at = 0; at + 8 <= size; at += 4) {
		uint32_t adrp = (uint32_t)le32(code + at), ldr = (uint32_t)le32(code + at + 4);
		uint64_t page;

		/* adrp x16, page; ldr x17, [x16, #offset] */
		if ((adrp & 0x9f00001f) != 0x90000010 || (ldr & 0xffc003ff) != 0xf9400211)
			continue;
		page = (uint64_t)(adrp >> 5 & 0x7ffff) << 2 | (adrp >> 29 & 3);
		page = (page ^ 1u << 20) - (1u << 20);
		ret->slot = ((address + at) & ~(uint64_t)0xfff) + (page << 12) +
			    (uint64_t)(ldr >> 10 & 0xfff) * 8;
		return true;
	}
	return false;
}

bool plt_decode(uint16_t machine, const uint8_t *code, size_t size, uint64_t address,
		struct plt_entry *ret)
{
	switch (machine) {
	case EM_X86_64:
		return decode_x86_64(code, size, address, ret);
	case EM_AARCH64:
		return decode_aarch64(code, size, address, ret);
	default:
		return false;
	}
}

size_t plt_entry_size(uint16_t machine, uint64_t said)
{
	switch (machine) {
	case EM_X86_64:
		return said == 8 || said == 16 ? said : 16;
	case EM_AARCH64:
		/* Says 0 or 16, and 24 with BTI; entries are found by their instructions. */
		return said == 24 ? 24 : 16;
	default:
		return 0;
	}
}
