// SPDX-License-Identifier: BSD-2-Clause
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

/* What it had refused when this target was first looked at is an old story. */
static bool is_refusing(struct health_target *target, const struct flow_member_stats *stats)
{
	if (!target->refusals_known || stats->refusals < target->refusals_base)
		target->refusals_base = stats->refusals;
	target->refusals_known = true;
	if (stats->refusals - target->refusals_base < target->rule.silent_syns)
		return false;
	target->refusals_base = stats->refusals;
	return true;
}

int passive_next(struct health *health, const struct flow_member_stats stats[FLOW_MAX_MEMBERS],
		 size_t *from)
{
	for (; *from < health->count; ++*from) {
		struct health_target *target = &health->target[*from];
		bool silent, refusing;

		if (!target->rule.silent_syns || target->member >= FLOW_MAX_MEMBERS)
			continue;
		silent = is_silent(target, &stats[target->member]);
		refusing = is_refusing(target, &stats[target->member]);
		if (target->suspected || !target->up || (!silent && !refusing))
			continue;
		target->suspected = silent;
		return (int)(*from)++;
	}
	return -1;
}
