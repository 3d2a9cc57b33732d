/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Answers SessionsRequest as a stream: one slice of the flow table at a time, the next when the
 * asker has taken the last, so that a million sessions cost neither memory nor the loop's time.
 */
#ifndef CASPAIR_SESSIONS_H
#define CASPAIR_SESSIONS_H

#include "request.pb-c.h"

struct ctl_conn;
struct lbd;

void sessions_answer(struct lbd *lbd, struct ctl_conn *conn, const Cas__SessionsRequest *request);

#endif
