/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The VRRP machine (RFC 9568, section 6) with what a pair adds to it: words of the peer's vrrpd,
 * epochs, the lease and the gate.  Pure: an event and the time go in, the next state, the deadlines
 * and a set of actions come out.
 *
 * All times are nanoseconds of one clock that also counts suspended time (CLOCK_BOOTTIME), because
 * the lease is judged by it.  Epochs: of all nodes that call themselves active the highest wins.
 */
#ifndef CASPAIR_FSM_H
#define CASPAIR_FSM_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/addr.h"

enum fsm_state { FSM_INIT, FSM_BACKUP, FSM_ACTIVE, FSM_FAULT, FSM_STATES };

enum fsm_kind {
	FSM_START,        /* `start` */
	FSM_FAILED,       /* `fault`: something this node needs has gone */
	FSM_RECOVERED,    /* `fault`: and has come back */
	FSM_ADVERT,       /* `advert`: valid, priority above 0 */
	FSM_RELEASE,      /* `advert`: priority 0 */
	FSM_DOWN_TIMER,   /* nobody has advertised for too long */
	FSM_ADVERT_TIMER, /* our next advert is due */
	FSM_YIELD_TIMER,  /* the peer has not confirmed yet */
	FSM_PEER_REPORT,  /* `report` */
	FSM_PEER_YIELD,   /* `epoch`: the peer lets go */
	FSM_PEER_TAKEN,   /* `epoch`: the peer is active */
	FSM_RESERVED,     /* `epoch`: up to here they are safe on disk */
	FSM_HANDOVER,     /* the operator wants the peer to be active, and the peer is ready */
	FSM_FENCED,       /* the data plane or lbd took the role away */
	FSM_STOP,
	FSM_EVENTS
};

/* The gravest first: of several, that one is told to people. */
enum fsm_fault {
	FSM_FAULT_LINK = 1,  /* no carrier where the adverts go */
	FSM_FAULT_PLANE = 2, /* lbd has never been there: nothing would forward */
	FSM_FAULT_EPOCH = 4, /* the next epoch cannot be stored */
	/* With these a node still leads when nobody else does: the least bad is better than none.
	 */
	FSM_FAULT_TRACK = 8,    /* no carrier on a tracked interface */
	FSM_FAULT_HEALTH = 16,  /* lbd says that its data plane is not whole */
	FSM_FAULT_ROBBED = 128, /* somebody else keeps deleting the floating addresses here */
	FSM_FAULT_SOFT = FSM_FAULT_TRACK | FSM_FAULT_HEALTH | FSM_FAULT_ROBBED,
};

/* To be carried out in the order of their bits; the order is the protocol. */
enum fsm_action {
	FSM_LEASE_STANDBY = 1 << 0, /* admit nothing any more; until fsm.yield_until see LEAVING */
	FSM_SEND_YIELD = 1 << 1,    /* to the peer's vrrpd, over the channel */
	FSM_SEND_RELEASE = 1 << 2,  /* advert with priority 0 */
	FSM_DROP_ADDRESSES = 1 << 3,
	FSM_LEASE_ACTIVE = 1 << 4, /* with fsm.epoch and fsm.lease_until */
	FSM_SEND_ADVERT = 1 << 5,  /* after writing fsm.lease_until to the lease */
	FSM_TAKE_ADDRESSES = 1 << 6,
	FSM_ANNOUNCE = 1 << 7,   /* gratuitous ARP, the whole schedule from its start */
	FSM_REANNOUNCE = 1 << 8, /* a rival was heard: hosts may have learned it */
	FSM_REPORT_ROLE = 1 << 9,
	FSM_SEND_TAKEN = 1 << 10,
	FSM_CONFIRMED = 1 << 11,   /* the peer is active after our YIELD */
	FSM_UNCONFIRMED = 1 << 12, /* it has not said so in time */
	FSM_STOPPED = 1 << 13,     /* nothing keeps the process any more */
};

