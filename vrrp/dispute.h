/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A station that is not of the pair uses a floating address: what it sends is read as a claim, a
 * claim begins a dispute or goes on with one, and the dispute ends when nothing is heard for a
 * while.  Pure.  RFC 5227, 2.4 (c) is the model: the address is kept, and defended by announcing
 * it.  Not each 10 s (DEFEND_INTERVAL) but each second at most: hosts believe the last who spoke,
 * and the address of an array cannot be somebody else's for so long.
 */
#ifndef CASPAIR_DISPUTE_H
#define CASPAIR_DISPUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/addr.h"
#include "vrrp/vip.h"

#define DISPUTE_PAUSE UINT64_C(1000000000)  /* between two defences of an address, ns */
#define DISPUTE_QUIET UINT64_C(60000000000) /* it is over after that, ns */

enum { DISPUTE_BEGINS = 1 << 0, DISPUTE_DEFEND = 1 << 1 };

/* Somebody says that `addr` is at `mac`. */
struct claim {
	struct addr addr;
	uint8_t mac[6];
	int ifindex;
};

struct dispute {
	struct claim claim; /* the latest */
	uint64_t since, seen;
	uint64_t defended; /* when last */
	bool owed;         /* claimed since then, too early for another defence */
};

struct disputes {
	struct dispute list[VIP_MAX]; /* in the order in which they began */
	size_t count;
	uint64_t claims, defences; /* for ever */
};

/*
 * An ARP packet, request or reply, whose sender has an address (RFC 5227, 1.1: a probe has none),
 * or an IPv6 packet that is a neighbour advertisement (RFC 4861, 4.4), each from its own header on;
 * `from` sent the frame, and counts where an advertisement does not name a MAC address.  Fills addr
 * and mac; false: it is neither, or is damaged.
 */
bool dispute_read_arp(struct claim *claim, const uint8_t *packet, size_t length);
bool dispute_read_nd(struct claim *claim, const uint8_t *packet, size_t length,
		     const uint8_t from[6]);

/* The claim of a stranger to an address that this node has: what follows, of the flags above. */
unsigned int dispute_note(struct disputes *disputes, const struct claim *claim, uint64_t now);
/*
 * The next address whose defence has had to wait and is due now; NULL: none is.  Hosts believe the
 * last who spoke: that must not be the stranger.  dispute_owes(): some are to come.
 */
const struct addr *dispute_due(struct disputes *disputes, uint64_t now);
bool dispute_owes(const struct disputes *disputes);
/* One that is over, and is in the list no more: true, as long as there are any. */
bool dispute_over(struct disputes *disputes, uint64_t now, struct dispute *over);
/* This node has the addresses no more. */
void dispute_forget(struct disputes *disputes);

#endif
