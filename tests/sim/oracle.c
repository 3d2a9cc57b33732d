// SPDX-License-Identifier: BSD-2-Clause
/* The invariants that DESIGN.md names: I3, I4, I5 (epochs), I6 and I9 are judged here. */
#include <string.h>

#include "tests/sim/sim.h"

enum { DARK_MS = 1500, FENCE_MS = 3000 };

struct keys {
	bool flow[FLOWS], pin[PINS];
};

static void note(struct keys *keys, const struct flow_event *event)
{
	bool pin = event->kind == EVENT_PIN_PUT || event->kind == EVENT_PIN_DEL;
	int number = pin ? plane_pin_number(event) : plane_flow_number(&event->key);

	if (!record_is_word(event->kind) && number >= 0)
		*(pin ? &keys->pin[number] : &keys->flow[number]) = true;
}

/* Keys about which something is on its way. */
static void pending(struct keys *keys, const struct node *leader, const struct node *follower)
{
	const struct journal *journal = &leader->syncd->session.journal;
	const struct follower *f = &follower->syncd->session.follower;

	for (uint64_t seq = f->have.seq + 1; seq <= journal->head; seq++)
		note(keys, &journal->ring[seq & (journal->size - 1)]);
	for (size_t i = 0; i < leader->plane.ringed; i++)
		note(keys, &leader->plane.ring[i]);
	for (size_t i = 0; i < follower->plane.ringed; i++)
		note(keys, &follower->plane.ring[i]);
	for (size_t i = 0; i < f->owns; i++)
		note(keys, &f->own[i]);
	/* What goes on after a reset is told by the next sweep. */
	for (unsigned int i = 0; i < FLOWS; i++)
		keys->flow[i] |= leader->plane.flow[i].flags & FLOW_REVIVED;
}

/*
 * The first key that one table has and the other has not, or otherwise; a text, or NULL.  `ends`:
 * also what has ended.  Not so where faults overlap: ports used again while nothing crossed, by a
 * node that then loses the lead, leave its newer record beside the winner's older one, for a record
 * of a merge does not say of which epoch it is.  Either goes to the same member.
 */
static const char *difference(const struct plane *a, const struct plane *b,
			      const struct keys *spared, bool ends)
{
	static char text[80];

	for (unsigned int f = 0; f < FLOWS; f++) {
		const struct plane_flow *x = &a->flow[f], *y = &b->flow[f];

		if (spared->flow[f] || (!x->used && !y->used))
			continue;
		if (x->used && y->used && ends &&
		    (x->state >= FLOW_CLOSING) != (y->state >= FLOW_CLOSING)) {
			snprintf(text, sizeof(text), "flow %u: state %u here, %u there", f,
				 x->state, y->state);
			return text;
		}
		if (x->used == y->used && x->member == y->member)
			continue;
		snprintf(text, sizeof(text), "flow %u: member %d here, %d there", f,
			 x->used ? x->member : -1, y->used ? y->member : -1);
		return text;
	}
	for (unsigned int p = 0; p < PINS; p++) {
		const struct plane_pin *x = &a->pin[p], *y = &b->pin[p];

		if (spared->pin[p] || (!x->used && !y->used))
			continue;
		if (x->used == y->used && x->member == y->member)
			continue;
		snprintf(text, sizeof(text), "pin %u: member %d here, %d there", p,
			 x->used ? x->member : -1, y->used ? y->member : -1);
		return text;
	}
	return NULL;
}

/* I9: who says in sync holds all that the leader's table had at its position. */
void oracle_records(struct node *node)
{
	struct node *peer = world_peer(node);
	const struct session *s = &node->syncd->session, *l = &peer->syncd->session;
	const struct follower *f = &s->follower;
	struct keys keys;
	const char *what;

	if (s->leading || s->state != CAS__SYNC_STATE__IN_SYNC || f->phase != FOLLOWING)
		return;
	if (!peer->process[SYNCD].alive || !l->leading ||
	    !session_same_history(&f->have, &l->history))
		return;
	if (f->have.seq > l->journal.head)
		trace_fail(node->world, "I6 node %u: applied %llu of %llu records",
			   node->number + 1, (unsigned long long)f->have.seq,
			   (unsigned long long)l->journal.head);
	if (!journal_holds(&l->journal, f->have.seq) || node->plane.lost_seen ||
	    peer->plane.lost_seen)
		return;
	/* The leader knows that it lost something; that word is on its way. */
	if (l->leader.uncertain || l->leader.reoffer)
		return;
	memset(&keys, 0, sizeof(keys));
	memcpy(keys.flow, node->world->damaged_flow, sizeof(keys.flow));
	memcpy(keys.pin, node->world->damaged_pin, sizeof(keys.pin));
	pending(&keys, peer, node);
	what = difference(&node->plane, &peer->plane, &keys, node->world->single);
	if (what)
		trace_fail(node->world, "I9 node %u is in sync at %llu of %llu, but %s",
			   node->number + 1, (unsigned long long)f->have.seq,
			   (unsigned long long)l->journal.head, what);
}

