// SPDX-License-Identifier: BSD-2-Clause
#include "lbd/health.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lbd/passive.h"
#include "lbd/pool.h"

const char *const health_outcome_names[HEALTH_OUTCOMES] = {
	[HEALTH_UNKNOWN] = "not probed yet",
	[HEALTH_OK] = "ok",
	[HEALTH_REFUSED] = "refused",
	[HEALTH_TIMEOUT] = "timeout",
	[HEALTH_UNREACHABLE] = "unreachable",
	[HEALTH_FAULT] = "cannot probe",
	[HEALTH_HUNG] = "hung",
	[HEALTH_NOT_REGISTERED] = "not-registered",
	[HEALTH_WRONG_SERVICE] = "wrong-service",
	[HEALTH_CONGESTED] = "congested",
	[HEALTH_PORT_DRIFT] = "port-drift",
	[HEALTH_REFUSES_ANONYMOUS] = "mapper-refuses-anonymous",
	[HEALTH_NO_RPC] = "no-rpc",
	[HEALTH_UNWILLING] = "unwilling",
};

static const char *const kind_names[HEALTH_KINDS] = {
	[HEALTH_TCP] = "tcp",   [HEALTH_RPC] = "rpc",   [HEALTH_SMTP] = "smtp",
	[HEALTH_IMAP] = "imap", [HEALTH_POP3] = "pop3",
};

enum { PORT_MAPPER = 135 };

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

/* The same question to the same server. */
static bool alike(const struct health_target *one, const struct health_target *other)
{
	return flow_ip_equal(&one->addr, &other->addr) && one->port == other->port &&
	       one->kind == other->kind && one->interfaces == other->interfaces &&
	       !memcmp(one->interface, other->interface, sizeof(one->interface));
}

