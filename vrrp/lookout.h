/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From answers to a belief: whether this node can still be reached on its LANs.  The witnesses are
 * asked in rounds (witness.h); this counts the rounds in which they were silent and decides when
 * that is enough.  Pure.
 */
#ifndef CASPAIR_LOOKOUT_H
#define CASPAIR_LOOKOUT_H

#include <stdbool.h>

/* What a round has brought. */
enum lookout_round {
	LOOKOUT_UNKNOWN, /* none has ever answered: that proves nothing */
	LOOKOUT_ANSWERS,
	LOOKOUT_PARTLY, /* on one interface all are silent that ever answered there */
	LOOKOUT_SILENT, /* all that ever answered are */
};

/* What the peer has said of its LAN, with a pulse of half a second, is no older than this when it
 * lives: it goes on with the next heartbeat, and from syncd with the next report, which is up to
 * 100 ms each.  Less than the rounds of an active node take. */
enum { LOOKOUT_FRESH_MS = 750 };

struct lookout {
	unsigned int silent,
		partly; /* rounds in a row; the silent ones are among the partly silent */
	enum lookout_round last;
	bool peer_whole; /* as of the last round */
	bool asked;      /* by a peer that does not hear us and has witnesses that answer */
};

/* What the number of rounds depends on. */
struct lookout_view {
	bool active;     /* this node leads */
	bool channel;    /* the peer can be told */
	bool peer_whole; /* witnesses answer the peer on all of its interfaces */
};

struct lookout_verdict {
	bool lan;   /* no witness answers at all */
	bool side;  /* none on one interface, and the peer is better off */
	bool again; /* no verdict yet: the next round should begin at once */
};

/* The peer asks whether we are heard: the round that runs, or begins now, answers that. */
void lookout_asked(struct lookout *lookout);
/* What was not answered while this process slept was not asked either. */
void lookout_overslept(struct lookout *lookout);
struct lookout_verdict lookout_round(struct lookout *lookout, enum lookout_round round,
				     const struct lookout_view *view);
/* Whether the last round found an answer wherever there was one before. */
bool lookout_whole(const struct lookout *lookout);

#endif