bool oracle_mended(struct world *world)
{
	struct keys spared;

	memset(&spared, 1, sizeof(spared));
	for (unsigned int f = 0; f < FLOWS; f++)
		spared.flow[f] = !world->damaged_flow[f];
	for (unsigned int p = 0; p < PINS; p++)
		spared.pin[p] = !world->damaged_pin[p];
	if (difference(&world->node[0].plane, &world->node[1].plane, &spared, false))
		return false;
	world->damaged = false;
	memset(world->damaged_flow, 0, sizeof(world->damaged_flow));
	memset(world->damaged_pin, 0, sizeof(world->damaged_pin));
	return true;
}

void oracle_verified(struct node *node, const struct verify_result *result)
{
	struct world *world = node->world;
	bool damaged = world->damaged_at && world->now - world->damaged_at < 5 * SECOND;

	if (!damaged && (result->differing || result->left || result->busy))
		trace_fail(world, "I9 node %u: %u slices differ, %u still, %u cannot be told",
			   node->number + 1, result->differing, result->left, result->busy);
}

/* A damage is mended by the next comparison, if nothing overtakes it. */
static void check_damage(struct world *world)
{
	uint64_t bound = world->verify_every + 3 * SECOND;

	if (world->damaged && world->now - world->damaged_at > bound && !oracle_mended(world))
		trace_fail(world, "I4 a damaged table was not mended within %llu ms",
			   (unsigned long long)(bound / MS));
}

/* Both ends know of nothing that would keep the standby from taking over. */
static bool in_step(const struct node *leader, const struct node *follower, const struct session *l,
		    const struct session *s)
{
	if (!leader->process[SYNCD].alive || !follower->process[SYNCD].alive || !l->leading ||
	    s->leading || l->leader.phase != LEADER_TAIL || !l->leader.caught_up ||
	    s->state != CAS__SYNC_STATE__IN_SYNC || s->follower.phase != FOLLOWING)
		return false;
	if (!session_same_history(&s->follower.have, &l->history) ||
	    !journal_holds(&l->journal, s->follower.have.seq))
		return false;
	if (leader->plane.lost_seen || follower->plane.lost_seen || l->leader.uncertain ||
	    l->leader.reoffer)
		return false;
	return plane_admits(leader);
}

/* Where a packet of the client would go now. */
static int goes_to(const struct plane *plane, unsigned int flow)
{
	if (plane->flow[flow].used)
		return plane->flow[flow].member;
	if (plane->handshake[flow].used)
		return plane->handshake[flow].member;
	return plane_derived(plane, flow);
}

/*
 * The log has said at the flow's SYN, or before, what the standby needs, and that has been on its
 * way since before the client had an answer: the flow, where the bases do not yield its member; its
 * client's pin; or that the former connection on these ports is over.
 */
static bool told_in_time(const struct node *leader, const struct node *follower, unsigned int flow)
{
	const struct plane_flow *here = &leader->plane.flow[flow];
	const struct plane_pin *pin = &leader->plane.pin[plane_pin_of(flow)];
	struct keys keys;

	memset(&keys, 0, sizeof(keys));
	pending(&keys, leader, follower);
	if (keys.flow[flow] && (here->exact || follower->plane.flow[flow].used))
		return true;
	/* A handshake that took so long that its member went down meanwhile, and the pin from it.
	 */
	if (keys.flow[flow] && pin->used && pin->member != here->member &&
	    !leader->plane.standing[plane_pin_of(flow) % POOLS][here->member].up)
		return true;
	return keys.pin[plane_pin_of(flow)] && pin->used && pin->member == here->member;
}

