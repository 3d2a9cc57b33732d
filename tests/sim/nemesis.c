// SPDX-License-Identifier: BSD-2-Clause
/* Faults: alone with time to heal ("single"), or as they come ("storm"); and the operator. */
#include "tests/sim/sim.h"

enum fault {
	KILL,
	POWER,
	STALL,
	LAN_CUT,
	CHANNEL_CUT,
	RESET,
	RENEW,
	MEMBER,
	CARRIER,
	FAILOVER,
	ORDERLY,
	PAUSE,
	CONFIG,
	DISK,
	DAMAGE,
	NIC,
	WITNESSES,
	WRITE,
	LOSSY,
	SPLIT,
	FAULTS,
};

enum { PATH_LAN = 1, PATH_CHANNEL = 2 };

static const char *const daemon_names[] = { "vrrpd", "syncd", "lbd" };

void nemesis_draw(struct world *world)
{
	struct chance *c = &world->chance;

	world->single = chance_of(c, 500);
	world->pushing = chance_of(&world->wishes, 500);
	strict_draw(world);
	world->preempt = chance_of(c, 200);
	world->fence = chance_of(c, 300);
	world->consistency = chance_of(c, 500);
	world->lan = (struct path){ .delay = chance_between(c, 50, 1000) * US,
				    .jitter = chance_between(c, 10, 2000) * US,
				    .doubled = chance_of(c, 300) ? 50 : 0 };
	world->channel = (struct path){ .delay = chance_between(c, 50, 2000) * US,
					.jitter = chance_between(c, 10, 3000) * US };
	world->idle = chance_between(c, 4, 20) * SECOND;
	world->linger = chance_between(c, 1, 5) * SECOND;
	world->pace = (unsigned int)chance_between(c, 200, 900);
	world->faults_until = chance_between(c, 8, 20) * SECOND;
	world->verify_every = chance_between(c, 300, 2500) * MS;
	for (unsigned int n = 0; n < NODES; n++)
		world->node[n].drift = (int64_t)chance_below(c, 1001) - 500;
}

static void stall(struct node *node, enum daemon daemon, uint64_t until)
{
	struct world *world = node->world;

	/* What was put off once comes back at the end of the longer one. */
	if (until < node->process[daemon].stalled_until)
		until = node->process[daemon].stalled_until;
	node->process[daemon].stalled_until = until;
	if (until > world->stall_until)
		world->stall_until = until;
	trace_say(world, "FAULT node %u: %s stopped for %llu ms", node->number + 1,
		  daemon_names[daemon], (unsigned long long)((until - world->now) / MS));
}

static void stall_some(struct node *node)
{
	struct chance *c = &node->world->fate;
	uint64_t until = node->world->now + chance_between(c, 20, 4000) * MS;
	unsigned int which = (unsigned int)chance_below(c, DAEMONS + 1);

	for (unsigned int d = 0; d < DAEMONS; d++)
		if (which == d || which == DAEMONS)
			stall(node, (enum daemon)d, until);
}

/* A virtual machine that is moved: all of it stands still, but for its clock. */
static void pause_node(struct node *node)
{
	struct world *world = node->world;
	uint64_t until = world->now + chance_between(&world->fate, 20, 3000) * MS;

	node->paused_until = until;
	for (unsigned int d = 0; d < DAEMONS; d++)
		stall(node, (enum daemon)d, until);
}

/* A write to disk takes its time, or fails, for a while. */
static void disk(struct node *node)
{
	struct chance *c = &node->world->fate;

	node->disk_full = chance_of(c, 300);
	node->disk_ms = (unsigned int)chance_between(c, 0, 2000);
	trace_say(node->world, "FAULT node %u: a write takes %u ms%s", node->number + 1,
		  node->disk_ms, node->disk_full ? ", and fails" : "");
	world_later(node->world, chance_between(c, 100, 5000) * MS, EV_DISK, node->number, 0);
}

void nemesis_end_disk(struct node *node)
{
	node->disk_full = false;
	node->disk_ms = 0;
}

