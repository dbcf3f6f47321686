/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Growing a plain C array that its owner keeps as {pointer, count, capacity}. */
#pragma once
#include <errno.h>
#include <stdlib.h>

/*
 * Makes room for `want` elements in `ptr`, whose capacity is kept in `cap`
 * (any integer lvalue); doubles, so that appends are amortised.
 * 0 or -ENOMEM, the array untouched on failure.
 */
#define array_reserve(ptr, cap, want)                                          \
	({                                                                     \
		size_t want_ = (want), cap_ = (cap);                           \
		int r_ = 0;                                                    \
		if (want_ > cap_) {                                            \
			size_t to_ = cap_ ? cap_ * 2 : 16;                     \
			if (to_ < want_)                                       \
				to_ = want_;                                   \
			void *new_ = reallocarray((ptr), to_, sizeof(*(ptr))); \
			if (new_) {                                            \
				(ptr) = new_;                                  \
				(cap) = to_;                                   \
			} else {                                               \
				r_ = -ENOMEM;                                  \
			}                                                      \
		}                                                              \
		r_;                                                            \
	})

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