/* Established, and the node that leads still knows where it belongs. */
static bool is_kept(const struct node *leader, unsigned int flow)
{
	const struct session_of_client *client = &leader->world->client[flow];

	return client->state == CLIENT_OPEN && !client->closing &&
	       goes_to(&leader->plane, flow) == client->member;
}

/*
 * DESIGN.md 4.3, of a pair that is in sync: every established flow is with the standby, or the
 * standby derives it.  Not where faults overlap: sessions from before a split are where nobody's
 * tables would have put them.  Nor after a table was damaged: check_damage() sees to that.
 */
static void check_covered(struct world *world)
{
	for (unsigned int n = 0; n < NODES; n++) {
		struct node *leader = &world->node[n], *follower = &world->node[1 - n];
		const struct session *l = &leader->syncd->session;
		const struct session *s = &follower->syncd->session;

		if (!world->single || world->damaged_at || !in_step(leader, follower, l, s))
			continue;
		for (unsigned int f = 0; f < FLOWS; f++)
			if (world->client[f].state == CLIENT_OPEN &&
			    goes_to(&follower->plane, f) != world->client[f].member &&
			    is_kept(leader, f) && !told_in_time(leader, follower, f))
				trace_fail(world,
					   "I1 session %u of member %u is neither on node %u nor "
					   "derived by it",
					   f, world->client[f].member, follower->number + 1);
	}
}

void oracle_promised(const struct node *leader, unsigned int flow)
{
	struct world *world = leader->world;
	const struct node *follower = &world->node[1 - leader->number];
	const struct plane_flow *entry = &follower->plane.flow[flow];

	if (world->damaged_at ||
	    !in_step(leader, follower, &leader->syncd->session, &follower->syncd->session))
		return;
	world->figures->promised++;
	if (!entry->used || entry->member != leader->plane.flow[flow].member)
		trace_fail(world, "I1 session %u is promised, and node %u does not hold it", flow,
			   follower->number + 1);
}

static bool hears(const struct node *node)
{
	const struct process *process = &node->process[SYNCD];

	return process->alive && process->stalled_until < node->world->now && !process->letters;
}

/* I9: nobody is in sync with another configuration. */
static void check_revisions(struct world *world)
{
	const struct node *a = &world->node[0], *b = &world->node[1];

	if (!world->pushing && a->revision != b->revision && hears(a) && hears(b) &&
	    a->syncd->session.state == CAS__SYNC_STATE__IN_SYNC &&
	    b->syncd->session.state == CAS__SYNC_STATE__IN_SYNC)
		trace_fail(world, "I9 in sync with configurations %u and %u", a->revision,
			   b->revision);
}

/* --- roles ------------------------------------------------------------------------------------ */

static bool answers(const struct node *node)
{
	return node_on_lan(node) && node->vrrpd.holds && plane_admits(node);
}

/*
 * Both paths do not reach the other vrrpd: the one case that nobody can fence.  A syncd that is
 * stopped counts too: vrrpd goes on believing its last report of the peer.
 */
static bool unfenceable(const struct world *world)
{
	for (unsigned int n = 0; n < NODES; n++)
		if (world->node[n].process[SYNCD].stalled_until > world->now)
			return true;
	if (!world->lan.cut[0] && !world->lan.cut[1])
		return false;
	if (world->channel.cut[0] || world->channel.cut[1])
		return true;
	for (unsigned int n = 0; n < NODES; n++) {
		const struct node *node = &world->node[n];

		if (!node->syncd->conn || !node->vrrpd.syncd)
			return true;
		for (unsigned int d = 0; d < LBD; d++)
			if (!node->process[d].alive || node->process[d].stalled_until > world->now)
				return true;
	}
	return false;
}

/* With vrrpd and lbd both dead it is the lease that lets go, and then an advert. */
static bool headless(const struct world *world)
{
	for (unsigned int n = 0; n < NODES; n++)
		if (!world->node[n].process[VRRPD].alive && !world->node[n].process[LBD].alive)
			return true;
	return false;
}

