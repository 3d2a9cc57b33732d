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

#include "proto/addr.h"
#include "vrrp/lookout.h"

struct conf;
struct nl_sock;

enum { WITNESS_MAX = 16 };

struct witness {
	struct addr addr;
	bool known;       /* has answered since the start */
	bool answered;    /* in the last round */
	int ifindex;      /* where it was looked for last; 0: nowhere yet */
	uint64_t seen_ns; /* CLOCK_BOOTTIME of its last answer */
};

struct witnesses {
	struct nl_sock *sock; /* NULL: closed */
	struct witness witness[WITNESS_MAX];
	size_t count, known;
	int dark; /* an interface on which none answered in the last round; 0: there is none */
};

/* 0 or -errno, logged. */
int witness_open(struct witnesses *witnesses);
void witness_close(struct witnesses *witnesses);

/* The witnesses that a configuration names.  Those that stay keep what is known of them. */
void witness_plan(struct witnesses *witnesses, const struct conf *conf);

/*
 * A round: has the kernel ask all of them.  `again`: also those that have not answered the last
 * question.  Not for ever, because it keeps the kernel from asking for a new MAC address.
 */
void witness_ask(struct witnesses *witnesses, bool again);
/* Who has answered since, which takes a tenth of a second at most. */
enum lookout_round witness_look(struct witnesses *witnesses);
/* Whether it has lately.  For people. */
bool witness_answers(const struct witness *witness);

#endif
