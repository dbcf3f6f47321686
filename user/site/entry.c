// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "site/entry.h"

#include <errno.h>
#include <string.h>

enum { LANDING_SIZE = 4 };

/* push of a register: 50+r; r8 to r15 with a prefix. */
static bool is_push(const uint8_t *b)
{
	return (b[0] & 0xf8) == 0x50 || (b[0] == 0x41 && (b[1] & 0xf8) == 0x50);
}

uint64_t entry_cheapest(const struct image *im, uint64_t address)
{
	static const uint8_t landing[LANDING_SIZE] = { 0xf3, 0x0f, 0x1e, 0xfa }; /* endbr64 */
	uint8_t bytes[LANDING_SIZE + 2];

	if (im->machine != EM_X86_64 || image_read(im, address, bytes, sizeof(bytes)) ||
	    memcmp(bytes, landing, sizeof(landing)) != 0 || !is_push(bytes + LANDING_SIZE))
		return address;
	return address + LANDING_SIZE;
}

int entry_offset(const struct image *im, uint64_t address, uint64_t *ret)
{
	if (!image_is_code(im, address))
		return -EFAULT;
	return image_offset(im, entry_cheapest(im, address), ret);
}
