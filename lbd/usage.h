/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Answers UsageRequest: one walk over the flow table, slice by slice, says who takes how much of
 * the pair, and which clients have sessions at two members of one affinity group.
 */
#ifndef CASPAIR_USAGE_H
#define CASPAIR_USAGE_H

#include <stdint.h>

#include "request.pb-c.h"

struct ctl_conn;
struct lbd;
struct plan;

void usage_answer(struct lbd *lbd, struct ctl_conn *conn, const Cas__UsageRequest *request);

/* Of a slot, also of one whose member has gone; only read. */
char *usage_member_name(const struct plan *plan, uint16_t slot);

#endif
