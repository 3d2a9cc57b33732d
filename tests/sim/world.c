// SPDX-License-Identifier: BSD-2-Clause
/* One run: boots two nodes, lets things happen in order, and ends when the pair is whole again. */
#include <stdlib.h>
#include <string.h>

#include "tests/sim/sim.h"

enum { LIMIT_S = 400, STEPS = 100000, STEPS_A_MS = 100 };

void world_later(struct world *world, uint64_t after, enum event_kind kind, unsigned int node,
		 uint32_t arg)
{
	agenda_put(&world->agenda, (struct event){ .at = world->now + after,
						   .arg = arg,
						   .kind = (uint8_t)kind,
						   .node = (uint8_t)node });
}

void world_wake(struct node *node, enum daemon daemon, enum event_kind kind, uint64_t at)
{
	agenda_put(&node->world->agenda, (struct event){ .at = at,
							 .life = node->process[daemon].life,
							 .kind = (uint8_t)kind,
							 .node = (uint8_t)node->number,
							 .daemon = (uint8_t)daemon });
}

/* --- daemons ---------------------------------------------------------------------------------- */

void world_post(struct node *node, enum daemon to, const struct letter *letter)
{
	struct process *process = &node->process[to];
	uint64_t at = node->world->now + 20 * US + chance_below(&node->world->chance, 100 * US);

	if (!process->alive)
		return;
	if (process->letters == INBOX) {
		trace_fail(node->world, "sim: a daemon's inbox is full");
		return;
	}
	process->inbox[(process->first + process->letters++) % INBOX] = *letter;
	if (at <= process->last_at)
		at = process->last_at + 1;
	process->last_at = at;
	world_wake(node, to, EV_INBOX, at);
}

void world_start_daemon(struct node *node, enum daemon daemon)
{
	static void (*const start[])(struct node * node) = { vrrpd_start, syncd_start, lbd_start };
	struct process *process = &node->process[daemon];

	if (!node->powered || process->alive)
		return;
	process->alive = true;
	process->life++;
	process->stalled_until = 0;
	process->first = process->letters = 0;
	trace_say(node->world, "node %u: %s starts", node->number + 1,
		  daemon == VRRPD   ? "vrrpd"
		  : daemon == SYNCD ? "syncd"
				    : "lbd");
	start[daemon](node);
}

/* The others see its sockets close. */
void world_kill_daemon(struct node *node, enum daemon daemon)
{
	struct process *process = &node->process[daemon];

	if (!process->alive)
		return;
	if (daemon == SYNCD) {
		/* It writes nothing down any more. */
		node->syncd->session.trail = node->syncd->session.journal.trail = NULL;
		node->syncd->hands.dead = true;
		wire_drop(node);
		wire_forget(node);
	}
	process->alive = false;
	process->life++;
	if (daemon == SYNCD)
		syncd_killed(node);
	if (daemon == VRRPD && node->vrrpd.syncd)
		world_post(node, SYNCD, &(struct letter){ .kind = L_VRRPD_CLOSED });
	if (daemon == VRRPD && node->vrrpd.lbd)
		world_post(node, LBD, &(struct letter){ .kind = L_LBD_VRRPD_CLOSED });
	if (daemon == VRRPD) {
		node->vrrpd.lbd = node->vrrpd.syncd = node->vrrpd.mapped = false;
		node->vrrpd.fsm.state = FSM_INIT;
	}
	if (daemon == SYNCD && node->syncd->lbd)
		world_post(node, LBD, &(struct letter){ .kind = L_STANDBY });
	if (daemon == SYNCD && node->vrrpd.syncd) {
		node->vrrpd.syncd = false;
		world_post(node, VRRPD, &(struct letter){ .kind = L_SYNCD_CLOSED });
	}
	if (daemon == LBD) {
		node->vrrpd.lbd = node->syncd->lbd = false;
		hands_gone(node, LBD);
	}
}

void world_power_off(struct node *node)
{
	node->powered = false;
	node->paused_until = 0;
	if (node->world->now < node->disk_sure_at && chance_of(&node->world->chance, 500))
		node->disk = node->disk_before;
	/* No word of goodbye: the peer finds out by silence. */
	node->syncd->conn = 0;
	for (unsigned int d = 0; d < DAEMONS; d++) {
		node->process[d].alive = false;
		node->process[d].life++;
	}
	wire_forget(node);
	node->trail->header.magic = 0;
	trail_open(node->trail, KEPT, node->number + 1, "");
	node->rereads = 0;
	node->vrrpd = (struct vrrpd){ .failover_id = node->vrrpd.failover_id };
	plane_reset(node);
}

