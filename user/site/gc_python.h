/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Collections of CPython 3.6 to 3.15. */
#pragma once
#include "site/collector.h"

extern const struct gc_collector gc_python;
