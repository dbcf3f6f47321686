/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Pauses that processes write down themselves (site/ledger.h), read by user
 * space at each drain and put into the capture beside what the kernel half
 * counts: with their time, under a mark instead of a stack. What was
 * overwritten between two looks has a number and a sum, and no bucket; what
 * ended between them lacks what came since the last one. Both are counted in
 * the capture's quality.
 */
#pragma once
#include "base/cleanup.h"
#include "collect/drain.h"
#include "collect/live.h"
#include "probe/probes.h"
#include "site/ledger.h"

struct ledgers;

/* All that is pointed to outlives it. 0 or -ENOMEM. */
int ledgers_open(struct ledgers **ret, const struct live_settings *settings,
		 const struct ledger_reader *reader, struct drain *drain, struct tracker *tracker,
		 struct capture *capture);
void ledgers_free(struct ledgers *l);
DEFINE_CLEANUP(struct ledgers, ledgers_free)
/* For probes_settings: by it files and processes come here. */
const struct probes_instead *ledgers_instead(const struct ledgers *l);
/* Single events (--slower) go to `fn` when they are read; NULL: they are dropped. */
void ledgers_listen(struct ledgers *l, live_event_fn fn, void *ctx);
/* Measuring begins: what of before is found later than now was not measured from the beginning. */
void ledgers_begin(struct ledgers *l);
/* `last`: measuring ends now. 0 or -ENOMEM. */
int ledgers_read(struct ledgers *l, bool last);
