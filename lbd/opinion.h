/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One node judges, the other probes too, a quarter as often and from where it stands.  What its
 * checks have shown against a verdict since that came into force is an opinion: it changes no
 * table, but it tells that the fault may be on the way, and what a failover would bring.
 *
 * A standby tells its opinions to the active node beside the log, all of them again and again while
 * there are any; what was not told for a while is not believed any longer.
 */
#ifndef CASPAIR_OPINION_H
#define CASPAIR_OPINION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ev.h>

#include "lbd/arena.h"
#include "lbd/health.h"
#include "request.pb-c.h"

struct lbd;

enum { OPINIONS = 32, OPINION_NAME = 256 };

struct opinion {
	char array[OPINION_NAME], member[OPINION_NAME], pool[OPINION_NAME];
	char check[HEALTH_TEXT];
	bool up;
};

struct opinions {
	struct opinion heard[OPINIONS]; /* of the peer */
	size_t count;
	uint64_t heard_ns;
	bool told; /* this node's last word was that it has some */
	ev_timer tell;
};

void opinion_start(struct opinions *opinions, struct lbd *lbd);
void opinion_stop(struct opinions *opinions, struct lbd *lbd);

/* All that the peer has against the verdicts of this node, in place of what it had before. */
void opinions_hear(struct opinions *opinions, const Cas__Opinions *word, uint64_t now_ns);

/* What the peer has against this verdict, NULL: nothing, or nothing that is still believed. */
const struct opinion *opinions_find(const struct opinions *opinions, const struct opinion *verdict,
				    uint64_t now_ns);

/*
 * Fills in who has something against a verdict, and what: the peer, or on a standby this node.
 * False: no room in the arena.
 */
bool opinion_verdict(const struct lbd *lbd, struct arena *arena, unsigned int pool,
		     unsigned int member, Cas__PoolVerdict *verdict);

/* The same of all verdicts, a line each. */
bool opinion_status(const struct lbd *lbd, struct arena *arena, Cas__LbdStatus *status);

#endif
