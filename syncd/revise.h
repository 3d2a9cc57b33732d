/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The configuration's revisions: the machine of a push (push.h) with its hands, which are the
 * store on disk, the frames to the peer, the other daemons of this node and who asks.
 */
#ifndef CASPAIR_SYNCD_REVISE_H
#define CASPAIR_SYNCD_REVISE_H

#include "conf/history.h"
#include "proto/flow_event.h"
#include "sync.pb-c.h"
#include "syncd/fetch.h"
#include "syncd/inspect.h"
#include "syncd/push.h"
#include "syncd/upload.h"

struct syncd;
struct ctl_conn;

enum revise_what { REVISE_NONE, REVISE_PUSH, REVISE_CONFIRM, REVISE_ROLLBACK, REVISE_ADOPT };

/* pairctl's exit status for what went wrong. */
enum { REVISE_PROBLEM = 1, REVISE_UNSAFE = 4, REVISE_DISAGREES = 5 };

/* Who waits for the end: a connection of this node, or a question of the peer's, by its number. */
struct revise_asker {
	struct ctl_conn *conn;
	uint64_t peer; /* 0: not the peer */
};

/* How a revision is to be pushed. */
struct revise_wish {
	bool dry, alone;
	uint32_t confirm_ms;
};

/* What is asked on one node and done on the other (revise_remote.c). */
struct revise_remote {
	struct ctl_conn *conn; /* of this node: its question is at the peer; NULL: none is */
	uint64_t number;       /* of that question */
	Sync__RevisionAsk__What what;
	/* The peer's question. */
	struct revise_asker from; /* whose revision is on its way here */
	struct revision wanted;
	struct revise_wish wish;
	uint64_t answered; /* number of the last one that had its end, and that answer */
	uint8_t *answer;
	size_t length;
};

/* Which daemons have not said yet that they follow. */
struct revise_wait {
	bool any, lbd, vrrpd;
	char why[INSPECT_TEXT]; /* one does not; empty: all do so far */
};

struct revise {
	struct history *history; /* NULL: there is none, and no push */
	struct push push;
	struct fetch fetch;
	struct bundle *given;  /* fetched, or to be pushed */
	struct bundle *sent;   /* what the peer asks for, or is asked to push */
	struct inspect found;  /* by the check of this node */
	struct inspect theirs; /* by the peer's: its words */
	struct revise_wait wait;
	struct revision logged; /* in the log; waits until lbd is done with what stands before */
	uint64_t logged_ns;     /* 0: there is none */
	struct upload upload;
	struct revise_asker asker;
	struct revise_remote remote;
	enum revise_what asked;
	uint64_t flows_before;
	uint64_t roll_to;                  /* number of the revision asked for; 0: the one before */
	char who[80], message[256];        /* of a roll-back */
	uint64_t refused[BUNDLE_VERDICTS]; /* bundles of the peer and of askers */
	char damage[2 * STANDING_WHY];     /* of the store, when it was opened; empty: it was whole */
};

/* --- revise.c --------------------------------------------------------------------------------- */

/* Opens the store; a working copy is its base until somebody pushes.  False, logged: not usable. */
bool revise_start(struct syncd *syncd);
void revise_stop(struct syncd *syncd);
/* The working copy was read once more. */
void revise_reread(struct syncd *syncd);

void revise_up(struct syncd *syncd);
void revise_down(struct syncd *syncd);
void revise_role(struct syncd *syncd);
void revise_tick(struct syncd *syncd, uint64_t now);

/* A record of the log, as the follower. */
void revise_logged(struct syncd *syncd, const struct flow_event *event);

/* Unix time. */
uint64_t revise_unix_ms(void);

/* What is wrong with the revisions, NULL: nothing; and what the status says of them. */
const char *revise_wrong(const struct syncd *syncd);
void revise_status(const struct syncd *syncd, uint64_t now, Cas__SyncStatus *status,
		   char id[REVISION_TEXT]);

/* --- revise_wire.c ---------------------------------------------------------------------------- */

/* True: the frame was about revisions. */
bool revise_frame(struct syncd *syncd, const Sync__Frame *frame);
enum { REVISE_VERDICT = PUSH_WHY };
/* Of a revision from the peer; where versions are to blame, with both. */
const char *revise_verdict(const struct syncd *syncd, enum bundle_verdict verdict,
			   char text[REVISE_VERDICT]);
