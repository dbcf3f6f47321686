// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * From a thread to its state. The C library's layout comes from the descriptors that glibc keeps
 * for libthread_db (nptl_db/structs.def), or from musl's code; whatever it is taken from, a route
 * is kept only if it leads from the threads that CPython lists to their states.
 */
#include <errno.h>
#include <string.h>

#include "base/array.h"
#include "runtime/python_inside.h"
#include "runtime/python_walk.h"

enum {
	MAX_INTERPRETERS = 16,
	MAX_STATES = 2 * PYTHON_STATES, /* of an interpreter, with those that have no thread */
	MAX_MODULE = 4096,
	STATIC_BLOCK = 1 << 20, /* below the thread pointer */
	/* glibc's struct pthread on x86-64, in all versions so far. */
	GLIBC_BLOCK = 0x310,
	GLIBC_BLOCKS = 0x510,
	GLIBC_VALUE = 16,
	GLIBC_DATA = 8,
};

static int list_threads(const struct target_memory *memory, const struct python_layout *l,
			uint64_t state, struct python_states *ret)
{
	for (int i = 0; state && i < MAX_STATES && ret->nr < PYTHON_STATES; i++) {
		uint64_t next, thread, frame;

		if (target_memory_read(memory, state + l->state_next, &next, sizeof(next)) ||
		    target_memory_read(memory, state + l->abi.state_thread, &thread,
				       sizeof(thread)) ||
		    target_memory_read(memory, state + l->abi.state_frame, &frame, sizeof(frame)))
			return -EAGAIN;
		/* One that no thread has taken yet has none. */
		if (thread) {
			ret->of[ret->nr].state = state;
			ret->of[ret->nr++].thread = thread;
			ret->have_frames |= frame != 0;
		}
		state = next;
	}
	return 0;
}

int python_list_states(const struct target_memory *memory, const struct python_layout *layout,
		       uint64_t head, struct python_states *ret)
{
	uint64_t interpreter, first;

	*ret = (struct python_states){ 0 };
	if (target_memory_read(memory, head, &interpreter, sizeof(interpreter)))
		return -EAGAIN;
	for (int i = 0; interpreter && i < MAX_INTERPRETERS; i++) {
		if (target_memory_read(memory, interpreter + layout->interpreter_threads, &first,
				       sizeof(first)) ||
		    list_threads(memory, layout, first, ret) ||
		    target_memory_read(memory, interpreter + layout->interpreter_next, &interpreter,
				       sizeof(interpreter)))
			break;
	}
	return ret->nr ? 0 : -EAGAIN;
}

/* The type of the object at `code`, if that is a type with the name "code". */
static uint64_t named_type(const struct target_memory *memory, const struct python_layout *l,
			   uint64_t code)
{
	uint64_t type, name;
	char text[5];

	/* tp_name is what a type has first, behind what all objects with a size have. */
	if (target_memory_read(memory, code + l->abi.object_type, &type, sizeof(type)) ||
	    target_memory_read(memory, type + l->abi.bytes_size + 8, &name, sizeof(name)) ||
	    target_memory_read(memory, name, text, sizeof(text)) || memcmp(text, "code", 5) != 0)
		return 0;
	return type;
}

uint64_t python_code_type(const struct target_memory *memory, const struct python_layout *layout,
			  const struct python_states *states)
{
	const struct abi_python *l = &layout->abi;
	struct python_target t = { .memory = memory };

	for (uint32_t i = 0; i < states->nr; i++) {
		uint64_t frame = python_pointer(&t.walk, states->of[i].state + l->state_frame);
		uint64_t code, type;

		if (frame && l->cframe_frame != PYTHON_NO_CFRAME)
			frame = python_pointer(&t.walk, frame + l->cframe_frame);
		code = frame ? python_pointer(&t.walk, frame + l->frame_code) & ~7ull : 0;
		type = code ? named_type(memory, layout, code) : 0;
		if (type)
			return type;
	}
	return 0;
}

/* What threads keep of the C library. */
struct libc {
	bool is_musl;
	bool is_known; /* it says so itself */
	uint16_t block, blocks, size, data;
};

enum { SPECIFIC, VALUE_SIZE, VALUE_DATA, BLOCK_SIZE, GETSPECIFIC, GLIBC, NR_LIBC };

