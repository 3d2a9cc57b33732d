/* SPDX-License-Identifier: BSD-2-Clause */
/* How long the RPC services of each member take to answer this node's own checks.  Pure. */
#ifndef CASPAIR_RPC_TIME_H
#define CASPAIR_RPC_TIME_H

#include "lbd/health.h"

/* Exchange is said to have it when its users feel it. */
enum { RPC_TIME_SLOW_US = 10000 };

/* Of one member, since lbd started or the member's slot had another one. */
struct rpc_time {
	struct flow_histogram connect; /* to its services: the network, and its kernel */
	struct flow_histogram bind; /* one question to a service over a connection that is there */
	uint64_t slow;              /* binds not below RPC_TIME_SLOW_US */
};

/* A check that went well; of other kinds than RPC nothing is kept. */
void rpc_time_add(struct rpc_time times[FLOW_MAX_MEMBERS], const struct health_target *target);

/* Another plan is in force: forgets slots that another member has now. */
void rpc_time_replan(struct rpc_time times[FLOW_MAX_MEMBERS], const struct plan *old,
		     const struct plan *plan);

#endif
