// SPDX-License-Identifier: BSD-2-Clause
/*
 * The shell around the VRRP machine.  Mirrors vrrp/role.c (take, reserve, look_at_fence, drain,
 * on_timer, role_start), vrrp/deed.c (deed_carry_out), vrrp/hear.c (on_lease, on_report, on_word,
 * on_syncd, on_link), vrrp/lease.c, vrrp/epoch.c (epoch_reserve) and vrrp/control.c (unsafe,
 * begin_failover, control_ready).
 */
#include <arpa/inet.h>
#include <string.h>

#include "tests/sim/sim.h"

enum { EPOCH_BLOCK = 1024, REPORT_FRESH_MS = 1500 };

static void take(struct node *node, struct fsm_event *event);

/* --- deeds ------------------------------------------------------------------------------------ */

static Cas__Role role_of(const struct node *node)
{
	static const Cas__Role words[] = { CAS__ROLE__NONE, CAS__ROLE__STANDBY, CAS__ROLE__ACTIVE,
					   CAS__ROLE__FAULT };

	return words[node->vrrpd.fsm.state];
}

static void lease_standby(struct node *node)
{
	if (!node->vrrpd.mapped)
		return;
	node->plane.role = LEASE_STANDBY;
	node->plane.until = 0;
}

static void lease_activate(struct node *node)
{
	struct plane *plane = &node->plane;

	if (!node->vrrpd.mapped)
		return;
	plane->epoch = node->vrrpd.fsm.epoch;
	plane->until = node->vrrpd.fsm.lease_until;
	if (plane->role == LEASE_ACTIVE && !plane->fenced)
		return;
	plane->promoted = node_now(node);
	plane->fenced = FENCE_NONE;
	plane->role = LEASE_ACTIVE;
}

void vrrpd_report(struct node *node)
{
	if (node->vrrpd.syncd)
		world_post(node, SYNCD,
			   &(struct letter){ .kind = L_ROLE,
					     .role = role_of(node),
					     .whole = node->vrrpd.known &&
						      lookout_whole(&node->vrrpd.lookout),
					     .epoch = node->vrrpd.fsm.epoch });
}

/* `said`: the claim that it is, or answers. */
static void send_word(struct node *node, Cas__PeerWord__Word word, const struct fsm_word *said)
{
	struct letter letter = { .kind = L_SEND_WORD, .word = word };

	if (!node->vrrpd.syncd)
		return;
	if (said)
		letter.said = *said;
	letter.said.epoch = node->vrrpd.fsm.epoch;
	if (word == CAS__PEER_WORD__WORD__CLAIM)
		letter.said.lame |= !lookout_whole(&node->vrrpd.lookout);
	world_post(node, SYNCD, &letter);
}

static void announce(struct node *node)
{
	for (unsigned int i = 0; i < 3; i++)
		world_later(node->world, 200 * US + i * SECOND, EV_GARP, node->number, 0);
}

static void let_go(struct node *node, unsigned int actions)
{
	bool late = node->world->options.plant == PLANT_LATE_LEASE;

	if (actions & FSM_LEASE_STANDBY && !late)
		lease_standby(node);
	if (actions & FSM_SEND_YIELD)
		send_word(node, CAS__PEER_WORD__WORD__YIELD, NULL);
	if (actions & FSM_SEND_GRANT)
		send_word(node, CAS__PEER_WORD__WORD__GRANT, &node->vrrpd.fsm.asked);
	if (actions & FSM_SEND_RELEASE)
		wire_advert(node, 0);
	if (actions & FSM_DROP_ADDRESSES && !late)
		node->vrrpd.holds = false;
	/* Planted: the lease ends only when the timer is looked at next. */
}

/* vrrp/rival.c: hosts are told where the node is that this one stepped down to. */
static void announce_rival(struct node *node)
{
	for (unsigned int i = 0; i < 3 && !node->mute; i++)
		world_later(node->world, MS + i * SECOND, EV_GARP, 1 - node->number, 0);
}

static void end_failover(struct node *node, bool confirmed)
{
	if (!node->vrrpd.failover_at)
		return;
	node->vrrpd.failover_at = 0;
	trace_say(node->world, "node %u: failover %s", node->number + 1,
		  confirmed ? "done" : "not confirmed");
}

