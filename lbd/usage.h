/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Answers UsageRequest: one walk over the flow table, slice by slice, says who takes how much of
 * the pair, and which clients have sessions at two members of one affinity group.
 */
#ifndef CASPAIR_USAGE_H
#define CASPAIR_USAGE_H

#include "request.pb-c.h"

struct ctl_conn;
struct lbd;

void usage_answer(struct lbd *lbd, struct ctl_conn *conn, const Cas__UsageRequest *request);

#endif
