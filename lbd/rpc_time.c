// SPDX-License-Identifier: BSD-2-Clause
#include "lbd/rpc_time.h"

#include <string.h>

#include "lbd/latency.h"

void rpc_time_add(struct rpc_time times[FLOW_MAX_MEMBERS], const struct health_target *target)
{
	const uint32_t *took = target->trace.step_us;
	struct rpc_time *time;

	if (target->kind != HEALTH_RPC || target->last != HEALTH_OK ||
	    target->member >= FLOW_MAX_MEMBERS)
		return;
	time = &times[target->member];
	latency_add(&time->connect, took[HEALTH_STEP_CONNECT]);
	latency_add(&time->bind, took[HEALTH_STEP_BIND]);
	time->slow += took[HEALTH_STEP_BIND] >= RPC_TIME_SLOW_US;
}

void rpc_time_replan(struct rpc_time times[FLOW_MAX_MEMBERS], const struct plan *old,
		     const struct plan *plan)
{
	for (unsigned int m = 0; m < FLOW_MAX_MEMBERS; m++)
		if (memcmp(old->members[m].addr, plan->members[m].addr,
			   sizeof(plan->members[m].addr)) != 0)
			times[m] = (struct rpc_time){ 0 };
}
