// SPDX-License-Identifier: BSD-2-Clause
/*
 * Two machines on a fake LAN and a fake channel, in virtual time, with what their data planes do:
 * a lease that has run out is fenced by the first foreign advert.  Counts how long nobody and how
 * long both owned the addresses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "vrrp/fsm.h"

enum { QUEUE = 4096, NODES = 2 };

static const uint64_t ms = 1000000;
static const uint64_t lan_delay = 200000, channel_delay = 300000;

struct packet {
	uint64_t at;
	unsigned int to;
	bool lan;
	struct fsm_event event;
};

struct node {
	struct fsm fsm;
	bool alive, asleep, holds, lan, leads, fenced, confirmed, stopped;
	uint64_t until, heartbeat_at;
};

struct world {
	uint64_t now;
	struct node node[NODES];
	struct packet queue[QUEUE];
	size_t queued;
	bool lan[NODES], channel; /* lan[n]: what node n sends arrives */
	bool timers_first;        /* which of two simultaneous events a daemon sees first */
	uint64_t dark, both, dark_since, longest_dark;
};

static struct world world;

static void post(const struct packet *packet)
{
	assert_true(world.queued < QUEUE);
	world.queue[world.queued++] = *packet;
}

static void send_advert(unsigned int from, uint8_t priority)
{
	const struct fsm_config *config = &world.node[from].fsm.config;

	if (!world.lan[from] || !world.node[1 - from].alive)
		return;
	post(&(struct packet){
		.at = world.now + lan_delay,
		.to = 1 - from,
		.lan = true,
		.event = { .kind = priority ? FSM_ADVERT : FSM_RELEASE,
			   .advert = { config->own[FSM_V4], priority, config->advert_ns, 0 } },
	});
}

static void send_channel(unsigned int from, const struct fsm_event *event)
{
	if (world.channel && world.node[1 - from].alive)
		post(&(struct packet){ world.now + channel_delay, 1 - from, false, *event });
}

static void send_report(unsigned int from)
{
	const struct fsm *fsm = &world.node[from].fsm;
	struct fsm_event event = { .kind = FSM_PEER_REPORT };

	event.report = (struct fsm_report){
		.channel = true,
		.peer_lives = !world.node[from].asleep,
		.peer_active = fsm->state == FSM_ACTIVE,
		.peer_standby = fsm->state == FSM_BACKUP,
		.ready = true,
		.priority = fsm->config.priority,
		.peer_epoch = fsm->epoch,
		.highest = fsm->heard > fsm->epoch ? fsm->heard : fsm->epoch,
	};
	send_channel(from, &event);
}

static void carry_out(unsigned int n, unsigned int actions)
{
	struct node *node = &world.node[n];
	struct fsm_event word = { .epoch = node->fsm.epoch };

	if (actions & FSM_LEASE_STANDBY)
		node->leads = false;
	word.kind = FSM_PEER_YIELD;
	if (actions & FSM_SEND_YIELD)
		send_channel(n, &word);
	if (actions & FSM_SEND_RELEASE)
		send_advert(n, 0);
	if (actions & FSM_DROP_ADDRESSES)
		node->holds = false;
	if (actions & FSM_LEASE_ACTIVE) {
		node->fenced = false;
		node->leads = true;
	}
	if (actions & (FSM_LEASE_ACTIVE | FSM_SEND_ADVERT))
		node->until = node->fsm.lease_until;
	if (actions & FSM_SEND_ADVERT)
		send_advert(n, node->fsm.config.priority);
	if (actions & FSM_TAKE_ADDRESSES)
		node->holds = true;
	if (actions & FSM_REPORT_ROLE)
		send_report(n);
	word.kind = FSM_PEER_TAKEN;
	if (actions & FSM_SEND_TAKEN)
		send_channel(n, &word);
	if (actions & FSM_SEND_CLAIM)
		send_channel(
			n, &(struct fsm_event){ .kind = FSM_PEER_CLAIM, .word = node->fsm.claim });
	word.word.id = node->fsm.asked.id;
	word.kind = FSM_PEER_REFUSE;
	if (actions & FSM_SEND_REFUSE)
		send_channel(n, &word);
	word.kind = FSM_PEER_GRANT;
	if (actions & FSM_SEND_GRANT)
		send_channel(n, &word);
	node->confirmed |= !!(actions & FSM_CONFIRMED);
	node->stopped |= !!(actions & FSM_STOPPED);
}

