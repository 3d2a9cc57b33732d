/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether the LAN of this node looks alive: stations beside the peer that should answer, namely the
 * configured witnesses, the default gateway and the members.  It is the kernel that asks them (ARP,
 * neighbour solicitation) and reads what they say: vrrpd, which has rights, parses none of it, and
 * one way serves both families.  A witness behind a router is the router.
 */
#ifndef CASPAIR_WITNESS_H
#define CASPAIR_WITNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ev.h>

#include "proto/addr.h"
#include "vrrp/inquiry.h"
#include "vrrp/lookout.h"

struct conf;

enum { WITNESS_MAX = INQUIRY_MAX };

struct witness {
	struct addr addr;
	bool known;       /* has answered since the start */
	bool answered;    /* in the last round */
	int ifindex;      /* where it was looked for last; 0: nowhere yet */
	uint64_t seen_ns; /* CLOCK_BOOTTIME of its last answer */
};

/* A round is over. */
typedef void witness_told(void *arg, enum lookout_round round);

struct witnesses {
	struct inquiry inquiry;
	struct ev_loop *loop;
	ev_io io;
	witness_told *told;
	void *arg;
	struct witness witness[WITNESS_MAX];
	size_t count, known;
	int dark; /* an interface on which none answered in the last round; 0: there is none */
	uint64_t asked_ns; /* CLOCK_BOOTTIME of the round that runs; 0: none does */
	bool late;         /* it has been logged that the kernel does not answer */
	bool overslept;    /* what the round that runs brings says nothing of them */
};

/* Starts asking, with the rights of that moment (inquiry.h).  0 or -errno, logged. */
int witness_open(struct witnesses *witnesses, struct ev_loop *loop, witness_told *told, void *arg);
void witness_close(struct witnesses *witnesses);

/* The witnesses that a configuration names.  Those that stay keep what is known of them. */
void witness_plan(struct witnesses *witnesses, const struct conf *conf);

/*
 * Begins a round, unless one runs: the kernel asks all of them, and `told` hears who has answered a
 * tenth of a second later.  `again`: also those are asked that have not answered the last question.
 * Not for ever, because it keeps the kernel from asking for a new MAC address.
 */
void witness_ask(struct witnesses *witnesses, bool again);
/* This process was stopped meanwhile: the round that runs, if one does, begins again. */
void witness_overslept(struct witnesses *witnesses);
/* Whether it has lately.  For people. */
bool witness_answers(const struct witness *witness);

#endif