/* vrrp/fence.c: it works, or fails, or takes too long and is killed. */
static void run_fence(struct node *node)
{
	unsigned int longest = node->world->single && node->world->consistency ? 2400 : 3000;

	node->vrrpd.fence_id = node->vrrpd.fsm.fence_id;
	world_wake(node, VRRPD, EV_FENCE,
		   node->world->now + chance_between(&node->world->chance, 20, longest) * MS);
}

/* One fault at a time: a command that fails under `consistency` is another one. */
static bool fence_works(struct world *world)
{
	return chance_of(&world->chance, 700) || (world->single && world->consistency);
}

static void end_fence(struct node *node)
{
	struct fsm *fsm = &node->vrrpd.fsm;
	struct fsm_event event = { .kind = FSM_FENCE_RESULT };

	/* Killed, and perhaps run again meanwhile: that one has an end of its own. */
	if (!fsm->fence_at || node->vrrpd.fence_id != fsm->fence_id)
		return;
	event.fence.id = fsm->fence_id;
	event.fence.done = fence_works(node->world);
	if (event.fence.done)
		nemesis_fence(world_peer(node));
	vrrpd_take(node, &event);
}

static void carry_out(struct node *node, unsigned int actions)
{
	struct vrrpd *vrrpd = &node->vrrpd;

	node->plane.bound = vrrpd->fsm.asked_until != 0;
	let_go(node, actions);
	if (actions & FSM_LEASE_ACTIVE)
		lease_activate(node);
	if (actions & FSM_LEASE_BOUND && vrrpd->mapped)
		node->plane.until = vrrpd->fsm.lease_until;
	if (actions & FSM_SEND_ADVERT) {
		if (vrrpd->mapped)
			node->plane.until = vrrpd->fsm.lease_until;
		wire_advert(node, vrrpd->fsm.config.priority);
	}
	if (actions & FSM_TAKE_ADDRESSES)
		vrrpd->holds = true;
	if (actions & FSM_ANNOUNCE)
		announce(node);
	if (actions & FSM_REANNOUNCE)
		world_later(node->world, 200 * US, EV_GARP, node->number, 0);
	if (actions & FSM_REPORT_ROLE)
		vrrpd_report(node);
	if (actions & FSM_SEND_TAKEN)
		send_word(node, CAS__PEER_WORD__WORD__TAKEN, NULL);
	if (actions & FSM_SEND_CLAIM)
		send_word(node, CAS__PEER_WORD__WORD__CLAIM, &vrrpd->fsm.claim);
	if (actions & FSM_SEND_REFUSE)
		send_word(node, CAS__PEER_WORD__WORD__REFUSE, &vrrpd->fsm.asked);
	if (actions & FSM_SEND_CALM)
		send_word(node, CAS__PEER_WORD__WORD__CALM, &vrrpd->fsm.claim);
	if (actions & FSM_PROBE)
		lan_ask(node, true);
	if (actions & FSM_FENCE)
		run_fence(node);
	if (actions & FSM_CONFIRMED && vrrpd->yielded)
		end_failover(node, true);
	if (actions & FSM_UNCONFIRMED && vrrpd->yielded)
		end_failover(node, false);
	if (actions & FSM_STOPPED) {
		world_kill_daemon(node, VRRPD);
		world_later(node->world, SECOND, EV_START, node->number, VRRPD);
	}
}

/* --- events ----------------------------------------------------------------------------------- */

static void arm(struct node *node)
{
	uint64_t deadline = fsm_deadline(&node->vrrpd.fsm), at;

	if (!deadline || !node->process[VRRPD].alive)
		return;
	at = node_moment(node, deadline) + US;
	if (at <= node->world->now)
		at = node->world->now + 10 * US;
	if (node->vrrpd.timer_at && node->vrrpd.timer_at <= at)
		return;
	node->vrrpd.timer_at = at;
	world_wake(node, VRRPD, EV_TIMER, at);
}

