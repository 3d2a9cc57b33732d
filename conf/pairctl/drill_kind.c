// SPDX-License-Identifier: BSD-2-Clause
#include "conf/pairctl/drill.h"

#include <string.h>

enum {
	LBD = 1 << DRILL_LBD,
	VRRPD = 1 << DRILL_VRRPD,
	SYNCD = 1 << DRILL_SYNCD,
	HOUR_MS = 3600 * 1000
};

const char *const drill_daemons[DRILL_DAEMONS] = {
	[DRILL_LBD] = "lbd", [DRILL_VRRPD] = "vrrpd", [DRILL_SYNCD] = "syncd"
};

const struct drill_kind_info drill_kinds[DRILL_KINDS] = {
	[DRILL_KILL_SYNCD] = { "kill-syncd", "SIGKILL to syncd of this node", 1000, 0, 30000, true,
			       SYNCD },
	[DRILL_CUT_SYNC] = { "cut-sync", "the channel to the peer is closed for 3 s", 1000, 0,
			     30000, true, 0 },
	[DRILL_STOP_SYNCD] = { "stop-syncd", "syncd of this node stands still for 3 s", 1000, 0,
			       30000, true, 0 },
	[DRILL_KILL_LBD] = { "kill-lbd", "SIGKILL to lbd of this node", 1000, 0, 30000, true, LBD },
	[DRILL_FAILOVER] = { "failover", "planned failover to the peer, and back", 1000, 0, 30000,
			     true, 0 },
	[DRILL_KILL_VRRPD] = { "kill-vrrpd", "SIGKILL to vrrpd of this node", 1000, 10, 30000, true,
			       VRRPD },
	[DRILL_STOP_VRRPD] = { "stop-vrrpd", "vrrpd of this node stands still for 3 s", 1000, 10,
			       30000, true, 0 },
	[DRILL_KILL_ALL] = { "kill-all", "SIGKILL to all three daemons of this node at once", 1000,
			     10, 60000, false, LBD | VRRPD | SYNCD },
	[DRILL_BY_HAND] = { "by-hand", "you do it: this waits for the fault, and for its end", 3000,
			    30, HOUR_MS, false, 0 },
};

static bool find_kind(const char *word, size_t length, uint32_t *kinds)
{
	for (size_t i = 0; i < DRILL_KINDS; i++)
		if (strlen(drill_kinds[i].name) == length &&
		    memcmp(drill_kinds[i].name, word, length) == 0) {
			*kinds |= 1u << i;
			return true;
		}
	return false;
}

const char *drill_read_kinds(const char *list, uint32_t *kinds)
{
	*kinds = 0;
	while (1) {
		size_t length = strcspn(list, ",");

		if (!find_kind(list, length, kinds))
			return list;
		if (!list[length])
			return NULL;
		list += length + 1;
	}
}

uint32_t drill_usual_kinds(bool active)
{
	uint32_t kinds = 0;

	for (size_t i = 0; i < DRILL_KINDS; i++)
		if (drill_kinds[i].usual && (active || i != DRILL_FAILOVER))
			kinds |= 1u << i;
	return kinds;
}

uint32_t drill_blackout_limit(enum drill_kind kind, const struct drill_limits *limits,
			      uint32_t advert_ms)
{
	const struct drill_kind_info *info = &drill_kinds[kind];

	return limits->blackout_ms ? limits->blackout_ms
				   : info->blackout_ms + info->adverts * advert_ms;
}

uint32_t drill_heal_limit(enum drill_kind kind, const struct drill_limits *limits)
{
	return limits->heal_ms ? limits->heal_ms : drill_kinds[kind].heal_ms;
}
