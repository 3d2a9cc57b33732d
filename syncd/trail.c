// SPDX-License-Identifier: BSD-2-Clause
#include "syncd/trail.h"

#include <string.h>

enum { MAGIC = 0x6b656570 };

/* The next process sees what this one had stored when it was killed: only the order counts. */
static void store(uint64_t *to, uint64_t value)
{
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	__atomic_store_n(to, value, __ATOMIC_RELEASE);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

bool trail_open(struct trail *trail, size_t records, unsigned int node, const char *boot)
{
	if (trail->header.magic == MAGIC && trail->header.layout == FLOW_LAYOUT &&
	    trail->header.bytes == sizeof(*trail) && trail->records == records &&
	    trail->header.node == node &&
	    strncmp(trail->header.boot, boot, sizeof(trail->header.boot)) == 0)
		return true;
	memset(trail, 0, sizeof(*trail));
	trail->records = records;
	trail->header.layout = FLOW_LAYOUT;
	trail->header.bytes = sizeof(*trail);
	trail->header.node = node;
	strncpy(trail->header.boot, boot, sizeof(trail->header.boot) - 1);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	trail->header.magic = MAGIC;
	return false;
}

static unsigned int newest(const struct trail *trail)
{
	return trail->place[1].stamp > trail->place[0].stamp;
}

void trail_read(const struct trail *trail, struct trail_facts *facts)
{
	unsigned int i = newest(trail);

	if (trail->place[i].stamp)
		*facts = trail->place[i].facts;
	else
		memset(facts, 0, sizeof(*facts));
}

void trail_write(struct trail *trail, const struct trail_facts *facts)
{
	unsigned int i = newest(trail);
	uint64_t stamp = trail->place[i].stamp + 1;

	if (stamp > 1 && memcmp(&trail->place[i].facts, facts, sizeof(*facts)) == 0)
		return;
	i = !i;
	store(&trail->place[i].stamp, 0);
	trail->place[i].facts = *facts;
	store(&trail->place[i].stamp, stamp);
}

void trail_reset(struct trail *trail)
{
	store(&trail->head, 0);
	trail->first = 0;
}

void trail_append(struct trail *trail, const struct flow_event *event)
{
	trail->record[(trail->head + 1) & (trail->records - 1)] = *event;
	store(&trail->head, trail->head + 1);
}

/* The record after the head may have been half written where the oldest one was. */
uint64_t trail_floor(const struct trail *trail)
{
	uint64_t room = trail->records - 1;
	uint64_t oldest = trail->head > room ? trail->head - room : 0;

	return oldest > trail->first ? oldest : trail->first;
}
