/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the data plane knows of connections: keys and values of the tables of flows, handshakes and
 * pins, which are written by BPF programs alone: the XDP program for packets, caspair_apply for
 * records of the peer, caspair_sweep for ageing.  User space reads them.
 *
 * Both compilers read this file and those beside it (clang -target bpf and the host's), so they
 * include nothing else of ours and use fixed-width kernel types only.  Addresses and ports (__be16)
 * are in network byte order, everything else is in host order.  All of it is about TCP: no key has a
 * protocol.
 */
#ifndef CASPAIR_FLOW_H
#define CASPAIR_FLOW_H

#include <linux/types.h>

#include "proto/flow_ip.h"
#include "proto/flow_limits.h"

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
	FLOW_REPLICA = 4, /* written by caspair_apply, and nobody has gone on with it here: not more
			     than a SYN or a RST of the client's, or a RST of the member's */
	FLOW_DOOMED = 8,  /* ended by us: state is RESET, and whoever still sends gets a reset */
	FLOW_HEARD = 16,  /* doomed, and the client knows: it has said so, or was answered; local */
	FLOW_REVIVED = 32, /* goes on after a RST: the peer has heard of that one only; local */
	FLOW_UNREAD = 64,  /* of an inspected service, and no bind was read yet; local */
	FLOW_BEGUN = 128,  /* recorded at its SYN, and the client has not acknowledged yet; local */
};

/* What the map `flows` holds, see proto/flow_place.h. */
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
	__u32 flows;     /* living flows that have this pin's pool_id; exact, BPF counts */
};

/* Map `gauges`, one entry; written atomically by BPF. */
struct flow_gauges {
	__u64 flows;
	__u64 pins;
};

_Static_assert(sizeof(struct flow_key) == 36, "layout");
_Static_assert(sizeof(struct flow_hop) == 24, "layout");
_Static_assert(sizeof(struct flow) == 72, "layout");
_Static_assert(sizeof(struct handshake) == 44, "layout");
_Static_assert(sizeof(struct pin_key) == 20, "layout");
_Static_assert(sizeof(struct pin) == 16, "layout");

#endif
