/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What lbd alone writes, for each packet to be steered by: roles, ports, services, sources, pools,
 * Maglev tables and members; and the figures that the data plane keeps beside them.  Both compilers
 * read this file; addresses and ports (__be16) are in network byte order, everything else is not.
 */
#ifndef CASPAIR_FLOW_TABLES_H
#define CASPAIR_FLOW_TABLES_H

#include <linux/types.h>

#include "proto/flow_ip.h"
#include "proto/flow_limits.h"

/* Map `control`, one entry. */
struct flow_control {
	__u32 layout;       /* FLOW_LAYOUT */
	__u32 roles_active; /* which of the two tables in `roles` is in force */
	__u64 seed;         /* key of the choice hash; equal on both nodes, see conf_seed() */
	__u32 generation;   /* counts configuration changes on this node */
	__u16 routes;       /* counts changes of routes and links: outdates every hop */
	__u16 node;         /* 1 or 2: which half of a source's ports is this node's to give */
};

enum flow_role_kind {
	ROLE_FREE = 0,
	ROLE_VIP,     /* id: array number; the address that clients use */
	ROLE_MEMBER,  /* id: slot in `members` */
	ROLE_GATEWAY, /* floating address that routes: of members, of the virtual router itself */
	ROLE_SOURCE,  /* id: slot in `sources`; members see it in a client's place */
};

/* What an address means to us. */
struct flow_role {
	struct flow_ip addr;
	__u16 id;
	__u16 port_table; /* index in `ports`; for VIP and MEMBER */
	__u8 kind;        /* enum flow_role_kind */
	__u8 pad[3];
};

/*
 * Map `roles`, two entries; open addressing: start at flow_role_hash(addr), at most
 * FLOW_ROLE_PROBES steps, a free slot ends the search.  lbd writes the idle table, then flips
 * control.roles_active.
 */
struct flow_role_table {
	struct flow_role slot[FLOW_ROLE_SLOTS];
};

static inline __u32 flow_role_hash(const struct flow_ip *ip)
{
	__u32 fold = ip->word[0] * 0x85ebca6bu + ip->word[1] * 0xc2b2ae35u +
		     ip->word[2] * 0x27d4eb2fu + ip->word[3];

	return fold * 0x9e3779b1u >> 21; /* 2^11 = FLOW_ROLE_SLOTS */
}

/*
 * Map `ports`, one entry per array: service number + 1 for each port (host order index), 0: none.
 * FLOW_PORT_CLOSED on top: of the service's range, but not open now; connections are refused.
 */
#define FLOW_PORT_CLOSED 0x8000

struct flow_port_table {
	__u16 service[65536];
};

enum flow_service_flags {
	SERVICE_USED = 1,
	/* What becomes of packets in mid-stream without a record; neither: pin and Maglev say. */
	SERVICE_UNKNOWN_RESET = 2,
	SERVICE_UNKNOWN_DROP = 4,
	SERVICE_INSPECT = 8, /* RPC binds are read for the census */
	/* The peer has the flow before the client hears that there is one; see struct flow_acked. */
	SERVICE_STRICT = 16,
	SERVICE_REQUIRE = 32, /* and without that the client does not hear it at all */
	SERVICE_ENCRYPTED = 64, /* inspected: lbd is told of binds below CENSUS_PRIVACY, and ends them */
};

/* How packets get to a member and back. */
enum flow_mode {
	MODE_NAT = 0, /* destination rewritten; answers come back through the pair */
	MODE_DSR,     /* only the frame's address; members have the VIP and answer by themselves */
	MODE_SNAT,    /* both rewritten: the member answers to an address of the pair */
};

/* Map `services`. */
struct flow_service {
	struct flow_ip vip[FLOW_FAMILIES]; /* none where the array lacks that family */
	__u16 pool;                        /* index in `pools` */
	__u8 flags;
	__u8 mode;        /* enum flow_mode, of new flows */
	__u32 idle_ticks; /* an established flow that is silent for longer is expired */
	/* What one source address may have and begin, 0: anything. */
	__u32 source_flows; /* in the whole pool, which has affinity then */
	__u32 source_rate;  /* new ones in a second; at most FLOW_SOURCE_RATE */
	__u32 number;       /* index of this entry */
	/* What members may see in a client's place; NAT: of clients on link with them. */
	__u8 sources[FLOW_FAMILIES];                      /* how many of the next */
	__u8 source[FLOW_FAMILIES][FLOW_SERVICE_SOURCES]; /* slots in `sources` */
	__u8 pad[2];
};

enum flow_source_flags {
	SOURCE_USED = 1,
	SOURCE_GONE = 2, /* no longer configured; kept while flows refer to it */
};

/*
 * Map `sources`.  A source keeps its slot as long as any flow refers to it.  Of its ports the first
 * half is the first node's to give to new flows, the second half the second's.
 */
struct flow_source {
	struct flow_ip addr;
	__u16 first; /* port, host order */
	__u16 ports; /* from there on; even */
	__u8 flags;
	__u8 pad[3];
};

/* Map `source_stats`, same index as `sources`; written atomically by BPF. */
struct flow_source_stats {
	__u64 flows; /* in the flow table now */
	__u64 next;  /* where the search for a free port goes on */
};