/* Once something was pushed, that is what is in force. */
void nemesis_config(struct node *node, uint32_t revision)
{
	if (node->revision >= revision || node->world->pushing)
		return;
	node->revision = revision;
	trace_say(node->world, "node %u: configuration %u", node->number + 1, revision);
	world_post(node, SYNCD, &(struct letter){ .kind = L_CONFIG });
}

/* One node after the other. */
static void config(struct world *world)
{
	unsigned int first = (unsigned int)chance_below(&world->fate, NODES);
	uint64_t later = chance_between(&world->fate, 1, 2500) * MS;

	if (world->pushing)
		return;
	trace_say(world, "FAULT another configuration, node %u first", first + 1);
	world->revision++;
	world_later(world, 0, EV_CONFIG, first, world->revision);
	world_later(world, later, EV_CONFIG, 1 - first, world->revision);
}

static void kill_one(struct node *node, enum daemon daemon)
{
	struct world *world = node->world;

	trace_say(world, "FAULT node %u: kill -9 %s", node->number + 1, daemon_names[daemon]);
	world_kill_daemon(node, daemon);
	world_later(world, chance_between(&world->fate, 100, 3000) * MS, EV_START, node->number,
		    daemon);
}

static void kill(struct node *node)
{
	enum daemon daemon = (enum daemon)chance_below(&node->world->fate, DAEMONS);

	if (node->process[daemon].alive)
		kill_one(node, daemon);
}

static void power(struct node *node)
{
	struct world *world = node->world;

	trace_say(world, "FAULT node %u: power off", node->number + 1);
	world_power_off(node);
	/* DAEMONS stands for the machine.  It takes longer to boot than a fence command may take.
	 */
	world_later(world, (world->fence * 3000 + chance_between(&world->fate, 800, 5000)) * MS,
		    EV_START, node->number, DAEMONS);
}

/* In the midst of a write to the store of revisions. */
void nemesis_write_cut(struct node *node, bool power_goes)
{
	if (power_goes && node->powered)
		power(node);
	else if (node->process[SYNCD].alive)
		kill_one(node, SYNCD);
}

static void cut(struct world *world, struct path *path, uint32_t which)
{
	unsigned int ways = (unsigned int)chance_between(&world->fate, 1, 3);

	for (unsigned int n = 0; n < NODES; n++)
		path->cut[n] |= ways >> n & 1;
	trace_say(world, "FAULT %s cut, %s%s", which == PATH_LAN ? "adverts" : "channel",
		  ways & 1 ? "1>2 " : "", ways & 2 ? "2>1" : "");
	world_later(world, chance_between(&world->fate, 100, 4000) * MS, EV_CUT_END, 0, which);
}

void nemesis_end_cut(struct world *world, uint32_t which)
{
	struct path *path = which == PATH_LAN ? &world->lan : &world->channel;

	path->cut[0] = path->cut[1] = false;
	path->lossy = 0;
	world->stall_until = world->stall_until > world->now ? world->stall_until : world->now;
	trace_say(world, "%s whole again", which == PATH_LAN ? "adverts" : "channel");
}

static void lossy(struct world *world)
{
	bool lan = chance_of(&world->fate, 500);
	struct path *path = lan ? &world->lan : &world->channel;

	path->lossy = (unsigned int)chance_between(&world->fate, 10, 200);
	trace_say(world, "FAULT %s loses %u per mille", lan ? "LAN" : "channel", path->lossy);
	world_later(world, chance_between(&world->fate, 500, 3000) * MS, EV_CUT_END, 0,
		    lan ? PATH_LAN : PATH_CHANNEL);
}

static void member(struct world *world, struct chance *c)
{
	struct plane_standing *truth =
		&world->truth[chance_below(c, POOLS)][chance_below(c, MEMBERS)];

	truth->up = chance_of(c, 700);
	truth->weight = (uint32_t)chance_below(c, 4);
}

