// SPDX-License-Identifier: BSD-2-Clause
#include "lbd/pace.h"

#include <stdlib.h>
#include <string.h>

#define NS 1000000000ull

/* What may go at once after a silence: that of 20 ms, and one order. */
enum { BURST_PER_SECOND = 50 };

void pace_free(struct pace *pace)
{
	free(pace->order);
	*pace = (struct pace){ 0 };
}

void pace_clear(struct pace *pace)
{
	pace->count = pace->next = 0;
	pace->going = false;
}

void pace_rate(struct pace *pace, uint32_t rate)
{
	pace->rate = rate;
	if (!rate)
		pace_clear(pace);
}

bool pace_gather(struct pace *pace, const struct flow_key *key, uint8_t reason)
{
	if (!pace->rate || pace->going || pace->count == PACE_ORDERS)
		return false;
	if (!pace->order)
		pace->order = calloc(PACE_ORDERS, sizeof(*pace->order));
	if (!pace->order)
		return false;
	pace->order[pace->count++] = (struct pace_order){ .key = *key, .reason = reason };
	return true;
}

static int by_client(const void *a, const void *b)
{
	const struct pace_order *one = a, *other = b;
	int order = memcmp(&one->key.vip, &other->key.vip, sizeof(one->key.vip));

	return order ? order
		     : memcmp(&one->key.client, &other->key.client, sizeof(one->key.client));
}

uint32_t pace_go(struct pace *pace, uint64_t now_ns)
{
	if (pace->going || !pace->count)
		return 0;
	qsort(pace->order, pace->count, sizeof(*pace->order), by_client);
	pace->going = true;
	/* An array that is seldom used has no more credit than one that is. */
	pace->last_ns = now_ns;
	if (pace->credit < NS)
		pace->credit = NS;
	return pace->count;
}

static void earn(struct pace *pace, uint64_t now_ns)
{
	uint64_t passed = now_ns > pace->last_ns ? now_ns - pace->last_ns : 0;
	uint64_t most = NS + pace->rate * (NS / BURST_PER_SECOND);

	if (passed > NS)
		passed = NS;
	pace->last_ns = now_ns;
	pace->credit += passed * pace->rate;
	if (pace->credit > most)
		pace->credit = most;
}

uint32_t pace_take(struct pace *pace, uint64_t now_ns, uint32_t most,
		   const struct pace_order **order)
{
	uint32_t count = pace->count - pace->next;

	if (!pace->going)
		return 0;
	earn(pace, now_ns);
	if (count > most)
		count = most;
	if (count > pace->credit / NS)
		count = (uint32_t)(pace->credit / NS);
	pace->credit -= count * NS;
	*order = &pace->order[pace->next];
	pace->next += count;
	if (pace->next == pace->count)
		pace_clear(pace);
	return count;
}

void pace_refund(struct pace *pace, uint32_t orders)
{
	pace->credit += orders * NS;
}
