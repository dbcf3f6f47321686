// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "known.h"

extern volatile unsigned library_sink;
volatile unsigned library_sink;

KNOWN void library_called(void)
{
	library_sink++;
}
