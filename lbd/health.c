// SPDX-License-Identifier: BSD-2-Clause
#include "lbd/health.h"

#include <stdlib.h>
#include <string.h>

/* Whether clients reach a port of the member through its VIP. */
static bool forwarded(const struct plan *plan, uint16_t member, uint16_t port)
{
	for (unsigned int s = 0; s < FLOW_MAX_SERVICES; s++) {
		const Conf__Service *service = plan->service[s];

		if (!service || plan->array_of_service[s] != plan->array_of_member[member])
			continue;
		for (size_t i = 0; i < service->n_ports; i++)
			if (service->ports[i]->first <= port && port <= service->ports[i]->last)
				return true;
	}
	return false;
}

enum health_outcome health_outcome(const struct plan *plan, const struct health_target *target,
				   enum health_outcome outcome, struct health_trace *trace)
{
	if (outcome == HEALTH_FAULT || outcome == HEALTH_UNKNOWN)
		return outcome;
	for (size_t i = 0; i < target->interfaces; i++) {
		if (!trace->mapped[i] || forwarded(plan, target->member, trace->mapped[i]))
			continue;
		trace->port = trace->mapped[i];
		trace->interface = (uint16_t)i;
		return HEALTH_PORT_DRIFT;
	}
	return outcome;
}

bool health_learn(struct health_target *target, const struct health_trace *trace,
		  unsigned int *moved)
{
	*moved = 0;
	for (size_t i = 0; i < target->interfaces; i++) {
		if (!trace->mapped[i] || trace->mapped[i] == target->learned[i])
			continue;
		target->learned[i] = trace->mapped[i];
		*moved |= 1u << i;
	}
	return *moved;
}

bool health_is_bad(enum health_outcome outcome)
{
	return outcome > HEALTH_OK && outcome != HEALTH_FAULT && outcome != HEALTH_CONGESTED &&
	       outcome != HEALTH_REFUSES_ANONYMOUS;
}

bool health_is_slow(const struct health_target *target)
{
	return target->slow >= target->rule.fall;
}

static bool takes_long(const struct health_target *target)
{
	return target->rule.warn_latency_ms &&
	       target->latency_us / 1000 >= target->rule.warn_latency_ms;
}

bool health_result(struct health_target *target, enum health_outcome outcome, uint32_t latency_us,
		   uint64_t now_ns)
{
	bool was = target->up, confirmed = target->confirmed, good = outcome == HEALTH_OK;

	target->heard_ns = now_ns;
	target->last = outcome;
	if (outcome == HEALTH_FAULT || outcome == HEALTH_UNKNOWN)
		return false;
	target->latency_us = latency_us;
	if (outcome == HEALTH_CONGESTED || outcome == HEALTH_REFUSES_ANONYMOUS) {
		target->good = 0; /* it lives: no reason to go, none to come */
		return false;
	}
	if (good)
		target->good_ns = now_ns;
	else if (!target->bad)
		target->bad_ns = now_ns;
	target->slow = good && takes_long(target) ? target->slow + 1 : 0;
	target->good = good ? target->good + 1 : 0;
	target->bad = good ? 0 : target->bad + 1;
	if (good && target->suspected)
		target->silent_base = target->silent_now;
	if (good && (target->fresh || target->good >= target->rule.rise))
		target->up = target->confirmed = true;
	if (!good && (target->bad >= target->rule.fall || target->suspected)) {
		target->up = false;
		target->confirmed = true;
	}
	target->fresh = target->suspected = false;
	if (was != target->up)
		target->since_ns = now_ns;
	return was != target->up || confirmed != target->confirmed;
}

void health_restart(struct health *health, const struct plan *plan, uint64_t now_ns)
{
	for (size_t i = 0; i < health->count; i++) {
		struct health_target *target = &health->target[i];

		target->up = false;
		for (unsigned int p = 0; p < FLOW_MAX_POOLS; p++)
			if (target->pools >> p & 1 && plan->standing[p][target->member].up)
				target->up = true;
		target->good = target->bad = 0;
		target->confirmed = target->fresh = target->suspected = false;
		target->since_ns = now_ns;
	}
}

/*
 * Where the other came up only after the failures had begun, as after a time when all were gone,
 * this one gets as many probes to come up as it takes to go down.
 */
static bool outlives(const struct health_target *good, const struct health_target *bad)
{
	const struct health_rule *rule = &bad->rule;
	uint64_t chance_ns = ((uint64_t)rule->fall * rule->interval_ms + rule->timeout_ms) *
			     1000000;

	if (good->good_ns <= bad->bad_ns || !good->up)
		return false;
	return good->since_ns <= bad->bad_ns || bad->heard_ns > good->since_ns + chance_ns;
}

static bool fails_apart(const struct health *health, unsigned int pool,
			const struct health_target *bad)
{
	for (size_t i = 0; i < health->count; i++) {
		const struct health_target *other = &health->target[i];

		if (other->member != bad->member && other->pools >> pool & 1 &&
		    outlives(other, bad))
			return true;
	}
	return false;
}

bool health_apart(const struct health *health, unsigned int pool, unsigned int member)
{
	for (size_t i = 0; i < health->count; i++) {
		const struct health_target *target = &health->target[i];

		if (health_concerns(target, pool, member) && target->bad && !target->up &&
		    fails_apart(health, pool, target))
			return true;
	}
	return false;
}

/* Where this node may not send to a VIP, no member waits for it. */
static bool cannot_tell(const struct health_target *target)
{
	return target->kind == HEALTH_VIP && !target->confirmed && target->last == HEALTH_FAULT;
}

enum health_verdict health_verdict(const struct health *health, unsigned int pool,
				   unsigned int member)
{
	enum health_verdict verdict = HEALTH_UP;

	for (size_t i = 0; i < health->count; i++) {
		const struct health_target *target = &health->target[i];

		if (!health_concerns(target, pool, member) || cannot_tell(target))
			continue;
		if (target->confirmed && !target->up)
			return HEALTH_DOWN;
		if (!target->confirmed)
			verdict = HEALTH_UNDECIDED;
	}
	return verdict;
}

/* Down for one target's sake, up for the sake of all. */
bool health_objects(const struct health *health, unsigned int pool, unsigned int member, bool up,
		    uint64_t since_ns)
{
	enum health_verdict verdict = health_verdict(health, pool, member);
	bool all = true, any = false;

	if (verdict == HEALTH_UNDECIDED || (verdict == HEALTH_UP) == up)
		return false;
	for (size_t i = 0; i < health->count; i++) {
		const struct health_target *target = &health->target[i];
		bool since = target->heard_ns > since_ns;

		if (!health_concerns(target, pool, member) || cannot_tell(target))
			continue;
		all = all && since && target->last == HEALTH_OK;
		any = any || (since && !target->up && health_is_bad(target->last));
	}
	return up ? any : all;
}
