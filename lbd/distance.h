/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Answers LatencyRequest: how far away the networks of the clients are, and how fast the RPC
 * services of the members.
 */
#ifndef CASPAIR_DISTANCE_H
#define CASPAIR_DISTANCE_H

#include "request.pb-c.h"

struct ctl_conn;
struct lbd;

void distance_answer(struct lbd *lbd, struct ctl_conn *conn, const Cas__LatencyRequest *request);

#endif
