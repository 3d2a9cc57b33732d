/* SPDX-License-Identifier: BSD-2-Clause */
/* The daemon's one struct: what its modules have of each other. */
#ifndef CASPAIR_LBD_H
#define CASPAIR_LBD_H

#include <ev.h>

#include "conf/daemon.h"
#include "conf/revision.h"
#include "lbd/attach.h"
#include "lbd/dataplane.h"
#include "lbd/guard.h"
#include "lbd/judge.h"
#include "lbd/meter.h"
#include "lbd/neighbour.h"
#include "lbd/opinion.h"
#include "lbd/pinhole.h"
#include "lbd/release.h"
#include "lbd/reset.h"
#include "lbd/roster.h"
#include "lbd/share.h"
#include "lbd/sweep.h"
#include "lbd/warm.h"

struct lbd {
	struct ev_loop *loop;
	struct daemon daemon;
	struct daemon_options options;
	unsigned int node;
	struct conf *conf;
	struct plan *plan; /* in force; borrows from conf */
	struct dataplane plane;
	struct attach attach;
	struct judge judge;
	struct guard guard;
	struct sweep sweep;
	struct reset reset;
	struct release release;
	struct roster roster;
	struct pinhole pinhole;
	struct meter meter;
	struct opinions opinions;
	struct neighbour neighbour;
	struct warm warm;
	struct share share;
	ev_timer poll;   /* of the lease: the role has no event */
	ev_timer settle; /* after link events */
	uint64_t started_ns;
	bool attached;         /* on all interfaces */
	char why[ATTACH_TEXT]; /* it is not */
};

/*
 * This revision of the configuration is in force: take it over, as after SIGHUP.  0, also when it
 * is the one that runs; or a negative errno, logged, and the old one stays: -ESTALE when the state
 * directory says that it is another.
 */
int lbd_follow(struct lbd *lbd, const struct revision *which);

#endif
