/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The control socket: descriptors for syncd and vrrpd, facts for both, questions of pairctl.  The
 * end of vrrpd's link while this node is active is a death: fence first, tell the peer next.
 */
#ifndef CASPAIR_SHARE_H
#define CASPAIR_SHARE_H

#include <ev.h>

#include "proto/memo.h"
#include "conf/ctl.h"

struct lbd;

struct share {
	struct ev_loop *loop;
	struct ctl_server *server;
	struct ctl_conn *syncd, *vrrpd; /* the latest link of each; NULL: none */
	struct memo memo; /* from syncd, half of it */
	ev_timer facts;
	unsigned long long fenced; /* times that vrrpd's death fenced this node */
};

/* Listens in the run directory.  0 or a negative errno, the reason logged. */
int share_start(struct share *share, struct lbd *lbd);
void share_stop(struct share *share);

/* Something that the other daemons want to know has changed. */
void share_tell(struct lbd *lbd);

#endif
