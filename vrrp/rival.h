/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The node that leads by better right, and where it is.  A split that heals in one direction first
 * makes the loser step down to a winner that has never heard it, and that has no reason to announce
 * itself again: hosts would keep the loser's MAC for as long as they keep any.  So the loser tells
 * them the winner's, which it knows from the adverts.
 */
#ifndef CASPAIR_RIVAL_H
#define CASPAIR_RIVAL_H

#include <stdbool.h>
#include <stdint.h>

#include <ev.h>

#include "proto/addr.h"

enum { RIVAL_TAPS = 2, RIVAL_KNOWN = 4, RIVAL_ROUNDS = 3 };

struct rival_tap {
	int fd; /* -1: closed */
	ev_io io;
};

/* Where adverts of a source came from. */
struct rival_known {
	struct addr source; /* of family 0: free */
	uint8_t mac[6];
};

struct rival {
	struct ev_loop *loop;
	struct rival_tap tap[RIVAL_TAPS];
	struct rival_known known[RIVAL_KNOWN]; /* the latest first */
	struct addr winner;
	ev_timer timer;
	unsigned int rounds; /* still to be told */
	/* Tells hosts that the floating addresses of this LAN are at `mac`. */
	void (*tell)(void *arg, const uint8_t mac[6]);
	void *arg;
};

/* `tell` and `arg` are the caller's to set.  0, or -errno with nothing left but rival_close(). */
int rival_open(struct rival *rival, struct ev_loop *loop, int ifindex, uint8_t vrid);
void rival_close(struct rival *rival);

/* This node has stepped down to an advert of `winner`: hosts are told, a few times. */
void rival_leads(struct rival *rival, const struct addr *winner);
/* The latest adverts of `source` have come from `mac`. */
bool rival_is_at(const struct rival *rival, const struct addr *source, const uint8_t mac[6]);
/* This node leads, or speaks for nobody any more. */
void rival_forget(struct rival *rival);

#endif
