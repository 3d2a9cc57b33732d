// SPDX-License-Identifier: BSD-2-Clause
/* From a plan to the list of what is to be probed. */
#include "lbd/health.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lbd/passive.h"
#include "lbd/plan_making.h"

enum { PORT_MAPPER = 135 };

/* The first failure of a row is looked at again after this part of the interval. */
enum { RECHECK_PART = 4 };

/* Where a service says nothing; the schema's defaults. */
static const struct health_rule default_rule = {
	.fall = 3,
	.rise = 2,
	.interval_ms = 2000,
	.timeout_ms = 1000,
	.recheck_ms = 2000 / RECHECK_PART,
	.vip_check = true,
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

static bool web_alike(const struct health_web *one, const struct health_web *other)
{
	return one == other || (one && other && !memcmp(one, other, sizeof(*one)));
}

/* The same question to the same server. */
static bool alike(const struct health_target *one, const struct health_target *other)
{
	return flow_ip_equal(&one->addr, &other->addr) && flow_ip_equal(&one->vip, &other->vip) &&
	       one->port == other->port && one->kind == other->kind &&
	       one->interfaces == other->interfaces &&
	       !memcmp(one->interface, other->interface, sizeof(one->interface)) &&
	       web_alike(one->web, other->web);
}

static int append(struct health *health, const struct health_target *target)
{
	struct health_target *grown;

	if (health->count == HEALTH_MAX_TARGETS)
		return -E2BIG;
	grown = realloc(health->target, (health->count + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	health->target = grown;
	grown[health->count++] = *target;
	return 0;
}

static int add(struct health *health, const struct health_target *target)
{
	for (size_t i = 0; i < health->count; i++) {
		struct health_target *twin = &health->target[i];

		/* One probe speaks for two checks that ask the same thing. */
		if (twin->member == target->member && alike(twin, target) &&
		    !memcmp(&twin->rule, &target->rule, sizeof(twin->rule))) {
			twin->pools |= target->pools;
			return 0;
		}
	}
	return append(health, target);
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

static enum health_kind kind_of(const Conf__Check *check)
{
	static const enum health_kind kinds[] = {
		[CONF__CHECK__TYPE__TCP] = HEALTH_TCP,
		[CONF__CHECK__TYPE__PASSIVE] = HEALTH_TCP,
		[CONF__CHECK__TYPE__RPC_EPM] = HEALTH_RPC,
		[CONF__CHECK__TYPE__HTTPS] = HEALTH_HTTPS,
		[CONF__CHECK__TYPE__HTTP] = HEALTH_HTTP,
		[CONF__CHECK__TYPE__SMTP] = HEALTH_SMTP,
		[CONF__CHECK__TYPE__IMAP] = HEALTH_IMAP,
		[CONF__CHECK__TYPE__IMAPS] = HEALTH_IMAPS,
		[CONF__CHECK__TYPE__POP3] = HEALTH_POP3,
		[CONF__CHECK__TYPE__POP3S] = HEALTH_POP3S,
		[CONF__CHECK__TYPE__PING] = HEALTH_PING,
	};

	return check ? kinds[check->type] : HEALTH_TCP;
}

static void fill_web(struct health_web *web, const Conf__Array *array, const Conf__Check *check)
{
	const char *host = check->host ? check->host : array->fqdn;

	memset(web, 0, sizeof(*web)); /* compared as bytes */
	snprintf(web->host, sizeof(web->host), "%s", host ? host : "");
	snprintf(web->ca_file, sizeof(web->ca_file), "%s", check->ca_file ? check->ca_file : "");
	for (; web->paths < check->n_path && web->paths < HEALTH_PATHS; web->paths++)
		snprintf(web->path[web->paths], HEALTH_WORD, "%s", check->path[web->paths]);
	if (!web->paths)
		snprintf(web->path[web->paths++], HEALTH_WORD, "/");
	web->status = check->status;
	web->verify = check->verify_tls;
}

/* What the check asks for, of which each kind is kept once. */
static const struct health_web *find_web(struct health *health, const Conf__Array *array,
					 const Conf__Check *check)
{
	struct health_web *web = malloc(sizeof(*web)), **grown;

	if (!web)
		return NULL;
	fill_web(web, array, check);
	for (size_t i = 0; i < health->webs; i++) {
		if (!web_alike(health->web[i], web))
			continue;
		free(web);
		return health->web[i];
	}
	grown = realloc(health->web, (health->webs + 1) * sizeof(struct health_web *));
	if (!grown) {
		free(web);
		return NULL;
	}
	health->web = grown;
	return grown[health->webs++] = web;
}

static bool wants_web(enum health_kind kind)
{
	return kind == HEALTH_HTTP || kind == HEALTH_HTTPS || kind == HEALTH_IMAPS ||
	       kind == HEALTH_POP3S;
}

static bool set_port(struct health_target *target, const Conf__Service *service,
		     const Conf__Check *check)
{
	target->kind = kind_of(check);
	if (target->kind == HEALTH_PING)
		return true;
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

static struct health_rule rule_of(const Conf__Check *check)
{
	return (struct health_rule){
		.fall = check->fall,
		.rise = check->rise,
		.interval_ms = check->interval_ms,
		.timeout_ms = check->timeout_ms,
		.recheck_ms = check->has_recheck_ms ? check->recheck_ms
						    : check->interval_ms / RECHECK_PART,
		.warn_latency_ms = check->warn_latency_ms,
		.vip_check = check->vip_check != 0,
	};
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
	if (check && wants_web(target.kind) && !(target.web = find_web(health, array, check)))
		return -ENOMEM;
	target.pools = pools_of(plan, array, service);
	if (check)
		target.rule = rule_of(check);
	target.rule.vip_check &= plan_mode(array) == MODE_DSR;
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

/* What the child asks a member of mode dsr by its own address, the same is asked of its VIP. */
static int add_vips(struct health *health, const struct plan *plan)
{
	int error = 0;

	health->probed = health->count;
	for (size_t i = 0; i < health->probed && !error; i++) {
		struct health_target vip = health->target[i];
		const Conf__Array *array = plan->array_of_member[vip.member];

		if (!vip.rule.vip_check || !vip.port ||
		    !conf_vip(array, flow_ip_family(&vip.addr), &vip.vip))
			continue;
		vip.kind = HEALTH_VIP;
		vip.interfaces = 0;
		memset(vip.interface, 0, sizeof(vip.interface));
		vip.web = NULL;
		vip.rule.silent_syns = vip.rule.warn_latency_ms = 0;
		error = append(health, &vip);
		health->target[i].vip_target = health->count - 1;
	}
	return error;
}

int health_plan(struct health *health, const struct plan *plan, uint64_t now_ns)
{
	int error = 0;

	memset(health, 0, sizeof(*health));
	for (unsigned int s = 0; s < FLOW_MAX_SERVICES && !error; s++)
		if (plan->service[s])
			error = add_service(health, plan, plan->array_of_service[s],
					    plan->service[s]);
	if (!error)
		error = add_vips(health, plan);
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
	for (size_t i = 0; i < health->webs; i++)
		free(health->web[i]);
	free(health->web);
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
			now->slow = was->slow;
			now->last = was->last;
			now->latency_us = was->latency_us;
			now->trace = was->trace;
			memcpy(now->learned, was->learned, sizeof(now->learned));
			now->since_ns = was->since_ns;
			now->heard_ns = was->heard_ns;
		}
	}
}
