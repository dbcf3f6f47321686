/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The tag of mode calls: which function, and of calls of Python what is summed. */
#pragma once

enum {
	CALLS_FUNCTION_SHIFT = 0, /* string of the capture */
	CALLS_FUNCTION_BITS = 32,
	CALLS_SUM_SHIFT = 32, /* enum calls_sum */
	CALLS_SUM_BITS = 2,
};

/* Of a call of Python, as cProfile sums it up; its stack is the function and who called it. */
enum calls_sum {
	CALLS_LATENCY,	  /* not of Python: one call's time */
	CALLS_SELF,	  /* each call: time in the function itself */
	CALLS_BY_CALLER,  /* calls that no call of this function by this caller is around: all of
			     their time */
	CALLS_CUMULATIVE, /* … that no call of this function is around; its caller isn't there */
	CALLS_AGAIN = 2	  /* a bit of the last two, which sum up calls that CALLS_SELF counts */
};