void world_boot(struct node *node)
{
	struct chance *chance = &node->world->chance;

	if (node->powered)
		return;
	trace_say(node->world, "node %u: boots", node->number + 1);
	node->powered = node->carrier = true;
	node->booted = node->world->now;
	plane_reset(node);
	for (unsigned int d = 0; d < DAEMONS; d++)
		world_later(node->world, chance_between(chance, 10, 400) * MS, EV_START,
			    node->number, d);
}

static void inbox(struct node *node, enum daemon daemon)
{
	static void (*const read[])(struct node * node,
				    const struct letter *letter) = { vrrpd_letter, syncd_letter,
								     lbd_letter };
	struct process *process = &node->process[daemon];
	struct letter letter;

	if (!process->letters)
		return;
	letter = process->inbox[process->first];
	process->first = (process->first + 1) % INBOX;
	process->letters--;
	read[daemon](node, &letter);
}

static void of_daemon(struct world *world, struct event *event)
{
	static void (*const run[])(struct node * node, const struct event *event) = { vrrpd_event,
										      syncd_event,
										      lbd_event };
	struct node *node = &world->node[event->node];
	struct process *process = &node->process[event->daemon];

	if (!process->alive || process->life != event->life)
		return;
	if (process->stalled_until > world->now) {
		/* Which of its descriptors a daemon looks at first is anybody's guess; but syncd
		 * hears its own node's daemons before the peer, and vrrpd them before timers. */
		event->at = process->stalled_until;
		if (event->daemon == LBD || event->kind != EV_INBOX)
			event->at += 1 + chance_below(&world->chance, 300 * US);
		agenda_put(&world->agenda, *event);
		return;
	}
	if (event->kind == EV_INBOX)
		inbox(node, (enum daemon)event->daemon);
	else
		run[event->daemon](node, event);
}

static void of_world(struct world *world, const struct event *event)
{
	struct node *node = &world->node[event->node];

	switch (event->kind) {
	case EV_ADVERT:
		wire_advert_arrives(node, event->arg);
		break;
	case EV_GARP:
		client_learn(world, event->node);
		break;
	case EV_ARP:
		client_arp(world);
		break;
	case EV_CONNECT:
		wire_connect(world, false);
		world_later(world, 100 * MS, EV_CONNECT, 0, 0);
		break;
	case EV_CLIENT:
		client_step(world, event->arg);
		break;
	case EV_ANSWERED:
		client_answered(world, event->arg / MEMBERS, event->arg % MEMBERS);
		break;
	case EV_COMPLETE:
		client_complete(world, event->arg);
		break;
	case EV_FAULT:
		nemesis_strike(world);
		break;
	case EV_START:
		if (event->arg == DAEMONS)
			world_boot(node);
		else
			world_start_daemon(node, (enum daemon)event->arg);
		break;
	case EV_CUT_END:
		nemesis_end_cut(world, event->arg);
		break;
	case EV_CARRIER:
		nemesis_carrier(node, true);
		break;
	case EV_CONFIG:
		nemesis_config(node, event->arg);
		break;
	case EV_DISK:
		nemesis_end_disk(node);
		break;
	case EV_NIC:
		nemesis_end_nic(node);
		break;
	case EV_WITNESSES:
		world->witnesses_dead = false;
		trace_say(world, "the witnesses answer again");
		break;
	case EV_OPERATOR:
		nemesis_operator(world);
		break;
	case EV_PUSH:
		pusher_step(world);
		break;
	case EV_WRITE_CUT:
		nemesis_write_cut(node, event->arg);
		break;
	case EV_CUT_PASSED:
		node->cut_in = 0;
		break;
	default:
		break;
	}
}

/* --- a run ------------------------------------------------------------------------------------ */

