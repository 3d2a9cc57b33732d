/* SPDX-License-Identifier: BSD-2-Clause */
/* What one configuration changes of another, and what that does to the sessions. */
#ifndef CASPAIR_DIFF_H
#define CASPAIR_DIFF_H

#include "conf/conf.h"

/* What it takes until a change is in force. */
enum diff_need {
	DIFF_LIVE,  /* nothing: the running daemons follow */
	DIFF_SYNCD, /* a restart of syncd */
	DIFF_VRRPD, /* a restart of vrrpd */
	DIFF_LBD,   /* which moves its tables to others */
	DIFF_ALL,   /* a restart of all three */
};

/* One statement that came, went or has another value. */
struct diff_change {
	char *where;          /* "array mel / member mel-cas3 / weight" */
	char *before, *after; /* as written, "" for a block; NULL: not there */
	enum diff_need need;
};

/* A member's part of an array's new clients, in 1/1000, where it changes or the member does. */
struct diff_share {
	const char *array, *member; /* borrowed from the configurations */
	unsigned int before, after;
};

/* What ends: "the sessions to 10.20.0.10 end: it is no VIP any more". */
struct diff {
	struct diff_change *change;
	size_t changes;
	struct diff_share *share;
	size_t shares;
	char **effect;
	size_t effects;
};

/*
 * Fills `diff`, which borrows from both configurations and is freed by diff_free() also after an
 * error.  Blocks are matched by their titles, checks by type and order; a profile's service is
 * named once, not with each array that uses it.  0 or -ENOMEM.
 */
int diff_make(struct diff *diff, const struct conf *before, const struct conf *after);
void diff_free(struct diff *diff);

/*
 * May a daemon that would need `restart` follow?  Logs each statement that says no: what it was,
 * what it is to be, and what it needs.  Without memory it may not either.
 */
bool diff_may_follow(const struct conf *before, const struct conf *after, enum diff_need restart);

/* "restart of syncd", for people; "" for DIFF_LIVE. */
const char *diff_need_text(enum diff_need need);

#endif
