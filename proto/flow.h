/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The tables that the data plane and the daemons share: keys, values, ring records and the
 * names they are pinned under.  Both compilers read this file (clang -target bpf and the host's),
 * so it includes nothing of ours and uses fixed-width kernel types only.
 *
 * Addresses (struct flow_ip) and ports (__be16) are in network byte order, everything else is in
 * host order.  All of it is about TCP: no key has a protocol.
 *
 * Who writes what.  The flow, handshake and pin tables are written by BPF programs alone: the XDP
 * program for packets, caspair_apply for records of the peer, caspair_sweep for ageing.  User space
 * reads them.  Configuration tables (roles, ports, services, pools, maglev, members) are written by
 * lbd alone, the lease by vrrpd (and its `fenced` word by the data plane and lbd).
 *
 * Time in entries is counted in ticks of 2^20 ns (about 1.05 ms) of CLOCK_MONOTONIC, 32 bits wide;
 * differences are taken modulo 2^32 and are good for 52 days.
 */
#ifndef CASPAIR_FLOW_H
#define CASPAIR_FLOW_H

#include <linux/types.h>

/* Raised with every change of a layout below; lbd/convert.c says what becomes of the one before. */
#define FLOW_LAYOUT 10

#define FLOW_TICK_SHIFT       20  /* ticks = nanoseconds >> FLOW_TICK_SHIFT */
#define FLOW_TICKS_PER_SECOND 954 /* 10^9 / 2^20, rounded up: a timeout is never cut short */

enum flow_limits {
	FLOW_MAX_ARRAYS = 64,
	FLOW_MAX_SERVICES = 512,
	FLOW_MAX_POOLS = 64,
	FLOW_TABLES = 2 * FLOW_MAX_POOLS + 1, /* for each pool two, and one to write into */
	FLOW_MAX_MEMBERS = 512,
	FLOW_MAX_SOURCES = 255,    /* addresses that members see in a client's place */
	FLOW_SERVICE_SOURCES = 16, /* of one family, for one service */
	FLOW_MEMBER_WORDS = FLOW_MAX_MEMBERS / 64,
	FLOW_ROLE_SLOTS = 2048,
	FLOW_ROLE_PROBES = 16,
	FLOW_MAGLEV_SIZE = 65537, /* prime; Maglev, NSDI 2016, 5.3 */
	FLOW_HANDSHAKES = 65536,
	FLOW_SOURCES = 65536, /* of which the rate of new flows is known */
	FLOW_SOURCE_RATE = 1000000,
	FLOW_REVERSE = 4 << 20, /* flows with a source, at most; as many as `flows` where less */
	FLOW_BATCH = 1024, /* records in one call of caspair_apply or caspair_sweep */
	FLOW_EVENTS_BYTES = 16 << 20,
	FLOW_NOTICES_BYTES = 256 << 10,
	FLOW_NO_MEMBER = 0xffff,
	FLOW_WEIGHT = 16,        /* of a weight in force, for each 1 of the configuration */
	FLOW_CENSUS_DUES = 4096, /* binds in two segments, at a time */
	FLOW_CLIENT_NETS = 4096, /* networks of clients whose distance is known, the latest ones */
	FLOW_CENSUS = 32768,     /* clients whose binds are remembered, the latest ones */
	FLOW_STRICTS = 16384,    /* handshakes of strict services that are looked after at a time */
	FLOW_HELD = 4096,        /* packets that wait for the peer, at most */
	FLOW_HELD_BYTES = 1 << 20,
	FLOW_HELD_FRAME = 128, /* a SYN-ACK with all options, tags and headers of IPv6 fits */
};

/* --- addresses -------------------------------------------------------------------------------- */

/* An IPv6 address, or an IPv4 one as ::ffff:a.b.c.d (RFC 4291, 2.5.5.2).  All zero: none. */
struct flow_ip {
	__be32 word[4];
};

/* Index of what exists once for each family. */
enum flow_family { FLOW_IPV4 = 0, FLOW_IPV6, FLOW_FAMILIES };

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define FLOW_IP_MAPPED 0xffff0000u
#else
#define FLOW_IP_MAPPED 0x0000ffffu
#endif

static inline struct flow_ip flow_ip4(__be32 addr)
{
	return (struct flow_ip){ .word = { 0, 0, FLOW_IP_MAPPED, addr } };
}

static inline int flow_ip_equal(const struct flow_ip *a, const struct flow_ip *b)
{
	return !((a->word[0] ^ b->word[0]) | (a->word[1] ^ b->word[1]) | (a->word[2] ^ b->word[2]) |
		 (a->word[3] ^ b->word[3]));
}

static inline int flow_ip_is_none(const struct flow_ip *ip)
{
	return !(ip->word[0] | ip->word[1] | ip->word[2] | ip->word[3]);
}

static inline enum flow_family flow_ip_family(const struct flow_ip *ip)
{
	return ip->word[0] | ip->word[1] | (ip->word[2] ^ FLOW_IP_MAPPED) ? FLOW_IPV6 : FLOW_IPV4;
}

/* --- configuration, written by lbd ------------------------------------------------------------ */

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

/* --- state, written by BPF -------------------------------------------------------------------- */

/* Key of `flows` and `handshakes`: always the client's view, for both directions. */
struct flow_key {
	struct flow_ip client;
	struct flow_ip vip;
	__be16 client_port;
	__be16 vip_port;
};

/*
 * A way out, as the kernel's routes and neighbours said it at `checked`: which link, between which
 * two stations, and how large a packet may be.  Believed for FLOW_HOP_TICKS, unless control.routes
 * has moved on.
 */
struct flow_hop {
	__u8 to[6];
	__u8 from[6];
	__u32 ifindex; /* 0: not known */
	__u32 checked; /* ticks */
	__u16 mtu;
	__u16 routes; /* control.routes at that time */
};

/*
 * Map `hops`: ways to the members at 2 * slot + family, and behind them, from here on, those that
 * must not lead over a gateway.
 */
#define FLOW_HOPS_DIRECT (2 * FLOW_MAX_MEMBERS)

#define FLOW_HOP_TICKS FLOW_TICKS_PER_SECOND

enum flow_state {
	FLOW_ESTABLISHED = 1,
	FLOW_CLIENT_FIN, /* half closed */
	FLOW_MEMBER_FIN,
	FLOW_CLOSING, /* both FINs seen */
	FLOW_RESET,
	FLOW_CLAIMED, /* DSR: the client says that it is established, and no more than that */
};

enum flow_flags {
	FLOW_OUTBOUND = 1,  /* of a member's own address and a service port, begun by the member or
			       towards it: never rewritten, key.vip is that address and key.client
			       the far end */
	FLOW_PICKED_UP = 2, /* recorded in mid-stream because the member answered */
	FLOW_REPLICA = 4,   /* written by caspair_apply, no packet seen on this node yet */
	FLOW_DOOMED = 8,    /* ended by us: state is RESET, and whoever still sends gets a reset */
	FLOW_HEARD = 16, /* doomed, and the client knows: it has said so, or was answered; local */
	FLOW_REVIVED = 32, /* went on after a RST once: its next one is not reported; local */
	FLOW_UNREAD = 64,  /* of an inspected service, and no bind was read yet; local */
	FLOW_BEGUN = 128,  /* recorded at its SYN, and the client has not acknowledged yet; local */
};

/* Map `flows`: HASH, preallocated, never LRU. */
struct flow {
	__u16 member; /* slot in `members`; FLOW_NO_MEMBER when FLOW_OUTBOUND */
	__u8 state;   /* enum flow_state */
	__u8 flags;
	__u32 epoch;      /* low half of the epoch in which it was admitted */
	__u32 created;    /* ticks */
	__u32 last_seen;  /* ticks */
	__u32 client_ack; /* last ACK number the client sent: the SEQ of a reset it accepts */
	__u32 client_seq; /* SEQ after the client's last byte: the SEQ of a reset the member accepts
			   */
	__u64 bytes_in;
	__u64 bytes_out;
	struct flow_hop hop; /* towards the client; local to this node */
	__u32 pool_id;       /* of the pin that counts this flow, 0: none */
	__u8 mode;           /* enum flow_mode */
	__u8 source;         /* slot in `sources` + 1, 0: the member sees the client */
	__be16 source_port;
};

/*
 * Maps `reverse` (HASH, see FLOW_REVERSE) and `openings` (LRU_HASH, for handshakes): the key of
 * a flow that has a source, found by the connection as its member sees it, which is a flow_key with
 * the source in the client's place and the member in the VIP's.
 */

enum handshake_flags {
	HANDSHAKE_SYNACK = 1,   /* expect_ack is known */
	HANDSHAKE_OUTBOUND = 2, /* becomes FLOW_OUTBOUND */
};

/* Map `handshakes`: LRU_HASH of flow_key, small; losing an entry is harmless. */
struct handshake {
	__u16 member;
	__u8 flags;
	__u8 pad;
	__u32 started;       /* ticks */
	__u32 expect_ack;    /* SYN-ACK's SEQ + 1, host order; DSR: the SEQ that the client goes on
				with */
	__u32 sent_us;       /* when the SYN, then the SYN-ACK was sent on; 0: cannot be told */
	struct flow_hop hop; /* as the SYN came; not set when HANDSHAKE_OUTBOUND */
	__u8 mode;           /* enum flow_mode */
	__u8 source;         /* as in struct flow */
	__be16 source_port;
};

/* Map `pins`: HASH, preallocated, never LRU. */
struct pin_key {
	struct flow_ip client;
	__u32 pool_id; /* flow_pool.id */
};

struct pin {
	__u16 member; /* FLOW_NO_MEMBER: its flows are being ended, the next one may go anywhere */
	__u16 pad;
	__u32 created;
	__u32 last_used; /* ticks: last promotion or end of a flow */
	__u32 flows;     /* living flows of this client in this pool; exact, BPF counts */
};

/* Map `gauges`, one entry; written atomically by BPF. */
struct flow_gauges {
	__u64 flows;
	__u64 pins;
};

/* --- the census: how clients protect their RPC, as their binds say ---------------------------- */

/* Levels of protection, MS-RPCE 2.2.1.1.8; no trailer counts as level 0. */
enum census_level {
	CENSUS_ANONYMOUS = 0,
	CENSUS_PRIVACY = 6, /* encrypted; everything below is not */
	CENSUS_LEVELS = 7,
};

/* Ways to authenticate, by the type in the trailer, MS-RPCE 2.2.1.1.7. */
enum census_type {
	CENSUS_NONE = 0,
	CENSUS_NEGOTIATE, /* 9 */
	CENSUS_NTLM,      /* 10 */
	CENSUS_KERBEROS,  /* 16 */
	CENSUS_OTHER,
	CENSUS_TYPES,
};

/* Key of `census`. */
struct census_key {
	struct flow_ip client;
	__u32 array; /* number, as of the VIP's role */
};

/* A bind, and when it came: CLOCK_MONOTONIC in ns, for a client may be asked about after months. */
struct census_bind {
	__u64 seen_ns; /* 0: there was none */
	__u8 level;    /* enum census_level */
	__u8 type;     /* enum census_type */
	__u8 pad[6];
};

/* Map `census`: LRU_HASH; written by BPF, two CPUs may lose a count to each other. */
struct census {
	__u64 first_ns;
	struct census_bind last;
	struct census_bind open; /* the last one below CENSUS_PRIVACY */
	__u32 level[CENSUS_LEVELS];
	__u32 type[CENSUS_TYPES];
};

/* Map `census_totals`, one entry an array; written atomically by BPF. */
struct census_total {
	__u64 level[CENSUS_LEVELS];
	__u64 type[CENSUS_TYPES];
	__u64 unread; /* connections that were given up without a bind */
};

/* --- the lease, written by vrrpd -------------------------------------------------------------- */

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
	__u8 pad[3];
	struct flow_ip peer[FLOW_FAMILIES]; /* source of its adverts; none: not known */
};