static void take(struct node *node, struct fsm_event *event)
{
	struct fsm *fsm = &node->vrrpd.fsm;
	enum fsm_state before = fsm->state;
	uint64_t epoch = fsm->epoch;
	unsigned int actions;

	event->now = node_now(node);
	actions = fsm_step(fsm, event);
	if (fsm->state != before)
		trace_say(node->world, "node %u: %s -> %s: %s (epoch %llu)", node->number + 1,
			  fsm_state_names[before], fsm_state_names[fsm->state], fsm->reason,
			  (unsigned long long)fsm->epoch);
	if (actions & FSM_LEASE_ACTIVE && fsm->epoch != epoch)
		oracle_promoted(node, fsm->epoch,
				event->kind == FSM_PEER_YIELD || event->kind == FSM_PEER_GRANT);
	carry_out(node, actions);
	if (before == FSM_ACTIVE && fsm->state != FSM_ACTIVE && event->kind == FSM_ADVERT)
		announce_rival(node);
	arm(node);
}

/* The daemon waits for the disk.  True: it does. */
static bool write_epoch(struct node *node)
{
	uint64_t until = node->world->now + node->disk_ms * MS;

	if (node->world->options.plant == PLANT_EPOCH_LOST)
		return false;
	node->disk_before = node->disk;
	node->disk = node->vrrpd.reserved;
	node->disk_sure_at = until;
	if (!node->disk_ms)
		return false;
	if (node->process[VRRPD].stalled_until < until)
		node->process[VRRPD].stalled_until = until;
	if (node->world->stall_until < until)
		node->world->stall_until = until;
	trace_say(node->world, "node %u: vrrpd waits for the disk", node->number + 1);
	return true;
}

static void reserve(struct node *node)
{
	struct vrrpd *vrrpd = &node->vrrpd;
	struct fsm_event event = { .kind = FSM_RESERVED };
	uint64_t highest = vrrpd->fsm.epoch > vrrpd->fsm.heard ? vrrpd->fsm.epoch
							       : vrrpd->fsm.heard;

	if (highest < vrrpd->used)
		highest = vrrpd->used;
	if (highest + EPOCH_BLOCK / 2 > vrrpd->reserved && !node->disk_full) {
		vrrpd->reserved = highest + EPOCH_BLOCK;
		if (write_epoch(node))
			return; /* the next call finds it written */
	}
	if (vrrpd->reserved == vrrpd->fsm.reserved)
		return;
	event.epoch = vrrpd->reserved;
	take(node, &event);
}

void vrrpd_take(struct node *node, struct fsm_event *event)
{
	take(node, event);
	if (event->kind == FSM_PEER_REPORT ||
	    (event->kind >= FSM_PEER_YIELD && event->kind <= FSM_PEER_REFUSE))
		reserve(node);
}

static void drain(struct node *node)
{
	struct vrrpd *vrrpd = &node->vrrpd;
	struct fsm_event event = { .kind = FSM_FENCED };

	if (vrrpd->fsm.state == FSM_ACTIVE && vrrpd->mapped && node->plane.fenced)
		vrrpd_take(node, &event);
	for (size_t i = 0; i < vrrpd->heard; i++) {
		const struct fsm_config *config = &vrrpd->fsm.config;

		event = (struct fsm_event){ .kind = vrrpd->lan[i] ? FSM_ADVERT : FSM_RELEASE };
		event.advert.source = config->peer[FSM_V4];
		event.advert.priority = vrrpd->lan[i];
		event.advert.at = vrrpd->lan_at[i];
		event.advert.interval_ns = config->advert_ns;
		vrrpd_take(node, &event);
	}
	vrrpd->heard = 0;
}

static void on_timer(struct node *node)
{
	struct vrrpd *vrrpd = &node->vrrpd;
	struct fsm_event event = { 0 };

	vrrpd->timer_at = 0;
	drain(node);
	while (node->process[VRRPD].alive) {
		event = (struct fsm_event){ .kind = fsm_due(&vrrpd->fsm, node_now(node)) };
		if (event.kind == FSM_EVENTS)
			break;
		vrrpd_take(node, &event);
	}
	arm(node);
}