static void check_owners(struct world *world)
{
	bool disturbed = world->lan.lossy || world->lan.cut[0] || world->lan.cut[1] ||
			 world->now < world->stall_until + 2 * SECOND;
	uint64_t bound = disturbed ? 1500 * MS : world->lan.delay + world->lan.jitter + 10 * MS;

	if (headless(world))
		bound += 400 * MS;
	/* Adverts that contradict a report over the channel are not believed while it is fresh. */
	if (world->channel.cut[0] || world->channel.cut[1] || world->channel.lossy)
		bound += 1600 * MS;
	if (!answers(&world->node[0]) || !answers(&world->node[1]) || unfenceable(world)) {
		world->overlap_since = 0;
		return;
	}
	if (!world->overlap_since)
		world->overlap_since = world->now;
	if ((double)(world->now - world->overlap_since) / 1e9 > world->figures->both_longest_s)
		world->figures->both_longest_s = (double)(world->now - world->overlap_since) / 1e9;
	if (world->now - world->overlap_since > bound)
		trace_fail(world, "I3 both nodes answer and admit for %llu ms",
			   (unsigned long long)((world->now - world->overlap_since) / MS));
}

/* With one fault at a time one node can always serve, and it may take only so long until it does.
 */
static void check_dark(struct world *world)
{
	uint64_t dark;

	if (!world->lit || !world->single ||
	    (world->owner != NOBODY && answers(&world->node[world->owner]))) {
		world->dark_since = 0;
		return;
	}
	if (!world->dark_since)
		world->dark_since = world->now;
	dark = world->now - world->dark_since;
	if ((double)dark / 1e9 > world->figures->dark_longest_s)
		world->figures->dark_longest_s = (double)dark / 1e9;
	if (dark > (world->fence ? DARK_MS + FENCE_MS : DARK_MS) * MS)
		trace_fail(world, "I3 nobody has served for %llu ms",
			   (unsigned long long)(dark / MS));
}

void oracle_handed_over(const struct node *node)
{
	const struct node *peer = &node->world->node[1 - node->number];
	const struct session *l = &node->syncd->session, *s = &peer->syncd->session;
	const struct follower *f = &s->follower;

	if (!node->process[SYNCD].alive || !peer->process[SYNCD].alive || !l->leading || !s->told ||
	    s->leading)
		return; /* or it has taken the role meanwhile: that is another matter */
	if (s->history.epoch > l->history.epoch)
		return;
	/* The end of the history before is the beginning of this one. */
	if (l->leader.hand_seq == 0 && session_same_history(&f->have, &l->prior) && !f->uncertain)
		return;
	if (f->uncertain || !session_same_history(&f->have, &l->history) ||
	    f->have.seq < l->leader.hand_seq)
		trace_fail(node->world, "I4 node %u hands over to one that lacks something",
			   node->number + 1);
}

/* Epochs rise, and who lets go has let go. */
void oracle_promoted(struct node *node, uint64_t epoch, bool yielded)
{
	struct world *world = node->world;
	const struct node *peer = world_peer(node);

	world->figures->takeovers++;
	for (unsigned int f = 0; f < FLOWS && !yielded; f++)
		world->client[f].untold |= world->client[f].opened > world->covered_at;
	if (epoch <= node->led)
		trace_fail(world, "I5 node %u leads in epoch %llu after %llu", node->number + 1,
			   (unsigned long long)epoch, (unsigned long long)node->led);
	node->led = epoch;
	if (yielded && peer->process[VRRPD].alive && peer->vrrpd.fsm.state != FSM_ACTIVE &&
	    plane_admits(peer) && peer->vrrpd.mapped)
		trace_fail(world, "I3 node %u took over from a yield, but its peer still admits",
			   node->number + 1);
}

/*
 * The promise is for what the standby has acknowledged, or can derive.  A session that was begun
 * after that, while nothing crossed, is lost with the node that alone knew of it.
 */
static void look_at_cover(struct world *world)
{
	for (unsigned int n = 0; n < NODES; n++) {
		const struct node *node = &world->node[n], *peer = &world->node[1 - n];
		const struct session *s = &node->syncd->session, *l = &peer->syncd->session;

		if (l->leading && session_ready(s) && s->follower.phase == FOLLOWING &&
		    session_same_history(&s->follower.have, &l->history) &&
		    s->follower.have.seq == l->journal.head && !peer->plane.ringed &&
		    !peer->plane.lost_seen && peer->plane.role == LEASE_ACTIVE)
			world->covered_at = world->now;
		if (l->leading && session_ready(s) && peer->lbd.active && !node->lbd.active)
			roster_look(world, node);
	}
}

