/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The change of the pair's configuration, as a pure machine: requests, the peer's words, roles and
 * time go in; what is to be said, written and applied comes out through struct push_ops.  It knows
 * revisions by their names and never sees what is in them.
 *
 *	active node                             standby
 *
 *	  IDLE
 *	   | push_begin()
 *	   v             OFFER ------------->   fetches it, checks it for itself
 *	CHECKING   <----- CHECKED, REFUSED
 *	   |             STAGE ------------->   on its disk
 *	   v       <------ STAGED, REFUSED
 *	STAGING
 *	   | staged here; current on this disk: decided
 *	   v             record in the log -->  current on its disk; its daemons follow
 *	SWITCHING  <----- SWITCHED, FAILED
 *	   |
 *	   v
 *	APPLYING   the daemons of this node follow
 *	   |
 *	  IDLE     with a deadline by which somebody has to confirm
 *
 * One node decides, by one write: the active one, when it makes the revision current on its disk.
 * Before that both nodes are on the old revision whatever happens, after it both come to the new
 * one: nodes that meet tell each other their lines (STATE), and the one whose revision is an
 * ancestor of the other's takes the newer one.  Where neither descends from the other, nothing is
 * taken by itself: somebody says whose holds (push_adopt).
 *
 * A roll-back is a new revision with the files of the one before, pushed in the same way: when the
 * deadline passes, when somebody asks, and at once when daemons do not follow.
 */
#ifndef CASPAIR_SYNCD_PUSH_H
#define CASPAIR_SYNCD_PUSH_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/revision.h"

enum { PUSH_WHY = 256 };

enum push_word {
	PUSH_STATE, /* my line; whether it is confirmed */
	PUSH_OFFER, /* check this one */
	PUSH_CHECKED,
	PUSH_REFUSED, /* nothing has changed here; why */
	PUSH_STAGE,
	PUSH_STAGED,
	PUSH_SWITCHED,
	PUSH_FAILED,    /* it is current here, and daemons do not follow; why */
	PUSH_ABORT,     /* forget what was offered */
	PUSH_CONFIRMED, /* it stays */
	PUSH_WORDS
};

enum push_phase { PUSH_IDLE, PUSH_CHECKING, PUSH_STAGING, PUSH_SWITCHING, PUSH_APPLYING };
extern const char *const push_phase_names[PUSH_APPLYING + 1];

/* How a push ends. */
enum push_end {
	PUSH_DONE,      /* both nodes are on it; or this one, alone */
	PUSH_NO,        /* refused here: nothing has changed */
	PUSH_DISAGREES, /* refused by the peer, or it fell silent: nothing has changed */
	PUSH_UNDONE,    /* decided, and a daemon did not follow: it is being rolled back */
};

/* What this node does about the peer's revision. */
enum push_task { PUSH_NOTHING, PUSH_FETCHING, PUSH_JOINING, PUSH_FOLLOWING };

/* What is said to the peer besides the word. */
struct push_note {
	const struct revision *about;
	uint32_t confirm_ms; /* OFFER: time to confirm it, 0: none is needed */
	bool unconfirmed;    /* STATE */
	const char *why; /* REFUSED, FAILED; the shell adds the faults that its check has found */
};

/*
 * What the machine needs from outside.  Those that return int have done it durably when they return
 * 0, and have changed nothing otherwise.
 */
struct push_ops {
	void (*say)(void *arg, enum push_word word, const struct push_note *note);
	/* Gets a revision from the peer; push_fetched() follows, unless the channel goes down. */
	void (*fetch)(void *arg, const struct revision *which);
	/* May this node run what was fetched, or is offered?  Why not goes to `why`. */
	bool (*check)(void *arg, char why[PUSH_WHY]);
	int (*stage)(void *arg);
	void (*unstage)(void *arg);
	int (*decide)(void *arg, const struct revision *staged, uint32_t confirm_ms);
	/* What was fetched becomes current, whatever was. */
	int (*adopt)(void *arg, bool unconfirmed);
	int (*confirm)(void *arg);
	/* Says in the log that from here on it is in force.  False: no standby reads the log. */
	bool (*log)(void *arg, const struct revision *revision);
	/* Makes the daemons of this node follow the current one; push_applied() follows. */
	void (*apply)(void *arg, const struct revision *current);
	/* A new bundle with the files of the one before, offered as by push_begin(). */
	int (*undo)(void *arg, struct lineage *next);
	/* A push went on; it has ended. */
	void (*went_on)(void *arg, enum push_phase done);
	void (*ended)(void *arg, enum push_end end, const char *why);
};

