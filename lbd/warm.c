// SPDX-License-Identifier: BSD-2-Clause
#include "lbd/warm.h"

#include <errno.h>
#include <stdlib.h>

#include "conf/daemon.h"
#include "conf/log.h"
#include "lbd/dataplane.h"
#include "lbd/hops.h"
#include "lbd/neighbour.h"

/* A step reads 1024 entries or asks for 32 routes: well below a millisecond of the loop's time. */
enum { SLICE = 1024, LOOKUPS = 32 };

/* A million flows take 20 seconds and a few hundredths of one processor. */
static const double step_pause = 0.020;

/* Between the begins of two rounds: for so long a new client may be one that the standby cannot
 * answer at once. */
static const double round_pause = 1.;

static void refresh(struct warm *warm)
{
	for (size_t i = 0; i < HOPS_MAX; i++)
		if (hops_due(warm->hops, i))
			neighbour_use(warm->neighbour, &warm->hops->hop[i]);
}

static void look_up(struct warm *warm)
{
	struct hops *hops = warm->hops;

	for (int i = 0; i < LOOKUPS && hops->asks; i++) {
		struct flow_ip client = hops->ask[--hops->asks];
		struct hop hop = { 0 };

		if (!neighbour_route(warm->neighbour, &client, &hop))
			hops_learn(hops, &client, NULL);
		else if (hops_learn(hops, &client, &hop))
			neighbour_use(warm->neighbour, &hop);
	}
}

static void read_slice(struct warm *warm)
{
	const struct flow_key *key = warm->flows.keys;
	const struct flow *flow = warm->flows.values;
	uint32_t count = walk_next(&warm->flows);

	for (uint32_t i = 0; i < count; i++)
		if (hops_wanted(&flow[i]))
			hops_client(warm->hops, &key[i].client);
}

static void say_full(struct warm *warm)
{
	if (warm->hops->full && !warm->said_full)
		log_info("clients have more than %d next hops: some are resolved only when needed",
			 HOPS_MAX);
	warm->said_full = warm->hops->full;
}

/* One step; how long to wait for the next. */
static double step(struct warm *warm)
{
	uint64_t now = daemon_now_ns();
	double walked = (double)(now - warm->began_ns) / 1e9;

	if (warm->hops->asks) {
		look_up(warm);
		return step_pause;
	}
	if (!warm->flows.ended) {
		read_slice(warm);
		return step_pause;
	}
	say_full(warm);
	if (walked < round_pause)
		return round_pause - walked;
	warm->began_ns = now;
	walk_rewind(&warm->flows);
	hops_begin(warm->hops, (uint32_t)(now / 1000000000));
	refresh(warm);
	return step_pause;
}

static void on_step(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct warm *warm = timer->data;

	(void)events;
	ev_timer_set(timer, step(warm), 0.);
	ev_timer_start(loop, timer);
}

int warm_start(struct warm *warm, struct ev_loop *loop, const struct dataplane *plane,
	       struct neighbour *neighbour)
{
	*warm = (struct warm){ .neighbour = neighbour };
	warm->hops = calloc(1, sizeof(*warm->hops));
	if (!warm->hops || walk_open_flows(&warm->flows, &plane->places, SLICE)) {
		free(warm->hops);
		return -ENOMEM;
	}
	warm->loop = loop;
	warm->flows.ended = true; /* the first step begins a round */
	ev_timer_init(&warm->step, on_step, 0., 0.);
	warm->step.data = warm;
	ev_timer_start(loop, &warm->step);
	return 0;
}

void warm_stop(struct warm *warm)
{
	if (!warm->loop)
		return;
	ev_timer_stop(warm->loop, &warm->step);
	walk_close(&warm->flows);
	free(warm->hops);
}

void warm_again(struct warm *warm)
{
	hops_forget(warm->hops);
}
