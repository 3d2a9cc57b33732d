/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ageing.  While this node is active it walks flows and pins, slice by slice and not more than once
 * a second, and names what looks due; the BPF side looks again and removes it.
 */
#ifndef CASPAIR_SWEEP_H
#define CASPAIR_SWEEP_H

#include <stdbool.h>
#include <stdint.h>

#include <ev.h>

#include "lbd/walk.h"
#include "proto/flow.h"

struct dataplane;
struct flow;
struct flow_key;
struct pin;
struct pin_key;
struct plan;
struct reset;

struct sweep {
	struct ev_loop *loop;
	struct dataplane *plane;
	const struct plan *plan; /* in force; borrowed */
	struct reset *reset;     /* sees every flow; borrowed */
	struct walk flows, pins;
	ev_timer slice;
	uint64_t began_ns; /* of the walk; not of libev, whose time follows the date */
	uint32_t now, watched; /* ticks: the time, and how long this node has been active */
	uint32_t named;        /* records in the inbox */
	bool active;
};

int sweep_start(struct sweep *sweep, struct ev_loop *loop, struct dataplane *plane,
		const struct plan *plan, struct reset *reset);
void sweep_stop(struct sweep *sweep);

void sweep_replan(struct sweep *sweep, const struct plan *plan);
/* The next walk begins now, unless one is on its way. */
void sweep_hurry(struct sweep *sweep);
void sweep_active(struct sweep *sweep, bool active);

/* Pure: whether an entry looks due.  `watched` bounds every idle time, see lbd/bpf/sweep.bpf.h. */
bool sweep_flow_due(const struct plan *plan, const struct flow_key *key, const struct flow *flow,
		    uint32_t now, uint32_t watched);
/*
 * Pure: whether more is known of a flow than that its client has asked for it.  If not, nobody is
 * told of its end: the resets for a flood's flows would go to those in whose name it came, and keep
 * the entries for so much longer.
 */
bool sweep_flow_proven(const struct flow *flow, uint32_t now, uint32_t watched);
bool sweep_pin_due(const struct plan *plan, const struct pin_key *key, const struct pin *pin,
		   uint32_t now, uint32_t watched);
/*
 * A pin without a flow, that points to a member which an operator wants to rest, or nowhere: its
 * client may go elsewhere.
 */
bool sweep_pin_loose(const struct plan *plan, const struct pin_key *key, const struct pin *pin);

#endif
