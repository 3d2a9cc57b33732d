/* SPDX-License-Identifier: BSD-2-Clause */
/* Answers to pairctl: status, members, sessions (streamed) and where. */
#ifndef CASPAIR_ANSWER_H
#define CASPAIR_ANSWER_H

#include "conf/ctl.h"

struct lbd;

/* A question came; what is none is refused. */
void answer_question(struct lbd *lbd, struct ctl_conn *conn, const Cas__Message *message);

/* The connection took what was sent: a long answer goes on. */
void answer_continue(struct lbd *lbd, struct ctl_conn *conn);

/* The connection has gone, and with it an answer that was under way. */
void answer_forget(struct ctl_conn *conn);

#endif