static void feed(unsigned int n, struct fsm_event event)
{
	event.now = world.now;
	carry_out(n, fsm_step(&world.node[n].fsm, &event));
}

static void look_at_fence(unsigned int n)
{
	if (world.node[n].fenced && world.node[n].fsm.state == FSM_ACTIVE)
		feed(n, (struct fsm_event){ .kind = FSM_FENCED });
}

/* The kernel sees a packet when it comes, the daemon only when it is awake. */
static void deliver(void)
{
	for (size_t i = 0; i < world.queued;) {
		struct packet packet = world.queue[i];
		struct node *node = &world.node[packet.to];

		if (packet.at > world.now) {
			i++;
			continue;
		}
		if (packet.lan && packet.event.kind == FSM_ADVERT && node->leads &&
		    world.now > node->until)
			node->fenced = true;
		if (node->asleep) {
			i++;
			continue;
		}
		memmove(&world.queue[i], &world.queue[i + 1],
			(--world.queued - i) * sizeof(packet));
		look_at_fence(packet.to);
		if (node->alive)
			feed(packet.to, packet.event);
	}
}

static void timers(void)
{
	for (unsigned int n = 0; n < NODES; n++) {
		struct node *node = &world.node[n];
		enum fsm_kind due;

		if (!node->alive)
			continue;
		/* Heartbeats are syncd's: they go on while vrrpd sleeps. */
		if (world.now >= node->heartbeat_at) {
			send_report(n);
			node->heartbeat_at = world.now + 100 * ms;
		}
		if (node->asleep)
			continue;
		look_at_fence(n);
		while ((due = fsm_due(&node->fsm, world.now)) != FSM_EVENTS)
			feed(n, (struct fsm_event){ .kind = due });
	}
}

static bool owns(unsigned int n)
{
	return world.node[n].holds && world.node[n].leads && !world.node[n].fenced;
}

static void run(uint64_t duration)
{
	const uint64_t tick = 100000, end = world.now + duration;
	unsigned int owners;

	for (; world.now < end; world.now += tick) {
		if (world.timers_first)
			timers();
		deliver();
		timers();
		owners = owns(0) + owns(1);
		world.both += owners == 2 ? tick : 0;
		world.dark += owners ? 0 : tick;
		world.dark_since = owners ? 0 : world.dark_since + tick;
		if (world.dark_since > world.longest_dark)
			world.longest_dark = world.dark_since;
	}
}

static void start(unsigned int n, uint8_t priority, uint64_t floor)
{
	const struct fsm_config config = {
		.own = { addr_from4(htonl(0x0a000001 + n)) },
		.peer = { addr_from4(htonl(0x0a000002 - n)) },
		.priority = priority,
		.advert_ns = 100 * ms,
		.hold_ns = 10000 * ms,
		.report_ns = 1500 * ms,
	};
	struct node *node = &world.node[n];

	*node = (struct node){ .alive = true, .heartbeat_at = world.now };
	fsm_init(&node->fsm, &config, floor);
	feed(n, (struct fsm_event){ .kind = FSM_RESERVED, .epoch = floor + 1000 });
	feed(n, (struct fsm_event){ .kind = FSM_START });
}

static void forget_counts(void)
{
	world.dark = world.both = world.longest_dark = world.dark_since = 0;
}

