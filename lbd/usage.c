// SPDX-License-Identifier: BSD-2-Clause
#include "lbd/usage.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "proto/addr.h"
#include "conf/ctl.h"
#include "lbd/answer.h"
#include "lbd/arena.h"
#include "lbd/client_set.h"
#include "lbd/idle_tell.h"
#include "lbd/lbd.h"
#include "lbd/walk.h"

enum {
	SLICE = 512,
	ARENA = 256 << 10,
	LINES = 384, /* of all lists: as many as surely fit into one frame */
	TOP = 10,    /* clients of an array, when nobody says how many */
	WARN_PERCENT = 80,
};

/* An answer under way; it hangs on its connection. */
struct usage {
	struct answering answering;
	struct lbd *lbd;
	struct ctl_conn *conn;
	struct walk walk;
	struct arena arena;
	ev_timer next; /* a slice at a time, so that the loop has its own */
	char *array;   /* only this one; NULL: all */
	uint32_t top;
	uint64_t walked, told_ns;
	struct client_room room;
	struct client_set of_array[FLOW_MAX_ARRAYS];
	struct client_set of_pool[FLOW_MAX_POOLS];       /* those with affinity */
	struct client_set of_service[FLOW_MAX_SERVICES]; /* those that say warn-sessions */
	size_t lines;                                    /* that the answer has room for */
	bool keepalive;                                  /* this instead of all the sets */
	struct idle_all idle;
};

static void close_usage(struct usage *usage)
{
	ev_timer_stop(usage->lbd->loop, &usage->next);
	ctl_set_data(usage->conn, NULL);
	for (size_t i = 0; i < FLOW_MAX_ARRAYS; i++)
		client_set_free(&usage->of_array[i]);
	for (size_t i = 0; i < FLOW_MAX_POOLS; i++)
		client_set_free(&usage->of_pool[i]);
	for (size_t i = 0; i < FLOW_MAX_SERVICES; i++)
		client_set_free(&usage->of_service[i]);
	walk_close(&usage->walk);
	arena_close(&usage->arena);
	free(usage->array);
	free(usage);
}

/* --- counting --------------------------------------------------------------------------------- */

static bool is_live(const struct flow *flow)
{
	if (flow->flags & (FLOW_OUTBOUND | FLOW_DOOMED))
		return false;
	return flow->state == FLOW_ESTABLISHED || flow->state == FLOW_CLIENT_FIN ||
	       flow->state == FLOW_MEMBER_FIN || flow->state == FLOW_CLAIMED;
}

static void count_idle(struct usage *usage, const struct flow_key *key, const struct flow *flow,
		       int service)
{
	uint32_t now = (uint32_t)(daemon_now_ns() >> FLOW_TICK_SHIFT);
	struct idle_client session = {
		.client = key->client,
		.service = (uint16_t)service,
		.member = flow->member,
		.idle_s = idle_age(now, flow->last_seen),
		.timeout_s = usage->lbd->plan->service[service]->idle_timeout_ms / 1000,
	};

	idle_add(&usage->idle.service[service], &usage->idle.list, &session);
}

static void count(struct usage *usage, const struct flow_key *key, const struct flow *flow)
{
	const struct plan *plan = usage->lbd->plan;
	int number = plan_vip(plan, &key->vip);
	int service = plan_service(plan, &key->vip, ntohs(key->vip_port));
	unsigned int pool;

	if (number < 0 || service < 0 || !plan->service[service])
		return;
	if (usage->array && strcmp(usage->array, plan->array_of_service[service]->name))
		return;
	if (usage->keepalive) {
		count_idle(usage, key, flow, service);
		return;
	}
	client_set_add(&usage->of_array[number], &usage->room, &key->client, flow->member);
	pool = plan->services[service].pool;
	if (plan->pools[pool].flags & POOL_AFFINITY)
		client_set_add(&usage->of_pool[pool], &usage->room, &key->client, flow->member);
	if (plan->service[service]->warn_sessions)
		client_set_add(&usage->of_service[service], &usage->room, &key->client,
			       flow->member);
}

/* --- telling ---------------------------------------------------------------------------------- */

char *usage_member_name(const struct plan *plan, uint16_t slot)
{
	static char gone[] = "a member that is no longer configured";

	return slot < FLOW_MAX_MEMBERS && plan->member[slot] ? plan->member[slot]->name : gone;
}

/* NULL: out of memory. */
static Cas__ClientUse *describe(struct usage *usage, const char *array,
				const struct client_use *use)
{
	Cas__ClientUse *told = arena_take(&usage->arena, sizeof(*told));
	char text[ADDR_TEXT];

	if (!told)
		return NULL;
	cas__client_use__init(told);
	told->array = arena_print(&usage->arena, "%s", array);
	told->client = arena_print(&usage->arena, "%s", addr_print_flow(text, &use->client));
	told->sessions = use->sessions;
	return told->array && told->client ? told : NULL;
}

