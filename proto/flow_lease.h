/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The lease, written by vrrpd (and its `fenced` word by the data plane and lbd).  Both compilers read
 * this file.
 */
#ifndef CASPAIR_FLOW_LEASE_H
#define CASPAIR_FLOW_LEASE_H

#include <linux/types.h>

#include "proto/flow_ip.h"

enum lease_role {
	LEASE_NONE = 0, /* vrrpd has not decided yet: nothing is admitted */
	LEASE_STANDBY,
	LEASE_ACTIVE,
	LEASE_LEAVING, /* has let go, and the peer is taking over: until until_ns, then as above */
};

/*
 * Map `lease`, one entry, BPF_F_MMAPABLE.  Soft lease: an ACTIVE node serves on past until_ns, but
 * then the first foreign advert (our VRID, TTL 255, priority > 0) sets `fenced`, and from there on
 * ARP for the VIPs is not answered and nothing new is admitted.  Known flows go on in every case.
 * Where routers may lie between the nodes, adverts of the peer are good from ttl_min on.
 * A node that finds its lease long over, and that nobody has asked since, has slept: the peer may
 * lead by now.  It hears first, for as long as the peer's advert may take, and once for each lease.
 * A LEAVING node answers no ARP either and records nothing; but the SYNs of clients that have not
 * learned yet who follows go where the follower would send them, because it holds the same pins.
 */
struct flow_lease {
	__u64 until_ns; /* CLOCK_BOOTTIME */
	__u64 epoch;
	__u64 promoted_ns;        /* CLOCK_MONOTONIC; timers count from here at the earliest */
	__u64 fenced_ns;          /* CLOCK_BOOTTIME, when fenced was set */
	__u32 role;               /* enum lease_role */
	__u32 fenced;             /* 0, or who did it: enum lease_fence */
	struct flow_ip fenced_by; /* source of the advert */
	__u8 vrid;
	__u8 hard;    /* 1: a lease that has run out fences by itself, whoever is heard or not */
	__u8 version; /* of VRRP, 2 or 3; 0: 3 */
	__u8 refuse;  /* 1: the node itself is not spoken to at floating addresses; RFC 9568, 6.1 */
	__u8 ttl_min; /* of the peer's adverts; 0: 255, as for everybody's */
	__u8 pad;
	__u16 advert_cs; /* interval of both nodes' adverts; 0: not known, no sleep is noticed */
	struct flow_ip peer[FLOW_FAMILIES]; /* source of its adverts; none: not known */

	/* The data plane's, CLOCK_BOOTTIME.  Below until_ns they belong to an earlier lease. */
	__u64 asked_ns;  /* somebody asked last, and was answered */
	__u64 listen_ns; /* it began to listen */
};

enum lease_fence {
	FENCE_NONE = 0,
	FENCE_ADVERT, /* data plane heard the other node after the lease had run out */
	FENCE_DAEMON, /* lbd saw vrrpd die */
};

_Static_assert(sizeof(struct flow_lease) == 112, "layout");

#endif
