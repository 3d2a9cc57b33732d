/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The configuration's revisions: the machine of a push (push.h) with its hands, which are the
 * store on disk, the frames to the peer, the other daemons of this node and who asks.
 */
#ifndef CASPAIR_SYNCD_REVISE_H
#define CASPAIR_SYNCD_REVISE_H

#include "conf/history.h"
#include "sync.pb-c.h"
#include "syncd/fetch.h"
#include "syncd/inspect.h"
#include "syncd/push.h"
#include "syncd/upload.h"

struct syncd;
struct ctl_conn;

enum revise_what { REVISE_NONE, REVISE_PUSH, REVISE_CONFIRM, REVISE_ROLLBACK };

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
	struct bundle *sent;   /* what the peer asks for */
	struct inspect found;  /* by the check of this node */
	struct inspect theirs; /* by the peer's: its words */
	struct revise_wait wait;
	struct revision logged; /* in the log; waits until lbd is done with what stands before */
	uint64_t logged_ns;     /* 0: there is none */
	struct upload upload;
	struct ctl_conn *asker;
	enum revise_what asked;
	uint64_t flows_before;
	uint64_t roll_to;                  /* number of the revision asked for; 0: the one before */
	char who[80], message[256];        /* of a roll-back */
	uint64_t refused[BUNDLE_VERDICTS]; /* bundles of the peer and of askers */
};

/* --- revise.c ----------------------------------------------------------------------------------
 */

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

/* --- revise_wire.c -----------------------------------------------------------------------------
 */

/* True: the frame was about revisions. */
bool revise_frame(struct syncd *syncd, const Sync__Frame *frame);
void revise_fetch_failed(struct syncd *syncd, const char *why);
/* In push_ops. */
void revise_say(void *syncd, enum push_word word, const struct push_note *note);
void revise_fetch(void *syncd, const struct revision *which);
/* An id on the wire, borrowed; and a name from there.  False: it is none. */
ProtobufCBinaryData revise_id(const struct revision *revision);
bool revise_take(struct revision *revision, uint64_t number, const ProtobufCBinaryData *id);

/* --- revise_hands.c ----------------------------------------------------------------------------
 */

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

/* --- revise_ask.c ------------------------------------------------------------------------------
 */

/* True: it was about revisions. */
bool revise_asked(struct syncd *syncd, struct ctl_conn *conn, const Cas__Message *message);
void revise_closed(struct syncd *syncd, const struct ctl_conn *conn);
/* A push went on; it has ended. */
void revise_went_on(struct syncd *syncd, enum push_phase done);
void revise_ended(struct syncd *syncd, enum push_end end, const char *why);

/* A child of the current revision, signed with this node's key.  0, or negative errno with `why`.
 */
struct revise_plan {
	const struct conf_text *file;
	size_t files;
	const char *who, *message;
	uint64_t rolls_back;
};
int revise_make(struct syncd *syncd, struct bundle **bundle, const struct revise_plan *plan,
		char why[INSPECT_TEXT]);

#endif