/* vrrp/track.c: links that have gone are tried again for ever. */
static void link_up(struct node *node)
{
	struct vrrpd *vrrpd = &node->vrrpd;

	if (!vrrpd->lbd && node->process[LBD].alive) {
		vrrpd->lbd = true;
		world_post(node, VRRPD, &(struct letter){ .kind = L_LEASE });
	}
	if (!vrrpd->syncd && node->process[SYNCD].alive) {
		vrrpd->syncd = true;
		world_post(node, SYNCD, &(struct letter){ .kind = L_ATTACH });
		world_post(node, VRRPD, &(struct letter){ .kind = L_SYNCD_OPEN });
	}
	world_wake(node, VRRPD, EV_LINKS, node->world->now + 100 * MS);
}

void vrrpd_event(struct node *node, const struct event *event)
{
	if (node->world->options.plant == PLANT_LATE_LEASE && node->vrrpd.fsm.state != FSM_ACTIVE &&
	    event->kind != EV_INBOX) {
		lease_standby(node);
		node->vrrpd.holds = false;
	}
	switch (event->kind) {
	case EV_LAN_READ:
		drain(node);
		break;
	case EV_TIMER:
		on_timer(node);
		break;
	case EV_CHORES:
		reserve(node);
		world_wake(node, VRRPD, EV_CHORES, node->world->now + SECOND);
		break;
	case EV_PULSE:
		vrrpd_report(node);
		lan_ask(node, false);
		world_wake(node, VRRPD, EV_PULSE, node->world->now + SECOND / 2);
		break;
	case EV_ROUND:
		lan_round(node);
		break;
	case EV_FENCE:
		end_fence(node);
		break;
	case EV_LINKS:
		link_up(node);
		break;
	case EV_PATIENCE:
		if (node->vrrpd.failover_at && !node->vrrpd.yielded)
			end_failover(node, false);
		break;
	default:
		break;
	}
}

/* --- what the neighbours say ------------------------------------------------------------------ */

static void on_lease(struct node *node)
{
	struct fsm *fsm = &node->vrrpd.fsm;
	struct fsm_event event = { .kind = FSM_RECOVERED };

	node->vrrpd.mapped = true;
	if (fsm->state == FSM_ACTIVE) {
		if (node->plane.fenced == FENCE_NONE)
			lease_activate(node);
		return;
	}
	event.fault.bit = FSM_FAULT_PLANE;
	event.fault.epoch = node->plane.epoch;
	lease_standby(node);
	if (fsm->faults & FSM_FAULT_PLANE)
		vrrpd_take(node, &event);
}

static void on_report(struct node *node, const struct letter *letter)
{
	struct fsm_event event = { .kind = FSM_PEER_REPORT, .report = letter->report };

	node->vrrpd.reported_at = node_now(node);
	node->vrrpd.sync = letter->sync;
	node->vrrpd.peer_role = letter->peer_role;
	node->vrrpd.peer_vrrpd = letter->peer_vrrpd;
	node->vrrpd.peer_whole = letter->whole;
	event.report.age_ns += node_now(node) - letter->sent;
	node->vrrpd.peer_spoke = node_now(node) - event.report.age_ns - letter->vrrpd_age;
	if (node->world->options.plant == PLANT_NO_GATE)
		event.report.ready = true;
	vrrpd_take(node, &event);
}

static void on_ready(struct node *node, const struct letter *letter)
{
	struct vrrpd *vrrpd = &node->vrrpd;
	struct fsm_event event = { .kind = FSM_HANDOVER };
	bool gate = node->world->options.plant != PLANT_NO_GATE;

	if (!vrrpd->failover_at || vrrpd->yielded || letter->id != vrrpd->failover_id)
		return;
	if (vrrpd->fsm.state != FSM_ACTIVE || (!letter->complete && gate)) {
		node->world->figures->refused++;
		end_failover(node, false);
		return;
	}
	oracle_handed_over(node);
	vrrpd->yielded = true;
	node->world->figures->failovers++;
	vrrpd_take(node, &event);
}

static void on_carrier(struct node *node)
{
	struct fsm_event event = { .kind = node->carrier ? FSM_RECOVERED : FSM_FAILED };

	if (!!(node->vrrpd.fsm.faults & FSM_FAULT_LINK) == !node->carrier)
		return;
	event.fault.bit = FSM_FAULT_LINK;
	vrrpd_take(node, &event);
}