void nemesis_carrier(struct node *node, bool up)
{
	struct world *world = node->world;

	if (node->carrier == up)
		return;
	node->carrier = up;
	trace_say(world, "%snode %u: carrier %s", up ? "" : "FAULT ", node->number + 1,
		  up ? "back" : "lost");
	if (world->stall_until < world->now)
		world->stall_until = world->now;
	world_post(node, VRRPD, &(struct letter){ .kind = L_CARRIER });
	if (!up)
		world_later(world, chance_between(&world->fate, 300, 4000) * MS, EV_CARRIER,
			    node->number, 0);
}

/* Nobody notices: only a comparison can. */
static void damage(struct world *world)
{
	char why[120];

	if (!world->single || world->damaged || !oracle_whole(world, why, sizeof(why)))
		return;
	/* What it damages would lead before anybody can compare. */
	if (world->node[0].vrrpd.failover_at || world->node[1].vrrpd.failover_at)
		return;
	for (unsigned int n = 0; n < NODES; n++) {
		struct node *node = &world->node[n];

		if (node->vrrpd.fsm.state != FSM_BACKUP || !plane_damage(node))
			continue;
		world->damaged = true;
		world->damaged_at = world->now;
		trace_say(world, "FAULT node %u: its table is damaged", node->number + 1);
	}
}

/* Its carrier stays: a switch that has lost its tables, a cable of which one pair is broken. */
static void nic(struct node *node)
{
	struct chance *c = &node->world->fate;
	unsigned int ways = (unsigned int)chance_between(c, 1, 3);

	node->mute |= ways & 1;
	node->deaf |= ways & 2;
	node->one_side = chance_of(c, 400);
	trace_say(node->world, "FAULT node %u:%s%s behind its carrier%s", node->number + 1,
		  node->mute ? " mute" : "", node->deaf ? " deaf" : "",
		  node->one_side ? ", on one side" : "");
	world_later(node->world, chance_between(c, 100, 5000) * MS, EV_NIC, node->number, 0);
}

void nemesis_end_nic(struct node *node)
{
	struct world *world = node->world;

	if (!node->mute && !node->deaf)
		return;
	node->mute = node->deaf = false;
	if (world->stall_until < world->now)
		world->stall_until = world->now;
	trace_say(world, "node %u: on its LAN again", node->number + 1);
}

/* The gateway is rebooted: no node is better off than the other. */
static void witnesses(struct world *world)
{
	world->witnesses_dead = true;
	trace_say(world, "FAULT no witness answers anybody");
	world_later(world, chance_between(&world->fate, 100, 5000) * MS, EV_WITNESSES, 0, 0);
}

/* A fence command that has worked has taken the power away, and gives it back. */
void nemesis_fence(struct node *victim)
{
	victim->world->figures->fenced++;
	if (victim->powered)
		power(victim);
}

static void failover(struct world *world)
{
	/* What is damaged now is not there for a successor. */
	if (world->damaged && !oracle_mended(world))
		return;
	for (unsigned int n = 0; n < NODES; n++)
		if (world->node[n].vrrpd.fsm.state == FSM_ACTIVE)
			vrrpd_failover(&world->node[n]);
}

/* What needs a node that has power. */
static void strike_machine(struct node *node, enum fault fault)
{
	switch (fault) {
	case POWER:
		power(node);
		break;
	case CARRIER:
		nemesis_carrier(node, false);
		break;
	case PAUSE:
		pause_node(node);
		break;
	case NIC:
		nic(node);
		break;
	default:
		break;
	}
}

static void strike_daemon(struct node *node, enum fault fault)
{
	struct world *world = node->world;

	switch (fault) {
	case KILL:
		kill(node);
		break;
	case STALL:
		stall_some(node);
		break;
	case RESET:
		trace_say(world, "FAULT node %u: channel reset", node->number + 1);
		if (node->process[SYNCD].alive)
			wire_drop(node);
		break;
	case ORDERLY:
		if (node->process[VRRPD].alive && node->process[VRRPD].stalled_until <= world->now)
			vrrpd_stop(node);
		break;
	case DISK:
		disk(node);
		break;
	case WRITE:
		if (world->pushing)
			pusher_cut(node);
		break;
	default:
		break;
	}
}