enum lease_fence {
	FENCE_NONE = 0,
	FENCE_ADVERT, /* data plane heard the other node after the lease had run out */
	FENCE_DAEMON, /* lbd saw vrrpd die */
};

/* --- rings ------------------------------------------------------------------------------------ */

enum flow_event_kind {
	EVENT_FLOW_PUT = 1,
	EVENT_FLOW_DEL,
	EVENT_PIN_PUT,
	EVENT_PIN_DEL,
	EVENT_MEMBER,   /* a verdict of lbd, ordered with the flows */
	EVENT_GEN = 10, /* from here on a pool's base is what its verdicts before this say */
	EVENT_ADMIN,    /* what an operator wants of a member: part of a memo, proto/memo.h */
	EVENT_LEARNED,  /* ports that a member was found at: likewise */
	EVENT_REVISION, /* from here on this revision of the configuration is in force: likewise */
};

/* State of EVENT_MEMBER: what holds for new clients, and for the base. */
enum flow_verdict {
	VERDICT_UP = 1,
	VERDICT_BASE_UP = 2,
};

/* State of EVENT_GEN. */
enum flow_gen {
	GEN_REPEATED = 0, /* said before */
	GEN_SWITCH = 1,   /* acknowledged when the base is switched, not before */
};

/*
 * Record of the ring `events` (reader: syncd), and of the arrays `apply_inbox` and `sweep_inbox`.
 * One layout for what leaves one node and enters the other.
 */
