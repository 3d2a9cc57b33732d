// SPDX-License-Identifier: BSD-2-Clause
#include "lbd/hold.h"

#include <errno.h>
#include <stdlib.h>

#include <linux/if_ether.h>

int hold_open(struct hold *hold)
{
	*hold = (struct hold){ .entry = calloc(FLOW_HELD, sizeof(*hold->entry)) };
	return hold->entry ? 0 : -ENOMEM;
}

void hold_close(struct hold *hold)
{
	free(hold->entry);
	*hold = (struct hold){ 0 };
}

/* It is not going to hear of the standby: what its service says for that case. */
static void let_go(struct hold *hold, struct flow_held *packet, hold_send *send, void *arg)
{
	if (packet->require)
		hold->counts.dropped++;
	else
		send(arg, packet);
}

static void expect(struct hold *hold, uint64_t until_ns)
{
	if (!hold->until_ns || until_ns < hold->until_ns)
		hold->until_ns = until_ns;
}

int hold_take(struct hold *hold, struct flow_held *packet, uint64_t now_ns, hold_send *send,
	      void *arg)
{
	struct hold_entry *entry = &hold->entry[hold->waiting];

	if (packet->length < ETH_HLEN || packet->length > FLOW_HELD_FRAME)
		return -EINVAL;
	hold->counts.taken++;
	if (hold->waiting == FLOW_HELD) {
		hold->counts.overflow++;
		let_go(hold, packet, send, arg);
		return 0;
	}
	entry->packet = *packet;
	entry->until_ns = now_ns + (packet->require ? HOLD_REQUIRE_NS : HOLD_PREFER_NS);
	expect(hold, entry->until_ns);
	hold->waiting++;
	return 0;
}

/* Whether it is done with. */
static bool settle(struct hold *hold, struct hold_entry *entry, const struct hold_sight *sight,
		   hold_send *send, void *arg)
{
	struct flow_held *packet = &entry->packet;

	if (sight->alone) {
		hold->counts.alone++;
		send(arg, packet);
	} else if (sight->certain && (int64_t)(sight->position - packet->position) >= 0) {
		hold->counts.released++;
		send(arg, packet);
	} else if (sight->now_ns >= entry->until_ns) {
		hold->counts.timed_out++;
		let_go(hold, packet, send, arg);
	} else {
		return false;
	}
	return true;
}

void hold_sift(struct hold *hold, const struct hold_sight *sight, hold_send *send, void *arg)
{
	size_t kept = 0;

	hold->until_ns = 0;
	for (size_t i = 0; i < hold->waiting; i++) {
		struct hold_entry *entry = &hold->entry[i];

		if (settle(hold, entry, sight, send, arg))
			continue;
		expect(hold, entry->until_ns);
		if (kept != i)
			hold->entry[kept] = *entry;
		kept++;
	}
	hold->waiting = kept;
}

void hold_empty(struct hold *hold, hold_send *send, void *arg)
{
	for (size_t i = 0; i < hold->waiting; i++)
		let_go(hold, &hold->entry[i].packet, send, arg);
	hold->waiting = 0;
	hold->until_ns = 0;
}
