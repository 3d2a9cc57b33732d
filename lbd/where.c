// SPDX-License-Identifier: BSD-2-Clause
#include "lbd/where.h"

#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "proto/addr.h"
#include "conf/conf.h"
#include "lbd/bpf/choice.h"
#include "lbd/lbd.h"
#include "lbd/pool.h"

/* What was asked, found in the plan. */
struct place {
	struct flow_ip client;
	int service;
	unsigned int pool;
};

/* The array's service at a port, for clients of one family; -1: none. */
static int service_at(const struct plan *plan, const Conf__Array *array, enum flow_family family,
		      uint32_t port)
{
	struct flow_ip vip;

	return conf_vip(array, family, &vip) ? plan_service(plan, &vip, (uint16_t)port) : -1;
}

/* The service at the port: of the array named, or of the only one that has it. */
static int find_service(const struct lbd *lbd, struct ctl_conn *conn,
			const Cas__WhereRequest *request, enum flow_family family)
{
	const Conf__Config *file = lbd->conf->file;
	int found = -1;
	bool known = !request->array;

	for (size_t i = 0; i < file->n_array; i++) {
		int service;

		if (request->array && strcmp(request->array, file->array[i]->name))
			continue;
		known = true;
		service = service_at(lbd->plan, file->array[i], family, request->port);
		if (service >= 0 && found >= 0) {
			ctl_refuse(conn, 2, "several arrays have port %u: name one", request->port);
			return -1;
		}
		found = service >= 0 ? service : found;
	}
	if (!known)
		ctl_refuse(conn, 2, "there is no array %s", request->array);
	else if (found < 0)
		ctl_refuse(conn, 1, "no service has port %u at an %s VIP", request->port,
			   family == FLOW_IPV4 ? "IPv4" : "IPv6");
	return found;
}

/* By the table in force in the data plane, not by what we think it should be. */
static uint16_t by_hash(const struct lbd *lbd, const struct place *place)
{
	uint32_t key = lbd->plan->pools[place->pool].table;
	struct flow_maglev *table = malloc(sizeof(*table));
	uint16_t member = FLOW_NO_MEMBER;

	if (table && !bpf_map_lookup_elem(lbd->plane.map[MAP_MAGLEV], &key, table))
		member = table->member[choice_index(
			choice_hash(&place->client, conf_seed(lbd->conf)))];
	free(table);
	return member;
}

/* A pin holds while its member is up. */
static bool find_pin(const struct lbd *lbd, const struct place *place, struct pin *pin)
{
	const struct flow_pool *pool = &lbd->plan->pools[place->pool];
	struct pin_key key = { .client = place->client, .pool_id = pool->id };

	return pool->flags & POOL_AFFINITY &&
	       !bpf_map_lookup_elem(lbd->plane.map[MAP_PINS], &key, pin) &&
	       pin->member < FLOW_MAX_MEMBERS && pool_bit(pool, pin->member);
}

static char *name_of(const struct lbd *lbd, uint16_t member)
{
	return member < FLOW_MAX_MEMBERS && lbd->plan->member[member]
		       ? lbd->plan->member[member]->name
		       : NULL;
}

static uint64_t pin_left_ms(const struct lbd *lbd, const struct place *place, const struct pin *pin)
{
	uint32_t now = (uint32_t)(daemon_now_ns() >> FLOW_TICK_SHIFT);
	uint32_t idle = now - pin->last_used, linger = lbd->plan->pools[place->pool].linger_ticks;
	uint64_t left = pin->flows ? linger : idle < linger ? linger - idle : 0;

	return (left << FLOW_TICK_SHIFT) / 1000000;
}

static bool single(const struct lbd *lbd, unsigned int pool)
{
	unsigned int count = 0;

	for (unsigned int m = 0; m < FLOW_MAX_MEMBERS; m++)
		count += pool_has(lbd->plan, pool, m);
	return count == 1;
}

static void reply_with(const struct lbd *lbd, struct ctl_conn *conn, const struct place *place)
{
	static char pinned[] = "pinned", hash[] = "hash", only[] = "single";
	Cas__Message message = CAS__MESSAGE__INIT;
	Cas__WhereReply reply = CAS__WHERE_REPLY__INIT;
	uint16_t chosen = by_hash(lbd, place);
	struct pin pin;

	reply.service = lbd->plan->service[place->service]->name;
	reply.pool = (char *)(uintptr_t)lbd->plan->name_of_pool[place->pool];
	reply.member = name_of(lbd, chosen);
	reply.because = single(lbd, place->pool) ? only : hash;
	if (find_pin(lbd, place, &pin) && name_of(lbd, pin.member)) {
		reply.without_pin = reply.member;
		reply.member = name_of(lbd, pin.member);
		reply.because = pinned;
		reply.has_pin_left_ms = 1;
		reply.pin_left_ms = pin_left_ms(lbd, place, &pin);
	}
	if (!reply.member) {
		ctl_refuse(conn, 1, "no member: the pool is empty");
		return;
	}
	message.where_reply = &reply;
	ctl_send(conn, &message, NULL, 0);
}

void where_answer(struct lbd *lbd, struct ctl_conn *conn, const Cas__WhereRequest *request)
{
	struct place place;

	if (!addr_parse_flow(&place.client, request->client)) {
		ctl_refuse(conn, 2, "%s is no address", request->client);
		return;
	}
	if (!request->port || request->port > UINT16_MAX) {
		ctl_refuse(conn, 2, "%u is no port", request->port);
		return;
	}
	place.service = find_service(lbd, conn, request, flow_ip_family(&place.client));
	if (place.service < 0)
		return;
	place.pool = lbd->plan->services[place.service].pool;
	reply_with(lbd, conn, &place);
}