struct flow_event {
	__u8 kind; /* enum flow_event_kind */
	/* enum flow_state; MEMBER: enum flow_verdict; GEN: enum flow_gen; a memo: number of the
	 * part */
	__u8 state;
	__u8 flags; /* enum flow_flags that mean something to the peer: OUTBOUND, PICKED_UP */
	__u8 apply; /* enum flow_apply, in apply_inbox only */
	__u32 epoch;
	struct flow_key key; /* PIN: client and pool_id in key.client, pool_id; MEMBER, GEN: vip */
	struct flow_ip member; /* its address of the key's family; MEMBER: its first */
	struct flow_ip source; /* flows with a source_port: what the member sees as the client */
	__be16 source_port;
	__u8 mode;   /* enum flow_mode */
	__u8 urgent; /* a client waits until the peer has it */
	__u32 pool_id;    /* PIN, MEMBER and GEN; a memo: its size */
	__u32 client_ack; /* MEMBER: weight in force, see FLOW_WEIGHT; GEN: its number; a memo: its
			     check */
	__u32 client_seq; /* MEMBER: weight in the base */
	__u32 age;        /* ticks since created */
	__u32 idle;       /* ticks since last seen */
	__u32 pad2;
};

enum flow_apply {
	APPLY_UPSERT = 0,    /* newer record of the history we follow */
	APPLY_IF_ABSENT = 1, /* tail of an older epoch: add, never overwrite, never delete */
};

