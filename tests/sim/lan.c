// SPDX-License-Identifier: BSD-2-Clause
/*
 * What happens to a node on its LANs, and whether its witnesses answer.  Mirrors the rounds of
 * vrrp/hear.c (begin_round, judge, on_round, hear_asked) and of vrrp/witness.c.
 */
#include "tests/sim/sim.h"

enum { ROUND_MS = 100 };

/* The kernel asks and hears for vrrpd; an answer is back long before the round is over. */
static bool answered(const struct node *node)
{
	if (node->world->options.plant == PLANT_NO_WITNESS)
		return true;
	return node_on_lan(node) && !node->world->witnesses_dead;
}

static enum lookout_round outcome(const struct vrrpd *vrrpd, const struct node *node)
{
	if (vrrpd->answer)
		return LOOKOUT_ANSWERS;
	if (!vrrpd->known)
		return LOOKOUT_UNKNOWN;
	return node->one_side && !node->world->witnesses_dead ? LOOKOUT_PARTLY : LOOKOUT_SILENT;
}

void lan_ask(struct node *node, bool urgent)
{
	struct vrrpd *vrrpd = &node->vrrpd;

	if (urgent || node->world->options.plant == PLANT_HASTY)
		lookout_asked(&vrrpd->lookout);
	if (vrrpd->round)
		return;
	vrrpd->round = true;
	vrrpd->answer = answered(node);
	world_wake(node, VRRPD, EV_ROUND, node->world->now + ROUND_MS * MS);
}

static void fault(struct node *node, unsigned int bit, bool failed)
{
	struct fsm_event event = { .kind = failed ? FSM_FAILED : FSM_RECOVERED };
	bool led = node->vrrpd.fsm.state == FSM_ACTIVE;

	if (failed == !!(node->vrrpd.fsm.faults & bit))
		return;
	event.fault.bit = bit;
	vrrpd_take(node, &event);
	if (led && node->vrrpd.fsm.state != FSM_ACTIVE && node->world->single &&
	    node->world->witnesses_dead && node_on_lan(node))
		trace_fail(node->world, "I3 node %u let go for witnesses that answer nobody",
			   node->number + 1);
}

static bool peer_better_off(const struct node *node)
{
	const struct vrrpd *vrrpd = &node->vrrpd;

	return vrrpd->fsm.report.channel && vrrpd->peer_whole &&
	       node_now(node) - vrrpd->peer_spoke < LOOKOUT_FRESH_MS * MS;
}

void lan_round(struct node *node)
{
	struct vrrpd *vrrpd = &node->vrrpd;
	const struct lookout_view view = { vrrpd->fsm.state == FSM_ACTIVE,
					   vrrpd->fsm.report.channel, peer_better_off(node) };
	bool whole = lookout_whole(&vrrpd->lookout);
	enum lookout_round round = outcome(vrrpd, node);
	struct lookout_verdict verdict = lookout_round(&vrrpd->lookout, round, &view);

	vrrpd->round = false;
	vrrpd->known |= vrrpd->answer;
	if (verdict.lan || round != LOOKOUT_SILENT)
		fault(node, FSM_FAULT_LAN, verdict.lan);
	if (verdict.side || lookout_whole(&vrrpd->lookout))
		fault(node, FSM_FAULT_SIDE, verdict.side);
	if (verdict.again)
		lan_ask(node, false);
	if (whole != lookout_whole(&vrrpd->lookout))
		vrrpd_report(node);
}
