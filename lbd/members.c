// SPDX-License-Identifier: BSD-2-Clause
#include "lbd/members.h"

#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>

#include "lbd/arena.h"
#include "lbd/latency.h"
#include "lbd/lbd.h"
#include "lbd/pool.h"

/* With this little room left, what has been gathered is sent and a further message begun. */
enum { ARENA = 1 << 18, MESSAGE_BYTES = 48 << 10 };

static Cas__PoolVerdict *pool_verdict(const struct lbd *lbd, struct arena *arena, unsigned int pool,
				      unsigned int member)
{
	const struct standing *standing = &lbd->plan->standing[pool][member];
	Cas__PoolVerdict *verdict = arena_take(arena, sizeof(*verdict));
	char text[HEALTH_TEXT];

	if (!verdict)
		return NULL;
	cas__pool_verdict__init(verdict);
	verdict->pool = arena_print(arena, "%s", lbd->plan->name_of_pool[pool]);
	verdict->up = standing->up;
	verdict->weight = (standing->weight + FLOW_WEIGHT - 1) / FLOW_WEIGHT;
	verdict->has_share = verdict->has_since_ms = 1;
	verdict->share = pool_share(lbd->plan, pool, member);
	verdict->check = arena_print(arena, "%s",
				     health_text(text, &lbd->judge.health, pool, member));
	verdict->since_ms = (daemon_now_ns() - standing->since_ns) / 1000000;
	if (!verdict->pool || !verdict->check)
		return NULL;
	return opinion_verdict(lbd, arena, pool, member, verdict) ? verdict : NULL;
}

static bool add_pools(const struct lbd *lbd, struct arena *arena, unsigned int member,
		      Cas__MemberStatus *status)
{
	static char words[3][9] = { "down", "degraded", "up" };
	size_t up = 0;

	status->pool = arena_take(arena, FLOW_MAX_POOLS * sizeof(*status->pool));
	for (unsigned int p = 0; status->pool && p < FLOW_MAX_POOLS; p++) {
		if (!pool_has(lbd->plan, p, member))
			continue;
		status->pool[status->n_pool] = pool_verdict(lbd, arena, p, member);
		if (!status->pool[status->n_pool++])
			return false;
		up += lbd->plan->standing[p][member].up;
	}
	status->state = words[up == status->n_pool ? 2 : up > 0];
	return status->pool;
}

Cas__Latency *members_histogram(struct arena *arena, const struct flow_histogram *histogram)
{
	struct latency latency;
	Cas__Latency *figures;

	if (!latency_read(&latency, histogram))
		return NULL;
	figures = arena_take(arena, sizeof(*figures));
	if (!figures)
		return NULL;
	cas__latency__init(figures);
	figures->count = latency.count;
	figures->mean_us = latency.mean_us;
	figures->p50_us = latency.p50_us;
	figures->p90_us = latency.p90_us;
	figures->p99_us = latency.p99_us;
	return figures;
}

Cas__Latency *members_latency(const struct lbd *lbd, struct arena *arena, enum dataplane_map map,
			      uint32_t index)
{
	struct flow_histogram histogram;

	if (bpf_map_lookup_elem(lbd->plane.map[map], &index, &histogram))
		return NULL;
	return members_histogram(arena, &histogram);
}

static Cas__MemberStatus *member_status(struct lbd *lbd, struct arena *arena, unsigned int member)
{
	Cas__MemberStatus *status = arena_take(arena, sizeof(*status));
	struct flow_member_bytes bytes;
	struct flow_member_stats stats;
	uint32_t key = member;

	if (!status)
		return NULL;
	cas__member_status__init(status);
	status->array = lbd->plan->array_of_member[member]->name;
	status->name = lbd->plan->member[member]->name;
	status->address = lbd->plan->member[member]->address;
	status->n_address = lbd->plan->member[member]->n_address;
	if (!bpf_map_lookup_elem(lbd->plane.map[MAP_MEMBER_STATS], &key, &stats)) {
		bytes = dataplane_member_bytes(&lbd->plane, key);
		status->has_sessions = status->has_connections_total = 1;
		status->has_bytes_in = status->has_bytes_out = 1;
		status->sessions = stats.flows;
		status->connections_total = stats.connections;
		status->bytes_in = bytes.in;
		status->bytes_out = bytes.out;
		status->has_silent_syns = status->has_refusals = status->has_resets = 1;
		status->silent_syns = stats.silent;
		status->refusals = stats.refusals;
		status->resets = stats.resets;
	}
	status->answer = members_latency(lbd, arena, MAP_ANSWER_TIMES, member);
	if (!add_pools(lbd, arena, member, status))
		return NULL;
	meter_member(lbd, member, status);
	roster_status(lbd, member, status);
	return pinhole_status(lbd, arena, member, status) ? status : NULL;
}

static int send_reply(struct ctl_conn *conn, Cas__MembersReply *reply, bool more)
{
	Cas__Message message = CAS__MESSAGE__INIT;

	message.members_reply = reply;
	message.has_more = more;
	message.more = more;
	return ctl_send(conn, &message, NULL, 0);
}

/* All configured members, in as many messages as it takes. */
static int send_all(struct lbd *lbd, struct ctl_conn *conn, struct arena *arena)
{
	Cas__MemberStatus *list[FLOW_MAX_MEMBERS];
	Cas__MembersReply reply = CAS__MEMBERS_REPLY__INIT;
	int error = 0;

	reply.member = list;
	for (unsigned int m = 0; m < FLOW_MAX_MEMBERS && !error; m++) {
		if (!lbd->plan->member[m])
			continue;
		list[reply.n_member] = member_status(lbd, arena, m);
		if (!list[reply.n_member++])
			return -EMSGSIZE;
		if (cas__members_reply__get_packed_size(&reply) < MESSAGE_BYTES &&
		    arena->used < ARENA / 2)
			continue;
		error = send_reply(conn, &reply, true);
		reply.n_member = 0;
		arena_reset(arena);
	}
	return error ? error : send_reply(conn, &reply, false);
}

void members_answer(struct lbd *lbd, struct ctl_conn *conn)
{
	struct arena arena;

	if (arena_open(&arena, ARENA)) {
		ctl_refuse(conn, 1, "out of memory");
		return;
	}
	if (send_all(lbd, conn, &arena) == -EMSGSIZE)
		ctl_refuse(conn, 1, "the answer is too large");
	arena_close(&arena);
}
