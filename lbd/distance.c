// SPDX-License-Identifier: BSD-2-Clause
#include "lbd/distance.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/addr.h"
#include "conf/ctl.h"
#include "lbd/arena.h"
#include "lbd/lbd.h"
#include "lbd/members.h"
#include "lbd/walk.h"

enum { SLICE = 512, ARENA = 512 << 10, LISTED = 128 };

struct net {
	struct client_net_key key;
	struct client_net seen;
};

struct report {
	const struct lbd *lbd;
	struct arena arena;
	const Conf__Array *wanted[FLOW_MAX_ARRAYS]; /* by number; NULL: not asked for */
	struct net *net;                            /* room for FLOW_CLIENT_NETS */
	size_t nets;
};

/* False: there is no such array. */
static bool choose(struct report *report, const char *name)
{
	const Conf__Config *file = report->lbd->conf->file;
	bool any = !name;

	for (size_t i = 0; i < file->n_array; i++) {
		int number = plan_array(report->lbd->plan, file->array[i]);

		if (name && strcmp(name, file->array[i]->name))
			continue;
		any = true;
		if (number >= 0)
			report->wanted[number] = file->array[i];
	}
	return any;
}

/* --- networks --------------------------------------------------------------------------------- */

static void keep(struct report *report, const struct client_net_key *key,
		 const struct client_net *seen)
{
	if (key->array >= FLOW_MAX_ARRAYS || !report->wanted[key->array] || !seen->count ||
	    report->nets == FLOW_CLIENT_NETS)
		return;
	report->net[report->nets++] = (struct net){ .key = *key, .seen = *seen };
}

/* The table is small: read in one go. */
static bool collect(struct report *report)
{
	struct walk walk;

	report->net = calloc(FLOW_CLIENT_NETS, sizeof(*report->net));
	if (!report->net ||
	    walk_open(&walk, report->lbd->plane.map[MAP_CLIENT_NETS], sizeof(struct client_net_key),
		      sizeof(struct client_net), SLICE))
		return false;
	while (!walk.ended) {
		uint32_t count = walk_next(&walk);

		for (uint32_t i = 0; i < count; i++)
			keep(report, (const struct client_net_key *)walk.keys + i,
			     (const struct client_net *)walk.values + i);
	}
	walk_close(&walk);
	return true;
}

static uint64_t mean_of(const struct net *net)
{
	return net->seen.sum_us / net->seen.count;
}

static int furthest_first(const void *a, const void *b)
{
	uint64_t x = mean_of(a), y = mean_of(b);

	return (x < y) - (x > y);
}

/* NULL: no room. */
static Cas__LatencyNet *tell_net(struct report *report, const struct net *net)
{
	Cas__LatencyNet *told = arena_take(&report->arena, sizeof(*told));
	bool is_ipv4 = flow_ip_family(&net->key.net) == FLOW_IPV4;
	uint64_t now_ns = daemon_now_ns();
	char text[ADDR_TEXT];

	if (!told)
		return NULL;
	cas__latency_net__init(told);
	told->array = report->wanted[net->key.array]->name;
	told->net = arena_print(&report->arena, "%s/%d", addr_print_flow(text, &net->key.net),
				is_ipv4 ? FLOW_NET_IPV4 : FLOW_NET_IPV6);
	told->handshakes = net->seen.count;
	told->slow = net->seen.slow;
	told->mean_us = mean_of(net);
	told->max_us = net->seen.max_us;
	told->age_ms = now_ns > net->seen.seen_ns ? (now_ns - net->seen.seen_ns) / 1000000 : 0;
	return told->net ? told : NULL;
}

static bool tell_nets(struct report *report, Cas__LatencyReply *reply)
{
	size_t listed = report->nets < LISTED ? report->nets : LISTED;

	qsort(report->net, report->nets, sizeof(*report->net), furthest_first);
	reply->nets = report->nets;
	reply->net = arena_take(&report->arena, LISTED * sizeof(*reply->net));
	for (size_t i = 0; reply->net && i < listed; i++, reply->n_net++)
		if (!(reply->net[i] = tell_net(report, &report->net[i])))
			return false;
	return reply->net;
}

/* --- arrays and members ----------------------------------------------------------------------- */

static bool tell_arrays(struct report *report, Cas__LatencyReply *reply)
{
	static char bypassed[] = "mode dsr: members answer their clients past the pair";
	static char nobody[] = "no handshake yet";

	reply->array = arena_take(&report->arena, FLOW_MAX_ARRAYS * sizeof(*reply->array));
	for (uint32_t i = 0; reply->array && i < FLOW_MAX_ARRAYS; i++) {
		Cas__LatencyArray *told;

		if (!report->wanted[i])
			continue;
		told = arena_take(&report->arena, sizeof(*told));
		if (!told)
			return false;
		cas__latency_array__init(told);
		told->array = report->wanted[i]->name;
		told->client_rtt = members_latency(report->lbd, &report->arena, MAP_ROUND_TRIPS, i);
		if (report->wanted[i]->mode == CONF__ARRAY__MODE__DSR)
			told->unseen = bypassed;
		else if (!told->client_rtt)
			told->unseen = nobody;
		reply->array[reply->n_array++] = told;
	}
	return reply->array;
}

static bool tell_member(struct report *report, Cas__LatencyReply *reply, unsigned int slot)
{
	const struct rpc_time *time = &report->lbd->judge.rpc_time[slot];
	Cas__LatencyMember *told = arena_take(&report->arena, sizeof(*told));

	if (!told)
		return false;
	cas__latency_member__init(told);
	told->array = report->lbd->plan->array_of_member[slot]->name;
	told->member = report->lbd->plan->member[slot]->name;
	told->connect = members_histogram(&report->arena, &time->connect);
	told->bind = members_histogram(&report->arena, &time->bind);
	told->has_slow = told->bind != NULL;
	told->slow = time->slow;
	reply->member[reply->n_member++] = told;
	return true;
}

static bool tell_members(struct report *report, Cas__LatencyReply *reply)
{
	const struct plan *plan = report->lbd->plan;

	reply->member = arena_take(&report->arena, FLOW_MAX_MEMBERS * sizeof(*reply->member));
	for (unsigned int m = 0; reply->member && m < FLOW_MAX_MEMBERS; m++) {
		int number = plan->member[m] ? plan_array(plan, plan->array_of_member[m]) : -1;

		if (number >= 0 && report->wanted[number] && !tell_member(report, reply, m))
			return false;
	}
	return reply->member;
}

void distance_answer(struct lbd *lbd, struct ctl_conn *conn, const Cas__LatencyRequest *request)
{
	Cas__Message message = CAS__MESSAGE__INIT;
	Cas__LatencyReply reply = CAS__LATENCY_REPLY__INIT;
	struct report report = { .lbd = lbd };

	if (!choose(&report, request->array)) {
		ctl_refuse(conn, 2, "there is no array %s", request->array);
		return;
	}
	reply.client_limit_us = FLOW_SLOW_TRIP_US;
	reply.rpc_limit_us = RPC_TIME_SLOW_US;
	message.latency_reply = &reply;
	if (arena_open(&report.arena, ARENA) || !collect(&report))
		ctl_refuse(conn, 1, "out of memory");
	else if (!tell_arrays(&report, &reply) || !tell_members(&report, &reply) ||
		 !tell_nets(&report, &reply) || ctl_send(conn, &message, NULL, 0) == -EMSGSIZE)
		ctl_refuse(conn, 1, "the answer is too large: ask for one --array");
	free(report.net);
	arena_close(&report.arena);
}
