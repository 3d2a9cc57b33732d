/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Drain and maintenance: takes an operator's word about a member, keeps it on disk, tells it to the
 * peer through the log, and puts it in force, all of it on either node.  Only the active node is
 * asked.
 */
#ifndef CASPAIR_ROSTER_H
#define CASPAIR_ROSTER_H

#include <ev.h>

#include "lbd/admin.h"
#include "request.pb-c.h"

struct ctl_conn;
struct lbd;

struct roster {
	struct admin admin;
	ev_timer announce;
	bool leads; /* this node was active when it was looked at last */
};

/* Reads what was wanted before the restart.  What cannot be read is logged and left there. */
void roster_load(struct roster *roster, const char *state_dir);

/*
 * Sets the duties of a plan that is not yet in force and brings its standings into line, so that
 * its first tables are those that will be.
 */
void roster_plan(const struct roster *roster, struct plan *plan);

void roster_start(struct roster *roster, struct lbd *lbd);
void roster_stop(struct roster *roster);

/* Ten times a second: deadlines pass, spreads go on, roles change. */
void roster_tick(struct lbd *lbd);

/* An operator's question. */
void roster_answer(struct lbd *lbd, struct ctl_conn *conn, const Cas__AdminRequest *request);

/* What the active's lbd has said: a memo of EVENT_ADMIN. */
void roster_obey(struct lbd *lbd, const uint8_t *bytes, size_t size);

/* Says everything once more; as news: to a standby that may have heard none of it. */
void roster_announce(struct lbd *lbd, bool news);

/* Fills in what an operator wants of a member; strings are borrowed. */
void roster_status(const struct lbd *lbd, unsigned int member, Cas__MemberStatus *status);

#endif