static int add(struct health *health, const struct health_target *target)
{
	struct health_target *grown;

	for (size_t i = 0; i < health->count; i++) {
		struct health_target *twin = &health->target[i];

		/* One probe speaks for two checks that ask the same thing. */
		if (twin->member == target->member && alike(twin, target) &&
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

/* An RPC check without a list asks for all that an Exchange client needs. */
static void set_rpc(struct health_target *target, const Conf__Check *check)
{
	const char *word;

	target->kind = HEALTH_RPC;
	target->port = (uint16_t)(check->port ? check->port : PORT_MAPPER);
	for (size_t i = 0; i < RPCIF_WORDS; i++) {
		word = check->n_interface ? NULL : rpcif_name(i);
		if (i < check->n_interface)
			word = check->interface[i];
		if (!word)
			break;
		target->interfaces += rpcif_parse(&target->interface[target->interfaces], word);
	}
}

/* What has no probe of its own is probed as TCP; `pairctl check` says so. */
static enum health_kind kind_of(const Conf__Check *check)
{
	if (!check)
		return HEALTH_TCP;
	switch (check->type) {
	case CONF__CHECK__TYPE__SMTP:
		return HEALTH_SMTP;
	case CONF__CHECK__TYPE__IMAP:
		return HEALTH_IMAP;
	case CONF__CHECK__TYPE__POP3:
		return HEALTH_POP3;
	default:
		return HEALTH_TCP;
	}
}

static bool set_port(struct health_target *target, const Conf__Service *service,
		     const Conf__Check *check)
{
	target->kind = kind_of(check);
	if (check && check->port)
		target->port = (uint16_t)check->port;
	else if (service->n_ports)
		target->port = (uint16_t)service->ports[0]->first;
	return target->port != 0;
}

/* What a passive check beside the others says; 0: there is none. */
static uint32_t silent_syns(const Conf__Service *service)
{
	for (size_t i = 0; i < service->n_check; i++)
		if (service->check[i]->type == CONF__CHECK__TYPE__PASSIVE)
			return service->check[i]->silent_syns ? service->check[i]->silent_syns
							      : PASSIVE_DEFAULT;
	return 0;
}

/* One check on each of a member's addresses. */
static int add_addresses(struct health *health, const struct flow_member *member,
			 struct health_target *target)
{
	int error = 0;

	for (enum flow_family f = FLOW_IPV4; f < FLOW_FAMILIES && !error; f++) {
		target->addr = member->addr[f];
		if (!flow_ip_is_none(&target->addr))
			error = add(health, target);
	}
	return error;
}

/* One check of a service on each of its array's members; NULL: the check nobody wrote down. */
static int add_check(struct health *health, const struct plan *plan, const Conf__Array *array,
		     const Conf__Service *service, const Conf__Check *check)
{
	struct health_target target = { .rule = default_rule, .fresh = true };
	int error = 0;

	if (check && check->type == CONF__CHECK__TYPE__RPC_EPM)
		set_rpc(&target, check);
	else if (!set_port(&target, service, check))
		return 0;
	target.pools = pools_of(plan, array, service);
	if (check)
		target.rule = (struct health_rule){ check->fall, check->rise, check->interval_ms,
						    check->timeout_ms, 0 };
	target.rule.silent_syns = silent_syns(service);
	for (uint16_t m = 0; m < FLOW_MAX_MEMBERS && !error; m++) {
		if (plan->array_of_member[m] != array || !plan->member[m])
			continue;
		target.member = m;
		error = add_addresses(health, &plan->members[m], &target);
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

			if (!alike(was, now) || was->fresh)
				continue;
			now->up = was->up;
			now->confirmed = was->confirmed;
			now->fresh = false;
			now->good = was->good;
			now->bad = was->bad;
			now->last = was->last;
			now->latency_us = was->latency_us;
			now->trace = was->trace;
			memcpy(now->learned, was->learned, sizeof(now->learned));
			now->since_ns = was->since_ns;
			now->heard_ns = was->heard_ns;
		}
	}
}

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

static bool concerns(const struct health_target *target, unsigned int pool, unsigned int member)
{
	return target->member == member && target->pools >> pool & 1;
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

		if (concerns(target, pool, member) && target->bad && !target->up &&
		    fails_apart(health, pool, target))
			return true;
	}
	return false;
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

static const char *family_text(const struct health_target *target)
{
	return flow_ip_family(&target->addr) == FLOW_IPV6 ? "IPv6 " : "";
}

/* "rpc 135 4.1 ms: connect 0.1, bind 0.9, map 1.1; 59531,59532: connect 0.1, bind 1.9" */
static void print_good(char text[HEALTH_TEXT], const struct health_target *target)
{
	const struct health_trace *trace = &target->trace;
	size_t used = (size_t)snprintf(text, HEALTH_TEXT, "%s%s %u %.1f ms", family_text(target),
				       kind_names[target->kind], target->port,
				       target->latency_us / 1000.0);
	double took[HEALTH_STEPS];

	if (target->kind != HEALTH_RPC)
		return;
	for (int i = 0; i < HEALTH_STEPS; i++)
		took[i] = trace->step_us[i] / 1000.0;
	used += (size_t)snprintf(text + used, HEALTH_TEXT - used,
				 ": connect %.1f, bind %.1f, map %.1f; ",
				 took[HEALTH_STEP_CONNECT_MAPPER], took[HEALTH_STEP_BIND_MAPPER],
				 took[HEALTH_STEP_MAP]);
	for (size_t i = 0; i < target->interfaces && used < HEALTH_TEXT; i++)
		if (!i || trace->mapped[i] != trace->mapped[i - 1])
			used += (size_t)snprintf(text + used, HEALTH_TEXT - used, "%s%u",
						 i ? "," : "", trace->mapped[i]);
	if (used < HEALTH_TEXT)
		snprintf(text + used, HEALTH_TEXT - used, ": connect %.1f, bind %.1f",
			 took[HEALTH_STEP_CONNECT], took[HEALTH_STEP_BIND]);
}

/* "rpc 135 hung", "rpc 59531 wrong-service (emsmdb)" */
static void print_bad(char text[HEALTH_TEXT], const struct health_target *target)
{
	const struct health_trace *trace = &target->trace;
	enum health_outcome outcome = target->last;
	char name[RPCIF_TEXT];
	bool rpc = target->kind == HEALTH_RPC && outcome != HEALTH_UNKNOWN && trace->port;
	/* Of the mapper itself, or of what it was asked for? */
	bool about = rpc && trace->interface < target->interfaces &&
		     (trace->port != target->port || outcome == HEALTH_NOT_REGISTERED);

	snprintf(text, HEALTH_TEXT, "%s%s %u %s%s%s%s", family_text(target),
		 kind_names[target->kind], rpc ? trace->port : target->port,
		 health_outcome_names[outcome], about ? " (" : "",
		 about ? rpcif_print(name, &target->interface[trace->interface]) : "",
		 about ? ")" : "");
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
		print_good(text, worst);
	else if (worst)
		print_bad(text, worst);
	return text;
}
