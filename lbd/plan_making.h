/* SPDX-License-Identifier: BSD-2-Clause */
/* A plan in the making: what the parts of plan_make() have in common.  For lbd/plan*.c alone. */
#ifndef CASPAIR_PLAN_MAKING_H
#define CASPAIR_PLAN_MAKING_H

#include "lbd/plan.h"

/* What plan_make() works with. */
struct making {
	const struct conf *conf;
	const struct plan *old;
	const uint64_t *flows;
	struct plan *plan;
	uint64_t now_ns;
	char *error;
};

/* Fills `error` and returns false. */
bool plan_fail(struct making *make, const char *what, const char *name);

/* False, with the reason filled in, when there is no room or the address has a role. */
bool plan_add_role(struct making *make, const struct flow_role *role, const char *name);

/* enum flow_mode of an array. */
uint8_t plan_mode(const Conf__Array *array);

/*
 * The addresses that members see in a client's place: gateways, pools, and the VIPs of NAT arrays
 * that have neither.  Gateways come with the array; the rest after its services, whose ports a VIP
 * does not give away.  False, with the reason filled in, when there is no room.
 */
bool plan_add_gateway(struct making *make, const Conf__Array *array, enum flow_family family);
bool plan_add_sources(struct making *make, const Conf__Array *array, int table);

/* Takes over what is no longer configured but still has flows. */
void plan_keep_sources(struct making *make);

#endif
