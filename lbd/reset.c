// SPDX-License-Identifier: BSD-2-Clause
#include "lbd/reset.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "conf/daemon.h"
#include "conf/log.h"
#include "lbd/attach.h"
#include "lbd/bpf/choice.h"
#include "lbd/dataplane.h"
#include "lbd/health.h"
#include "lbd/pool.h"

/* 1024 orders each 10 ms are as many as the fastest rate needs. */
static const double send_every = 0.010;

/* When a flow that was ended is told once more: not before its answer could be here. */
enum {
	AGAIN_FROM = 1 * FLOW_TICKS_PER_SECOND,
	AGAIN_TO = 10 * FLOW_TICKS_PER_SECOND,
	DEFAULT_RATE = 500,
};

/* Not the seed of Maglev's table: a member's clients would all have neighbouring places. */
#define PLACES 0x64726169

static unsigned int array_of(const struct reset *reset, const struct flow_key *key)
{
	int table = plan_vip(reset->plan, &key->vip);

	return table >= 0 ? (unsigned int)table : FLOW_MAX_ARRAYS;
}

static int service_of(const struct reset *reset, const struct flow_key *key)
{
	return plan_service(reset->plan, &key->vip, ntohs(key->vip_port));
}

/* --- what is to be ended ---------------------------------------------------------------------- */

bool reset_survey(struct reset *reset, const struct health *health)
{
	const struct plan *plan = reset->plan;
	bool more = false;

	for (unsigned int m = 0; m < FLOW_MAX_MEMBERS; m++) {
		uint64_t down = 0;

		for (unsigned int p = 0; plan->member[m] && p < FLOW_MAX_POOLS; p++) {
			const struct standing *standing = &plan->standing[p][m];

			if (reset->wanted >> p & 1 && pool_has(plan, p, m) && standing->judged &&
			    !standing->up && pool_alive(plan, p) &&
			    (reset->down[m] >> p & 1 || health_apart(health, p, m)))
				down |= (uint64_t)1 << p;
		}
		more |= (down & ~reset->down[m]) != 0;
		reset->down[m] = down;
	}
	return more;
}

bool reset_member(struct reset *reset, unsigned int member, uint64_t pools, uint32_t share)
{
	bool first;

	if (member >= FLOW_MAX_MEMBERS)
		return false;
	first = pools & ~reset->drop[member];
	reset->drop[member] = pools;
	reset->share[member] = share;
	return first;
}

/* A client's place among all of them, the same on both nodes and for all of its flows. */
static uint32_t place_of(const struct flow_ip *client)
{
	return (uint32_t)(choice_hash(client, PLACES) >> 32);
}

static bool member_is_lost(const struct reset *reset, const struct flow_key *key,
			   const struct flow *flow)
{
	uint64_t pools;
	int service;

	if (flow->member >= FLOW_MAX_MEMBERS)
		return false;
	if (reset->plan->members[flow->member].flags & MEMBER_GONE)
		return true;
	pools = reset->down[flow->member];
	if (reset->drop[flow->member] && place_of(&key->client) <= reset->share[flow->member])
		pools |= reset->drop[flow->member];
	if (!pools)
		return false;
	service = service_of(reset, key);
	return service >= 0 && pools >> reset->plan->services[service].pool & 1;
}

/* As track.bpf.h has it: of a session in DSR no more is seen than the client's FIN. */
static bool has_ended(const struct flow *flow)
{
	return flow->state == FLOW_RESET || flow->state == FLOW_CLOSING ||
	       (flow->state == FLOW_CLIENT_FIN && flow->mode == MODE_DSR);
}

void reset_consider(struct reset *reset, const struct flow_key *key, const struct flow *flow,
		    uint32_t age)
{
	if (flow->flags & FLOW_OUTBOUND)
		return;
	if (flow->flags & FLOW_DOOMED) {
		if (!(flow->flags & FLOW_HEARD) && age >= AGAIN_FROM && age < AGAIN_TO)
			pace_gather(&reset->again[array_of(reset, key)], key, RESET_AGAIN);
	} else if (!has_ended(flow) && member_is_lost(reset, key, flow)) {
		pace_gather(&reset->lost[array_of(reset, key)], key, RESET_MEMBER);
	}
}

bool reset_idle(struct reset *reset, const struct flow_key *key, const struct flow *flow)
{
	int service = service_of(reset, key);
	struct pace *pace = &reset->idle[array_of(reset, key)];

	if (flow->flags & (FLOW_OUTBOUND | FLOW_DOOMED) || has_ended(flow) || !pace->rate)
		return false;
	if (service >= 0 &&
	    reset->plan->service[service]->on_idle == CONF__SERVICE__IDLE__END__SILENT)
		return false;
	pace_gather(pace, key, RESET_IDLE);
	return true;
}

/* --- and ending it ---------------------------------------------------------------------------- */

void reset_walked(struct reset *reset)
{
	uint64_t now = daemon_now_ns();
	uint32_t first = 0, again = 0;

	for (unsigned int i = 0; i < RESET_ARRAYS; i++) {
		first += pace_go(&reset->lost[i], now) + pace_go(&reset->idle[i], now);
		again += pace_go(&reset->again[i], now);
	}
	if (first)
		log_info("%u connection%s to be ended by resets", first,
			 first == 1 ? " is" : "s are");
	if ((first || again) && !ev_is_active(&reset->send))
		ev_timer_again(reset->loop, &reset->send);
}