/* A pin counts its flows exactly; and whoever has gone on with what he began here is counted. */
static void check_pins(const struct node *node)
{
	const struct plane *plane = &node->plane;
	unsigned int counted[PINS] = { 0 };

	for (unsigned int f = 0; f < FLOWS; f++) {
		const struct plane_flow *entry = &plane->flow[f];
		unsigned int pin = plane_pin_of(f);
		bool seen = !entry->begun && !(entry->flags & FLOW_REPLICA);

		if (!entry->used)
			continue;
		counted[pin] += entry->counted;
		if (pin % POOLS == 0 && seen && entry->state == FLOW_ESTABLISHED && !entry->counted)
			trace_fail(node->world, "node %u: flow %u goes on and has no pin",
				   node->number + 1, f);
	}
	for (unsigned int p = 0; p < PINS; p++)
		if (plane->pin[p].used && plane->pin[p].flows != counted[p])
			trace_fail(node->world, "node %u: pin %u counts %u flows of %u",
				   node->number + 1, p, plane->pin[p].flows, counted[p]);
}

void oracle_step(struct world *world)
{
	check_owners(world);
	check_dark(world);
	check_revisions(world);
	revisions_look(world);
	check_covered(world);
	check_damage(world);
	look_at_cover(world);
	for (unsigned int n = 0; n < NODES; n++) {
		struct node *node = &world->node[n];
		bool synced = node->process[SYNCD].alive && session_ready(&node->syncd->session);

		if (synced && !node->was_synced)
			oracle_records(node);
		node->was_synced = synced;
		check_pins(node);
	}
}

/* --- the pair --------------------------------------------------------------------------------- */

static bool complain(char *why, size_t size, const char *words)
{
	snprintf(why, size, "%s", words);
	return false;
}

static const char *fault_of(const struct world *world)
{
	for (unsigned int n = 0; n < NODES; n++) {
		const struct node *node = &world->node[n];

		if (!node_on_lan(node))
			return "a node is off, or off its LAN";
		if (node->disk_full || (world->pushing && node->disk_ms))
			return "a disk is full, or slow";
		if (!world->pushing && node->revision != world->revision)
			return "a node has the former configuration";
		for (unsigned int d = 0; d < DAEMONS; d++)
			if (!node->process[d].alive)
				return "a daemon is not running";
	}
	if (world->lan.cut[0] || world->lan.cut[1] || world->channel.cut[0] ||
	    world->channel.cut[1])
		return "a path is cut";
	if (world->witnesses_dead)
		return "the witnesses are dead";
	return revisions_unsettled(world);
}

bool oracle_whole(struct world *world, char *why, size_t size)
{
	const struct node *a = &world->node[0], *b = &world->node[1], *active, *standby;
	const struct keys none = { 0 };
	const char *words = fault_of(world);

	if (words)
		return complain(why, size, words);
	active = a->vrrpd.fsm.state == FSM_ACTIVE ? a : b;
	standby = active == a ? b : a;
	if (active->vrrpd.fsm.state != FSM_ACTIVE || !plane_admits(active))
		return complain(why, size, "nobody is active");
	/* It would not give the role to one of which it does not know that yet. */
	if (!active->vrrpd.lookout.peer_whole)
		return complain(why, size, "the standby's LAN is not known to be whole");
	if (standby->vrrpd.fsm.state != FSM_BACKUP)
		return complain(why, size, "nobody is standby");
	if (world->owner != (int)active->number)
		return complain(why, size, "the clients' neighbour entry names the other node");
	if (active->syncd->session.state != CAS__SYNC_STATE__IN_SYNC ||
	    standby->syncd->session.state != CAS__SYNC_STATE__IN_SYNC)
		return complain(why, size, "not in sync");
	if (memcmp(active->plane.standing, standby->plane.standing,
		   sizeof(active->plane.standing)) != 0 ||
	    memcmp(active->plane.standing, world->truth, sizeof(world->truth)) != 0)
		return complain(why, size, "verdicts differ");
	if (active->syncd->session.journal.head != standby->syncd->session.follower.have.seq ||
	    active->plane.ringed || standby->plane.ringed || standby->syncd->session.follower.owns)
		/* Something is on its way; between the faults that is no objection. */
		return !world->quiet || complain(why, size, "records are on their way");
	if (!roster_equal(active, standby))
		return complain(why, size, "wishes or learned ports differ");
	words = difference(&standby->plane, &active->plane, &none, world->single);
	return !words || complain(why, size, words);
}
