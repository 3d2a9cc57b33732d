/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What crosses between the data plane and the daemons: the records of its rings, and calls of its
 * programs of type SYSCALL.  Both compilers read this file.
 */
#ifndef CASPAIR_FLOW_EVENT_H
#define CASPAIR_FLOW_EVENT_H

#include <linux/types.h>

#include "proto/flow.h"

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
	APPLY_IF_ABSENT = 1, /* tail of an older epoch: add, and end what ended; nothing else */
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
 * entries named by sweep_inbox[0 .. count): expires those that are due (kind FLOW_DEL or PIN_DEL;
 * apply = SWEEP_FORCE drops them in any case, SWEEP_UNUSED a pin that counts no flow), writing DEL
 * events, and tells the peer of those that went on after a RST (kind FLOW_PUT).  caspair_emit: puts
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

_Static_assert(sizeof(struct flow_event) == 104, "layout");
/* The kernel pads elements of an array, which the inboxes are, and user space maps them. */
_Static_assert(sizeof(struct flow_event) % 8 == 0, "layout");
_Static_assert(sizeof(struct flow_notice) == 24, "layout");
_Static_assert(sizeof(struct flow_acked) == 40, "layout");
_Static_assert(sizeof(struct flow_held) == 144, "layout");
_Static_assert(sizeof(struct flow_call) == 16, "layout");

#endif
