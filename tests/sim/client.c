// SPDX-License-Identifier: BSD-2-Clause
/*
 * Clients and members.  Packets go to the node whose announcement was heard last; while a neighbour
 * entry is being replaced, and now and then for old connections, to the other one.  A member that
 * gets a packet of a connection which it does not have resets it: then a session is lost.
 */
#include "tests/sim/sim.h"

/* A node that no announcement names gets a packet only by a switch's whim; let it be in sync. */
static bool willing(const struct node *node, bool cutover)
{
	const struct process *process = &node->process[SYNCD];

	if (!node_on_lan(node))
		return false;
	return cutover || (process->alive && process->stalled_until <= node->world->now &&
			   session_ready(&node->syncd->session));
}

/*
 * Left out on purpose: the last packet of a handshake takes the other node, which has not heard yet
 * that the former connection on these ports is over.  It goes to the right member by that record,
 * and then there is none.
 */
static bool outlived(const struct world *world, unsigned int flow, int node)
{
	return world->single && world->client[flow].state == CLIENT_SYN &&
	       world->node[node].plane.flow[flow].used;
}

static struct node *way(struct world *world, unsigned int flow)
{
	const struct session_of_client *client = &world->client[flow];
	uint64_t now = world->now;
	bool old = client->state == CLIENT_OPEN && now - client->opened > SECOND;
	bool cutover = now - world->owner_since < 300 * MS;
	unsigned int stray = cutover ? 300 : old ? 30 : 0;
	int to = world->owner;

	if (to == NOBODY)
		return NULL;
	if (client->state != CLIENT_CLOSED && chance_of(&world->chance, stray) &&
	    willing(&world->node[1 - to], cutover) && !outlived(world, flow, 1 - to))
		to = 1 - to;
	return node_on_lan(&world->node[to]) ? &world->node[to] : NULL;
}

static int to_member(struct world *world, unsigned int flow, enum packet packet)
{
	struct node *node = way(world, flow);

	world->figures->packets++;
	return node ? plane_client(node, flow, packet) : NOBODY;
}

static bool to_client(struct world *world, unsigned int flow, unsigned int member,
		      enum packet packet)
{
	struct node *node = way(world, flow);

	world->figures->packets++;
	return node && plane_member(node, flow, member, packet);
}

/*
 * The end of a connection, and the next one on its ports, can be told to this node now: not in the
 * last moments of a hand-over, when the role may go faster by LAN than records by the channel.
 */
static bool hears(const struct node *node)
{
	const struct world *world = node->world;
	const struct process *process = &node->process[SYNCD];
	const struct process *other = &world->node[1 - node->number].process[SYNCD];

	return node_runs(node) && process->alive && process->stalled_until < world->now &&
	       other->alive && other->stalled_until < world->now && !world->channel.cut[0] &&
	       !world->channel.cut[1] && session_ready(&node->syncd->session) &&
	       !world->node[1 - node->number].syncd->session.leader.handing;
}

/*
 * Left out on purpose, with single faults: ports used again while the node that does not lead holds
 * a record of the former connection and cannot be told of the new one.  What it has is then
 * believed.  Nor is it ever told of a handshake that came to nothing there, which stays until
 * others take its place (a SYN that it admitted when it led, or a stray packet that it derived):
 * used again, its ports are derivable by it once the new connection's record is there, and not
 * before.
 */
static bool port_is_free(const struct world *world, unsigned int flow)
{
	for (int n = 0; n < NODES; n++) {
		const struct plane_flow *entry = &world->node[n].plane.flow[flow];

		if (n == world->owner || !world->single)
			continue;
		if (world->node[n].plane.handshake[flow].used ||
		    (entry->used && !hears(&world->node[n])))
			return false;
	}
	return true;
}

static void open_flow(struct world *world, unsigned int flow)
{
	struct session_of_client *client = &world->client[flow];
	int member = NOBODY;

	if (port_is_free(world, flow))
		member = to_member(world, flow, PACKET_SYN);
	if (member == NOBODY)
		return;
	client->member = (uint8_t)member;
	client->asked = true;
	client->promised = false;
	if (to_client(world, flow, (unsigned int)member, PACKET_SYNACK))
		client->state = CLIENT_SYN;
}

void client_answered(struct world *world, unsigned int flow, unsigned int member)
{
	struct session_of_client *client = &world->client[flow];

	if (client->state != CLIENT_CLOSED || !client->asked || client->member != member)
		return;
	client->state = CLIENT_SYN;
	world_later(world, chance_between(&world->chance, 100, 3000) * US, EV_COMPLETE, 0, flow);
}

