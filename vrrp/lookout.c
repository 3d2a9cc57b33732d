// SPDX-License-Identifier: BSD-2-Clause
#include "vrrp/lookout.h"

/*
 * Rounds of 100 ms.  A witness that both nodes share may be what has died, so that the active node
 * waits until the peer must have noticed too: it begins a round twice a second.  And who can tell
 * nobody gives up the role only to leave it to nobody: that takes as long as a channel that dies.
 */
enum {
	ROUNDS_ASKED = 1, /* adverts are missed as well */
	ROUNDS = 8,
	ROUNDS_ALONE = 15,
	NEVER = 1000, /* the peer fares no better */
};

static unsigned int enough(const struct lookout *lookout, const struct lookout_view *view)
{
	if (!view->active)
		return ROUNDS;
	if (!view->channel)
		return ROUNDS_ALONE;
	if (!view->peer_whole)
		return NEVER;
	return lookout->asked ? ROUNDS_ASKED : ROUNDS;
}

void lookout_asked(struct lookout *lookout)
{
	lookout->asked = true;
}

void lookout_overslept(struct lookout *lookout)
{
	lookout->silent = lookout->partly = 0;
	lookout->asked = false;
}

static void count(unsigned int *rounds, bool one_more)
{
	if (!one_more)
		*rounds = 0;
	else if (*rounds < ROUNDS_ALONE)
		++*rounds;
}

struct lookout_verdict lookout_round(struct lookout *lookout, enum lookout_round round,
				     const struct lookout_view *view)
{
	unsigned int limit = enough(lookout, view);
	struct lookout_verdict verdict;

	/* What is the same for both may end for the peer a round earlier. */
	if (view->peer_whole && !lookout->peer_whole)
		lookout->silent = lookout->partly = 0;
	lookout->peer_whole = view->peer_whole;
	lookout->last = round;
	count(&lookout->silent, round == LOOKOUT_SILENT);
	count(&lookout->partly, round >= LOOKOUT_PARTLY);
	verdict.lan = lookout->silent >= limit;
	/* A standby has nothing to give away for it. */
	verdict.side = round == LOOKOUT_PARTLY && lookout->partly >= limit && view->active &&
		       view->channel && view->peer_whole;
	verdict.again = lookout->partly && lookout->partly < (limit == NEVER ? ROUNDS : limit);
	lookout->asked = false;
	return verdict;
}

bool lookout_whole(const struct lookout *lookout)
{
	return lookout->last < LOOKOUT_PARTLY;
}
