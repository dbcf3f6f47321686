// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "pprof/gzip.h"
#include "pprof/pprof.h"
#include "pprof/reader.h"

/* A week of a busy machine is some ten MiB; two bytes of a message may unpack to a hundred. */
static const size_t max_bytes = (size_t)256 << 20;
static const size_t max_unpacked = (size_t)1 << 30;

int reader_fail(struct reader *r, int error, const char *format, ...)
{
	va_list args;

	strbuf_reset(r->error);
	strbuf_addf(r->error, "%s ", r->path);
	va_start(args, format);
	strbuf_addvf(r->error, format, args);
	va_end(args);
	return error;
}

int reader_text(struct reader *r, int64_t index, const char **ret)
{
	if (index < 0 || (uint64_t)index >= r->m->n_string_table) {
		reader_fail(r, -EBADMSG, "is damaged: it has no string %lld", (long long)index);
		return -EBADMSG;
	}
	*ret = r->m->string_table[index];
	return 0;
}

int reader_string(struct reader *r, int64_t index, uint32_t *ret_id)
{
	const char *text;
	uint32_t id;
	int error = reader_text(r, index, &text);

	if (error < 0)
		return error;
	if (!r->strings[index]) {
		error = profile_string(r->p, text, &id);
		if (error < 0)
			return reader_fail(r, error, "does not fit into memory");
		r->strings[index] = id + 1;
	}
	*ret_id = r->strings[index] - 1;
	return 0;
}

/* Memory of the unpacked message, with an end. */
struct budget {
	size_t left;
	bool spent;
};

static void *bounded_alloc(void *budget, size_t size)
{
	struct budget *b = budget;
	void *p = size <= b->left ? malloc(size) : NULL;

	if (p) {
		size_t took = malloc_usable_size(p) + sizeof(size_t);

		b->left -= took < b->left ? took : b->left;
	} else {
		b->spent = true;
	}
	return p;
}

static void bounded_free(void *budget, void *p)
{
	struct budget *b = budget;

	if (p)
		b->left += malloc_usable_size(p) + sizeof(size_t);
	free(p);
}

static int read_bytes(struct reader *r, struct strbuf *into)
{
	struct strbuf file = STRBUF_INIT;
	int error = file_read(r->path, max_bytes, &file);

	if (error >= 0 && gzip_is(&file)) {
		error = gzip_inflate(&file, max_bytes, into);
		strbuf_done(&file);
	} else {
		*into = file;
	}
	if (error == -EFBIG)
		return reader_fail(r, error, "is larger than a profile can be (%zu MiB)",
				   max_bytes >> 20);
	if (error == -ENODATA)
		return reader_fail(r, error, "is truncated: it ends in the middle");
	if (error == -EBADMSG)
		return reader_fail(r, error, "is damaged: it cannot be decompressed");
	if (error < 0)
		return reader_fail(r, error, "cannot be read: %s", strerror(-error));
	return into->len ? 0 : reader_fail(r, -ENODATA, "is empty");
}

static int read_message(struct reader *r)
{
	int error = reader_facts(r);

	r->strings = calloc(r->m->n_string_table + 1, sizeof(*r->strings));
	if (!error && !r->strings)
		error = reader_fail(r, -ENOMEM, "does not fit into memory");
	if (error < 0 || (error = reader_locations(r)) < 0)
		return error;
	return reader_samples(r);
}

static void done(struct reader *r)
{
	profile_free(r->p);
	intern_done(&r->mapping_ids);
	intern_done(&r->function_ids);
	intern_done(&r->location_ids);
	strbuf_done(&r->scratch);
	free(r->strings);
	free(r->mappings);
	free(r->is_kernel);
	free(r->first_frame);
	free(r->frames);
	free(r->stack);
}

static int read_all(struct reader *r)
{
	struct budget budget = { .left = max_unpacked };
	ProtobufCAllocator allocator = { bounded_alloc, bounded_free, &budget };
	struct strbuf bytes = STRBUF_INIT;
	Pprof__Profile *m = NULL;
	int error = read_bytes(r, &bytes);

	if (!error)
		m = pprof__profile__unpack(&allocator, bytes.len, (const uint8_t *)bytes.buf);
	strbuf_done(&bytes);
	if (error < 0)
		return error;
	if (!m && budget.spent)
		return reader_fail(r, -EFBIG, "needs more memory than a profile can (%zu MiB)",
				   max_unpacked >> 20);
	if (!m)
		return reader_fail(r, -EBADMSG, "is no pprof profile, or a damaged one");
	r->m = m;
	error = read_message(r);
	pprof__profile__free_unpacked(m, &allocator);
	return error;
}

int pprof_read(const char *path, struct profile **ret, struct strbuf *error)
{
	struct reader r = { .path = path, .error = error };
	int e = read_all(&r);

	if (!e) {
		*ret = r.p;
		r.p = NULL;
	}
	done(&r);
	return e;
}
