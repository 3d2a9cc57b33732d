// SPDX-License-Identifier: BSD-2-Clause
/*
 * The network between the nodes.  Adverts: lost, doubled, late.  The channel is TCP under the
 * seal: in order, at most once, held up by loss and by a cut path, ended by a second of silence, by
 * a reset, or by a newer connection (syncd/channel.c).
 */
#include <stdlib.h>
#include <string.h>

#include "tests/sim/sim.h"

/* --- adverts ---------------------------------------------------------------------------------- */

static void fly(struct node *from, uint8_t priority)
{
	struct world *world = from->world;
	const struct path *lan = &world->lan;
	uint64_t after = lan->delay + chance_below(&world->chance, lan->jitter + 1);

	world_later(world, after, EV_ADVERT, 1 - from->number, priority);
}

void wire_advert(struct node *from, uint8_t priority)
{
	struct world *world = from->world;

	if (!from->carrier || from->mute || world->lan.cut[from->number] ||
	    chance_of(&world->chance, world->lan.lossy))
		return;
	fly(from, priority);
	if (chance_of(&world->chance, world->lan.doubled))
		fly(from, priority);
}

/* The kernel sees it at once, vrrpd when it is awake. */
void wire_advert_arrives(struct node *node, uint32_t priority)
{
	struct vrrpd *vrrpd = &node->vrrpd;

	if (!node_runs(node) || !node->carrier || node->deaf)
		return;
	if (priority)
		plane_advert(node);
	if (!node->process[VRRPD].alive || vrrpd->heard == LAN_QUEUE)
		return;
	vrrpd->lan_at[vrrpd->heard] = node_now(node);
	vrrpd->lan[vrrpd->heard++] = (uint8_t)priority;
	world_wake(node, VRRPD, EV_LAN_READ, node->world->now + 20 * US);
}

/* --- channel ---------------------------------------------------------------------------------- */

static bool passes(const struct world *world, unsigned int from)
{
	return !world->channel.cut[from];
}

/* Who waits for its disk says so later. */
static uint64_t leaves(const struct node *from)
{
	uint64_t until = from->process[SYNCD].stalled_until;

	return until > from->world->now ? until : from->world->now;
}

static void push(struct node *to, enum parcel_kind kind, uint32_t conn, const uint8_t *bytes,
		 size_t length)
{
	struct world *world = to->world;
	struct syncd *syncd = to->syncd;
	struct parcel *parcel;
	uint64_t at = (kind == PARCEL_DATA ? leaves(world_peer(to)) : world->now) +
		      world->channel.delay +
		      chance_below(&world->chance, world->channel.jitter + 1);

	if (!to->process[SYNCD].alive)
		return;
	parcel = malloc(sizeof(*parcel) + length);
	if (!parcel)
		abort();
	*parcel = (struct parcel){ .conn = conn, .kind = (uint8_t)kind, .length = length };
	if (length)
		memcpy(parcel->bytes, bytes, length);
	*syncd->last = parcel;
	syncd->last = &parcel->next;
	syncd->inbound += length;
	/* A lost segment holds up all behind it. */
	if (chance_of(&world->chance, world->channel.lossy))
		at += 200 * MS;
	if (at <= syncd->last_at)
		at = syncd->last_at + 1;
	syncd->last_at = at;
	world_wake(to, SYNCD, EV_CHANNEL, at);
}

void wire_send(struct node *from, const uint8_t *bytes, size_t length)
{
	if (!from->syncd->conn)
		return;
	from->world->figures->frames++;
	push(world_peer(from), PARCEL_DATA, from->syncd->conn, bytes, length);
}

static void end(struct node *node)
{
	if (!node->syncd->conn)
		return;
	node->syncd->conn = 0;
	if (node->world->options.plant == PLANT_HOLE_FORGOTTEN)
		node->syncd->session.leader.uncertain = node->syncd->session.leader.reoffer = false;
	session_down(&node->syncd->session, node_now(node));
	hands_down(node);
	strict_acked(node);
}

void wire_drop(struct node *node)
{
	uint32_t conn = node->syncd->conn;

	node->syncd->torn = false;
	end(node);
	if (conn)
		push(world_peer(node), PARCEL_DOWN, conn, NULL, 0);
}

void wire_timeout(struct node *node)
{
	if (node->syncd->conn && node_now(node) - node->syncd->heard_ns > SECOND)
		wire_drop(node);
}

/* Two ends that agree: a connection starts when both are there and the path works both ways. */
void wire_connect(struct world *world, bool renew)
{
	for (unsigned int n = 0; n < NODES; n++) {
		const struct process *process = &world->node[n].process[SYNCD];

		if (!process->alive || process->stalled_until > world->now || !passes(world, n))
			return;
	}
	if ((world->node[1].syncd->conn && !renew) || world->connecting_until > world->now)
		return;
	world->connecting_until = world->now + 300 * MS;
	world->conns++;
	push(&world->node[0], PARCEL_UP, world->conns, NULL, 0);
	push(&world->node[1], PARCEL_UP, world->conns, NULL, 0);
}

static void deliver(struct node *node, const struct parcel *parcel)
{
	struct world *world = node->world;
	struct syncd *syncd = node->syncd;
	const struct wire_terms terms = wire_terms();
	const struct wire wire = wire_between(&terms, &terms);
	uint64_t before = syncd->session.follower.have.seq;
	const Sync__Frame *frame;

	(void)before;
	if (parcel->kind == PARCEL_UP && parcel->conn > syncd->conn) {
		syncd->conn = parcel->conn;
		syncd->heard_ns = node_now(node);
		trace_say(world, "node %u: channel is up", node->number + 1);
		session_up(&syncd->session, &wire, node_now(node));
		hands_up(node);
	} else if (parcel->kind == PARCEL_DOWN && parcel->conn == syncd->conn) {
		end(node);
	} else if (parcel->kind == PARCEL_DATA && parcel->conn != syncd->conn) {
		/* A connection that we have closed: the peer's kernel is told. */
		push(world_peer(node), PARCEL_DOWN, parcel->conn, NULL, 0);
	} else if (parcel->kind == PARCEL_DATA) {
		syncd->heard_ns = node_now(node);
		frame = record_frame(&world->arena, parcel->bytes, parcel->length);
		if (!frame)
			trace_fail(world, "I6 node %u: a frame that is not one", node->number + 1);
		else if (!hands_frame(node, frame))
			session_frame(&syncd->session, frame, node_now(node));
	}
}

void wire_read(struct node *node)
{
	struct world *world = node->world;
	struct syncd *syncd = node->syncd;
	struct parcel *parcel = syncd->first;

	if (!parcel)
		return;
	if (!passes(world, 1 - node->number)) {
		/* Sent again when the path is back. */
		world_wake(node, SYNCD, EV_CHANNEL, world->now + 50 * MS);
		return;
	}
	syncd->first = parcel->next;
	if (!syncd->first)
		syncd->last = &syncd->first;
	syncd->inbound -= parcel->length;
	deliver(node, parcel);
	free(parcel);
	strict_acked(node);
	oracle_records(node);
	syncd_work(node);
}

void wire_forget(struct node *node)
{
	struct parcel *parcel;

	while ((parcel = node->syncd->first) != NULL) {
		node->syncd->first = parcel->next;
		free(parcel);
	}
	node->syncd->last = &node->syncd->first;
	node->syncd->inbound = 0;
	node->syncd->conn = 0;
}
