/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From a capture to a profile: stacks get names, tags become labels. Keeps
 * what it resolved, so that the next interval's profile costs only what is new.
 */
#pragma once
#include "base/cleanup.h"
#include "collect/mode.h"
#include "model/capture.h"
#include "model/profile.h"
#include "symbolize/symbolizer.h"

struct naming;

/* All arguments but `settings` outlive the naming. 0 or -ENOMEM. */
int naming_new(struct naming **ret, const struct mode *mode, const struct capture *capture,
	       const struct symbolizer_settings *settings);
void naming_free(struct naming *n);
DEFINE_CLEANUP(struct naming, naming_free)
/* A new profile of all that is in the capture, which the caller frees. 0 or -ENOMEM. */
int naming_profile(struct naming *n, const struct profile_info *info, struct profile **ret);
/* One stack of the capture, into any profile. 0 or -ENOMEM. */
int naming_stack(struct naming *n, uint32_t raw_stack, struct profile *into, uint32_t *ret_stack);
/* Adds a tag's labels as "device=vda op=read". */
void naming_tag(const struct naming *n, uint64_t tag, struct strbuf *out);
