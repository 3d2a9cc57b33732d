/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The replication protocol as a pure machine: what came from the peer, from the data plane and from
 * vrrpd goes in with the time it happened; what is to be sent, applied or told comes out through
 * struct session_ops.  No socket, no clock, no map, no log.
 *
 *	leader (vrrpd says ACTIVE)          follower
 *
 *	   ALONE <-----------+              DETACHED / STALE
 *	     | AttachRequest | channel lost    | peer is active
 *	     v               |                 v
 *	  SENDING -----------+              ATTACHING: offer what only this node has, then ask
 *	     | acked = head  |                 | CONTINUE          | SNAPSHOT
 *	     v               |                 v                   v
 *	  IN_SYNC <-> LAGGING               CATCHING_UP <- swept - LOADING
 *	     | events lost                     | lag small     (or beside the log, after a Gap)
 *	     v                                 v
 *	  SENDING once more                 IN_SYNC <-> LAGGING
 *
 * A position is (epoch, node, incarnation, seq): the first three name a history, written by one
 * leader into one log.  The follower's position is exact: its tables hold every record up to it.
 *
 * A snapshot is fuzzy: the tables are walked while they change, then the log from before the walk
 * is replayed, which is exact because the records name states and not steps.
 *
 * Offers run the other way.  Packets of known flows arrive at a standby too, and a leader that was
 * deposed may have records that nobody has acknowledged.  Either sends the present state of these
 * keys; the leader adds what it lacks, never overwrites, and then logs what *it* holds for each key
 * ("settles" it), so that both tables end up equal whatever it decided.
 */
#ifndef CASPAIR_SYNCD_SESSION_H
#define CASPAIR_SYNCD_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/record.h"
#include "proto/wire.h"
#include "request.pb-c.h"
#include "sync.pb-c.h"
#include "syncd/gens.h"
#include "syncd/journal.h"
#include "syncd/trail.h"
#include "syncd/keyset.h"
#include "syncd/verify.h"

enum {
	SESSION_DIGEST = 32,
	SESSION_OWN = TRAIL_OWN,     /* records of a standby's own packets, kept until settled */
	SESSION_AGAIN = 8192,       /* removals to be looked at again */
	SESSION_VERDICTS = 4096,    /* member verdicts remembered for a snapshot */
	SESSION_PINS_MAX = 1 << 24, /* what a configuration may ask for */
	SESSION_WHY = 160,
	SESSION_ATTEMPTS = 3, /* to load, in a row, before the state is called degraded */
	SESSION_FACTS = 2048, /* packed NodeFacts of the peer; more is not kept */
};

/* A snapshot that has not gone on for so long is begun anew. */
#define SESSION_STUCK_NS 10000000000ull

enum session_walk { SESSION_PINS, SESSION_FLOWS };

struct session_applied {
	uint32_t refused; /* member or pool unknown here */
	uint32_t full;    /* no room */
};

/* What the machine needs from outside.  All calls return at once. */
struct session_ops {
	bool (*room)(void *arg); /* may bulk data be queued to the peer now? */
	void (*send)(void *arg, const Sync__Frame *frame);
	void (*send_records)(void *arg, const struct record_batch *batch);
	/* Applies at most FLOW_BATCH records in order, each by its `apply`; 0 or negative errno. */
	int (*apply)(void *arg, const struct flow_event *event, size_t count,
		     struct session_applied *applied);
	/* A word of the active node's lbd for this node's: a verdict, a GEN record, a memo's part. */
	void (*verdict)(void *arg, const struct flow_event *event);
	/* For this node's lbd: the standby has switched to this generation. */
	void (*passed)(void *arg, uint32_t pool_id, uint32_t number);
	/*
	 * For this node's lbd: session_heeded() is to follow when all words handed to it so far are
	 * in force.
	 */
	void (*heed)(void *arg, uint64_t history, uint64_t seq);
	/* Turns event (its key is set, PUT or DEL) into what the tables say: a PUT or a DEL. */
	void (*lookup)(void *arg, struct flow_event *event);
	/* Starts a walk; each step yields up to `max` records, 0 at the end, or negative errno. */
	void (*walk)(void *arg, enum session_walk what);
	int (*step)(void *arg, struct flow_event *event, size_t max);
	void (*word)(void *arg, const Cas__PeerWord *word); /* from the peer's vrrpd */
	void (*facts)(void *arg, Cas__NodeFacts *facts);    /* fill in, borrowed until returned */
	void (*handed)(void *arg, uint64_t id, const char *why); /* why is NULL: complete */
	void (*changed)(void *arg);                              /* state, peer or readiness */
	void (*broken)(void *arg, const char *why); /* close the channel; session_down() follows */
	/* A comparison that this node led has ended; `why`: early, and the result is of a part. */
	void (*verified)(void *arg, const struct verify_result *result, const char *why);
};