struct push {
	const struct push_ops *ops;
	void *arg;
	struct lineage line; /* of the current revision */
	bool unconfirmed;
	uint64_t deadline_ns; /* then it is rolled back */
	bool undo;            /* roll back as soon as may be */
	bool undo_failed;     /* and that was tried */
	bool leading, up;
	bool peer_known, peer_unconfirmed;
	struct lineage peer;
	/* as the one who pushes */
	enum push_phase phase;
	struct lineage next;
	bool dry, alone, rolling;
	uint32_t confirm_ms;
	uint64_t phase_ns;
	uint64_t began_ns, standby_ns, active_ns; /* the last two: how long each took to follow */
	/* as the one who follows */
	enum push_task task;
	struct lineage offered;
	uint32_t offered_confirm_ms;
	bool staged;
	bool adopting; /* JOINING, FOLLOWING: the peer's history, in place of this one */
	bool tell;                 /* FOLLOWING: the peer waits for a word */
	uint64_t join_ns, undo_ns, confirm_ns; /* not again before */
	bool astray;               /* daemons do not run what is current: asked again then */
	uint64_t astray_ns;
	bool confirming;    /* somebody waits for both to have confirmed */
	char why[PUSH_WHY]; /* this node does not run what it should; empty: it does */
	bool why_owed;      /* that is about a roll-back or a confirmation which is due */
	uint64_t pushed, rolled_back, joined, refused;
};

/* The struct may be in any state.  `left_ns`: until the roll-back, where it is unconfirmed. */
void push_open(struct push *push, const struct lineage *line, bool unconfirmed, uint64_t left_ns,
	       const struct push_ops *ops, void *arg, uint64_t now);

/* Another base, or what somebody has made current behind our back: nothing is applied. */
void push_line(struct push *push, const struct lineage *line, uint64_t now);

void push_up(struct push *push, uint64_t now);
void push_down(struct push *push, uint64_t now);
void push_role(struct push *push, bool leading, uint64_t now);

struct push_wish {
	const struct lineage *next; /* a child of the current one */
	bool dry;                   /* only check */
	bool alone;                 /* the peer need not be there */
	bool synced;                /* the standby holds everything */
	uint32_t confirm_ms;
};

/* Why no push can begin now; NULL: it may. */
const char *push_obstacle(const struct push *push, const struct push_wish *wish);
/* After the check of this node.  push_ops.ended follows, unless there was an obstacle. */
const char *push_begin(struct push *push, const struct push_wish *wish, uint64_t now);

/* NULL: push_ops.ended follows; or why not. */
const char *push_confirm(struct push *push, uint64_t now);
const char *push_rollback(struct push *push, uint64_t now);
/* Of two histories the peer's is taken; this node's is given up. */
const char *push_adopt(struct push *push);

/* What the peer said; `line` comes with STATE. */
void push_heard(struct push *push, enum push_word word, const struct push_note *note,
		const struct lineage *line, uint64_t now);
/* From the log, as the follower. */
void push_logged(struct push *push, const struct revision *revision, uint64_t now);
/* `line` NULL: it did not come, or is not to be trusted. */
void push_fetched(struct push *push, const struct lineage *line, const char *why, uint64_t now);
/* `why` NULL: all daemons of this node follow. */
void push_applied(struct push *push, const char *why, uint64_t now);
/* One that has just come does not, though nobody switches now: it is asked again. */
void push_strayed(struct push *push, const char *why, uint64_t now);

/* Call each 10 ms or so. */
void push_tick(struct push *push, uint64_t now);

/* Two histories: neither revision descends from the other. */
bool push_split(const struct push *push);
/* Both nodes are on one revision, as far as is known here. */
bool push_agree(const struct push *push);

#endif
