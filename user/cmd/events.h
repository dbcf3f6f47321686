/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Single events as they come (--slower): a line each, and the innermost frames of its stack. */
#pragma once
#include "cmd/measure.h"
#include "cmd/naming.h"
#include "collect/live.h"

/* All that is pointed to outlives it. */
struct events {
	const struct measure_settings *settings;
	const struct mode *mode;
	struct naming *naming;
	const struct capture *capture;
	int64_t realtime; /* add it to CLOCK_MONOTONIC to have CLOCK_REALTIME */
	bool unread;	  /* nobody reads them any more: no more are shown */
};

void events_show(struct events *events, const struct live_event *e);