/* Node 0 active, node 1 backup, everything up. */
static int calm_pair(void **unused)
{
	(void)unused;
	memset(&world, 0, sizeof(world));
	world.now = 1000000000000;
	world.lan[0] = world.lan[1] = world.channel = true;
	start(0, 254, 0);
	start(1, 253, 0);
	run(1000 * ms);
	forget_counts();
	return world.node[0].fsm.state == FSM_ACTIVE ? 0 : -1;
}

static void assert_roles(enum fsm_state a, enum fsm_state b)
{
	assert_int_equal(world.node[0].fsm.state, a);
	assert_int_equal(world.node[1].fsm.state, b);
}

static void nothing_happens(void **unused)
{
	(void)unused;
	run(60000 * ms);
	assert_roles(FSM_ACTIVE, FSM_BACKUP);
	assert_int_equal(world.dark, 0);
	assert_int_equal(world.both, 0);
	assert_int_equal(world.node[0].fsm.epoch, 1);
}

/* The dead say nothing: three adverts and the skew after the last one, to the tick. */
static void hard_kill(void **unused)
{
	(void)unused;
	for (uint64_t phase = 0; phase < 100; phase += 7) {
		uint64_t last;

		calm_pair(NULL);
		run(phase * ms);
		last = world.node[0].fsm.advert_at - 100 * ms;
		world.node[0].alive = world.node[0].holds = false;
		forget_counts();
		while (world.node[1].fsm.state != FSM_ACTIVE)
			run(ms / 10);
		assert_in_range(world.node[1].fsm.since - last, 300 * ms + lan_delay,
				300 * ms + lan_delay + 3 * 100 * ms / 256 + ms / 5);
		assert_int_equal(world.node[1].fsm.epoch, 2);
	}
}

static void stop(void **unused)
{
	(void)unused;
	feed(0, (struct fsm_event){ .kind = FSM_STOP });
	run(1000 * ms);
	assert_roles(FSM_INIT, FSM_ACTIVE);
	assert_true(world.node[0].stopped);
	assert_true(world.dark <= ms);
	assert_int_equal(world.both, 0);
}

static void stop_without_a_channel(void **unused)
{
	(void)unused;
	world.channel = false;
	feed(0, (struct fsm_event){ .kind = FSM_PEER_REPORT });
	feed(1, (struct fsm_event){ .kind = FSM_PEER_REPORT });
	feed(0, (struct fsm_event){ .kind = FSM_STOP });
	run(1000 * ms);
	assert_roles(FSM_INIT, FSM_ACTIVE);
	assert_true(world.dark <= 3 * ms); /* priority 0 and the skew of 253 */
}

static void planned_failover_to_and_fro(void **unused)
{
	(void)unused;
	for (unsigned int i = 0; i < 10; i++) {
		feed(i % 2, (struct fsm_event){ .kind = FSM_HANDOVER });
		run(500 * ms);
		assert_int_equal(world.node[1 - i % 2].fsm.state, FSM_ACTIVE);
		assert_int_equal(world.node[i % 2].fsm.state, FSM_BACKUP);
		assert_true(world.node[i % 2].confirmed);
		assert_int_equal(world.node[1 - i % 2].fsm.epoch, i + 2);
	}
	assert_true(world.dark <= 10 * ms);
	assert_int_equal(world.both, 0);
}

static void link_loss(void **unused)
{
	(void)unused;
	world.lan[0] = world.lan[1] = false;
	feed(0, (struct fsm_event){ .kind = FSM_FAILED, .fault.bit = FSM_FAULT_LINK });
	run(2000 * ms);
	assert_roles(FSM_FAULT, FSM_ACTIVE);
	assert_true(world.dark <= ms);
	world.lan[0] = world.lan[1] = true;
	feed(0, (struct fsm_event){ .kind = FSM_RECOVERED, .fault.bit = FSM_FAULT_LINK });
	run(20000 * ms);
	assert_roles(FSM_BACKUP, FSM_ACTIVE);
}