/* What is known of the peer over the channel. */
struct fsm_report {
	bool channel;        /* up; otherwise the rest is not valid */
	bool peer_active;    /* role of the peer's vrrpd */
	bool peer_standby;   /* neither active nor unwell */
	bool ready;          /* the gate: this node holds what it needs to relieve a living peer */
	uint8_t priority;    /* of the peer */
	uint64_t peer_epoch; /* in which the peer is, or was, active */
	uint64_t highest;    /* epoch ever heard of */
};

struct fsm_event {
	enum fsm_kind kind;
	uint64_t now;
	const char *reason; /* for people; NULL: the machine's own words */
	union {
		struct {
			unsigned int faults;
			uint64_t hold_until; /* not active on its own account before this */
		} start;
		struct {
			unsigned int bit;
			uint64_t epoch; /* the last this node led in since it booted, or 0 */
		} fault;
		struct {
			struct addr source;
			uint8_t priority;
			uint64_t interval_ns;
		} advert;
		struct fsm_report report;
		uint64_t epoch;
	};
};

enum fsm_family { FSM_V4, FSM_V6, FSM_FAMILIES };

struct fsm_config {
	/* Sources of adverts, by family.  A node that sends both is still one rival in one
	 * election.  Of family 0: not in use, or not known. */
	struct addr own[FSM_FAMILIES], peer[FSM_FAMILIES];
	uint8_t priority; /* 1..254 */
	bool preempt;
	uint64_t advert_ns;
	uint64_t hold_ns;
};

enum { FSM_REASON = 96 };

static const uint64_t FSM_EPOCH_MAX = UINT64_C(1) << 62;

/* Read by everybody, written by fsm_init() and fsm_step() alone. */
struct fsm {
	struct fsm_config config;
	enum fsm_state state;
	unsigned int faults; /* enum fsm_fault */
	char reason[FSM_REASON];
	uint64_t since;

	uint64_t epoch;    /* in which this node leads or last led; 0: it is not known to have */
	uint64_t floor;    /* it may have used any up to here before it was started */
	uint64_t heard;    /* highest of anybody else */
	uint64_t reserved; /* highest that is safe to use */

	/* Deadlines; 0: not running. */
	uint64_t down_at, advert_at, yield_at;
	uint64_t yield_until;
	uint64_t hold_until;
	uint64_t lease_until;

	uint64_t interval_ns; /* of the active node, learned from its adverts */
	uint64_t heard_at;    /* last advert; 0: never */
	uint64_t answered_at; /* a rival's advert, last; 0: never */
	struct fsm_report report;
	bool released;        /* the last that was heard was a priority 0 */
	bool doubted;         /* late: others had the word before our next advert */
	bool led, succeeded;  /* was active; and somebody took over after that */
	unsigned int deposed; /* by the channel, in a row, without an advert between */

	unsigned int actions; /* being collected by the running step */
	uint64_t transitions;
	uint64_t impossible[FSM_STATES][FSM_EVENTS];
};

extern const char *const fsm_state_names[FSM_STATES];
extern const char *const fsm_event_names[FSM_EVENTS];

/* A machine in FSM_INIT.  `floor` is the highest epoch that this node may have used before. */
void fsm_init(struct fsm *fsm, const struct fsm_config *config, uint64_t floor);

/*
 * Takes one event and returns the actions (enum fsm_action) to carry out.  A pair of state and
 * event that cannot be is counted in `impossible` and changes nothing.
 */
unsigned int fsm_step(struct fsm *fsm, const struct fsm_event *event);

/* Whether the table has a row for the pair. */
bool fsm_expects(enum fsm_state state, enum fsm_kind kind);

/* The timer event that is due now, or FSM_EVENTS.  To be asked again after each step. */
enum fsm_kind fsm_due(const struct fsm *fsm, uint64_t now);

/* When fsm_due() will have something to say; 0: never. */
uint64_t fsm_deadline(const struct fsm *fsm);

/* Silence after which a backup takes over: three adverts and the skew, RFC 9568 6.1. */
uint64_t fsm_patience(const struct fsm *fsm);

/* The lease: shorter than the peer's patience, so that it has run out before the peer acts. */
uint64_t fsm_lease(const struct fsm_config *config);

#endif
