// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "base/allowance.h"

#include "base/now.h"

void allowance_init(struct allowance *a, uint32_t divisor, int64_t most_ns)
{
	*a = (struct allowance){ most_ns, now_ns(), divisor, most_ns };
}

void allowance_renew(struct allowance *a)
{
	a->left = a->most_ns;
}

bool allowance_permits(struct allowance *a)
{
	uint64_t now = now_ns();

	a->left += (int64_t)((now - a->at) / a->divisor);
	a->left = a->left < a->most_ns ? a->left : a->most_ns;
	a->at = now;
	return a->left > 0;
}

void allowance_spent(struct allowance *a, uint64_t begin)
{
	a->left -= (int64_t)(now_thread_ns() - begin);
}
