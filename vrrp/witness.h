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

struct conf;
struct nl_sock;

enum { WITNESS_MAX = 16 };

enum witness_verdict {
	WITNESS_UNKNOWN, /* none has ever answered: that proves nothing */
	WITNESS_ANSWERS,
	WITNESS_SILENT, /* all that ever answered have not for some time */
};

struct witness {
	struct addr addr;
	bool known;       /* has answered since the start */
	uint64_t seen_ns; /* CLOCK_BOOTTIME of its last answer */
};

struct witnesses {
	struct nl_sock *sock; /* NULL: closed */
	struct witness witness[WITNESS_MAX];
	size_t count, known;
};

/* 0 or -errno, logged. */
int witness_open(struct witnesses *witnesses);
void witness_close(struct witnesses *witnesses);

/* The witnesses that a configuration names.  Those that stay keep what is known of them. */
void witness_plan(struct witnesses *witnesses, const struct conf *conf);

/* Reads who has answered and has the kernel ask again: to be called about twice a second. */
enum witness_verdict witness_look(struct witnesses *witnesses);
bool witness_answers(const struct witness *witness);

#endif