/* Asleep for a while: fenced by the first advert of the other, one owner throughout. */
static void stall(void **unused)
{
	(void)unused;
	for (uint64_t asleep = 100; asleep < 5000; asleep += 73) {
		calm_pair(NULL);
		world.timers_first = asleep / 73 % 2;
		world.channel = asleep / 73 % 4 / 2;
		if (!world.channel) {
			feed(0, (struct fsm_event){ .kind = FSM_PEER_REPORT });
			feed(1, (struct fsm_event){ .kind = FSM_PEER_REPORT });
		}
		world.node[0].asleep = true;
		run(asleep * ms);
		world.node[0].asleep = false;
		run(1000 * ms);
		if (asleep < 200)
			assert_roles(FSM_ACTIVE, FSM_BACKUP);
		if (asleep > 400)
			assert_roles(FSM_BACKUP, FSM_ACTIVE);
		assert_int_equal(owns(0) + owns(1), 1);
		assert_int_equal(world.dark, 0);
		assert_true(world.both <= lan_delay + ms / 5);
		assert_true(world.node[0].fsm.transitions + world.node[1].fsm.transitions <= 5);
	}
}

static void simultaneous_start(void **unused)
{
	(void)unused;
	for (int equal = 0; equal < 2; equal++) {
		memset(&world, 0, sizeof(world));
		world.now = 1000000000000;
		world.lan[0] = world.lan[1] = world.channel = true;
		start(0, 253, 0);
		start(1, equal ? 253 : 254, 0);
		run(3000 * ms);
		/* Equal priorities: the higher address. */
		assert_roles(FSM_BACKUP, FSM_ACTIVE);
		assert_true(world.longest_dark <= 310 * ms);
		assert_true(world.both <= ms);
	}
}

/* LAN and channel cut, both lead, healed in either order or one direction first. */
static void split_and_heal(void **unused)
{
	static const struct {
		uint64_t lan0, lan1, channel; /* ms after the end of the split */
	} heals[] = {
		{ 0, 0, 0 },     { 0, 0, 500 },   { 500, 500, 0 }, { 0, 300, 600 },
		{ 300, 0, 600 }, { 0, 2000, 50 }, { 2000, 0, 50 },
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(heals) / sizeof(*heals); i++) {
		calm_pair(NULL);
		world.lan[0] = world.lan[1] = world.channel = false;
		feed(0, (struct fsm_event){ .kind = FSM_PEER_REPORT });
		feed(1, (struct fsm_event){ .kind = FSM_PEER_REPORT });
		run(3000 * ms);
		assert_roles(FSM_ACTIVE, FSM_ACTIVE);
		forget_counts();
		for (uint64_t t = 0; t < 12000; t++) {
			world.lan[0] |= t == heals[i].lan0;
			world.lan[1] |= t == heals[i].lan1;
			world.channel |= t == heals[i].channel;
			run(ms);
		}
		assert_int_equal(owns(0) + owns(1), 1);
		assert_true(world.longest_dark <= 650 * ms);
		/* Whoever leads, leads in the highest epoch that there is. */
		for (unsigned int n = 0; n < NODES; n++) {
			if (world.node[n].fsm.state == FSM_ACTIVE)
				assert_true(world.node[n].fsm.epoch >= world.node[1 - n].fsm.epoch);
		}
	}
}

/* The dead node comes back with an empty memory: no second change of roles, no new epoch. */
static void return_of_the_dead(void **unused)
{
	(void)unused;
	world.node[0].alive = world.node[0].holds = false;
	run(3000 * ms);
	assert_int_equal(world.node[1].fsm.state, FSM_ACTIVE);
	forget_counts();
	start(0, 254, 1000);
	run(30000 * ms);
	assert_roles(FSM_BACKUP, FSM_ACTIVE);
	assert_int_equal(world.dark, 0);
	assert_int_equal(world.both, 0);
	assert_int_equal(world.node[1].fsm.epoch, 2);
	/* And it can be handed the role. */
	feed(1, (struct fsm_event){ .kind = FSM_HANDOVER });
	run(500 * ms);
	assert_roles(FSM_ACTIVE, FSM_BACKUP);
	assert_int_equal(world.node[0].fsm.epoch, 1001);
}

