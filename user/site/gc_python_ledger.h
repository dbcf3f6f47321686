/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Collections of CPython 3.15 as each interpreter of a process writes them down: gc_python_ring.h.
 */
#pragma once
#include "site/ledger.h"

extern const struct ledger_reader gc_python_ledger;
