// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * fake SECONDS WHAT: a program that says to be CPython 3.11, as far as KIND goes, and isn't. 0: by
 * its file's name alone. 1: by Py_Version. 2: by all symbols that one has, with a state, frames and
 * code objects of its own making. 3: 3.13 and its _Py_DebugOffsets,  which are absurd. 4: 3.10,
 * whose loop has thousands of parts (parts.S).
 *
 * WHAT, of kind 2: `true`: one stack that is as it should be; `flood`: a ring of frames, of code
 * that is new each time; `texts`: of strings with absurd lengths and kinds; `states`: a ring of
 * states that no thread has; `race`: a second thread writes over all of it.
 */
#include <pthread.h>
#include <string.h>
#include <sys/prctl.h>

#include "chain.h"

#if KIND == 3
#define VERSION 0x030d00f0
#elif KIND == 4
#define VERSION 0x030a0df0
#else
#define VERSION 0x030b07f0
#endif

/* Offsets of 3.11, by its headers. */
enum {
	RUNTIME_HEAD = 40,
	RUNTIME_HOLDER = 576,
	RUNTIME_KEY = 592,
	INTERPRETER_STATES = 16,
	STATE_NEXT = 8,
	STATE_CFRAME = 56,
	STATE_THREAD = 152,
	CFRAME_FRAME = 8,
	FRAME_CODE = 32,
	FRAME_PREVIOUS = 48,
	FRAME_AT = 56,
	FRAME_ENTRY = 68,
	CODE_LINE = 72,
	CODE_FILE = 112,
	CODE_LINES = 136,
	CODE_INSTRUCTIONS = 184,
	FRAMES = 5000,
};

#if KIND >= 1
const unsigned long Py_Version = VERSION;
#endif

#if KIND >= 2
/* Exported under the names that a real one has. */
char _PyRuntime[1 << 17] __attribute__((section(".PyRuntime"), aligned(64))) = { 1 };
char PyCode_Type[512] __attribute__((aligned(16))) = { 1 };
char _Py_NoneStruct[16] __attribute__((aligned(16))) = { 1 };
void *_PyThreadState_GetCurrent(void);
void *PyGILState_GetThisThreadState(void);

/* What is found where a thread's variable would be read: nothing that belongs to this thread. */
__asm__(".pushsection .text\n"
	".globl _PyThreadState_GetCurrent\n"
	".type _PyThreadState_GetCurrent, @function\n"
	"_PyThreadState_GetCurrent:\n"
	"mov %fs:0x7ffffff8, %rax\n"
	"ret\n"
	".size _PyThreadState_GetCurrent, 1 << 40\n"
	".globl PyGILState_GetThisThreadState\n"
	".type PyGILState_GetThisThreadState, @function\n"
	"PyGILState_GetThisThreadState:\n"
	"data16 lea -0x7fffffff(%rip), %rdi\n"
	".byte 0x66, 0x66, 0x48\n"
	"jmp PyGILState_GetThisThreadState\n"
	".size PyGILState_GetThisThreadState, . - PyGILState_GetThisThreadState\n"
	".popsection\n");

static char *const runtime = _PyRuntime;
static char state[4096], interpreter[4096], cframe[64], frames[FRAMES][128], codes[FRAMES][256];
static char texts[FRAMES][128], lines[64];

static void put(char *at, uint64_t value)
{
	memcpy(at, &value, sizeof(value));
}

static void put_pointer(char *at, const void *to)
{
	put(at, (uint64_t)(uintptr_t)to);
}

static void make_text(char *at, const char *text)
{
	put(at + 16, strlen(text));
	put(at + 32, 0xe4);
	strcpy(at + 48, text);
}

static void make_frame(unsigned i, unsigned nr)
{
	char *code = codes[i], name[32];

	snprintf(name, sizeof(name), "fake_%u", i);
	make_text(texts[i], name);
	put_pointer(code + 8, PyCode_Type);
	memcpy(code + CODE_LINE, &i, sizeof(i));
	for (unsigned at = CODE_FILE; at < CODE_LINES; at += 8)
		put_pointer(code + at, texts[i]);
	put_pointer(code + CODE_LINES, lines);
	put_pointer(frames[i] + FRAME_CODE, code);
	put_pointer(frames[i] + FRAME_PREVIOUS, i + 1 < nr ? frames[i + 1] : NULL);
	put_pointer(frames[i] + FRAME_AT, code + CODE_INSTRUCTIONS);
	frames[i][FRAME_ENTRY] = i + 1 == nr;
}