static uint64_t transitions(void)
{
	return world.node[0].fsm.transitions + world.node[1].fsm.transitions;
}

/* Adverts do not cross, in either or one direction, the channel does: the role stays. */
static void filtered_adverts(void **unused)
{
	(void)unused;
	for (unsigned int ways = 1; ways < 4; ways++) {
		const struct fsm *backup = &world.node[1].fsm;
		uint64_t before;

		calm_pair(NULL);
		before = transitions();
		world.lan[0] = !(ways & 1);
		world.lan[1] = !(ways & 2);
		run(60000 * ms);
		assert_roles(FSM_ACTIVE, FSM_BACKUP);
		assert_int_equal(transitions(), before);
		assert_int_equal(world.dark + world.both, 0);
		assert_int_equal(backup->held, ways & 1);
		assert_int_equal(backup->holds, ways & 1);
		/* It says so once, and on both nodes. */
		assert_int_equal(!!strstr(backup->reason, "no adverts heard, but"), ways & 1);
		assert_true(ways & 1 ? world.node[0].fsm.claims > 100 : !world.node[0].fsm.claims);
		world.lan[0] = world.lan[1] = true;
		run(1000 * ms);
		assert_false(backup->held);
		assert_int_equal(transitions(), before);
	}
}

/* An active node that dies while it is held for alive is relieved as fast as any other. */
static void death_behind_a_filter(void **unused)
{
	uint64_t died;

	(void)unused;
	world.lan[0] = world.lan[1] = false;
	run(5000 * ms);
	died = world.now;
	world.node[0].alive = world.node[0].holds = false;
	run(1000 * ms);
	assert_int_equal(world.node[1].fsm.state, FSM_ACTIVE);
	assert_true(world.node[1].fsm.since - died <= 310 * ms);
}

/* Its vrrpd hangs, its syncd does not: the old word of a syncd holds nobody back. */
static void hang_behind_a_filter(void **unused)
{
	(void)unused;
	world.lan[0] = world.lan[1] = false;
	run(5000 * ms);
	world.node[0].asleep = true;
	run(400 * ms);
	assert_int_equal(world.node[1].fsm.state, FSM_ACTIVE);
	run(5000 * ms);
	world.node[0].asleep = false;
	run(1000 * ms);
	assert_roles(FSM_BACKUP, FSM_ACTIVE);
}

/* The same with the channel lost too: nobody knows better than RFC 9568. */
static void filtered_and_cut(void **unused)
{
	(void)unused;
	world.lan[0] = world.lan[1] = false;
	run(2000 * ms);
	world.channel = false;
	run(2000 * ms);
	assert_roles(FSM_ACTIVE, FSM_ACTIVE);
	world.lan[0] = world.lan[1] = world.channel = true;
	run(2000 * ms);
	assert_int_equal(owns(0) + owns(1), 1);
}

static void fault(unsigned int n, enum fsm_kind kind, unsigned int bit)
{
	feed(n, (struct fsm_event){ .kind = kind, .fault.bit = bit });
}