void revise_fetch_failed(struct syncd *syncd, const char *why);
/* In push_ops. */
void revise_say(void *syncd, enum push_word word, const struct push_note *note);
void revise_fetch(void *syncd, const struct revision *which);
/* Gets a revision from the peer, for the machine or for who asked there. */
void revise_fetch_begin(struct syncd *syncd, const struct revision *which);
void revise_send(struct syncd *syncd, const Sync__Frame *frame);

/* --- revise_hands.c --------------------------------------------------------------------------- */

enum { REVISE_RECORD = 8 + REVISION_ID }; /* bytes in the log: number, little-endian, and id */

extern const struct push_ops revise_ops;
/* Of this node, with the faults in syncd->revise.found. */
bool revise_check(struct syncd *syncd, const struct bundle *bundle);
/* A daemon of this node is linked, or says that it follows, or is gone. */
void revise_linked(struct syncd *syncd, struct ctl_conn *conn);
void revise_followed(struct syncd *syncd, bool lbd, const Cas__Follow *followed);
void revise_gone(struct syncd *syncd, bool lbd);

/* Of bundles that were refused, by verdict. */
extern const char *const revise_counter_names[BUNDLE_VERDICTS];

/* --- revise_ask.c ----------------------------------------------------------------------------- */

static inline bool revise_is_asked(const struct revise *revise)
{
	return revise->asker.conn || revise->asker.peer;
}

/* True: it was about revisions. */
bool revise_asked(struct syncd *syncd, struct ctl_conn *conn, const Cas__Message *message);
void revise_closed(struct syncd *syncd, const struct ctl_conn *conn);

/* For whoever asks, on the node that does it.  The bundle is taken. */
void revise_push(struct syncd *syncd, const struct revise_asker *asker, struct bundle *bundle,
		 const struct revise_wish *wish);
void revise_confirm(struct syncd *syncd, const struct revise_asker *asker);
struct revise_back {
	uint64_t to; /* number; 0: the one before */
	const char *who, *message;
};
void revise_rollback(struct syncd *syncd, const struct revise_asker *asker,
		     const struct revise_back *back);
/* Of two histories the peer's holds from now on. */
void revise_adopt(struct syncd *syncd, const struct revise_asker *asker);

/* --- revise_answer.c -------------------------------------------------------------------------- */

struct revise_failure {
	unsigned int code;
	const char *text;
	const struct inspect *found; /* NULL: nothing more is known */
	unsigned int node;           /* where that was found */
};
void revise_fail(struct syncd *syncd, const struct revise_asker *to,
		 const struct revise_failure *how);
void revise_refuse(struct syncd *syncd, const struct revise_asker *to, unsigned int code,
		   const char *format, ...) __attribute__((format(printf, 4, 5)));
/* These files run already. */
void revise_unchanged(struct syncd *syncd, const struct revise_asker *to);
/* A push went on; it has ended. */
void revise_went_on(struct syncd *syncd, enum push_phase done);
void revise_ended(struct syncd *syncd, enum push_end end, const char *why);

/* --- revise_remote.c -------------------------------------------------------------------------- */

/* False: it has been refused.  The answers go to `conn`. */
bool remote_ask(struct syncd *syncd, struct ctl_conn *conn, Sync__RevisionAsk *ask);
/* The bundle is taken. */
void remote_push(struct syncd *syncd, struct ctl_conn *conn, struct bundle *bundle,
		 const struct revise_wish *wish);
void remote_heard_answer(struct syncd *syncd, const Sync__RevisionAnswer *answer);
void remote_heard_ask(struct syncd *syncd, const Sync__RevisionAsk *ask);
void remote_answer(struct syncd *syncd, uint64_t number, const Cas__Message *message);
/* Was this one fetched for somebody who asked the peer?  Then it is his; NULL: it did not come. */
bool remote_waits(const struct revise *revise, const struct revision *which);
void remote_fetched(struct syncd *syncd, struct bundle *bundle, const char *why);
/* Another connection took over: what was on its way over the one before may be lost. */
void remote_again(struct syncd *syncd);
/* The channel went down. */
void remote_cut(struct syncd *syncd);
void remote_stop(struct syncd *syncd);

/* A child of the current revision, signed with this node's key.  0, or negative errno with `why`.
 */
struct revise_plan {
	const struct conf_text *file;
	size_t files;
	const char *who, *message;
	uint64_t rolls_back;
	const struct bundle_approval *approval; /* of the files; NULL: none is known */
};
int revise_make(struct syncd *syncd, struct bundle **bundle, const struct revise_plan *plan,
		char why[INSPECT_TEXT]);

#endif