static void make_runtime(unsigned nr)
{
	pthread_key_t key;

	for (unsigned i = 0; i < nr; i++)
		make_frame(i, nr);
	put(lines + 16, 8);
	put_pointer(cframe + CFRAME_FRAME, frames[0]);
	put_pointer(state + STATE_CFRAME, cframe);
	put(state + STATE_THREAD, (uint64_t)pthread_self());
	put_pointer(runtime + RUNTIME_HEAD, interpreter);
	put_pointer(runtime + RUNTIME_HOLDER, state);
	if (pthread_key_create(&key, NULL) || pthread_setspecific(key, state))
		abort();
	put(runtime + RUNTIME_KEY, 1 | (uint64_t)key << 32);
	put_pointer(interpreter + INTERPRETER_STATES, state);
}

#endif

FRAME static uint64_t spin(uint64_t x)
{
	SPIN_BODY(5000);
}

FRAME static uint64_t middle(uint64_t x)
{
	x = spin(x);
	AFTER_CALL;
	return x;
}

#if KIND == 2
static uint64_t next_random(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	return *x ^= *x << 17;
}

static void *race(void *unused)
{
	uint64_t x = 88172645463325252ull;

	(void)unused;
	for (;;) {
		uint64_t r = next_random(&x), i = r % 300, to = next_random(&x);
		char *at = r >> 32 & 1 ? frames[i] : r >> 33 & 1 ? codes[i] : texts[i];

		to = r >> 34 & 1   ? (uint64_t)(uintptr_t)frames[to % 300]
		     : r >> 35 & 1 ? to
				   : to >> 50;
		put(at + (r >> 40) % 15 * 8, to);
	}
	return NULL;
}

/* Each of a ring's code objects is another one now, of all that is looked at. */
static void renew(unsigned nr)
{
	static unsigned n;

	for (unsigned i = 0; i < nr; i++, n++)
		memcpy(codes[i] + CODE_LINE, &n, sizeof(n));
}

static void twist_texts(unsigned nr)
{
	static const uint64_t lengths[] = { 1ull << 62, ~0ull, 1ull << 63, 100000, 1 << 30, 0 };
	static const uint32_t states[] = { 0xe4, 0xe8, 0xf0, 0xa4, 0xa8, 0xb0, 0, ~0u, 0x1c };

	for (unsigned i = 0; i < nr; i++) {
		put(texts[i] + 16, lengths[i % 6]);
		put(texts[i] + 32, states[i % 9]);
	}
}
#endif

int main(int argc, char **argv)
{
	uint64_t x = 1;

#if KIND == 2
	const char *what = argc > 2 ? argv[2] : "true";
	unsigned nr = !strcmp(what, "true") ? 5 : !strcmp(what, "flood") ? FRAMES : 300;
	pthread_t thread;

	make_runtime(nr);
	if (!strcmp(what, "flood"))
		put_pointer(frames[nr - 1] + FRAME_PREVIOUS, frames[0]);
	if (!strcmp(what, "texts"))
		twist_texts(nr);
	if (!strcmp(what, "race") && pthread_create(&thread, NULL, race, NULL))
		return 1;
	/* States that no thread has, each of which leads to the other. */
	if (!strcmp(what, "states")) {
		static char other[4096];

		put_pointer(other + STATE_NEXT, state);
		put_pointer(state + STATE_NEXT, other);
		put(state + STATE_THREAD, 0);
	}
#elif KIND >= 3
	make_runtime(5);
#endif
#if KIND == 3
	memset(runtime, 0xff, 1000);
	memcpy(runtime, "xdebugpy", 8);
	put(runtime + 8, VERSION);
	put(runtime + 16, 0);
#endif
	printf("chain: spin middle main\nchain: race\n");
	/* Others may be called as its file is. */
	prctl(PR_SET_NAME, getenv("ENEMY") ? getenv("ENEMY") : "enemy");
	chain_start(argc, argv);
	while (!chain_is_over()) {
#if KIND == 2
		if (!strcmp(what, "flood"))
			renew(nr);
#endif
		x = middle(x);
	}
	return (int)(x & 0);
}
