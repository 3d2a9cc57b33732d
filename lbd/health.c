// SPDX-License-Identifier: BSD-2-Clause
#include "lbd/health.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lbd/pool.h"

const char *const health_outcome_names[HEALTH_OUTCOMES] = {
	[HEALTH_UNKNOWN] = "not probed yet",  [HEALTH_OK] = "ok",
	[HEALTH_REFUSED] = "refused",         [HEALTH_TIMEOUT] = "timeout",
	[HEALTH_UNREACHABLE] = "unreachable", [HEALTH_FAULT] = "cannot probe",
};

/* Where a service says nothing; the schema's defaults. */
static const struct health_rule default_rule = {
	.fall = 3, .rise = 2, .interval_ms = 2000, .timeout_ms = 1000
};

/* The service whose checks speak for this one; ends also when `follow` goes in a circle. */
static const Conf__Service *speaker(const Conf__Array *array, const Conf__Service *service)
{
	for (size_t hops = 0; service->follow && *service->follow && hops < array->n_service;
	     hops++) {
		const Conf__Service *next = NULL;

		for (size_t i = 0; i < array->n_service; i++)
			if (!strcmp(array->service[i]->name, service->follow))
				next = array->service[i];
		if (!next)
			break;
		service = next;
	}
	return service;
}

/* The pools in which this service's checks count. */
static uint64_t pools_of(const struct plan *plan, const Conf__Array *array,
			 const Conf__Service *service)
{
	uint64_t pools = 0;

	for (size_t i = 0; i < array->n_service; i++) {
		int pool;

		if (speaker(array, array->service[i]) != service)
			continue;
		pool = plan_pool(plan, conf_pool_id(array, array->service[i]));
		if (pool >= 0)
			pools |= (uint64_t)1 << pool;
	}
	return pools;
}

static int add(struct health *health, const struct health_target *target)
{
	struct health_target *grown;

	for (size_t i = 0; i < health->count; i++) {
		struct health_target *twin = &health->target[i];

		/* Two checks of the same port ask the same thing: one probe speaks for both. */
		if (twin->member == target->member && twin->port == target->port &&
		    !memcmp(&twin->rule, &target->rule, sizeof(twin->rule))) {
			twin->pools |= target->pools;
			return 0;
		}
	}
	if (health->count == HEALTH_MAX_TARGETS)
		return -E2BIG;
	grown = realloc(health->target, (health->count + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	health->target = grown;
	grown[health->count++] = *target;
	return 0;
}

/* One check of a service on each of its array's members; NULL: the check nobody wrote down. */
static int add_check(struct health *health, const struct plan *plan, const Conf__Array *array,
		     const Conf__Service *service, const Conf__Check *check)
{
	struct health_target target = { .rule = default_rule, .fresh = true };
	int error = 0;

	if (!service->n_ports && !(check && check->port))
		return 0;
	target.pools = pools_of(plan, array, service);
	target.port = (uint16_t)(check && check->port ? check->port : service->ports[0]->first);
	if (check)
		target.rule = (struct health_rule){ check->fall, check->rise, check->interval_ms,
						    check->timeout_ms };
	for (uint16_t m = 0; m < FLOW_MAX_MEMBERS && !error; m++) {
		if (plan->array_of_member[m] != array || !plan->member[m])
			continue;
		target.member = m;
		target.addr = plan->members[m].addr;
		error = add(health, &target);
	}
	return error;
}

/* A passive check sends nothing: where it stands alone, the port is probed all the same. */
static int add_service(struct health *health, const struct plan *plan, const Conf__Array *array,
		       const Conf__Service *service)
{
	size_t active = 0;
	int error = 0;

	if (speaker(array, service) != service)
		return 0;
	for (size_t i = 0; i < service->n_check && !error; i++) {
		if (service->check[i]->type == CONF__CHECK__TYPE__PASSIVE)
			continue;
		active++;
		error = add_check(health, plan, array, service, service->check[i]);
	}
	return active || error ? error : add_check(health, plan, array, service, NULL);
}

int health_plan(struct health *health, const struct plan *plan, uint64_t now_ns)
{
	int error = 0;

	memset(health, 0, sizeof(*health));
	for (unsigned int s = 0; s < FLOW_MAX_SERVICES && !error; s++)
		if (plan->service[s])
			error = add_service(health, plan, plan->array_of_service[s],
					    plan->service[s]);
	if (error) {
		health_free(health);
		return error;
	}
	health_restart(health, plan, now_ns);
	for (size_t i = 0; i < health->count; i++)
		health->target[i].fresh = true;
	return 0;
}

void health_free(struct health *health)
{
	free(health->target);
	memset(health, 0, sizeof(*health));
}

void health_carry(struct health *health, const struct health *old)
{
	for (size_t i = 0; i < health->count; i++) {
		struct health_target *now = &health->target[i];

		for (size_t j = 0; j < old->count; j++) {
			const struct health_target *was = &old->target[j];

			if (was->addr != now->addr || was->port != now->port || was->fresh)
				continue;
			now->up = was->up;
			now->confirmed = was->confirmed;
			now->fresh = false;
			now->good = was->good;
			now->bad = was->bad;
			now->last = was->last;
			now->latency_us = was->latency_us;
			now->since_ns = was->since_ns;
			now->heard_ns = was->heard_ns;
		}
	}
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
	target->good = good ? target->good + 1 : 0;
	target->bad = good ? 0 : target->bad + 1;
	if (good && (target->fresh || target->good >= target->rule.rise))
		target->up = target->confirmed = true;
	if (!good && target->bad >= target->rule.fall) {
		target->up = false;
		target->confirmed = true;
	}
	target->fresh = false;
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
		target->confirmed = target->fresh = false;
		target->since_ns = now_ns;
	}
}

static bool concerns(const struct health_target *target, unsigned int pool, unsigned int member)
{
	return target->member == member && target->pools >> pool & 1;
}

enum health_verdict health_verdict(const struct health *health, unsigned int pool,
				   unsigned int member)
{
	enum health_verdict verdict = HEALTH_UP;

	for (size_t i = 0; i < health->count; i++) {
		const struct health_target *target = &health->target[i];

		if (!concerns(target, pool, member))
			continue;
		if (target->confirmed && !target->up)
			return HEALTH_DOWN;
		if (!target->confirmed)
			verdict = HEALTH_UNDECIDED;
	}
	return verdict;
}

const char *health_text(char text[HEALTH_TEXT], const struct health *health, unsigned int pool,
			unsigned int member)
{
	const struct health_target *worst = NULL;

	text[0] = '\0';
	for (size_t i = 0; i < health->count; i++) {
		const struct health_target *target = &health->target[i];

		if (!concerns(target, pool, member))
			continue;
		if (!worst || (worst->last == HEALTH_OK && target->last != HEALTH_OK) ||
		    (worst->up && !target->up))
			worst = target;
	}
	if (worst && worst->last == HEALTH_OK)
		snprintf(text, HEALTH_TEXT, "tcp %u %.1f ms", worst->port,
			 worst->latency_us / 1000.0);
	else if (worst)
		snprintf(text, HEALTH_TEXT, "tcp %u %s", worst->port,
			 health_outcome_names[worst->last]);
	return text;
}