/* Descriptors of three words (bits, elements, offset) for members, of one for sizes. */
static bool read_descriptors(const struct image *im, const struct image_symbol *s, struct libc *ret)
{
	uint32_t specific[3], value[3], value_size, block_size;

	if (image_read(im, s[SPECIFIC].address, specific, sizeof(specific)) ||
	    image_read(im, s[VALUE_DATA].address, value, sizeof(value)) ||
	    image_read(im, s[VALUE_SIZE].address, &value_size, sizeof(value_size)) ||
	    image_read(im, s[BLOCK_SIZE].address, &block_size, sizeof(block_size)) ||
	    specific[2] > UINT16_MAX || value[2] >= value_size || value_size > 64 ||
	    block_size != value_size * PYTHON_KEYS_BLOCK || block_size >= specific[2])
		return false;
	/* The first block stands before the pointers to all. */
	*ret = (struct libc){ .is_known = true,
			      .block = (uint16_t)(specific[2] - block_size),
			      .blocks = (uint16_t)specific[2],
			      .size = (uint16_t)value_size,
			      .data = (uint16_t)value[2] };
	return true;
}

/* mov disp(%rax),%rax … mov (%rax,%rdi,8),%rax, in pthread_getspecific(). */
static bool read_musl(const struct image *im, const struct image_symbol *f, struct libc *ret)
{
	uint8_t b[48];
	size_t load = 0;

	if (!f->address || image_read(im, f->address, b, sizeof(b)))
		return false;
	for (size_t i = 0; i + 8 <= sizeof(b); i++) {
		if (b[i] == 0x48 && b[i + 1] == 0x8b && b[i + 2] == 0x80)
			load = i + 3;
		if (!load || b[i] != 0x48 || b[i + 1] != 0x8b || b[i + 2] != 0x04 ||
		    b[i + 3] != 0xf8)
			continue;
		*ret = (struct libc){ .is_musl = true,
				      .is_known = true,
				      .blocks = (uint16_t)(b[load] | b[load + 1] << 8),
				      .size = 8 };
		return !b[load + 2] && !b[load + 3] && ret->blocks;
	}
	return false;
}

static int read_libc(const struct runtime_process *p, struct libc *ret)
{
	struct image_symbol s[NR_LIBC] = {
		[SPECIFIC] = { .name = "_thread_db_pthread_specific" },
		[VALUE_SIZE] = { .name = "_thread_db_sizeof_pthread_key_data" },
		[VALUE_DATA] = { .name = "_thread_db_pthread_key_data_data" },
		[BLOCK_SIZE] = { .name = "_thread_db_sizeof_pthread_key_data_level2" },
		[GETSPECIFIC] = { .name = "pthread_getspecific" },
		[GLIBC] = { .name = "gnu_get_libc_version" },
	};
	struct image im;
	int r = image_open(&im, p->libc_fd >= 0 ? p->libc_fd : p->image.fd);

	*ret = (struct libc){ .block = GLIBC_BLOCK,
			      .blocks = GLIBC_BLOCKS,
			      .size = GLIBC_VALUE,
			      .data = GLIBC_DATA };
	if (!r)
		r = image_symbols(&im, SHT_DYNSYM, s, NR_LIBC);
	/* A static program has its C library in itself, and names it there or not at all. */
	if (!r)
		r = image_symbols(&im, SHT_SYMTAB, s, NR_LIBC);
	if (r > 0 && !read_descriptors(&im, s, ret) && !s[GLIBC].address)
		read_musl(&im, &s[GETSPECIFIC], ret);
	ret->is_known |= s[GLIBC].address != 0;
	image_done(&im);
	return r == -ENOMEM ? r : 0;
}

/* Is the module's block at the same distance from all threads' pointers, for good? */
static bool is_static(const struct target_memory *memory, const struct python_states *states,
		      const struct libc *libc, uint64_t module, int64_t *ret)
{
	int64_t distance = 0;

	for (uint32_t i = 0; i < states->nr; i++) {
		uint64_t thread = states->of[i].thread, dtv, entry[2] = { 0 };
		size_t step = libc->is_musl ? 8 : 16;

		if (target_memory_read(memory, thread + 8, &dtv, sizeof(dtv)) ||
		    target_memory_read(memory, dtv + step * module, entry, step))
			continue;
		/* Not made yet in this thread, which is not so of those that are there from the
		 * start.
		 */
		if (!entry[0] || entry[0] == UINT64_MAX)
			return false;
		/* dtv_pointer.to_free: allocated by itself (before glibc 2.25 is_static, 1). */
		if (entry[1] > 1 || thread - entry[0] - 1 >= STATIC_BLOCK)
			return false;
		if (distance && distance != (int64_t)(entry[0] - thread))
			return false;
		distance = (int64_t)(entry[0] - thread);
	}
	*ret = distance;
	return distance;
}

/* 0; -EAGAIN: not relocated yet; -ENOENT: there is no way to it. */
static int find_variable(const struct python_variable *v, const struct runtime_process *p,
			 const struct python_states *states, const struct libc *libc,
			 struct abi_thread_local *ret)
{
	uint64_t got[2] = { 0 };
	int64_t block;