/* No witness answers the active node: the other one gets the role, by itself or for the asking. */
static void lame_active(void **unused)
{
	(void)unused;
	for (int track = 0; track < 2; track++) {
		calm_pair(NULL);
		if (track)
			fault(1, FSM_FAILED, FSM_FAULT_TRACK);
		run(200 * ms);
		world.lan[0] = world.lan[1] = false;
		fault(0, FSM_FAILED, FSM_FAULT_LAN);
		run(1000 * ms);
		assert_roles(FSM_FAULT, FSM_ACTIVE);
		assert_int_equal(world.both, 0);
		assert_int_equal(world.node[0].fsm.epoch, 1);
	}
	/* Both are lame: the least bad stays, and does not wander. */
	calm_pair(NULL);
	fault(1, FSM_FAILED, FSM_FAULT_LAN);
	run(200 * ms);
	world.lan[0] = world.lan[1] = false;
	fault(0, FSM_FAILED, FSM_FAULT_LAN);
	run(10000 * ms);
	assert_roles(FSM_ACTIVE, FSM_FAULT);
	assert_int_equal(world.dark, 0);
}

/* Everything is silent around the active node: it stops, before or soon after the other starts. */
static void island(void **unused)
{
	(void)unused;
	world.lan[0] = world.lan[1] = world.channel = false;
	run(500 * ms);
	fault(0, FSM_FAILED, FSM_FAULT_LAN);
	run(2000 * ms); /* nobody says that the channel is gone: the last report gets old */
	assert_roles(FSM_FAULT, FSM_ACTIVE);
	assert_int_equal(owns(0), 0);
	assert_non_null(strstr(world.node[0].fsm.reason, "isolated"));
	assert_int_equal(fsm_deadline(&world.node[0].fsm), 0);
	fault(0, FSM_RECOVERED, FSM_FAULT_LAN);
	world.lan[0] = world.lan[1] = world.channel = true;
	run(2000 * ms);
	assert_roles(FSM_BACKUP, FSM_ACTIVE);
}

/* Both paths silent, no witness answers here: what this node cannot reach it need not lead. */
static void lame_backup(void **unused)
{
	(void)unused;
	world.lan[0] = world.lan[1] = world.channel = false;
	fault(1, FSM_FAILED, FSM_FAULT_LAN);
	feed(1, (struct fsm_event){ .kind = FSM_PEER_REPORT });
	run(3000 * ms);
	assert_roles(FSM_ACTIVE, FSM_FAULT);
	assert_int_equal(world.both, 0);
	/* The channel alone makes the fault a soft one. */
	world.channel = true;
	run(1000 * ms);
	assert_true(world.node[1].fsm.down_at > 0);
	assert_roles(FSM_ACTIVE, FSM_FAULT);
}

static void forge(unsigned int to, uint8_t priority, unsigned int last)
{
	feed(to, (struct fsm_event){
			 .kind = priority ? FSM_ADVERT : FSM_RELEASE,
			 .advert = { addr_from4(htonl(0x0a000000 + last)), priority, 100 * ms, 0 },
		 });
}

/* Adverts that nobody of the pair has sent, for a minute, to both nodes: no change of role. */
static void forged_adverts(void **unused)
{
	static const struct {
		uint8_t priority;
		unsigned int last;
		uint64_t forged;
	} rows[] = {
		{ 255, 2, 6000 }, { 255, 1, 6000 }, { 255, 99, 12000 },
		{ 0, 1, 500 }, /* refuted nine times a second, and not answered in between */
		{ 0, 2, 0 },   /* a backup that stops: answered, as RFC 9568 6.4.3 says */
		{ 0, 99, 6000 },  { 1, 1, 6000 },
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		uint64_t before;

		calm_pair(NULL);
		before = transitions();
		for (int t = 0; t < 6000; t++) {
			for (unsigned int n = 0; n < NODES; n++) {
				if (rows[i].last != n + 1) /* the codec refuses our own */
					forge(n, rows[i].priority, rows[i].last);
			}
			run(10 * ms);
		}
		assert_roles(FSM_ACTIVE, FSM_BACKUP);
		assert_int_equal(transitions(), before);
		assert_int_equal(world.dark + world.both, 0);
		assert_true(world.node[0].fsm.forged + world.node[1].fsm.forged >= rows[i].forged);
	}
}