static int device_of(const struct attach *attach)
{
	for (size_t i = 0; i < attach->count; i++)
		if (attach->port[i].hook.ifindex > 0)
			return attach->port[i].hook.ifindex;
	return 0;
}

struct pace *reset_turn(struct reset *reset, unsigned int array)
{
	return reset->lost[array].going ? &reset->lost[array] : &reset->idle[array];
}

/* Sends what may go of one queue. */
static void send_some(struct reset *reset, struct pace *pace)
{
	const struct pace_order *order;
	uint32_t count = pace_take(pace, daemon_now_ns(), FLOW_BATCH, &order), done = 0;
	int error = 0;

	for (uint32_t i = 0; i < count; i++)
		reset->plane->inbox[i] = (struct flow_event){ .kind = EVENT_FLOW_DEL,
							      .apply = order[i].reason,
							      .key = order[i].key };
	if (count)
		error = dataplane_reset(reset->plane, count, device_of(reset->attach), &done);
	if (error)
		log_warning("resets cannot be sent: %s", strerror(-error));
	else
		pace_refund(pace, count - done);
}

/*
 * A bind that its service does not accept.  Its flow ends at once: the client has just come, so
 * there is no crowd to be paced.
 */
static void on_open_bind(void *arg, const struct flow_key *key)
{
	struct reset *reset = arg;
	const struct flow_lease *lease = reset->plane->lease;
	uint32_t done = 0;
	int error;

	if (lease->role != LEASE_ACTIVE || lease->fenced || !reset->lost[array_of(reset, key)].rate)
		return;
	reset->plane->inbox[0] = (struct flow_event){ .kind = EVENT_FLOW_DEL,
						      .apply = RESET_OPEN_BIND,
						      .key = *key };
	error = dataplane_reset(reset->plane, 1, device_of(reset->attach), &done);
	if (error)
		log_warning("a bind without encryption cannot be reset: %s", strerror(-error));
	reset->open_binds += done;
}

static void on_send(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct reset *reset = timer->data;
	bool more = false;

	(void)events;
	for (unsigned int i = 0; i < RESET_ARRAYS; i++) {
		send_some(reset, reset_turn(reset, i));
		send_some(reset, &reset->again[i]);
		more |= reset->lost[i].going || reset->again[i].going || reset->idle[i].going;
	}
	if (!more)
		ev_timer_stop(loop, timer);
}

/* --- configuration ---------------------------------------------------------------------------- */

void reset_replan(struct reset *reset, const struct plan *plan)
{
	uint32_t rate[RESET_ARRAYS];

	reset->plan = plan;
	reset->wanted = 0;
	memset(reset->down, 0, sizeof(reset->down));
	memset(reset->drop, 0, sizeof(reset->drop)); /* slots may have another meaning now */
	for (unsigned int i = 0; i < RESET_ARRAYS; i++)
		rate[i] = DEFAULT_RATE;
	for (unsigned int i = 0; i < FLOW_MAX_SERVICES; i++) {
		const Conf__Service *service = plan->service[i];
		int table = plan_vip(plan, plan_first(plan->services[i].vip));

		if (!service)
			continue;
		if (service->on_member_down == CONF__SERVICE__ON_MEMBER_DOWN__RESET)
			reset->wanted |= (uint64_t)1 << plan->services[i].pool;
		if (table >= 0)
			rate[table] = plan->array_of_service[i]->reset_rate;
	}
	for (unsigned int i = 0; i < RESET_ARRAYS; i++) {
		pace_rate(&reset->lost[i], rate[i]);
		pace_rate(&reset->again[i], rate[i]);
		pace_rate(&reset->idle[i], rate[i]);
	}
}

void reset_cease(struct reset *reset)
{
	for (unsigned int i = 0; i < RESET_ARRAYS; i++) {
		pace_clear(&reset->lost[i]);
		pace_clear(&reset->again[i]);
		pace_clear(&reset->idle[i]);
	}
}

void reset_start(struct reset *reset, struct ev_loop *loop, struct dataplane *plane,
		 const struct attach *attach, const struct plan *plan)
{
	*reset = (struct reset){ .loop = loop, .plane = plane, .attach = attach };
	ev_init(&reset->send, on_send);
	reset->send.repeat = send_every;
	reset->send.data = reset;
	reset_replan(reset, plan);
}

void reset_listen(struct reset *reset)
{
	reset->plane->bound = on_open_bind;
	reset->plane->bound_arg = reset;
}

void reset_stop(struct reset *reset)
{
	if (!reset->loop)
		return;
	if (reset->plane)
		reset->plane->bound = NULL;
	ev_timer_stop(reset->loop, &reset->send);
	for (unsigned int i = 0; i < RESET_ARRAYS; i++) {
		pace_free(&reset->lost[i]);
		pace_free(&reset->again[i]);
		pace_free(&reset->idle[i]);
	}
}
