// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "recording.h"

static void write_bytes(FILE *out, const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		fprintf(out, "%02x", bytes[i]);
	if (!size)
		fputc('-', out);
}

void recording_write_head(FILE *out)
{
	struct utsname name;

	uname(&name);
	fprintf(out, "bpfprof-walk 1 %s\n", name.machine);
}

void recording_write_process(FILE *out, const struct recording_process *p)
{
	fprintf(out, "process\n");
	for (size_t i = 0; i < p->nr_mappings; i++) {
		const struct recording_mapping *m = &p->mappings[i];

		fprintf(out, "mapping %" PRIx64 " %" PRIx64 " %" PRIx64 " ", m->start, m->end,
			m->offset);
		write_bytes(out, m->build_id, m->build_id_size);
		fprintf(out, " %s\n", m->path);
	}
	if (p->vdso.size) {
		fprintf(out, "vdso %" PRIx64 " ", p->vdso.at);
		write_bytes(out, p->vdso.bytes, p->vdso.size);
		fputc('\n', out);
	}
}

void recording_write(FILE *out, const struct recording *r)
{
	fprintf(out, "thread %x\nregisters", (unsigned int)r->tid);
	for (int i = 0; i < RECORDING_REGISTERS; i++)
		fprintf(out, " %" PRIx64, r->registers[i]);
	fputc('\n', out);
	for (size_t i = 0; i < r->nr_memory; i++) {
		fprintf(out, "memory %" PRIx64 " ", r->memory[i].at);
		write_bytes(out, r->memory[i].bytes, r->memory[i].size);
		fputc('\n', out);
	}
	for (size_t i = 0; i < r->nr_frames; i++)
		fprintf(out, "frame %" PRIx64 " %d %d\n", r->frames[i].pc, r->frames[i].exact,
			r->frames[i].known);
	fprintf(out, "end %s\n", r->end);
}

/* The next line, without its end; NULL at the end of the file. */
static char *next_line(struct recording_reader *reader)
{
	ssize_t size;

	if (reader->kept) {
		reader->kept = false;
		return reader->line;
	}
	size = getline(&reader->line, &reader->cap_line, reader->in);
	if (size < 0)
		return NULL;
	reader->nr_lines++;
	if (size && reader->line[size - 1] == '\n')
		reader->line[size - 1] = '\0';
	return reader->line;
}

/* Is the line's first word `word`? *ret_rest: what follows it. */
static bool line_is(char *line, const char *word, char **ret_rest)
{
	size_t size = strlen(word);

	if (strncmp(line, word, size) || (line[size] && line[size] != ' '))
		return false;
	*ret_rest = line + size + (line[size] == ' ');
	return true;
}

static int take_number(char **at, uint64_t *ret)
{
	char *end;

	errno = 0;
	*ret = strtoull(*at, &end, 16);
	if (errno || end == *at || (*end && *end != ' '))
		return -EINVAL;
	*at = end + (*end == ' ');
	return 0;
}

static int digit(char c)
{
	const char *digits = "0123456789abcdef", *found = c ? strchr(digits, c) : NULL;

	return found ? (int)(found - digits) : -1;
}

/* In place: bytes are never longer than their digits. The number of bytes or -EINVAL. */
static ssize_t take_bytes(char **at)
{
	uint8_t *to = (uint8_t *)*at;
	char *from = *at;
	ssize_t size = 0;

	if (*from == '-')
		from++;
	for (; *from && *from != ' '; from += 2) {
		int high = digit(from[0]), low = digit(from[1]);

		if (high < 0 || low < 0)
			return -EINVAL;
		to[size++] = (uint8_t)(high << 4 | low);
	}
	*at = from + (*from == ' ');
	return size;
}

static int take_mapping(struct recording_process *p, char *rest)
{
	struct recording_mapping m = {};
	uint8_t *bytes;
	ssize_t size;

	if (take_number(&rest, &m.start) || take_number(&rest, &m.end) ||
	    take_number(&rest, &m.offset))
		return -EINVAL;
	bytes = (uint8_t *)rest;
	size = take_bytes(&rest);
	if (size < 0 || size > RECORDING_BUILD_ID || m.start >= m.end)
		return -EINVAL;
	memcpy(m.build_id, bytes, (size_t)size);
	m.build_id_size = (uint32_t)size;
	return recording_add_mapping(p, &m, rest);
}

