/* SPDX-License-Identifier: BSD-2-Clause */
/* Answers to pairctl: what is asked of lbd. */
#ifndef CASPAIR_ANSWER_H
#define CASPAIR_ANSWER_H

#include "conf/ctl.h"

struct lbd;

/* A long answer under way, hanging on its connection (ctl_set_data). */
struct answering {
	void (*go_on)(struct answering *answering);  /* what was sent is taken; may be NULL */
	void (*forget)(struct answering *answering); /* the asker has gone */
};

/* A question came; what is none is refused. */
void answer_question(struct lbd *lbd, struct ctl_conn *conn, const Cas__Message *message);

/* The connection took what was sent: a long answer goes on. */
void answer_continue(struct ctl_conn *conn);

/* The connection has gone, and with it an answer that was under way. */
void answer_forget(struct ctl_conn *conn);

#endif