static void open_world(struct world *world)
{
	record_arena_init(&world->arena, world->memory, sizeof(world->memory));
	world->owner = NOBODY;
	for (unsigned int p = 0; p < POOLS; p++)
		for (unsigned int m = 0; m < MEMBERS; m++)
			world->truth[p][m] = (struct plane_standing){ true, 2 };
	for (unsigned int n = 0; n < NODES; n++) {
		struct node *node = &world->node[n];

		node->world = world;
		node->number = n;
		node->syncd = calloc(1, sizeof(*node->syncd));
		node->trail = calloc(1, trail_bytes(KEPT));
		for (unsigned int d = 0; d < DAEMONS; d++)
			node->process[d].inbox = malloc(INBOX * sizeof(struct letter));
		if (!node->syncd || !node->trail || !node->process[DAEMONS - 1].inbox)
			abort();
		trail_open(node->trail, KEPT, n + 1, "");
		node->syncd->last = &node->syncd->first;
	}
	nemesis_draw(world);
	made_begin(world);
	for (unsigned int n = 0; n < NODES; n++)
		world_later(world, chance_below(&world->chance, 1500) * MS, EV_START, n, DAEMONS);
	world_later(world, 100 * MS, EV_CONNECT, 0, 0);
	world_later(world, SECOND, EV_ARP, 0, 0);
	world_later(world, 3 * SECOND, EV_FAULT, 0, 0);
	world_later(world, 4 * SECOND, EV_OPERATOR, 0, 0);
	if (world->pushing)
		world_later(world, 3 * SECOND + 500 * MS, EV_PUSH, 0, 0);
	for (unsigned int f = 0; f < FLOWS; f++)
		world_later(world, chance_below(&world->chance, 4000) * MS, EV_CLIENT, 0, f);
}

static void close_world(struct world *world)
{
	for (unsigned int n = 0; n < NODES; n++) {
		syncd_end(&world->node[n]);
		free(world->node[n].syncd);
		free(world->node[n].trail);
		roster_end(&world->node[n]);
		strict_end(&world->node[n]);
		for (unsigned int d = 0; d < DAEMONS; d++)
			free(world->node[n].process[d].inbox);
	}
	made_end(world);
	free(world->agenda.heap);
}

/* After the faults: whole within a bounded time, and it stays so.  True: this run is over. */
static bool settled(struct world *world)
{
	char why[120];
	bool whole = oracle_whole(world, why, sizeof(why));
	double took;

	if (!whole && strcmp(why, "records are on their way") != 0)
		world->stable_since = 0;
	if (whole && !world->stable_since)
		world->stable_since = world->now;
	if (whole && world->now - world->stable_since > 300 * MS) {
		took = (double)(world->stable_since - world->fault_at) / 1e9;
		if (took > world->figures->heal_longest_s)
			world->figures->heal_longest_s = took;
		return true;
	}
	if (world->now - world->fault_at > 70 * SECOND)
		trace_fail(world, "I4 not whole 70 s after the last fault: %s", why);
	return false;
}

static void run(struct world *world)
{
	uint64_t looked = 0, steps = 0;
	struct event event;

	while (!world->outcome.failure[0] && agenda_take(&world->agenda, &event)) {
		/* Things that wake each other without time passing. */
		if (++steps > STEPS + world->now / MS * STEPS_A_MS)
			trace_fail(world, "sim: too much happens: event %u of node %u, %zu to come",
				   event.kind, event.node + 1u, world->agenda.count);
		world->now = event.at;
		if (event.kind <= EV_LAST_OF_DAEMON)
			of_daemon(world, &event);
		else
			of_world(world, &event);
		oracle_step(world);
		if (!world->quiet && world->now > world->faults_until)
			nemesis_heal(world);
		if (world->now - looked < 20 * MS)
			continue;
		looked = world->now;
		if (world->quiet && settled(world))
			return;
		if (world->now > LIMIT_S * SECOND)
			trace_fail(world, "sim: a run without end");
	}
}

struct outcome world_run(const struct options *options, struct figures *figures)
{
	struct world *world = calloc(1, sizeof(*world));
	struct outcome outcome;

	if (!world)
		abort();
	world->options = *options;
	world->figures = figures;
	world->chance.state = options->seed * 0x9e3779b97f4a7c15u + 1;
	world->schedule.state = chance_next(&world->chance);
	world->wishes.state = options->seed ^ 0x9e3779b97f4a7c15u;
	open_world(world);
	run(world);
	world->outcome.faults = world->strikes;
	outcome = world->outcome;
	if (outcome.failure[0] && !options->mute)
		trace_print(world);
	figures->hours += (double)world->now / 3.6e12;
	figures->seeds++;
	figures->failures += outcome.failure[0] != '\0';
	*(world->single ? &figures->single : &figures->storm) += 1;
	close_world(world);
	free(world);
	return outcome;
}