/* Reasons to refuse something, counted by name. */
enum session_refusal {
	SESSION_NOT_FOLLOWING, /* records while not attached */
	SESSION_OLD_EPOCH,     /* records of an epoch other than the one followed */
	SESSION_OUT_OF_ORDER,  /* positions do not follow each other */
	SESSION_NOT_LEADING,   /* attach or offer to a node that is not active */
	SESSION_MALFORMED,     /* records that do not check */
	SESSION_UNKNOWN_MEMBER,
	SESSION_TABLE_FULL,
	SESSION_ATTACH_REFUSED,
	SESSION_EVENT_UNFIT,    /* an event of our own data plane that cannot travel */
	SESSION_VERDICTS_FULL,  /* more verdicts than are remembered for a snapshot */
	SESSION_UNKNOWN_FRAME,  /* of a later version, and ignored: a message, ... */
	SESSION_UNKNOWN_FIELD,  /* ... a field or a value in one, ... */
	SESSION_UNKNOWN_RECORD, /* ... a record */
	SESSION_REFUSALS
};
extern const char *const session_refusal_names[SESSION_REFUSALS];

/* What the peer says about itself. */
struct session_peer {
	bool heard; /* a heartbeat on this connection */
	Cas__Role role;
	uint64_t epoch;
	uint64_t heard_ns;
	uint64_t sent_ns;  /* its clock in its last heartbeat */
	uint64_t delay_ns; /* what that one, and ours that it answers, took on their way */
	uint8_t facts[SESSION_FACTS];
	size_t facts_length;
};

enum leader_phase {
	LEADER_ALONE,
	LEADER_PINS, /* snapshot */
	LEADER_FLOWS,
	LEADER_WAIT, /* for the follower to sweep */
	LEADER_TAIL,
};

struct leader {
	enum leader_phase phase;
	uint32_t snapshot; /* number of the last one */
	uint64_t sent, acked;
	uint64_t goal; /* acked so far, the follower has caught up */
	uint64_t pins, flows;
	bool caught_up;
	bool proven;   /* in this history a follower has held everything, the last time up to ... */
	uint64_t safe; /* ... here */
	bool uncertain; /* the log has a hole: all is to be sent once more, beside it ... */
	bool reoffer;   /* ... and is being sent */
	bool turn;
	uint64_t reoffer_ns, lost_ns;  /* when that is due; last loss */
	unsigned int losses, attempts; /* in a row; snapshots since the follower last held all */
	uint64_t pending_ns, lagging_ns;
	uint64_t renewed_ns; /* was in sync when another connection took over; 0: not so */
	uint64_t progress_ns;                /* WAIT: the follower last said that it is at work */
	uint64_t handing, hand_seq, hand_ns; /* id of the hand-over under way, 0: none */
	bool hand_known;                     /* hand_seq is: all events before it were read */
	struct gens gens;                    /* not acknowledged yet */
	/* Removals whose entry was still there, by age. */
	struct {
		struct flow_event event;
		uint64_t due_ns;
	} again[SESSION_AGAIN];
	size_t again_first, agains;
};

enum follower_phase {
	FOLLOWER_IDLE,
	FOLLOWER_OFFER_PINS, /* all that this node carried, when no log tells the difference */
	FOLLOWER_OFFER_FLOWS,
	FOLLOWER_OFFER_TAIL, /* what was logged and not acknowledged */
	FOLLOWER_OFFER_OWN,
	FOLLOWER_ASKED,
	FOLLOWER_LOADING,
	FOLLOWER_SWEEP_FLOWS,
	FOLLOWER_SWEEP_PINS,
	FOLLOWING,
};

