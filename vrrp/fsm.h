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
	FSM_CLAIM_TIMER,  /* silence: time to ask the peer */
	FSM_STALE_TIMER,  /* the last report is too old to prove anything */
	FSM_FENCE_TIMER,  /* the fence command has not answered */
	FSM_PEER_REPORT,  /* `report` */
	FSM_PEER_YIELD,   /* `word`: the peer lets go */
	FSM_PEER_TAKEN,   /* `word`: the peer is active */
	FSM_PEER_CLAIM,   /* `word`: the peer wants to be active */
	FSM_PEER_GRANT,   /* `word`: it lets go, because we asked */
	FSM_PEER_REFUSE,  /* `word`: it leads and is well, whatever its adverts do */
	FSM_PEER_CALM,    /* `word`: it asks no more: it hears us, or could not lead */
	FSM_RESERVED,     /* `epoch`: up to here they are safe on disk */
	FSM_HANDOVER,     /* the operator wants the peer to be active, and the peer is ready */
	FSM_FENCED,       /* the data plane or lbd took the role away */
	FSM_FENCE_RESULT, /* `fence`: what became of the fence command */
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
	FSM_FAULT_TRACK = 8,   /* no carrier on a tracked interface */
	FSM_FAULT_HEALTH = 16, /* lbd says that its data plane is not whole */
	FSM_FAULT_LBD = 32,    /* lbd has said nothing for too long */
	/* No witness answers.  Soft only while the channel lives: then the peer knows and decides;
	 * without it this node is on an island, and whatever it leads there is nobody's. */
	FSM_FAULT_LAN = 64,
	FSM_FAULT_ROBBED = 128, /* somebody else keeps deleting the floating addresses here */
	/* No witness answers on one of several interfaces, and the peer is better off. */
	FSM_FAULT_SIDE = 256,
	FSM_FAULT_SOFT = FSM_FAULT_TRACK | FSM_FAULT_HEALTH | FSM_FAULT_LBD | FSM_FAULT_LAN |
			 FSM_FAULT_ROBBED | FSM_FAULT_SIDE,
	FSM_FAULTS = 9,
};

/* To be carried out in the order of their bits; the order is the protocol. */
enum fsm_action {
	FSM_LEASE_STANDBY = 1 << 0, /* admit nothing any more; until fsm.yield_until see LEAVING */
	FSM_SEND_YIELD = 1 << 1,    /* to the peer's vrrpd, over the channel */
	FSM_SEND_GRANT = 1 << 2,    /* the same, as an answer to fsm.asked */
	FSM_SEND_RELEASE = 1 << 3,  /* advert with priority 0 */
	FSM_DROP_ADDRESSES = 1 << 4,
	FSM_LEASE_ACTIVE = 1 << 5, /* with fsm.epoch and fsm.lease_until */
	FSM_LEASE_BOUND = 1 << 6,  /* fsm.lease_until; a hard end while fsm.asked_until is set */
	FSM_SEND_ADVERT = 1 << 7,  /* after writing fsm.lease_until to the lease */
	FSM_TAKE_ADDRESSES = 1 << 8,
	FSM_ANNOUNCE = 1 << 9,    /* gratuitous ARP, the whole schedule from its start */
	FSM_REANNOUNCE = 1 << 10, /* a rival was heard: hosts may have learned it */
	FSM_REPORT_ROLE = 1 << 11,
	FSM_SEND_TAKEN = 1 << 12,
	FSM_SEND_CLAIM = 1 << 13,  /* with fsm.claim */
	FSM_SEND_REFUSE = 1 << 14, /* as an answer to fsm.asked */
	FSM_SEND_CALM = 1 << 15,   /* with fsm.claim */
	FSM_PROBE = 1 << 16,       /* ask the witnesses now: it may be us whom nobody hears */
	FSM_FENCE = 1 << 17,       /* run the fence command, as number fsm.fence_id */
	FSM_CONFIRMED = 1 << 18,   /* the peer is active after our YIELD */
	FSM_UNCONFIRMED = 1 << 19, /* it has not said so in time */
	FSM_STOPPED = 1 << 20,     /* nothing keeps the process any more */
};