/* A forger does not keep a backup quiet whose active node is dead. */
static void forged_life(void **unused)
{
	static const unsigned int sources[] = { 1, 99 };

	(void)unused;
	for (size_t i = 0; i < sizeof(sources) / sizeof(*sources); i++) {
		calm_pair(NULL);
		world.node[0].alive = world.node[0].holds = false;
		/* Its syncd goes on, and says that it is fenced and standby. */
		for (int t = 0; t < 150; t++) {
			feed(1, (struct fsm_event){ .kind = FSM_PEER_REPORT,
						    .report = { .channel = true,
								.peer_lives = true,
								.peer_standby = true } });
			forge(1, 254, sources[i]);
			run(10 * ms);
		}
		assert_int_equal(world.node[1].fsm.state, FSM_ACTIVE);
		assert_true(world.longest_dark <= 1000 * ms);
	}
}

/* strict_rfc: every advert is believed, and silence is silence. */
static void strict_is_plain(void **unused)
{
	(void)unused;
	world.node[0].fsm.config.strict = world.node[1].fsm.config.strict = true;
	forge(0, 255, 99);
	assert_int_equal(world.node[0].fsm.state, FSM_BACKUP);
	calm_pair(NULL);
	world.node[0].fsm.config.strict = world.node[1].fsm.config.strict = true;
	world.lan[0] = false;
	run(500 * ms);
	assert_int_equal(world.node[1].fsm.epoch, 2);
	assert_int_equal(world.node[1].fsm.holds, 0);
}

/* The higher priority comes back when it is in sync, its time has passed, and never in between. */
static void preemption_is_a_handover(void **unused)
{
	uint64_t seen;

	(void)unused;
	world.node[0].alive = world.node[0].holds = false;
	run(2000 * ms);
	start(0, 254, 1000);
	for (unsigned int n = 0; n < NODES; n++) {
		world.node[n].fsm.config.preempt = true;
		world.node[n].fsm.config.preempt_delay_ns = 3000 * ms;
	}
	forget_counts();
	seen = world.now;
	run(2900 * ms);
	assert_roles(FSM_BACKUP, FSM_ACTIVE);
	run(400 * ms);
	assert_roles(FSM_ACTIVE, FSM_BACKUP);
	assert_true(world.node[0].fsm.since - seen >= 3000 * ms);
	assert_true(world.dark <= ms);
	assert_int_equal(world.both, 0);
	assert_true(world.node[1].confirmed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(nothing_happens, calm_pair),
		cmocka_unit_test_setup(hard_kill, calm_pair),
		cmocka_unit_test_setup(stop, calm_pair),
		cmocka_unit_test_setup(stop_without_a_channel, calm_pair),
		cmocka_unit_test_setup(planned_failover_to_and_fro, calm_pair),
		cmocka_unit_test_setup(link_loss, calm_pair),
		cmocka_unit_test_setup(stall, calm_pair),
		cmocka_unit_test_setup(simultaneous_start, calm_pair),
		cmocka_unit_test_setup(split_and_heal, calm_pair),
		cmocka_unit_test_setup(return_of_the_dead, calm_pair),
		cmocka_unit_test_setup(filtered_adverts, calm_pair),
		cmocka_unit_test_setup(death_behind_a_filter, calm_pair),
		cmocka_unit_test_setup(hang_behind_a_filter, calm_pair),
		cmocka_unit_test_setup(filtered_and_cut, calm_pair),
		cmocka_unit_test_setup(lame_active, calm_pair),
		cmocka_unit_test_setup(island, calm_pair),
		cmocka_unit_test_setup(lame_backup, calm_pair),
		cmocka_unit_test_setup(forged_adverts, calm_pair),
		cmocka_unit_test_setup(forged_life, calm_pair),
		cmocka_unit_test_setup(strict_is_plain, calm_pair),
		cmocka_unit_test_setup(preemption_is_a_handover, calm_pair),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
