/* SPDX-License-Identifier: BSD-2-Clause */
/* Answers StatusRequest: what lbd is doing. */
#ifndef CASPAIR_STATUS_H
#define CASPAIR_STATUS_H

struct ctl_conn;
struct lbd;

void status_answer(struct lbd *lbd, struct ctl_conn *conn);

#endif
