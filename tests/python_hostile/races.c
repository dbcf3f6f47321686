// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Called without the GIL: writes over words of the interpreter, and puts them back. */
#include <stdint.h>

void races(volatile uint64_t **places, unsigned nr, const uint64_t *values, unsigned nr_values,
	   const volatile int *stop);

void races(volatile uint64_t **places, unsigned nr, const uint64_t *values, unsigned nr_values,
	   const volatile int *stop)
{
	uint64_t before[16];

	for (unsigned i = 0; i < nr && i < 16; i++)
		before[i] = *places[i];
	for (uint64_t n = 0; !*stop; n++) {
		unsigned i = n % nr;

		*places[i] = n / nr % 3 ? values[n / 7 % nr_values] : before[i];
	}
	for (unsigned i = 0; i < nr && i < 16; i++)
		*places[i] = before[i];
}