/* What is known of the peer over the channel. */
struct fsm_report {
	bool channel;        /* up; otherwise the rest is not valid */
	bool peer_lives;     /* the peer's vrrpd has spoken lately: its role is no memory */
	bool peer_active;    /* role of the peer's vrrpd */
	bool peer_standby;   /* neither active nor unwell */
	bool ready;          /* the gate: this node holds what it needs to relieve a living peer */
	uint8_t priority;    /* of the peer */
	uint64_t peer_epoch; /* in which the peer is, or was, active */
	uint64_t highest;    /* epoch ever heard of */
	uint64_t age_ns;     /* of what the peer said */
};

/* What one vrrpd says to the other over the channel. */
struct fsm_word {
	uint64_t epoch; /* of the sender */
	uint64_t id;    /* of the claim, or of the one that is answered */
	bool preempt;   /* claim: by priority, not because of silence */
	bool lame;      /* claim: no witness answers the sender either */
	bool counts;    /* claim: the sender keeps asking until it says that it does not (CALM) */
	uint64_t age_ns; /* how long it has lain unread on this node */
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
			uint64_t at; /* when the kernel had it; 0: now */
		} advert;
		struct {
			uint64_t id;
			bool done;
		} fence;
		struct fsm_report report;
		struct fsm_word word;
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
	bool strict; /* RFC 9568 to the letter: no claims, no gates, every advert is believed */
	bool fence;  /* there is a fence command */
	bool consistency; /* a peer that could not be fenced is not relieved */
	uint64_t advert_ns;
	uint64_t hold_ns;
	uint64_t preempt_delay_ns;
	uint64_t report_ns; /* an older report proves nothing; 0: as if there were no channel */
	uint64_t fence_ns;  /* what the fence command may take */
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
	uint64_t down_at, advert_at, yield_at, claim_at, stale_at, fence_at;
	uint64_t yield_until;
	uint64_t hold_until;
	uint64_t lease_until;

	uint64_t interval_ns; /* of the active node, learned from its adverts */
	uint64_t heard_at;    /* last advert; 0: never */
	uint64_t answered_at; /* a rival's advert, last; 0: never */
	struct fsm_report report;
	uint64_t report_at;    /* when the peer said it */
	bool channel_seen;     /* since the start */
	struct fsm_word claim; /* the last of ours */
	uint64_t claimed_at;   /* and when that was */
	struct fsm_word asked; /* the peer's that is being answered */
	unsigned int asking;   /* claims because of this silence */
	/* Active, and the peer hears nothing but our answers: it leads when they fail to come, and
	 * is known not to before this; 0: it hears us. */
	uint64_t asked_until;
	uint64_t refused_id, refused_at; /* the last of these answers */
	uint64_t probed_at;              /* witnesses were asked because of a claim */
	bool held;            /* adverts are silent, and the active node lives and is well */
	uint64_t disputed_at; /* first advert that the channel did not confirm; 0: none */
	uint64_t preempt_at;  /* a lower node may be relieved from then on; 0: none is seen */
	uint64_t fence_id;
	uint64_t weighed;     /* report_at when fencing was put off; 0: it was not */
	bool released;        /* the last that was heard was a priority 0 */
	bool overslept;       /* a silence ended while we slept: listening once more */
	uint64_t doubted_at;  /* late: others have the word before our next advert; 0: not */
	bool handed;          /* by the operator's will the peer leads: not preempted */
	bool led, succeeded;  /* was active; and somebody took over after that */
	unsigned int deposed; /* by the channel, in a row, without an advert between */

	unsigned int actions; /* being collected by the running step */
	uint64_t transitions;
	uint64_t holds;   /* silences in which the role was left where it is */
	uint64_t claims;  /* of the peer: it did not hear us */
	uint64_t forged;  /* adverts that the channel disproved */
	uint64_t overrun; /* adverts that were late by more than an interval */
	uint64_t latest_ns;
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

/* Whether it could lead: there is an epoch on disk that nobody has used. */
bool fsm_epoch_left(const struct fsm *fsm);

/*
 * Whether it may tell hosts that it leads: under a lease that runs.  Who slept through the end of it
 * hears first who leads by now, for hosts believe who spoke last.
 */
bool fsm_speaks(const struct fsm *fsm, uint64_t now);

/* Silence after which a backup takes over: three adverts and the skew, RFC 9568 6.1. */
uint64_t fsm_patience(const struct fsm *fsm);

/* The lease: shorter than the peer's patience, so that it has run out before the peer acts. */
uint64_t fsm_lease(const struct fsm_config *config);

#endif
