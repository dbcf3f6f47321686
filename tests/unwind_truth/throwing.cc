// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* throwing SECONDS: exceptions thrown through frames that have something to clean up. */
#include "chain.h"

namespace
{

struct Guard {
	uint64_t *sum;
	~Guard();
};

} // namespace

FRAME uint64_t spin(uint64_t x)
{
	SPIN_BODY(5000);
}

FRAME uint64_t clean_up(uint64_t x)
{
	x = spin(x);
	AFTER_CALL;
	return x + 1;
}

namespace
{

/* Seen while an exception passes: called by the landing pad. */
FRAME Guard::~Guard()
{
	*sum = clean_up(*sum);
	AFTER_CALL;
}

} // namespace

FRAME uint64_t thrower(uint64_t x)
{
	x = spin(x);
	if (x % 2)
		throw x;
	AFTER_CALL;
	return x;
}

FRAME uint64_t middle(uint64_t x)
{
	uint64_t sum = x;
	{
		Guard guard{ &sum };

		x = thrower(x);
	}
	return x + sum;
}

FRAME uint64_t outer(uint64_t x)
{
	volatile char local[300];

	local[x % 300] = 1;
	SPOIL_FRAME_POINTER;
	x = middle(x);
	AFTER_CALL;
	return x + local[x % 300];
}

FRAME uint64_t handler(uint64_t x)
{
	x = spin(x);
	AFTER_CALL;
	return x;
}

FRAME uint64_t catcher(uint64_t x)
{
	try {
		x = outer(x);
	} catch (uint64_t thrown) {
		x = handler(thrown);
	}
	AFTER_CALL;
	return x;
}

int main(int argc, char **argv)
{
	uint64_t x = 1;

	puts("chain: spin thrower middle outer catcher main\n"
	     "chain: spin handler catcher main\n"
	     "chain: spin clean_up (anonymousnamespace)::Guard::~Guard middle outer catcher main\n"
	     "into: __cxa_throw __cxa_allocate_exception __cxa_begin_catch __cxa_end_catch "
	     "_Unwind_Resume *free");
	chain_start(argc, argv);
	while (!chain_is_over())
		for (int i = 0; i < 20; i++)
			x = catcher(x);
	return x == 42;
}
