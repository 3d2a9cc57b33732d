// SPDX-License-Identifier: BSD-2-Clause
/*
 * The rules here are those of lbd/bpf/sweep.bpf.h.  They need not agree to the tick: naming too
 * much costs a look in the kernel, naming too little a second.
 */
#include "lbd/sweep.h"

#include <arpa/inet.h>
#include <string.h>

#include "conf/daemon.h"
#include "conf/log.h"
#include "lbd/dataplane.h"
#include "lbd/plan.h"
#include "lbd/pool.h"
#include "lbd/reset.h"

enum { SLICE = 2048 };

/* 2048 entries each 10 ms: a million flows take five seconds and a tenth of one processor. */
static const double slice_pause = 0.010, walk_pause = 1.;

enum timeouts {
	DEFAULT_IDLE = 7500 * FLOW_TICKS_PER_SECOND,
	HALF_CLOSED = 3600 * FLOW_TICKS_PER_SECOND,
	CLOSING = 10 * FLOW_TICKS_PER_SECOND,
	RESET = 2 * FLOW_TICKS_PER_SECOND,
	DOOMED = 30 * FLOW_TICKS_PER_SECOND,
	BEGUN = 10 * FLOW_TICKS_PER_SECOND,
	CLAIMED = 30 * FLOW_TICKS_PER_SECOND,
	CLIENT_FIN = 60 * FLOW_TICKS_PER_SECOND, /* DSR */
	SLACK = 65536, /* stamps a little in the future are no age of 52 days */
};

static uint32_t idle(uint32_t now, uint32_t last, uint32_t watched)
{
	uint32_t age = now - last;

	if (age > UINT32_MAX - SLACK)
		return 0;
	return age < watched ? age : watched;
}

/* The VIP whose port table serves this key: OUTBOUND keys carry the member's address instead. */
static struct flow_ip vip_of(const struct plan *plan, const struct flow_ip *addr)
{
	enum flow_family family = flow_ip_family(addr);

	if (plan_vip(plan, addr) >= 0)
		return *addr;
	for (int i = 0; i < FLOW_MAX_MEMBERS; i++)
		if (plan->members[i].flags && flow_ip_equal(&plan->members[i].addr[family], addr))
			return plan->members[i].vip[family];
	return (struct flow_ip){ 0 };
}

/* `begun`: see is_begun(). */
static uint32_t timeout(const struct plan *plan, const struct flow_key *key,
			const struct flow *flow, bool begun)
{
	const uint8_t state = flow->state;
	uint32_t limit = DEFAULT_IDLE;
	struct flow_ip vip;
	int service;

	if (flow->flags & FLOW_DOOMED)
		return DOOMED;
	if (state == FLOW_RESET)
		return RESET;
	if (state == FLOW_CLOSING)
		return CLOSING;
	if (begun)
		return BEGUN;
	if (state == FLOW_CLAIMED)
		return CLAIMED;
	if (state == FLOW_CLIENT_FIN && flow->mode == MODE_DSR)
		return CLIENT_FIN;
	vip = vip_of(plan, &key->vip);
	service = plan_service(plan, &vip, ntohs(key->vip_port));
	if (service >= 0)
		limit = plan->services[service].idle_ticks;
	return state == FLOW_ESTABLISHED || limit < HALF_CLOSED ? limit : HALF_CLOSED;
}

/* Recorded at its SYN, and nothing has come of that as far as this node could have seen it. */
static bool is_begun(const struct flow *flow, uint32_t now, uint32_t watched)
{
	return flow->flags & FLOW_BEGUN && now - flow->last_seen < watched;
}

bool sweep_flow_due(const struct plan *plan, const struct flow_key *key, const struct flow *flow,
		    uint32_t now, uint32_t watched)
{
	uint32_t age = idle(now, flow->last_seen, watched);
	bool begun = is_begun(flow, now, watched);

	/* Nothing ends sooner than a reset flow: most entries need no look at the tables. */
	return age > RESET && age > timeout(plan, key, flow, begun);
}

bool sweep_flow_proven(const struct flow *flow, uint32_t now, uint32_t watched)
{
	return flow->state != FLOW_CLAIMED && !is_begun(flow, now, watched);
}

bool sweep_pin_due(const struct plan *plan, const struct pin_key *key, const struct pin *pin,
		   uint32_t now, uint32_t watched)
{
	int pool = pin->flows ? -1 : plan_pool(plan, key->pool_id);

	if (pin->flows)
		return false;
	return pool < 0 || idle(now, pin->last_used, watched) > plan->pools[pool].linger_ticks;
}

bool sweep_pin_loose(const struct plan *plan, const struct pin_key *key, const struct pin *pin)
{
	int pool;

	if (pin->flows)
		return false;
	if (pin->member >= FLOW_MAX_MEMBERS)
		return true;
	if (plan->duty[pin->member] == PLAN_SERVES)
		return false;
	pool = plan_pool(plan, key->pool_id);
	return pool >= 0 && pool_spares(plan, (unsigned int)pool, pin->member);
}

static void flush(struct sweep *sweep)
{
	struct flow_call call;
	int error;

	if (!sweep->named)
		return;
	error = dataplane_sweep(sweep->plane, sweep->named, &call);
	if (error)
		log_warning("sweep cannot run: %s", strerror(-error));
	else
		log_debug("sweep: %u named, %u removed", sweep->named, call.done);
	sweep->named = 0;
}

