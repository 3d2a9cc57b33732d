/* SPDX-License-Identifier: BSD-2-Clause */
/* Can this node run a revision?  Its files, and what they ask of this machine. */
#ifndef CASPAIR_SYNCD_INSPECT_H
#define CASPAIR_SYNCD_INSPECT_H

#include <stdbool.h>
#include <stddef.h>

#include "conf/bundle.h"

enum { INSPECT_FAULTS = 20, INSPECT_WAITS = 8, INSPECT_TEXT = 240 };

struct inspect_ground {
	const struct conf *conf; /* in force */
	const char *node, *key;  /* as in the daemon's options */
	enum bundle_verdict verdict; /* on the bundle's place in the history, and its signers */
};

/* What was found; the texts are for people. */
struct inspect {
	char fault[INSPECT_FAULTS][INSPECT_TEXT]; /* "pair.conf:12:5: ..." */
	size_t faults, left;                      /* `left`: errors beyond those */
	char wait[INSPECT_WAITS][INSPECT_TEXT]; /* what a daemon brings with its next start */
	size_t waits;
	bool restart; /* running daemons cannot follow: the faults name what makes it another pair */
	bool same;    /* in meaning: it is what runs */
};

/* True: it can.  Looks at interfaces and key files, and changes nothing. */
bool inspect(struct inspect *found, const struct inspect_ground *ground,
	     const struct bundle *bundle);

#endif
