// SPDX-License-Identifier: BSD-2-Clause
#include "lbd/idle.h"

#include <stdbool.h>
#include <string.h>
#include "proto/flow_limits.h"

enum { SLACK = 65536 }; /* ticks; stamps so far ahead are no age of 52 days */

/* The fifth: Windows sends its first keep-alive after two hours, and it has had time to arrive. */
const uint32_t idle_bounds[IDLE_BUCKETS - 1] = { 60, 300, 900, 3600, 7500 };

uint32_t idle_age(uint32_t now, uint32_t last_seen)
{
	uint32_t age = now - last_seen;

	if (age > UINT32_MAX - SLACK)
		return 0;
	return (uint32_t)(((uint64_t)age << FLOW_TICK_SHIFT) / 1000000000);
}

/* Of its timeout, in thousandths. */
static uint64_t share(const struct idle_client *session)
{
	return session->timeout_s ? (uint64_t)session->idle_s * 1000 / session->timeout_s : 0;
}

static bool is_same(const struct idle_client *a, const struct idle_client *b)
{
	return a->service == b->service && flow_ip_equal(&a->client, &b->client);
}

static void take_out(struct idle_list *list, size_t at)
{
	list->count--;
	memmove(&list->client[at], &list->client[at + 1],
		(list->count - at) * sizeof(list->client[0]));
}

/* Into its place; the last one of a full list falls out. */
static void insert(struct idle_list *list, const struct idle_client *session)
{
	size_t at = 0;

	while (at < list->count && share(&list->client[at]) >= share(session))
		if (is_same(&list->client[at++], session))
			return;
	for (size_t i = at; i < list->count; i++)
		if (is_same(&list->client[i], session)) {
			take_out(list, i);
			break;
		}
	if (at == IDLE_LISTED)
		return;
	if (list->count == IDLE_LISTED)
		list->count--;
	memmove(&list->client[at + 1], &list->client[at],
		(list->count - at) * sizeof(list->client[0]));
	list->client[at] = *session;
	list->count++;
}

void idle_add(struct idle *idle, struct idle_list *list, const struct idle_client *session)
{
	size_t bucket = 0;

	while (bucket < IDLE_BUCKETS - 1 && session->idle_s >= idle_bounds[bucket])
		bucket++;
	idle->sessions++;
	idle->bucket[bucket]++;
	if (idle->longest_s < session->idle_s)
		idle->longest_s = session->idle_s;
	if (share(session) >= IDLE_NEAR_PERCENT * 10)
		idle->near++;
	insert(list, session);
}