struct follower {
	enum follower_phase phase;
	struct session_position have; /* exact position of the tables */
	uint32_t snapshot;
	struct session_position base;
	uint64_t pins, flows;
	struct keyset seen;
	unsigned int unanswered; /* requests on this connection */
	uint64_t asked_ns, attach_ns, synced_ns;
	uint64_t progress_ns, told_ns; /* of the snapshot: last record, last word to the leader */
	unsigned int failures;         /* attaches in a row that came to nothing */
	bool uncertain; /* the leader lost events: the tables may lack some, whatever `have` says */
	bool reoffer;   /* LOADING beside the log */
	bool crowded;   /* LOADING: some had no room beside what is to be swept */
	bool cleared;   /* the load before this one was crowded; it has swept that */
	uint64_t head, head_ns; /* the leader's end of log, and since when we are behind it */
	bool head_heard;        /* since the attach */
	bool in_sync, renewing;
	uint64_t lagging_ns;
	bool led;      /* leader since it last followed: the journal holds that history */
	uint64_t tail; /* the peer surely has it up to here */
	uint64_t tail_offered;
	bool offer_all; /* the log does not tell what only this node has */
	bool offered_all;
	struct flow_event own[SESSION_OWN];
	size_t owns, offered;
	uint64_t own_ns, own_seq; /* last offer sent; confirmed when this position is applied */
	bool own_confirming, own_overflow;
	struct gens gens; /* lbd has not switched yet: not acknowledged until then */
	/* Nor is this position or a later one, of a word that lbd may not have heeded; 0: none. */
	uint64_t unheeded, last_word;
};

struct session {
	const struct session_ops *ops;
	void *arg;
	unsigned int node; /* 1 or 2 */
	uint8_t digest[SESSION_DIGEST];
	uint8_t revision[SESSION_DIGEST]; /* of the configuration; all 0: none was ever pushed */
	uint64_t incarnation;
	bool tables; /* lbd has given us its tables */
	uint32_t layout;
	uint64_t capacity; /* flows they can hold */
	uint64_t flows;    /* in them, about */

	bool up;
	struct wire wire; /* what is spoken on the channel, while it is up */
	bool told;      /* vrrpd has spoken since this process began */
	Cas__Role role; /* vrrpd's word */
	uint64_t epoch;
	bool leading;
	bool unread;      /* events wait in the ring */
	uint64_t highest; /* epoch ever heard */
	struct session_peer peer;

	Cas__SyncState state;
	uint64_t state_ns, beat_ns;
	char why[SESSION_WHY]; /* there is no better state */
	char wire_why[SESSION_WHY]; /* there is no common version; empty: there is */
	uint64_t gaps, snapshots, resumes, refused[SESSION_REFUSALS];

	struct trail *trail; /* NULL: nothing outlives the process */
	struct journal journal;
	struct session_position history; /* of the journal; seq unused */
	struct session_position prior;   /* where the history before it ended, for this node */
	struct leader leader;
	struct follower follower;
	struct flow_event verdict[SESSION_VERDICTS];
	size_t verdicts;
	struct verify verify;
	struct record_batch out, in;
};

struct session_config {
	unsigned int node;
	uint64_t random; /* names this process's histories */
	const uint8_t *digest;
	size_t journal; /* records, a power of two */
	uint8_t secret[SEAL_DIGEST_KEY]; /* of the digests' keys */
	struct trail *trail;               /* NULL, or borrowed: what the process before left */
};

/* 0 or -ENOMEM.  The struct may be in any state. */
int session_open(struct session *session, const struct session_config *config,
		 const struct session_ops *ops, void *arg);
void session_close(struct session *session);

/*
 * lbd handed out its tables; `same`: the ones we had before, and a walk of them goes on; or the ones
 * that `trail` is about.
 */
void session_tables(struct session *session, uint32_t layout, uint64_t capacity, bool same,
		    uint64_t now);
/* Another configuration is in force. */
void session_digest(struct session *session, const uint8_t digest[SESSION_DIGEST], uint64_t now);

