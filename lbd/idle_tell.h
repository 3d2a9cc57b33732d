/* SPDX-License-Identifier: BSD-2-Clause */
/* What pairctl hears of silent sessions. */
#ifndef CASPAIR_IDLE_TELL_H
#define CASPAIR_IDLE_TELL_H

#include <stdbool.h>

#include "lbd/idle.h"
#include "proto/flow_limits.h"
#include "request.pb-c.h"

struct arena;
struct plan;

/* Of a walk over all flows. */
struct idle_all {
	struct idle service[FLOW_MAX_SERVICES];
	struct idle_list list;
};

/* Fills the lists of the reply, in the arena and borrowing from the plan; false: no room. */
bool idle_tell(const struct idle_all *all, const struct plan *plan, struct arena *arena,
	       Cas__UsageReply *reply);

#endif