/* Map `lost`, one entry: events that found the ring full.  When it moves, syncd leaves in-sync. */
struct flow_lost {
	__u64 events;
};

enum flow_notice_kind {
	NOTICE_NEIGHBOUR = 1, /* next hop addr on ifindex has no link-layer address: resolve it */
	NOTICE_FENCED,        /* the data plane fenced this node; addr is who was heard */
	NOTICE_OPEN_BIND,     /* a struct flow_open_bind */
};

/* Record of the ring `notices` (reader: lbd). */
struct flow_notice {
	__u32 kind;
	__u32 ifindex;
	struct flow_ip addr;
};

/* Likewise: this flow has sent a bind that its service does not accept (SERVICE_ENCRYPTED). */
struct flow_open_bind {
	__u32 kind;
	struct flow_key key;
};

/*
 * Map `acked`, one entry, BPF_F_MMAPABLE: how far the peer has followed, for strict services.
 * Positions are those of the ring `events`, in bytes since it was made, as the kernel counts them:
 * what was written below `position` is in the peer's tables, as long as `lost` is the number of
 * events lost.  A writer that is silent for FLOW_STALE_NS is taken for dead.
 */
struct flow_acked {
	/* syncd's */
	__u64 position;
	__u64 lost;
	__u64 synced_ns; /* CLOCK_MONOTONIC; 0: no standby follows closely, nobody is waited for */
	/* lbd's */
	__u64 reader_ns; /* likewise; it reads the ring `held` */
	__u32 holding;   /* packets wait: syncd tells lbd of each step ahead */
	__u32 pad;
};

#define FLOW_STALE_NS 1000000000ull

/*
 * Record of the ring `held` (reader: lbd): a frame as it is to be sent, once the peer has followed
 * up to `position`.  It is sent as it stands by caspair_release, of type tc: the frame is the one
 * to hand it, cb[0] the interface.
 */
struct flow_held {
	__u64 position;
	__u32 ifindex;
	__u16 length;
	__u8 require; /* SERVICE_REQUIRE: never without that */
	__u8 pad;
	__u8 frame[FLOW_HELD_FRAME];
};