static void strike_pair(struct world *world, enum fault fault)
{
	switch (fault) {
	case LAN_CUT:
		cut(world, &world->lan, PATH_LAN);
		break;
	case CHANNEL_CUT:
		cut(world, &world->channel, PATH_CHANNEL);
		break;
	case RENEW:
		wire_connect(world, true);
		break;
	case MEMBER:
		member(world, &world->fate);
		break;
	case FAILOVER:
		failover(world);
		break;
	case CONFIG:
		config(world);
		break;
	case WITNESSES:
		witnesses(world);
		break;
	case DAMAGE:
		damage(world);
		break;
	case LOSSY:
		lossy(world);
		break;
	case SPLIT:
		cut(world, &world->lan, PATH_LAN);
		cut(world, &world->channel, PATH_CHANNEL);
		break;
	default:
		break;
	}
}

static void strike(struct world *world, enum fault fault)
{
	unsigned int number = world->strikes++;
	struct node *node;

	world->fate.state = world->options.seed << 32 ^ number;
	chance_next(&world->fate);
	node = &world->node[chance_below(&world->fate, NODES)];
	if (number < 64 && world->options.skip >> number & 1)
		return;
	if (node->powered)
		strike_machine(node, fault);
	strike_daemon(node, fault);
	strike_pair(world, fault);
	world->figures->faults++;
}

/* Single: the next one only when the pair has been whole for a while. */
static bool healed(struct world *world)
{
	char why[120];
	bool whole = world->stall_until < world->now && oracle_whole(world, why, sizeof(why)) &&
		     (!world->damaged || oracle_mended(world));

	world->lit |= whole;
	if (!whole) {
		world->stable_since = 0;
		if (world->now - world->fault_at > 70 * SECOND)
			trace_fail(world, "I4 not whole after %llu s: %s",
				   (unsigned long long)((world->now - world->fault_at) / SECOND),
				   why);
		return false;
	}
	if (!world->stable_since)
		world->stable_since = world->now;
	return world->now - world->stable_since >= 200 * MS;
}

void nemesis_strike(struct world *world)
{
	struct chance *c = &world->schedule;

	if (world->quiet)
		return;
	if (!world->single) {
		strike(world, (enum fault)chance_below(c, FAULTS));
		world_later(world, chance_between(c, 20, 1500) * MS, EV_FAULT, 0, 0);
		return;
	}
	if (healed(world)) {
		strike(world, (enum fault)chance_below(c, LOSSY));
		world->fault_at = world->now;
		world->stable_since = 0;
		world_later(world, chance_between(c, 100, 300) * MS, EV_FAULT, 0, 0);
		return;
	}
	world_later(world, 50 * MS, EV_FAULT, 0, 0);
}

/* He asks at any time, and changes weights; the product has to refuse what is not safe. */
void nemesis_operator(struct world *world)
{
	if (world->quiet)
		return;
	if (chance_of(&world->chance, 500))
		member(world, &world->chance);
	else
		failover(world);
	if (chance_of(&world->chance, 500))
		roster_command(world);
	if (chance_of(&world->chance, 300))
		roster_move(world);
	world_later(world, chance_between(&world->chance, 300, 6000) * MS, EV_OPERATOR, 0, 0);
}

void nemesis_heal(struct world *world)
{
	world->quiet = true;
	world->fault_at = world->now;
	world->stable_since = 0;
	trace_say(world, "all faults end");
	nemesis_end_cut(world, PATH_LAN);
	nemesis_end_cut(world, PATH_CHANNEL);
	for (unsigned int n = 0; n < NODES; n++) {
		struct node *node = &world->node[n];

		if (node->powered)
			nemesis_carrier(node, true);
		node->plane.room = RING;
		nemesis_config(node, world->revision);
		nemesis_end_disk(node);
		nemesis_end_nic(node);
	}
	world->witnesses_dead = false;
}