/* 0, or a negative errno. The bytes are a copy. */
static int take_memory(char *rest, struct recording_memory *ret)
{
	struct recording_memory m = {};
	const char *bytes;
	ssize_t size;

	if (take_number(&rest, &m.at))
		return -EINVAL;
	bytes = rest;
	size = take_bytes(&rest);
	if (size < 0)
		return -EINVAL;
	m.size = (size_t)size;
	m.bytes = malloc(m.size + 1);
	if (!m.bytes)
		return -ENOMEM;
	memcpy(m.bytes, bytes, m.size);
	*ret = m;
	return 0;
}

static int take_process(struct recording_reader *reader, struct recording_process *p)
{
	char *line, *rest;
	int r;

	recording_process_done(p);
	while ((line = next_line(reader))) {
		if (line_is(line, "mapping", &rest)) {
			r = take_mapping(p, rest);
		} else if (line_is(line, "vdso", &rest) && !p->vdso.bytes) {
			r = take_memory(rest, &p->vdso);
		} else {
			reader->kept = true;
			break;
		}
		if (r)
			return r;
	}
	return 0;
}

static int take_registers(struct recording *r, char *rest)
{
	for (int i = 0; i < RECORDING_REGISTERS; i++) {
		if (take_number(&rest, &r->registers[i]))
			return -EINVAL;
	}
	return 0;
}

static int take_frame(struct recording *r, char *rest)
{
	uint64_t pc, exact, known;

	if (take_number(&rest, &pc) || take_number(&rest, &exact) || take_number(&rest, &known) ||
	    r->nr_frames >= RECORDING_MAX_FRAMES)
		return -EINVAL;
	r->frames[r->nr_frames++] =
		(struct recording_frame){ .pc = pc, .exact = exact, .known = known };
	return 0;
}

/* Up to and with the line `end`. */
static int take_thread(struct recording_reader *reader, struct recording *r, char *rest)
{
	struct recording_memory m;
	char *line;
	uint64_t tid;
	int status = take_number(&rest, &tid);

	recording_clear(r);
	r->tid = status ? 0 : (pid_t)tid;
	while (!status && (line = next_line(reader))) {
		if (line_is(line, "registers", &rest)) {
			status = take_registers(r, rest);
		} else if (line_is(line, "memory", &rest)) {
			status = take_memory(rest, &m);
			if (!status)
				status = recording_add_memory(r, m.at, m.bytes, m.size);
		} else if (line_is(line, "frame", &rest)) {
			status = take_frame(r, rest);
		} else if (line_is(line, "end", &rest)) {
			snprintf(r->end, sizeof(r->end), "%s", rest);
			return 0;
		} else {
			status = -EINVAL;
		}
	}
	return status ? status : -EINVAL;
}

int recording_reader_init(struct recording_reader *reader, FILE *in)
{
	struct utsname name;
	char *line, *rest;

	*reader = (struct recording_reader){ .in = in };
	uname(&name);
	line = next_line(reader);
	if (!line || !line_is(line, "bpfprof-walk", &rest) || strncmp(rest, "1 ", 2) ||
	    strcmp(rest + 2, name.machine))
		return -EINVAL;
	return 0;
}

void recording_reader_done(struct recording_reader *reader)
{
	free(reader->line);
}

int recording_next(struct recording_reader *reader, struct recording_process *p,
		   struct recording *r, bool *ret_process)
{
	char *line, *rest;
	int status;

	*ret_process = false;
	while ((line = next_line(reader))) {
		if (line_is(line, "process", &rest)) {
			*ret_process = true;
			status = take_process(reader, p);
			if (status)
				return status;
		} else if (line_is(line, "thread", &rest)) {
			status = take_thread(reader, r, rest);
			return status ? status : 1;
		} else {
			return -EINVAL;
		}
	}
	return 0;
}