/* --- calls: programs of type SYSCALL, run by BPF_PROG_TEST_RUN with this context -------------- */

/*
 * caspair_apply: applies apply_inbox[0 .. count) to flows and pins.  caspair_sweep: re-checks the
 * entries named by sweep_inbox[0 .. count) and expires those that are due (kind FLOW_DEL or
 * PIN_DEL; apply = SWEEP_FORCE drops them in any case, SWEEP_UNUSED a pin that counts no flow),
 * writing DEL events.  caspair_emit: puts
 * sweep_inbox[0] on the ring `events` as it stands.
 */
enum flow_sweep {
	SWEEP_IF_DUE = 0,
	SWEEP_FORCE = 1,
	SWEEP_UNUSED = 2,
};

/*
 * caspair_reset ends flows: each run takes the order sweep_inbox[cb[0]++], of kind FLOW_DEL with
 * one of these in `apply`, and sets its `state` to 1 when it was carried out.  It is of type tc:
 * the frame to hand it is an Ethernet header with the orders' type and room for the headers of IP
 * and TCP, exactly; its device is where routes are asked for.
 */
enum flow_reset {
	RESET_MEMBER = 1, /* its member is down, drained or no longer configured */
	RESET_IDLE,       /* silent for too long, looked at again */
	RESET_AGAIN,      /* doomed before, and the client has not shown that it knows */
	RESET_OPEN_BIND,  /* it has sent a bind that its service does not accept */
};

struct flow_call {
	__u32 count;   /* in */
	__u32 done;    /* out: records that changed something */
	__u32 refused; /* out: unknown member or pool */
	__u32 full;    /* out: table full */
};

/* --- counters --------------------------------------------------------------------------------- */

/* Map `counters`: PERCPU_ARRAY of __u64, one per reason.  Names: flow_counter_names in lbd. */
enum flow_counter {
	COUNT_FORWARDED_IN = 0, /* to a member */
	COUNT_FORWARDED_OUT,    /* to a client */
	COUNT_PASSED,           /* not ours: left to the kernel */
	COUNT_ADMITTED,         /* handshake begun */
	COUNT_PROMOTED,         /* flow recorded after its handshake */
	COUNT_PICKED_UP,        /* flow recorded in mid-stream */
	COUNT_DERIVED,          /* forwarded without a record, by pin or Maglev */
	COUNT_STATELESS_OUT,    /* reply without a record, rewritten by (member, port) */
	COUNT_DROP_MALFORMED,
	COUNT_DROP_FRAGMENT,
	COUNT_DROP_TTL,
	COUNT_DROP_NOT_OWNER, /* new connection at a node that may not admit */
	COUNT_DROP_NO_MEMBER, /* pool empty */
	COUNT_DROP_NO_ROUTE,
	COUNT_DROP_NEIGHBOUR, /* being resolved; TCP retries */
	COUNT_DROP_TOO_BIG,
	COUNT_DROP_ARP,   /* ARP request for an address that another node owns */
	COUNT_FLOWS_FULL, /* no room: forwarded by Maglev, not recorded */
	COUNT_PINS_FULL,
	COUNT_EVENT_LOST,
	COUNT_EXPIRED_IDLE,
	COUNT_EXPIRED_CLOSED,
	COUNT_ADVERT_FENCED,
	COUNT_DROP_STRAY_RESET,  /* of a member that does not hold the flow on record */
	COUNT_DROP_ND,           /* neighbour solicitation for a VIP while fenced */
	COUNT_DROP_EXTENSION,    /* IPv6 extension headers beyond what is followed */
	COUNT_ANSWERED,          /* of the drops above: with an ICMP error to the sender */
	COUNT_ICMP_IN,           /* errors about a member's packets, brought to it */
	COUNT_ICMP_OUT,          /* errors about a client's */
	COUNT_DROP_NOT_ACCEPTED, /* to a floating address, of no service, where that is refused */
	COUNT_RESET_FLOWS,       /* ended by us, both ends told */
	COUNT_RESET_UNSENT,      /* an end to which there was no way */
	COUNT_ANSWERED_DOOMED,   /* a packet of a doomed flow, answered with a reset */
	COUNT_ANSWERED_UNKNOWN,  /* one without a record, by the service's policy */
	COUNT_ANSWERED_CLOSED,   /* one to a port that is not open now */
	COUNT_DROP_UNKNOWN,      /* without a record, by the service's policy */
	COUNT_DROP_ANSWER_RATE,  /* more resets a second than are worth it */
	COUNT_DROP_NO_ANSWER,    /* a frame that cannot be made into a reset */
	COUNT_ANSWERED_SOURCE_FLOWS, /* a SYN of a source that has as many flows as it may */
	COUNT_DROP_SOURCE_RATE,      /* one of a source that has begun enough this second */
	COUNT_EXACT,         /* flow recorded at its SYN: the peer would derive another member */
	COUNT_EXACT_KEPT,    /* not recorded, for there were too many: sent where the peer would */
	COUNT_EXPIRED_BEGUN, /* recorded at its SYN, and nothing came of it */
	COUNT_DROP_INDIRECT,     /* DSR: the way to the member leads over a gateway */
	COUNT_DROP_NO_SOURCE,    /* every port that was tried of the sources is in use */
	COUNT_DROP_UNSOURCED,    /* in mid-stream, and no record tells its source */
	COUNT_CLAIMS_LIMITED,    /* DSR: too many new flows at once, forwarded but not recorded */
	COUNT_SOURCES_GIVEN,     /* new connections that got a source */
	COUNT_SOURCES_STOLEN,    /* of those: from a handshake that was not completed */
	COUNT_STRICT,         /* flow recorded at its SYN, for its service is strict */
	COUNT_STRICT_HELD,    /* packets that wait for the peer */
	COUNT_STRICT_AT_ONCE, /* that need not: the peer was faster than the member */
	COUNT_STRICT_ALONE,   /* that need not: no standby follows closely */
	COUNT_STRICT_AGAIN,   /* dropped: sent once more while the former one waits, or never asked for */
	COUNT_STRICT_FULL,    /* no room to wait, or too long: prefer sends it, require drops it */
	COUNT_STRICT_UNREAD,  /* likewise: lbd is not there */
	COUNT_STRICT_LIMITED, /* likewise, a SYN: too many in this second, or the table is full */
	COUNT_MAX
};

