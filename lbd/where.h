/* SPDX-License-Identifier: BSD-2-Clause */
/* Answers WhereRequest: which member a new connection of a client would reach, and why. */
#ifndef CASPAIR_WHERE_H
#define CASPAIR_WHERE_H

#include "request.pb-c.h"

struct ctl_conn;
struct lbd;

void where_answer(struct lbd *lbd, struct ctl_conn *conn, const Cas__WhereRequest *request);

#endif
