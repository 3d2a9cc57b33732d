// SPDX-License-Identifier: BSD-2-Clause
#include "lbd/hops.h"

#include <string.h>

static struct hops_client *place_of(struct hops *hops, const struct flow_ip *client)
{
	uint32_t fold = client->word[0] * 0x85ebca6bu + client->word[1] * 0xc2b2ae35u +
			client->word[2] * 0x27d4eb2fu + client->word[3];

	/* The upper bits of a product depend on all bits of what is hashed (Knuth, 6.4). */
	return &hops->client[fold * 0x9e3779b1u >> 19];
}

_Static_assert(HOPS_CLIENTS == 1 << (32 - 19), "place_of");

bool hops_wanted(const struct flow *flow)
{
	/* Those of a member's own address are the kernel's, which queues while it asks. */
	if (flow->flags & FLOW_OUTBOUND || flow->hop.ifindex)
		return false;
	return flow->state != FLOW_CLOSING && flow->state != FLOW_RESET;
}

void hops_begin(struct hops *hops, uint32_t now)
{
	hops->round++;
	hops->now = now;
	hops->asks = 0;
	hops->full = false;
	/* A client is remembered no longer than its hop: an index never means another one. */
	for (size_t i = 0; i < HOPS_MAX; i++)
		if (hops->hop[i].used + 1 < hops->round)
			hops->hop[i] = (struct hop){ 0 };
}

void hops_client(struct hops *hops, const struct flow_ip *client)
{
	struct hops_client *place = place_of(hops, client);
	bool known = flow_ip_equal(&place->addr, client) && place->seen + 1 >= hops->round;

	if (known && hops->now - place->looked < HOPS_ROUTE_AGE) {
		place->seen = hops->round;
		if (place->hop)
			hops->hop[place->hop - 1].used = hops->round;
		return;
	}
	if (hops->asks == HOPS_ASKS)
		return;
	hops->ask[hops->asks++] = *client;
	*place = (struct hops_client){ .addr = *client, .seen = hops->round, .looked = hops->now };
}

/* Index of the hop, or of a free place; HOPS_MAX when there is neither. */
static size_t find(const struct hops *hops, const struct hop *wanted)
{
	size_t free = HOPS_MAX;

	for (size_t i = 0; i < HOPS_MAX; i++) {
		const struct hop *hop = &hops->hop[i];

		if (hop->ifindex == wanted->ifindex && flow_ip_equal(&hop->addr, &wanted->addr))
			return i;
		if (!hop->ifindex && free == HOPS_MAX)
			free = i;
	}
	return free;
}

bool hops_learn(struct hops *hops, const struct flow_ip *client, const struct hop *found)
{
	struct hops_client *place = place_of(hops, client);
	size_t index = found && found->ifindex ? find(hops, found) : HOPS_MAX;
	uint32_t asked;
	bool fresh;

	if (index == HOPS_MAX) {
		hops->full |= found && found->ifindex;
		return false;
	}
	fresh = !hops->hop[index].ifindex;
	asked = hops->hop[index].asked;
	hops->hop[index] = *found;
	hops->hop[index].used = hops->round;
	hops->hop[index].asked = fresh ? hops->now : asked;
	if (flow_ip_equal(&place->addr, client))
		place->hop = (uint16_t)(index + 1);
	return fresh;
}

bool hops_due(struct hops *hops, size_t index)
{
	struct hop *hop = &hops->hop[index];
	/* Those that were learned together part in time, and are not asked together for ever. */
	uint32_t patience = HOPS_REFRESH - (uint32_t)index % 8;

	if (!hop->ifindex || hops->now - hop->asked < patience)
		return false;
	hop->asked = hops->now;
	return true;
}

void hops_forget(struct hops *hops)
{
	memset(hops->hop, 0, sizeof(hops->hop));
	memset(hops->client, 0, sizeof(hops->client));
}