	if (v->kind == PYTHON_VARIABLE_NONE)
		return -ENOENT;
	if (v->kind == PYTHON_VARIABLE_FIXED) {
		*ret = (struct abi_thread_local){ .offset = v->offset };
		return 0;
	}
	if (target_memory_read(&p->memory, v->got + p->image.bias, got,
			       v->kind == PYTHON_VARIABLE_OFFSET ? 8 : 16))
		return -EAGAIN;
	if (!got[0])
		return -EAGAIN;
	if (v->kind == PYTHON_VARIABLE_OFFSET) {
		*ret = (struct abi_thread_local){ .offset = (int64_t)got[0] };
		return 0;
	}
	if (got[0] >= MAX_MODULE)
		return -ENOENT;
	if (is_static(&p->memory, states, libc, got[0], &block)) {
		*ret = (struct abi_thread_local){ .offset = (int64_t)((uint64_t)block + got[1] +
								      (uint64_t)v->offset) };
		return 0;
	}
	/* The vector of musl has another shape. */
	if (libc->is_musl)
		return -ENOENT;
	*ret = (struct abi_thread_local){ .offset = (int64_t)(got[1] + (uint64_t)v->offset),
					  .module = got[0] };
	return 0;
}

static bool is_found(const struct target_memory *memory, const struct python_states *states,
		     const struct abi_python *l)
{
	struct python_target t = { .memory = memory };

	for (uint32_t i = 0; i < states->nr; i++) {
		t.walk.thread = states->of[i].thread;
		if (python_by_key(&t.walk, l) == states->of[i].state)
			return true;
	}
	return false;
}

static void set_key(struct abi_python *l, uint64_t key, const struct libc *libc)
{
	l->key = key;
	l->key_block = libc->block;
	l->key_blocks = libc->blocks;
	l->key_size = libc->size;
	l->key_data = libc->data;
}

/* Does this key lead to states? */
static bool is_key(const struct python_build *b, const struct runtime_process *p,
		   const struct python_states *states, const struct libc *libc, uint64_t key,
		   struct abi_python *l)
{
	uint32_t words[2] = { 1 };

	/* Py_tss_t: is there one, and which. 3.6 has the key alone. */
	if (b->runtime ? target_memory_read(&p->memory, key - 4, words, 8)
		       : target_memory_read(&p->memory, key, &words[1], 4))
		return false;
	if (!words[0] || words[1] >= PYTHON_MAX_KEYS)
		return false;
	set_key(l, key, libc);
	if (is_found(&p->memory, states, l))
		return true;
	l->key = 0;
	return false;
}

/* 0; -EAGAIN; -ENOENT: its values can't be found. */
static int find_key(const struct python_build *b, const struct runtime_process *p,
		    const struct python_states *states, const struct libc *libc,
		    struct abi_python *ret)
{
	struct abi_python l = *ret;

	for (size_t i = 0; i < ARRAY_SIZE(b->keys); i++)
		if (b->keys[i] && is_key(b, p, states, libc, b->keys[i] + p->image.bias, &l)) {
			*ret = l;
			return 0;
		}
	/* A thread's state is listed a moment before it has it. */
	return (b->keys[0] || b->keys[1]) && !states->have_frames ? -EAGAIN : -ENOENT;
}

int python_find_routes(const struct python_build *b, const struct runtime_process *p,
		       const struct python_states *states, struct abi_python *ret,
		       struct strbuf *why)
{
	struct libc libc;
	int held, kept, key, r = read_libc(p, &libc);

	if (r)
		return r;
	held = find_variable(&b->held, p, states, &libc, &ret->held);
	kept = find_variable(&b->kept, p, states, &libc, &ret->kept);
	key = find_key(b, p, states, &libc, ret);
	if (held == -EAGAIN || kept == -EAGAIN || key == -EAGAIN)
		return -EAGAIN;
	if (held && kept && key && !ret->holder) {
		strbuf_addf(why, "Python 3.%u: nothing leads from a thread to its state",
			    b->layout->minor);
		return -ENOTSUP;
	}
	return 0;
}

int python_foresee_routes(const struct python_build *b, const struct runtime_process *p,
			  struct abi_python *ret)
{
	static const struct python_states none;
	uint64_t key = b->keys[0] ? b->keys[0] : b->keys[1];
	struct libc libc;
	int held, kept, r = read_libc(p, &libc);

	if (r)
		return r;
	/* It may not be mapped yet. */
	if (!libc.is_known)
		return -EAGAIN;
	held = find_variable(&b->held, p, &none, &libc, &ret->held);
	kept = find_variable(&b->kept, p, &none, &libc, &ret->kept);
	/* Which of two it is only a state can tell. */
	if (key && (!b->keys[1] || b->keys[1] == key))
		set_key(ret, key + p->image.bias, &libc);
	return held && kept && !ret->key && !ret->holder ? -EAGAIN : 0;
}
