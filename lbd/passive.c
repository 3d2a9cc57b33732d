/* SPDX-License-Identifier: BSD-2-Clause */
#include "lbd/passive.h"

bool passive_wanted(const struct health *health)
{
	for (size_t i = 0; i < health->count; i++)
		if (health->target[i].rule.silent_syns)
			return true;
	return false;
}

/* A row of at least so many, since the last time that the target passed, and not of one client. */
static bool is_silent(struct health_target *target, const struct flow_member_stats *stats)
{
	if (stats->silent < target->silent_base)
		target->silent_base = 0; /* it has answered somebody meanwhile */
	target->silent_now = stats->silent;
	return stats->silent - target->silent_base >= target->rule.silent_syns &&
	       stats->silent_more;
}

int passive_next(struct health *health, const struct flow_member_stats stats[FLOW_MAX_MEMBERS],
		 size_t *from)
{
	for (; *from < health->count; ++*from) {
		struct health_target *target = &health->target[*from];

		if (!target->rule.silent_syns || target->member >= FLOW_MAX_MEMBERS ||
		    !is_silent(target, &stats[target->member]) || target->suspected || !target->up)
			continue;
		target->suspected = true;
		return (int)(*from)++;
	}
	return -1;
}
