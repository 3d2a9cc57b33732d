/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Passive checks: what clients meet is seen sooner than the next probe.  A member that has left a
 * row of SYNs of several clients unanswered is probed at once, and then a single failure counts as
 * the last one of its row.  One that has refused so many connections is probed at once as well, and
 * again while it goes on, but each failure counts as one: a single client can have that happen, by
 * asking for a port that is closed.  Pure.
 */
#ifndef CASPAIR_PASSIVE_H
#define CASPAIR_PASSIVE_H

#include <stdbool.h>
#include <stddef.h>

#include "lbd/health.h"

enum { PASSIVE_DEFAULT = 5 };

/* Whether any target has a passive check beside it. */
bool passive_wanted(const struct health *health);

/*
 * Looks at what the data plane has counted of each member: the target at `*from` or after it that
 * is to be probed now, -1: none any more.  Begin with 0.  Each such target that was silent is
 * suspected from here on, until it passes; then another whole row has to follow before it is again.
 */
int passive_next(struct health *health, const struct flow_member_stats stats[FLOW_MAX_MEMBERS],
		 size_t *from);

#endif
