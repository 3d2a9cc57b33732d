/* SPDX-License-Identifier: BSD-2-Clause */
/* Answers MembersRequest: each member, its standing in each pool and its traffic. */
#ifndef CASPAIR_MEMBERS_H
#define CASPAIR_MEMBERS_H

struct ctl_conn;
struct lbd;

void members_answer(struct lbd *lbd, struct ctl_conn *conn);

#endif
