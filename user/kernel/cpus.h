/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The kernel's lists of CPUs: /sys/devices/system/cpu/{online,possible}. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct cpus {
	uint32_t *ids; /* ascending */
	uint32_t nr;
};

#define CPUS_INIT \
	{         \
		0 \
	}

/* 0, or a negative errno; -ENODATA: an empty list. */
int cpus_read(const char *list, struct cpus *ret);
void cpus_done(struct cpus *c);
bool cpus_has(const struct cpus *c, uint32_t cpu);