/* Names it: nodes with different revisions do not attach.  NULL: it was not pushed. */
void session_revision(struct session *session, const uint8_t *id);

/*
 * Another configuration is in force on both nodes, from one record of the log on: whoever is
 * attached stays so.
 */
void session_switch(struct session *session, const uint8_t digest[SESSION_DIGEST],
		    const uint8_t id[SESSION_DIGEST]);

/* Leader: that record goes into the log.  False: no standby reads it. */
bool session_log(struct session *session, const struct flow_event *event, uint64_t now);

/* Follower: nothing that was acknowledged waits for this node's lbd. */
bool session_settled(const struct session *session);

/*
 * vrrpd is about to speak for the first time.  Events are handed in from here on, those that waited
 * before its first decision.
 */
void session_told(struct session *session, uint64_t now);

/* vrrpd's decision.  All events that came before it must have been handed in. */
void session_role(struct session *session, Cas__Role role, uint64_t epoch, uint64_t now);

/*
 * The channel is there (again: a renewed connection took the place of the old one), or gone.  The
 * peer may have become another version meanwhile.
 */
void session_up(struct session *session, const struct wire *wire, uint64_t now);
void session_down(struct session *session, uint64_t now);

/* A frame of the peer; before it is handed to anybody, so many unknown fields and values in it. */
void session_frame(struct session *session, const Sync__Frame *frame, uint64_t now);
void session_unknown(struct session *session, unsigned int fields);

/* Events of this node's data plane, in order; and events that were lost. */
void session_events(struct session *session, const struct flow_event *event, size_t count,
		    uint64_t now);
void session_lost(struct session *session, uint64_t events, uint64_t now);

/* lbd has switched a pool to this generation; it is linked, and is told what it may lack. */
void session_switched(struct session *session, uint32_t pool_id, uint32_t number);
void session_verdicts(struct session *session);

/* lbd has heeded all words of the active's lbd up to here: what ops->heed() named. */
void session_heeded(struct session *session, uint64_t history, uint64_t seq);

/* Whether a standby is attached to the log of this node. */
bool session_standby(const struct session *session);

/*
 * For strict services: whether a standby follows closely, and up to where it holds the log of which
 * history; names and positions are given in either case.
 */
bool session_follows(const struct session *session, uint64_t *history, uint64_t *seq);
/* Sends what was logged without waiting for more: a client waits for its acknowledgement. */
void session_urge(struct session *session);

/* A word for the peer's vrrpd, behind everything logged before.  False: no channel. */
bool session_word(struct session *session, const Cas__PeerWord *word, uint64_t now);

/* Whether all events up to now were handed in, as is assumed until this says that they were not. */
void session_drained(struct session *session, bool all, uint64_t now);

/*
 * Let the follower catch up with all events so far, read or not (500 ms at most), then answer
 * through ops->handed.
 */
void session_hand_over(struct session *session, uint64_t id, uint64_t now);

/*
 * Compares both tables, on the leader: NULL, and ops->verified() follows, also when one runs
 * already; or why not.  `every_ns`: as often by itself, 0: never.
 */
const char *session_verify(struct session *session, uint64_t now);
void session_verify_every(struct session *session, uint64_t every_ns);

/* Time passes: call each 10 ms or so. */
void session_tick(struct session *session, uint64_t now);

/* Does one slice of what is to be done.  True: there is more, and room for it. */
bool session_work(struct session *session, uint64_t now);

/* Figures for status: records and ms that the follower is behind, the same view on both ends. */
uint64_t session_lag_records(const struct session *session);
uint64_t session_lag_ns(const struct session *session, uint64_t now);

/* The gate: this node may take over from a living peer. */
bool session_ready(const struct session *session);

/* --- for leader.c and follower.c only --------------------------------------------------------- */

void session_state(struct session *session, uint64_t now);
void session_say(struct session *session, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void session_send_gap(struct session *session, uint64_t lost);
void session_verdict(struct session *session, const struct flow_event *event);
bool session_same_history(const struct session_position *a, const struct session_position *b);
/* What a key's table entry is called in a set of keys; a pin's has no ports. */
struct flow_key session_key(const struct flow_event *event);

#endif
