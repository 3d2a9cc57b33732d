/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The two neighbours in the node: lbd, whose data plane we lead, and syncd, through which the
 * peer's vrrpd is heard.  Links that connect again by themselves; what they say comes in as events.
 */
#ifndef CASPAIR_TRACK_H
#define CASPAIR_TRACK_H

#include <stdbool.h>

#include "conf/revision.h"
#include "request.pb-c.h"

struct ev_loop;
struct ctl_link;

struct track_ops {
	/* lbd shares its lease; the descriptor is closed after the call. */
	void (*lease)(void *arg, int fd);
	void (*facts)(void *arg, const Cas__LbdFacts *facts);
	void (*lbd)(void *arg, bool linked);
	void (*syncd)(void *arg, bool linked);
	void (*report)(void *arg, const Cas__PeerReport *report);
	void (*word)(void *arg, const Cas__PeerWord *word);
	void (*hand_over_ready)(void *arg, const Cas__HandOverReady *ready);
	/* 0 or -errno: the answer to syncd. */
	int (*follow)(void *arg, const struct revision *which);
};

struct track {
	struct ctl_link *lbd, *syncd;
	bool lbd_linked, syncd_linked;
	const struct track_ops *ops;
	void *arg;
};

/* Begins to connect to lbd.sock and syncd.sock in `run_dir`.  0 or -errno, logged. */
int track_open(struct track *track, struct ev_loop *loop, const char *run_dir,
	       const struct track_ops *ops, void *arg);
void track_close(struct track *track);

/* To syncd; false when it is not linked or does not take it. */
bool track_send_role(struct track *track, Cas__RoleChange *role);
bool track_send_word(struct track *track, Cas__PeerWord *word);
bool track_send_hand_over(struct track *track, uint64_t id);

#endif