/* A list of the answer, and how much longer it would be if there was room. */
struct told {
	Cas__ClientUse **use;
	size_t *count;
	uint64_t *found;
};

/* The lines of one set; NULL for `group` or `limit` 0 where there is none. */
struct lines {
	const struct client_set *set;
	struct client_wanted wanted;
	const char *array, *group;
	uint32_t limit;
};

static bool tell(struct usage *usage, const struct lines *lines, const struct told *told)
{
	struct client_wanted wanted = lines->wanted;
	struct client_list list;

	if (wanted.most > usage->lines)
		wanted.most = usage->lines;
	client_set_list(lines->set, &wanted, &list);
	*told->found += list.found;
	for (size_t i = 0; i < list.count; i++) {
		Cas__ClientUse *use = describe(usage, lines->array, &list.use[i]);

		if (!use)
			return false;
		if (lines->group) {
			use->group = arena_print(&usage->arena, "%s", lines->group);
			if (!use->group)
				return false;
		}
		use->has_limit = lines->limit > 0;
		use->limit = lines->limit;
		if (wanted.split) {
			use->member = usage_member_name(usage->lbd->plan, list.use[i].member);
			use->other = usage_member_name(usage->lbd->plan, list.use[i].other);
		}
		told->use[(*told->count)++] = use;
		usage->lines--;
	}
	return true;
}

static bool sum_up(struct usage *usage, unsigned int number, const char *name,
		   Cas__UsageReply *reply)
{
	const struct client_set *set = &usage->of_array[number];
	Cas__UsageArray *array = arena_take(&usage->arena, sizeof(*array));
	struct client_wanted wanted = { .least = 1, .most = usage->top };
	struct client_list list;

	if (!array)
		return false;
	cas__usage_array__init(array);
	client_set_list(set, &wanted, &list);
	array->array = arena_print(&usage->arena, "%s", name);
	array->sessions = set->sessions;
	array->clients = set->clients;
	array->top = (uint32_t)list.count;
	array->top_sessions = list.held;
	reply->array[reply->n_array++] = array;
	return array->array;
}

static bool tell_arrays(struct usage *usage, Cas__UsageReply *reply)
{
	const Conf__Config *file = usage->lbd->conf->file;
	uint64_t ignored = 0;
	struct told told = { reply->busiest, &reply->n_busiest, &ignored };

	for (size_t i = 0; i < file->n_array; i++) {
		const char *name = file->array[i]->name;
		int number = plan_array(usage->lbd->plan, file->array[i]);

		if (number < 0 || (usage->array && strcmp(usage->array, name)))
			continue;
		if (!sum_up(usage, (unsigned int)number, name, reply) ||
		    !tell(usage,
			  &(struct lines){ .set = &usage->of_array[number],
					   .wanted = { .least = 1, .most = usage->top },
					   .array = name },
			  &told))
			return false;
	}
	return true;
}

static bool tell_splits(struct usage *usage, Cas__UsageReply *reply)
{
	const struct plan *plan = usage->lbd->plan;
	struct told told = { reply->split, &reply->n_split, &reply->splits };

	for (unsigned int i = 0; i < FLOW_MAX_POOLS; i++)
		if (plan->array_of_pool[i] &&
		    !tell(usage,
			  &(struct lines){ .set = &usage->of_pool[i],
					   .wanted = { .split = true, .most = LINES },
					   .array = plan->array_of_pool[i]->name,
					   .group = plan->name_of_pool[i] },
			  &told))
			return false;
	return true;
}

/* At 80 % of it, rounded up. */
static uint32_t near(uint32_t limit)
{
	return (uint32_t)(((uint64_t)limit * WARN_PERCENT + 99) / 100);
}

static bool tell_limits(struct usage *usage, Cas__UsageReply *reply)
{
	const struct plan *plan = usage->lbd->plan;
	struct told told = { reply->near, &reply->n_near, &reply->nears };

	for (unsigned int i = 0; i < FLOW_MAX_SERVICES; i++) {
		uint32_t limit = plan->service[i] ? plan->service[i]->warn_sessions : 0;

		if (limit &&
		    !tell(usage,
			  &(struct lines){ .set = &usage->of_service[i],
					   .wanted = { .least = near(limit), .most = LINES },
					   .array = plan->array_of_service[i]->name,
					   .group = plan->service[i]->name,
					   .limit = limit },
			  &told))
			return false;
	}
	return true;
}

static bool take_lists(struct usage *usage, Cas__UsageReply *reply)
{
	reply->array = arena_take(&usage->arena, FLOW_MAX_ARRAYS * sizeof(*reply->array));
	reply->busiest = arena_take(&usage->arena, LINES * sizeof(*reply->busiest));
	reply->split = arena_take(&usage->arena, LINES * sizeof(*reply->split));
	reply->near = arena_take(&usage->arena, LINES * sizeof(*reply->near));
	return reply->array && reply->busiest && reply->split && reply->near;
}

