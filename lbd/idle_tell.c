// SPDX-License-Identifier: BSD-2-Clause
#include "lbd/idle_tell.h"

#include "proto/addr.h"
#include "lbd/arena.h"
#include "lbd/plan.h"
#include "lbd/usage.h"

static Cas__IdleService *describe_service(const struct plan *plan, struct arena *arena,
					  const struct idle *idle, unsigned int service)
{
	Cas__IdleService *told = arena_take(arena, sizeof(*told));

	if (!told)
		return NULL;
	cas__idle_service__init(told);
	told->array = plan->array_of_service[service]->name;
	told->service = plan->service[service]->name;
	told->sessions = idle->sessions;
	told->timeout_ms = plan->service[service]->idle_timeout_ms;
	told->longest_ms = idle->longest_s * UINT64_C(1000);
	told->near = idle->near;
	told->below_1min = idle->bucket[0];
	told->below_5min = idle->bucket[1];
	told->below_15min = idle->bucket[2];
	told->below_1h = idle->bucket[3];
	told->below_125min = idle->bucket[4];
	told->longer = idle->bucket[5];
	return told;
}

static Cas__IdleClient *describe_client(const struct plan *plan, struct arena *arena,
					const struct idle_client *client)
{
	Cas__IdleClient *told = arena_take(arena, sizeof(*told));
	char text[ADDR_TEXT];

	if (!told)
		return NULL;
	cas__idle_client__init(told);
	told->array = plan->array_of_service[client->service]->name;
	told->service = plan->service[client->service]->name;
	told->client = arena_print(arena, "%s", addr_print_flow(text, &client->client));
	told->member = usage_member_name(plan, client->member);
	told->idle_ms = client->idle_s * UINT64_C(1000);
	told->timeout_ms = client->timeout_s * UINT64_C(1000);
	return told->client ? told : NULL;
}

/* Services may have changed during the walk. */
bool idle_tell(const struct idle_all *all, const struct plan *plan, struct arena *arena,
	       Cas__UsageReply *reply)
{
	reply->idle = arena_take(arena, FLOW_MAX_SERVICES * sizeof(*reply->idle));
	reply->idle_client = arena_take(arena, IDLE_LISTED * sizeof(*reply->idle_client));
	if (!reply->idle || !reply->idle_client)
		return false;
	for (unsigned int i = 0; i < FLOW_MAX_SERVICES; i++)
		if (all->service[i].sessions && plan->service[i] &&
		    !(reply->idle[reply->n_idle++] = describe_service(plan, arena, &all->service[i],
								      i)))
			return false;
	for (size_t i = 0; i < all->list.count; i++) {
		const struct idle_client *client = &all->list.client[i];

		if (plan->service[client->service] &&
		    !(reply->idle_client[reply->n_idle_client++] = describe_client(plan, arena,
										   client)))
			return false;
	}
	return true;
}