enum flow_pool_flags {
	POOL_USED = 1,
	POOL_AFFINITY = 2, /* clients are pinned */
};

/*
 * Map `pools`.  A pool is an affinity group of an array, or a service without one: the unit in
 * which members are chosen.  `id` names it on both nodes (conf_pool_id()), the slot is local.
 *
 * Outside of a switch `table` and `base` are one.  When members, weights or verdicts change, lbd
 * moves `table` at once; `base` stays what both nodes derive from until the standby is ready to
 * move its own, and until then a flow whose member the base does not yield is recorded at its SYN.
 */
struct flow_pool {
	__u32 id;
	__u8 flags;
	__u8 table; /* in `maglev`: where new clients go */
	__u8 base;  /* in `maglev`: where packets in mid-stream go of which there is no record */
	__u8 pad;
	__u32 linger_ticks;          /* a pin without flows lives this long */
	__u32 generation;            /* raised with each change of member set, weights or states */
	__u64 up[FLOW_MEMBER_WORDS]; /* members that take new clients; bit = slot in `members` */
};

/* Map `maglev`, FLOW_TABLES entries: member slot, or FLOW_NO_MEMBER throughout an empty table. */
struct flow_maglev {
	__u16 member[FLOW_MAGLEV_SIZE + 1]; /* the last one pads to four bytes */
};

enum flow_member_flags {
	MEMBER_USED = 1,
	MEMBER_GONE = 2, /* no longer configured; kept while flows refer to it */
};

/*
 * Map `members`.  A member keeps its slot as long as any flow refers to it.  One slot, one weight
 * and one verdict for both of its addresses.
 */
struct flow_member {
	struct flow_ip addr[FLOW_FAMILIES];
	struct flow_ip vip[FLOW_FAMILIES]; /* of its array */
	__u8 flags;
	__u8 pad[7];
};

/* Map `member_stats`, same index as `members`; written atomically by BPF. */
struct flow_member_stats {
	__u64 flows;       /* in the flow table now */
	__u64 connections; /* ever promoted here */
	__u64 syns;        /* sent to it, retransmissions too */
	__u64 silent;      /* of these, the last ones, since it has said anything in a handshake */
	__u64 refusals;    /* resets in place of a SYN-ACK */
	__u64 resets;      /* in mid-stream */
	__u32 silent_from; /* who sent the first of `silent`, folded; 0: nobody yet */
	__u32 silent_more; /* of `silent`, those that others sent */
};

/*
 * Map `member_bytes`, same index, per CPU: every packet counts here, and CPUs that shared the entry
 * would wait for each other.
 */
struct flow_member_bytes {
	__u64 in; /* client to member */
	__u64 out;
};

/*
 * Maps `round_trips` (one entry an array: from the member's SYN-ACK to the client's ACK of it) and
 * `answer_times` (a member: from SYN to SYN-ACK), seen from the pair.  Bucket i counts times below
 * 2^i microseconds and not below half of that; the last one everything longer.
 */
enum { FLOW_BUCKETS = 28 };

struct flow_histogram {
	__u64 bucket[FLOW_BUCKETS];
	__u64 sum_us;
};

/*
 * Map `client_nets`: LRU_HASH; of the same round trips, those of each network of clients, which is
 * a /24 of IPv4 or a /64 of IPv6.  Written by BPF, counts and sum atomically.
 */
struct client_net_key {
	struct flow_ip net; /* its first address */
	__u32 array;        /* number, as of the VIP's role */
};

struct client_net {
	__u64 count;
	__u64 slow; /* of these, not below FLOW_SLOW_TRIP_US */
	__u64 sum_us;
	__u64 max_us;
	__u64 seen_ns; /* CLOCK_MONOTONIC, of the last one */
};

/* From here on people notice: what Outlook in online mode is said to bear. */
enum { FLOW_SLOW_TRIP_US = 200000 };

enum { FLOW_NET_IPV4 = 24, FLOW_NET_IPV6 = 64 }; /* bits */

static inline struct flow_ip flow_ip_net(const struct flow_ip *client)
{
	struct flow_ip net = *client;

	if (flow_ip_family(client) == FLOW_IPV6)
		net.word[2] = net.word[3] = 0;
	else
		((__u8 *)&net.word[3])[3] = 0;
	return net;
}

/* Sources have ports from here to the last one, but for a VIP, which has none of its services. */
#define FLOW_SOURCE_FIRST 1024

_Static_assert(sizeof(struct flow_control) == 24, "layout");
_Static_assert(sizeof(struct flow_role) == 24, "layout");
_Static_assert(sizeof(struct flow_service) == 88, "layout");
_Static_assert(sizeof(struct flow_source) == 24, "layout");
_Static_assert(sizeof(struct flow_source_stats) == 16, "layout");
_Static_assert(sizeof(struct flow_pool) == 16 + 8 * FLOW_MEMBER_WORDS, "layout");
_Static_assert(sizeof(struct flow_member) == 72, "layout");
_Static_assert(sizeof(struct flow_member_stats) == 56, "layout");
_Static_assert(sizeof(struct flow_member_bytes) == 16, "layout");

#endif