static bool tell_use(struct usage *usage, Cas__UsageReply *reply)
{
	return take_lists(usage, reply) && tell_splits(usage, reply) && tell_limits(usage, reply) &&
	       tell_arrays(usage, reply);
}

/* The worst first: what there is no room for is the busiest of arrays that are in order. */
static void conclude(struct usage *usage)
{
	Cas__Message message = CAS__MESSAGE__INIT;
	Cas__UsageReply reply = CAS__USAGE_REPLY__INIT;

	message.usage_reply = &reply;
	reply.has_walked = reply.has_missed = reply.has_splits = reply.has_nears = 1;
	reply.walked = usage->walked;
	reply.missed = usage->room.missed;
	usage->lines = LINES;
	if (!(usage->keepalive ? idle_tell(&usage->idle, usage->lbd->plan, &usage->arena, &reply)
			       : tell_use(usage, &reply)) ||
	    ctl_send(usage->conn, &message, NULL, 0) == -EMSGSIZE)
		ctl_refuse(usage->conn, 1, "the answer is too large: ask for one --array");
}

/* --- the walk --------------------------------------------------------------------------------- */

/* Each half a second, so that nobody takes a large table for a dead daemon. */
static void tell_progress(struct usage *usage)
{
	Cas__Message message = CAS__MESSAGE__INIT;
	Cas__UsageReply reply = CAS__USAGE_REPLY__INIT;
	uint64_t now_ns = daemon_now_ns();

	if (now_ns - usage->told_ns < UINT64_C(500000000))
		return;
	usage->told_ns = now_ns;
	reply.has_walked = 1;
	reply.walked = usage->walked;
	message.usage_reply = &reply;
	message.has_more = message.more = true;
	ctl_send(usage->conn, &message, NULL, 0);
}

static void on_next(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct usage *usage = timer->data;
	uint32_t entries = walk_next(&usage->walk);

	(void)events;
	for (uint32_t i = 0; i < entries; i++) {
		const struct flow *flow = (const struct flow *)usage->walk.values + i;

		if (is_live(flow))
			count(usage, (const struct flow_key *)usage->walk.keys + i, flow);
	}
	usage->walked += entries;
	if (usage->walk.ended) {
		conclude(usage);
		close_usage(usage);
		return;
	}
	tell_progress(usage);
	ev_timer_set(timer, 0.001, 0.);
	ev_timer_start(loop, timer);
}

static void forget(struct answering *answering)
{
	close_usage((struct usage *)((char *)answering - offsetof(struct usage, answering)));
}

static int open_usage(struct usage *usage, const Cas__UsageRequest *request)
{
	int error = walk_open_flows(&usage->walk, &usage->lbd->plane.places, SLICE);

	if (!error)
		error = arena_open(&usage->arena, ARENA);
	if (!error && request->array && !(usage->array = strdup(request->array)))
		error = -ENOMEM;
	usage->top = request->has_top && request->top <= CLIENT_SET_LISTED ? request->top : TOP;
	usage->keepalive = request->has_keepalive && request->keepalive;
	usage->room.left = CLIENT_SET_ROOM;
	if (getrandom(&usage->room.key, sizeof(usage->room.key), GRND_NONBLOCK) < 0)
		usage->room.key = daemon_now_ns(); /* so early after boot nobody has guessed it */
	return error;
}

static bool has_array(const struct lbd *lbd, const char *name)
{
	for (size_t i = 0; i < lbd->conf->file->n_array; i++)
		if (!strcmp(lbd->conf->file->array[i]->name, name))
			return true;
	return false;
}

void usage_answer(struct lbd *lbd, struct ctl_conn *conn, const Cas__UsageRequest *request)
{
	struct usage *usage;

	if (request->array && !has_array(lbd, request->array)) {
		ctl_refuse(conn, 2, "there is no array %s", request->array);
		return;
	}
	if (ctl_data(conn)) {
		ctl_refuse(conn, 1, "one long answer at a time");
		return;
	}
	usage = calloc(1, sizeof(*usage));
	if (!usage) {
		ctl_refuse(conn, 1, "out of memory");
		return;
	}
	usage->answering = (struct answering){ .forget = forget };
	usage->lbd = lbd;
	usage->conn = conn;
	usage->told_ns = daemon_now_ns();
	ev_timer_init(&usage->next, on_next, 0., 0.);
	usage->next.data = usage;
	ctl_set_data(conn, &usage->answering);
	if (open_usage(usage, request)) {
		ctl_refuse(conn, 1, "out of memory");
		close_usage(usage);
		return;
	}
	ev_timer_start(lbd->loop, &usage->next);
}