void vrrpd_letter(struct node *node, const struct letter *letter)
{
	struct fsm_event event = { .kind = FSM_PEER_REPORT };

	switch (letter->kind) {
	case L_LEASE:
		on_lease(node);
		break;
	case L_REPORT:
		on_report(node, letter);
		break;
	case L_WORD:
		event.kind = (enum fsm_kind)(FSM_PEER_YIELD + (int)letter->word -
					     CAS__PEER_WORD__WORD__YIELD);
		event.word = letter->said;
		event.word.age_ns = node_now(node) - letter->sent;
		vrrpd_take(node, &event);
		break;
	case L_READY:
		on_ready(node, letter);
		break;
	case L_SYNCD_OPEN:
		vrrpd_report(node);
		break;
	case L_SYNCD_CLOSED:
		node->vrrpd.reported_at = 0;
		vrrpd_take(node, &event);
		break;
	case L_CARRIER:
		on_carrier(node);
		break;
	case L_FOLLOW:
		hands_follow(node, VRRPD, letter->id);
		break;
	default:
		break;
	}
}

/* --- the operator ----------------------------------------------------------------------------- */

static bool safe(const struct node *node)
{
	const struct vrrpd *vrrpd = &node->vrrpd;

	if (node->world->options.plant == PLANT_NO_GATE)
		return vrrpd->syncd;
	if (vrrpd->known && lookout_whole(&vrrpd->lookout) && !vrrpd->peer_whole)
		return false;
	return vrrpd->syncd && vrrpd->reported_at &&
	       node_now(node) - vrrpd->reported_at <= REPORT_FRESH_MS * MS &&
	       vrrpd->fsm.report.channel && vrrpd->peer_vrrpd &&
	       vrrpd->peer_role == CAS__ROLE__STANDBY && vrrpd->sync == CAS__SYNC_STATE__IN_SYNC;
}

void vrrpd_failover(struct node *node)
{
	struct vrrpd *vrrpd = &node->vrrpd;

	if (!node->process[VRRPD].alive || node->process[VRRPD].stalled_until > node->world->now)
		return;
	if (vrrpd->failover_at || vrrpd->fsm.state != FSM_ACTIVE || !safe(node)) {
		node->world->figures->refused++;
		return;
	}
	trace_say(node->world, "node %u: the operator asks for a failover", node->number + 1);
	vrrpd->failover_at = node_now(node);
	vrrpd->yielded = false;
	vrrpd->failover_id++;
	world_post(node, SYNCD, &(struct letter){ .kind = L_HAND_OVER, .id = vrrpd->failover_id });
	world_wake(node, VRRPD, EV_PATIENCE, node->world->now + SECOND);
}

void vrrpd_stop(struct node *node)
{
	struct fsm_event event = { .kind = FSM_STOP };

	vrrpd_take(node, &event);
}

void vrrpd_start(struct node *node)
{
	const struct fsm_config config = {
		.own = { addr_from4(htonl(0x0a000001 + node->number)) },
		.peer = { addr_from4(htonl(0x0a000002 - node->number)) },
		.priority = (uint8_t)(254 - node->number),
		.preempt = node->world->preempt,
		.advert_ns = 100 * MS,
		.hold_ns = 2 * SECOND,
		.report_ns = 1500 * MS,
		.fence = node->world->fence,
		.consistency = node->world->consistency,
		.fence_ns = 2500 * MS,
	};
	struct fsm_event event = { .kind = FSM_START };
	uint64_t failovers = node->vrrpd.failover_id;

	node->runs[VRRPD] = node->store.current;
	node->vrrpd = (struct vrrpd){ .used = node->disk,
				      .reserved = node->disk,
				      .peer_whole = true,
				      .failover_id = failovers };
	fsm_init(&node->vrrpd.fsm, &config, node->disk);
	reserve(node);
	event.start.hold_until = node_now(node) < SECOND + config.hold_ns ? SECOND + config.hold_ns
									  : 0;
	event.start.faults = FSM_FAULT_PLANE | (node->carrier ? 0 : (unsigned int)FSM_FAULT_LINK);
	vrrpd_take(node, &event);
	world_wake(node, VRRPD, EV_CHORES, node->world->now + SECOND);
	world_wake(node, VRRPD, EV_PULSE, node->world->now + SECOND / 2);
	world_wake(node, VRRPD, EV_LINKS, node->world->now);
	lan_ask(node, false);
}