/* A client that was promised its connection believes in it, and sends its ACK again. */
static void broken(struct world *world, unsigned int flow, unsigned int member)
{
	if (world->single && !world->damaged_at && world->client[flow].promised)
		trace_fail(world, "I1 session %u, promised with member %u, was sent to member %u",
			   flow, world->client[flow].member, member);
}

static void complete(struct world *world, unsigned int flow)
{
	struct session_of_client *client = &world->client[flow];
	int member = to_member(world, flow, PACKET_ACK);

	if (member == NOBODY) {
		if (++client->retries > 3 && !client->promised)
			client->state = CLIENT_CLOSED;
		return;
	}
	client->state = CLIENT_CLOSED;
	client->asked = false;
	client->retries = 0;
	if (member != client->member) {
		broken(world, flow, (unsigned int)member);
		return; /* or it never was a session */
	}
	world->at_member[member][flow] = true;
	client->state = CLIENT_OPEN;
	client->opened = world->now;
	client->packets = 0;
	client->closing = client->untold = false;
	world->figures->opened++;
}

void client_complete(struct world *world, unsigned int flow)
{
	if (world->client[flow].state == CLIENT_SYN)
		complete(world, flow);
}

static void astray(struct world *world, unsigned int flow, unsigned int member)
{
	struct session_of_client *client = &world->client[flow];

	if (!to_client(world, flow, member, PACKET_RST))
		return; /* the client has not heard */
	world->at_member[client->member][flow] = false;
	client->state = CLIENT_CLOSED;
	if (client->closing)
		return;
	world->figures->lost++;
	trace_say(world, "session %u lost: went to member %u instead of %u, begun at %.6f", flow,
		  member, client->member, (double)client->opened / 1e9);
	for (unsigned int n = 0; n < NODES; n++) {
		const struct plane_flow *entry = &world->node[n].plane.flow[flow];

		trace_say(world, "  node %u: record %d, member %u, state %u, flags %u, epoch %u",
			  n + 1, entry->used, entry->member, entry->state, entry->flags,
			  entry->epoch);
	}
	broken(world, flow, member);
	/* Through a table that was damaged, it may be. */
	if (world->single && !world->damaged && !client->untold &&
	    client->opened <= world->covered_at)
		trace_fail(world, "I1 session %u of member %u was sent to member %u", flow,
			   client->member, member);
}

/* Both sides close; what is lost on the way is sent again. */
static void close_flow(struct world *world, unsigned int flow)
{
	struct session_of_client *client = &world->client[flow];
	int member = to_member(world, flow, PACKET_FIN);

	if (member == NOBODY)
		return;
	client->closing = true;
	if (member != client->member) {
		astray(world, flow, (unsigned int)member);
		return;
	}
	if (!to_client(world, flow, (unsigned int)member, PACKET_FIN))
		return;
	world->at_member[member][flow] = false;
	client->state = CLIENT_CLOSED;
}

static void chat(struct world *world, unsigned int flow)
{
	struct session_of_client *client = &world->client[flow];
	int member;

	if (client->closing || (client->packets > 2 && chance_of(&world->chance, 40))) {
		close_flow(world, flow);
		return;
	}
	member = to_member(world, flow, PACKET_DATA);
	if (member == NOBODY)
		return;
	client->packets++;
	if (world->at_member[member][flow])
		to_client(world, flow, (unsigned int)member, PACKET_DATA);
	else
		astray(world, flow, (unsigned int)member);
}

void client_step(struct world *world, unsigned int flow)
{
	uint64_t pause = chance_between(&world->chance, 1, 2 * world->pace) * MS;

	switch (world->client[flow].state) {
	case CLIENT_CLOSED:
		open_flow(world, flow);
		if (world->client[flow].state == CLIENT_SYN)
			pause = chance_between(&world->chance, 100, 3000) * US;
		break;
	case CLIENT_SYN:
		complete(world, flow);
		break;
	case CLIENT_OPEN:
		chat(world, flow);
		break;
	}
	world_later(world, pause, EV_CLIENT, 0, flow);
}

/* --- neighbours ------------------------------------------------------------------------------- */

static bool answers(const struct node *node)
{
	return node_on_lan(node) && node->vrrpd.holds && plane_admits(node);
}

void client_learn(struct world *world, int node)
{
	if (!answers(&world->node[node]) || world->owner == node)
		return;
	world->owner = node;
	world->owner_since = world->now;
}

/* Neighbour entries grow old too. */
void client_arp(struct world *world)
{
	int first = (int)chance_below(&world->chance, NODES);

	client_learn(world, first);
	if (!answers(&world->node[first]))
		client_learn(world, 1 - first);
	world_later(world, chance_between(&world->chance, 500, 3000) * MS, EV_ARP, 0, 0);
}
