// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "site/usdt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"

enum {
	MAX_NOTES = 16 << 20,	/* bytes of the section */
	MAX_SITES = 4096,	/* of the probes asked for */
	NOTE_TYPE = 3,		/* NT_STAPSDT */
	NOTE_ADDRESSES = 3 * 8, /* the place, .stapsdt.base as it was linked, the semaphore */
};

struct reader {
	const struct image *im;
	const struct usdt_name *wanted;
	uint32_t nr_wanted;
	uint64_t base; /* .stapsdt.base is there now; 0: no such section */
	struct usdt_site *sites;
	size_t nr, cap;
};

/* A text that ends before `end`; moves *at behind it. NULL: it does not end. */
static const char *take_text(const char **at, const char *end)
{
	const char *text = *at, *nul = memchr(text, '\0', (size_t)(end - text));

	if (!nul)
		return NULL;
	*at = nul + 1;
	return text;
}

static uint32_t which_of(const struct reader *r, const char *provider, const char *name)
{
	uint32_t i;

	for (i = 0; i < r->nr_wanted; i++)
		if (!strcmp(r->wanted[i].name, name) && !strcmp(r->wanted[i].provider, provider))
			break;
	return i;
}

/* The kernel counts up 16 bits, only where a process may write: a probe without it never fires. */
static bool is_semaphore(const struct image *im, uint64_t address, uint64_t *ret)
{
	return !(address & 1) && image_is_writable(im, address) && !image_offset(im, address, ret);
}

/* 0 (also when the note is passed over), -ENOMEM. */
static int take_note(struct reader *r, const char *at, const char *end)
{
	const char *provider, *name, *arguments;
	struct usdt_site site = { 0 };
	uint64_t words[3];
	size_t length;

	if (end - at < NOTE_ADDRESSES)
		return 0;
	memcpy(words, at, sizeof(words));
	at += sizeof(words);
	provider = take_text(&at, end);
	name = provider ? take_text(&at, end) : NULL;
	if (!name)
		return 0;
	site.which = which_of(r, provider, name);
	if (site.which == r->nr_wanted)
		return 0;
	arguments = take_text(&at, end);
	length = arguments ? strlen(arguments) : 0;
	if (length && length < sizeof(site.arguments))
		memcpy(site.arguments, arguments, length);
	/* A file that was prelinked has all moved by as much as the base, and the notes not. */
	if (r->base && words[1]) {
		words[0] += r->base - words[1];
		words[2] += words[2] ? r->base - words[1] : 0;
	}
	site.address = words[0];
	if (!image_is_code(r->im, words[0]) || image_offset(r->im, words[0], &site.offset) ||
	    (words[2] && !is_semaphore(r->im, words[2], &site.semaphore)))
		return 0;
	if (array_reserve(r->sites, r->cap, r->nr + 1) < 0)
		return -ENOMEM;
	r->sites[r->nr++] = site;
	return 0;
}

/* What a note's part takes with what fills it up to words of 4 bytes. */
static uint64_t filled_up(uint32_t size)
{
	return ((uint64_t)size + 3) & ~3ull;
}

static int take_notes(struct reader *r, const char *at, const char *end)
{
	static const char owner[] = "stapsdt";

	while (r->nr < MAX_SITES) {
		uint64_t left = (uint64_t)(end - at), owner_size, size;
		uint32_t h[3];
		int err;

		if (left < sizeof(h))
			break;
		memcpy(h, at, sizeof(h));
		at += sizeof(h);
		left -= sizeof(h);
		owner_size = filled_up(h[0]);
		if (owner_size > left || h[1] > left - owner_size)
			break;
		if (h[2] == NOTE_TYPE && h[0] == sizeof(owner) &&
		    !memcmp(at, owner, sizeof(owner))) {
			err = take_note(r, at + owner_size, at + owner_size + h[1]);
			if (err)
				return err;
		}
		/* The last one need not be filled up. */
		size = owner_size + filled_up(h[1]);
		at += size < left ? size : left;
	}
	return 0;
}

int usdt_find(const struct image *im, const struct usdt_name *wanted, uint32_t nr,
	      struct usdt_site **ret)
{
	struct reader r = { .im = im, .wanted = wanted, .nr_wanted = nr };
	const Elf64_Shdr *section = image_section_header(im, ".note.stapsdt");
	_cleanup_free_ char *bytes = NULL;
	int err;

	*ret = NULL;
	if (!section || section->sh_type != SHT_NOTE)
		return 0;
	err = image_section_bytes(im, section, MAX_NOTES, &bytes);
	if (err || !bytes)
		return err;
	r.base = image_section(im, ".stapsdt.base").address;
	err = take_notes(&r, bytes, bytes + section->sh_size);
	if (err) {
		free(r.sites);
		return err;
	}
	*ret = r.sites;
	return (int)r.nr;
}

int usdt_find_all(const struct image *im, const struct usdt_name *wanted, uint32_t nr,
		  struct usdt_site **ret)
{
	int found = usdt_find(im, wanted, nr, ret);

	for (uint32_t name = 0; found > 0 && name < nr; name++) {
		int i = 0;

		while (i < found && (*ret)[i].which != name)
			i++;
		if (i < found)
			continue;
		free(*ret);
		*ret = NULL;
		found = 0;
	}
	return found;
}
