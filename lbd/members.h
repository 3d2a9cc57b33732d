/* SPDX-License-Identifier: BSD-2-Clause */
/* Answers MembersRequest: each member, its standing in each pool and its traffic. */
#ifndef CASPAIR_MEMBERS_H
#define CASPAIR_MEMBERS_H

#include <stdint.h>

#include "lbd/dataplane.h"
#include "request.pb-c.h"

struct arena;
struct ctl_conn;
struct lbd;

void members_answer(struct lbd *lbd, struct ctl_conn *conn);

/* What a histogram says, for an answer; in the arena.  NULL as below. */
Cas__Latency *members_histogram(struct arena *arena, const struct flow_histogram *histogram);

/*
 * What a histogram of the data plane says, for an answer; in the arena.  NULL where nothing has
 * been counted, or the arena is full.
 */
Cas__Latency *members_latency(const struct lbd *lbd, struct arena *arena, enum dataplane_map map,
			      uint32_t index);

#endif