_Static_assert(sizeof(struct flow_control) == 24, "layout");
_Static_assert(sizeof(struct flow_role) == 24, "layout");
_Static_assert(sizeof(struct flow_service) == 88, "layout");
_Static_assert(sizeof(struct flow_source) == 24, "layout");
_Static_assert(sizeof(struct flow_source_stats) == 16, "layout");
_Static_assert(sizeof(struct flow_pool) == 16 + 8 * FLOW_MEMBER_WORDS, "layout");
_Static_assert(sizeof(struct flow_member) == 72, "layout");
_Static_assert(sizeof(struct flow_member_stats) == 56, "layout");
_Static_assert(sizeof(struct flow_member_bytes) == 16, "layout");
_Static_assert(sizeof(struct flow_key) == 36, "layout");
_Static_assert(sizeof(struct flow_hop) == 24, "layout");
_Static_assert(sizeof(struct flow) == 72, "layout");
_Static_assert(sizeof(struct handshake) == 44, "layout");
_Static_assert(sizeof(struct pin_key) == 20, "layout");
_Static_assert(sizeof(struct pin) == 16, "layout");
_Static_assert(sizeof(struct client_net_key) == 20, "layout");
_Static_assert(sizeof(struct client_net) == 40, "layout");
_Static_assert(sizeof(struct census_key) == 20, "layout");
_Static_assert(sizeof(struct census) == 88, "layout");
_Static_assert(sizeof(struct census_total) == 104, "layout");
_Static_assert(sizeof(struct flow_lease) == 96, "layout");
_Static_assert(sizeof(struct flow_event) == 104, "layout");
/* The kernel pads elements of an array, which the inboxes are, and user space maps them. */
_Static_assert(sizeof(struct flow_event) % 8 == 0, "layout");
_Static_assert(sizeof(struct flow_notice) == 24, "layout");
_Static_assert(sizeof(struct flow_open_bind) == 40, "layout");
_Static_assert(sizeof(struct flow_acked) == 40, "layout");
_Static_assert(sizeof(struct flow_held) == 144, "layout");
_Static_assert(sizeof(struct flow_call) == 16, "layout");

#endif