static void name(struct sweep *sweep, const struct flow_event *event)
{
	sweep->plane->inbox[sweep->named++] = *event;
	if (sweep->named == FLOW_BATCH)
		flush(sweep);
}

static void slice_flows(struct sweep *sweep)
{
	const struct flow_key *key = sweep->flows.keys;
	const struct flow *flow = sweep->flows.values;
	uint32_t count = walk_next(&sweep->flows);

	for (uint32_t i = 0; i < count; i++) {
		reset_consider(sweep->reset, &key[i], &flow[i],
			       idle(sweep->now, flow[i].last_seen, UINT32_MAX));
		if (sweep_flow_due(sweep->plan, &key[i], &flow[i], sweep->now, sweep->watched) &&
		    !(sweep_flow_proven(&flow[i], sweep->now, sweep->watched) &&
		      reset_idle(sweep->reset, &key[i], &flow[i])))
			name(sweep, &(struct flow_event){ .kind = EVENT_FLOW_DEL, .key = key[i] });
		else if (flow[i].flags & FLOW_REVIVED)
			name(sweep, &(struct flow_event){ .kind = EVENT_FLOW_PUT, .key = key[i] });
	}
	if (sweep->flows.ended)
		reset_walked(sweep->reset);
}

static void slice_pins(struct sweep *sweep)
{
	const struct pin_key *key = sweep->pins.keys;
	const struct pin *pin = sweep->pins.values;
	uint32_t count = walk_next(&sweep->pins);

	for (uint32_t i = 0; i < count; i++) {
		bool loose = sweep_pin_loose(sweep->plan, &key[i], &pin[i]);

		if (loose ||
		    sweep_pin_due(sweep->plan, &key[i], &pin[i], sweep->now, sweep->watched))
			name(sweep, &(struct flow_event){
					    .kind = EVENT_PIN_DEL,
					    .apply = loose ? SWEEP_UNUSED : SWEEP_IF_DUE,
					    .key.client = key[i].client,
					    .pool_id = key[i].pool_id });
	}
}

static void read_clock(struct sweep *sweep, uint64_t now)
{
	uint64_t promoted = sweep->plane->lease->promoted_ns, watched;

	watched = now > promoted ? (now - promoted) >> FLOW_TICK_SHIFT : 0;
	sweep->now = (uint32_t)(now >> FLOW_TICK_SHIFT);
	sweep->watched = watched > UINT32_MAX ? UINT32_MAX : (uint32_t)watched;
}

/* One step; how long to wait for the next. */
static double step(struct sweep *sweep)
{
	uint64_t now = daemon_now_ns();
	double walked;

	if (sweep->flows.ended && sweep->pins.ended) {
		walk_rewind(&sweep->flows);
		walk_rewind(&sweep->pins);
		sweep->began_ns = now;
	}
	read_clock(sweep, now);
	if (!sweep->flows.ended)
		slice_flows(sweep);
	else
		slice_pins(sweep);
	flush(sweep);
	if (!sweep->flows.ended || !sweep->pins.ended)
		return slice_pause;
	walked = (double)(now - sweep->began_ns) / 1e9;
	return walked < walk_pause ? walk_pause - walked : slice_pause;
}

static void on_slice(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct sweep *sweep = timer->data;
	double next = sweep->active ? step(sweep) : walk_pause;

	(void)events;
	ev_timer_set(timer, next, 0.);
	ev_timer_start(loop, timer);
}

int sweep_start(struct sweep *sweep, struct ev_loop *loop, struct dataplane *plane,
		const struct plan *plan, struct reset *reset)
{
	int error;

	*sweep = (struct sweep){ .plane = plane, .plan = plan, .reset = reset };
	error = walk_open_flows(&sweep->flows, &plane->places, SLICE);
	if (!error)
		error = walk_open(&sweep->pins, plane->map[MAP_PINS], sizeof(struct pin_key),
				  sizeof(struct pin), SLICE);
	if (error) {
		walk_close(&sweep->flows);
		return error;
	}
	sweep->loop = loop;
	ev_timer_init(&sweep->slice, on_slice, walk_pause, 0.);
	sweep->slice.data = sweep;
	ev_timer_start(loop, &sweep->slice);
	return 0;
}

void sweep_stop(struct sweep *sweep)
{
	if (!sweep->loop)
		return;
	ev_timer_stop(sweep->loop, &sweep->slice);
	walk_close(&sweep->flows);
	walk_close(&sweep->pins);
}

void sweep_replan(struct sweep *sweep, const struct plan *plan)
{
	sweep->plan = plan;
}

void sweep_hurry(struct sweep *sweep)
{
	if (!sweep->flows.ended || !sweep->pins.ended)
		return;
	ev_timer_stop(sweep->loop, &sweep->slice);
	ev_timer_set(&sweep->slice, 0., 0.);
	ev_timer_start(sweep->loop, &sweep->slice);
}

void sweep_active(struct sweep *sweep, bool active)
{
	if (!active && sweep->active)
		reset_cease(sweep->reset);
	if (active && !sweep->active) {
		walk_rewind(&sweep->flows);
		walk_rewind(&sweep->pins);
	}
	sweep->active = active;
}
