/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two nodes in virtual time for test_session.c: session machines, tables in memory, and a channel
 * that carries packed frames and can be slow or cut.  What crosses is packed and unpacked with the
 * product's own codec.
 */
#ifndef CASPAIR_TESTS_SESSION_WORLD_H
#define CASPAIR_TESTS_SESSION_WORLD_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "syncd/session.h"

enum {
	WORLD_JOURNAL = 4096,
	WORLD_TRAIL = 2048, /* records of it that outlive the process */
	WORLD_STEP = 100, /* entries a walk yields at once: walks are slow and see changes */
	WORLD_MS = 1000000,
	WORLD_TURNS = 8, /* slices of work in a millisecond */
	WORLD_EVENTS = 1 << 16,
};

struct entry {
	struct flow_key key;
	uint32_t member;
	bool replica; /* no packet of this node has touched it */
	UT_hash_handle hh;
};

struct message {
	struct message *next;
	size_t length;
	uint8_t bytes[];
};

struct node {
	struct session s;
	struct trail *trail; /* what a process leaves to the next */
	struct world *world;
	struct node *peer;
	struct entry *table;
	struct flow_key *walked;
	size_t walk_at, walk_count;
	bool walk_pins;
	struct flow_event ring[WORLD_EVENTS]; /* events not yet read */
	size_t ringed;
	size_t reads;                  /* events read in one go, 0: all */
	struct message *first, **last; /* to this node */
	size_t inbound;                /* bytes waiting */
	bool stalled;                  /* takes no frames */
	size_t bytes_per_ms, credit;   /* of the way to this node, 0: any number */
	unsigned int work_every;       /* ms from one slice of work to the next, 0: many at once */
	bool torn;                     /* asked for the channel to be closed */
	uint32_t room_for;             /* entries, 0: no limit */
	struct wire_terms terms; /* what it can speak */
	uint32_t layout;         /* of its tables */
	uint32_t passed; /* last generation that the standby had switched to */
	uint64_t heed_history, heed; /* last question to lbd */
	unsigned int verdicts, handed_complete, handed_refused, yields, taken;
	unsigned int state_seen[16];
	unsigned int verified, verify_broken;
	struct verify_result result; /* of the last comparison */
	Cas__Role role;
};

struct world {
	uint64_t now;
	struct node node[2];
	bool up;
	uint64_t epoch; /* highest given out */
	struct record_arena arena;
	_Alignas(16) uint8_t memory[RECORD_ARENA];
	uint8_t frame[RECORD_BYTES];
};

static const uint8_t world_digest[SESSION_DIGEST] = { 1, 2, 3 };

/* --- tables ----------------------------------------------------------------------------------- */

static struct entry *table_find(struct node *node, const struct flow_key *key)
{
	struct entry *entry;

	HASH_FIND(hh, node->table, key, sizeof(*key), entry);
	return entry;
}

static void table_put(struct node *node, const struct flow_key *key, uint32_t member)
{
	struct entry *entry = table_find(node, key);

	if (!entry) {
		entry = calloc(1, sizeof(*entry));
		entry->key = *key;
		HASH_ADD(hh, node->table, key, sizeof(entry->key), entry);
	}
	entry->member = member;
}

static void table_drop(struct node *node, struct entry *entry)
{
	HASH_DEL(node->table, entry);
	free(entry);
}

static void table_wipe(struct node *node)
{
	struct entry *entry, *next;

	HASH_ITER(hh, node->table, entry, next)
	table_drop(node, entry);
}

/* An address that is a number, of either family. */
static struct flow_ip address(uint32_t number, enum flow_family family)
{
	struct flow_ip ip = { .word = { htonl(0x20010db8), 0, 0, htonl(number) } };

	return family == FLOW_IPV4 ? flow_ip4(htonl(number)) : ip;
}

static uint32_t address_number(const struct flow_ip *ip)
{
	return ntohl(ip->word[3]);
}

static bool is_pin(const struct flow_key *key)
{
	return key->vip_port == 0;
}

static struct flow_event event_of(const struct flow_key *key, bool put, uint32_t member)
{
	struct flow_event event = { 0 };

	if (member)
		event.member = address(member, flow_ip_family(&key->client));
	if (is_pin(key)) {
		event.kind = put ? EVENT_PIN_PUT : EVENT_PIN_DEL;
		event.key.client = key->client;
		event.pool_id = key->vip.word[0];
		return event;
	}
	event.kind = put ? EVENT_FLOW_PUT : EVENT_FLOW_DEL;
	event.state = FLOW_ESTABLISHED;
	event.key = *key;
	return event;
}

/* --- the session's hands ---------------------------------------------------------------------- */

static void post(struct node *from, const uint8_t *bytes, size_t length)
{
	struct node *to = from->peer;
	struct message *message;

	if (!from->world->up)
		return;
	message = malloc(sizeof(*message) + length);
	message->next = NULL;
	message->length = length;
	memcpy(message->bytes, bytes, length);
	*to->last = message;
	to->last = &message->next;
	to->inbound += length;
}

static bool world_room(void *arg)
{
	struct node *node = arg;

	return node->peer->inbound < 1 << 20;
}

static void world_send(void *arg, const Sync__Frame *frame)
{
	struct node *node = arg;

	post(node, node->world->frame, sync__frame__pack(frame, node->world->frame));
}

static void world_send_records(void *arg, const struct record_batch *batch)
{
	struct node *node = arg;
	int length = record_pack(batch, node->world->frame, sizeof(node->world->frame));

	assert_true(length > 0);
	post(node, node->world->frame, (size_t)length);
}

static int world_apply(void *arg, const struct flow_event *event, size_t count,
		       struct session_applied *applied)
{
	struct node *node = arg;

	assert_true(count <= FLOW_BATCH);
	for (size_t i = 0; i < count; i++) {
		struct flow_key key = session_key(&event[i]);
		struct entry *entry = table_find(node, &key);
		bool put = event[i].kind == EVENT_FLOW_PUT || event[i].kind == EVENT_PIN_PUT;
		bool absent_only = event[i].apply == APPLY_IF_ABSENT;

		if (put && entry && absent_only)
			continue;
		if (put && !entry && node->room_for && HASH_COUNT(node->table) >= node->room_for)
			applied->full++;
		else if (put) {
			table_put(node, &key, address_number(&event[i].member));
			table_find(node, &key)->replica |= !entry;
		} else if (entry && !absent_only)
			table_drop(node, entry);
	}
	return 0;
}

static void world_verdict(void *arg, const struct flow_event *event)
{
	struct node *node = arg;

	(void)event;
	node->verdicts++;
}

static void world_passed(void *arg, uint32_t pool_id, uint32_t number)
{
	struct node *node = arg;

	assert_int_equal(pool_id, 99);
	node->passed = number;
}

static void world_heed(void *arg, uint64_t history, uint64_t seq)
{
	struct node *node = arg;

	node->heed_history = history;
	node->heed = seq;
}

static void world_lookup(void *arg, struct flow_event *event)
{
	struct node *node = arg;
	struct flow_key key = session_key(event);
	struct entry *entry = table_find(node, &key);

	*event = event_of(&key, entry != NULL, entry ? entry->member : 0);
}

static void world_walk(void *arg, enum session_walk what)
{
	struct node *node = arg;
	struct entry *entry, *next;

	free(node->walked);
	node->walked = calloc(HASH_COUNT(node->table) + 1, sizeof(*node->walked));
	node->walk_at = node->walk_count = 0;
	HASH_ITER(hh, node->table, entry, next)
	if (is_pin(&entry->key) == (what == SESSION_PINS))
		node->walked[node->walk_count++] = entry->key;
}

static int world_step(void *arg, struct flow_event *event, size_t max)
{
	struct node *node = arg;
	int n = 0;

	assert_true(max >= WORLD_STEP);
	while (n < WORLD_STEP && node->walk_at < node->walk_count) {
		const struct flow_key *key = &node->walked[node->walk_at++];
		struct entry *entry = table_find(node, key);

		if (!entry)
			continue;
		event[n] = event_of(key, true, entry->member);
		if (entry->replica)
			event[n].flags |= FLOW_REPLICA;
		n++;
	}
	return n;
}

static void world_word(void *arg, const Cas__PeerWord *word)
{
	struct node *node = arg;

	if (word->word == CAS__PEER_WORD__WORD__YIELD)
		node->yields++;
	else
		node->taken++;
}

static void world_facts(void *arg, Cas__NodeFacts *facts)
{
	static char name[] = "node";

	(void)arg;
	facts->name = name;
}

static void world_handed(void *arg, uint64_t id, const char *why)
{
	struct node *node = arg;

	assert_int_equal(id, 77);
	if (why)
		node->handed_refused++;
	else
		node->handed_complete++;
}

static void world_changed(void *arg)
{
	struct node *node = arg;

	node->state_seen[node->s.state]++;
}

static void world_broken(void *arg, const char *why)
{
	struct node *node = arg;

	(void)why;
	node->torn = true;
}

static void world_verified(void *arg, const struct verify_result *result, const char *why)
{
	struct node *node = arg;

	node->result = *result;
	*(why ? &node->verify_broken : &node->verified) += 1;
}

static const struct session_ops world_ops = {
	.room = world_room,
	.send = world_send,
	.send_records = world_send_records,
	.apply = world_apply,
	.verdict = world_verdict,
	.passed = world_passed,
	.heed = world_heed,
	.lookup = world_lookup,
	.walk = world_walk,
	.step = world_step,
	.word = world_word,
	.facts = world_facts,
	.handed = world_handed,
	.changed = world_changed,
	.broken = world_broken,
	.verified = world_verified,
};

/* --- time ------------------------------------------------------------------------------------- */

static void empty_inbox(struct node *node)
{
	while (node->first) {
		struct message *message = node->first;

		node->first = message->next;
		free(message);
	}
	node->last = &node->first;
	node->inbound = 0;
}

static void world_cut(struct world *world)
{
	if (!world->up)
		return;
	world->up = false;
	for (int i = 0; i < 2; i++) {
		empty_inbox(&world->node[i]);
		world->node[i].torn = false;
		session_down(&world->node[i].s, world->now);
	}
}

static void node_up(struct node *node)
{
	struct wire wire = wire_between(&node->terms, &node->peer->terms);

	session_up(&node->s, &wire, node->world->now);
}

static void world_heal(struct world *world)
{
	if (world->up)
		return;
	world->up = true;
	node_up(&world->node[0]);
	node_up(&world->node[1]);
}

static void drain(struct node *node)
{
	size_t most = node->reads ? node->reads : WORLD_EVENTS;
	size_t n = node->ringed < most ? node->ringed : most;

	if (n)
		session_events(&node->s, node->ring, n, node->world->now);
	node->ringed -= n;
	memmove(node->ring, node->ring + n, node->ringed * sizeof(node->ring[0]));
	session_drained(&node->s, n < most, node->world->now);
}

static void receive(struct node *node)
{
	struct message *message = node->first;
	const Sync__Frame *frame;

	node->first = message->next;
	if (!node->first)
		node->last = &node->first;
	node->inbound -= message->length;
	frame = record_frame(&node->world->arena, message->bytes, message->length);
	assert_non_null(frame);
	session_frame(&node->s, frame, node->world->now);
	free(message);
}

/* A frame that is longer than a millisecond's share waits until there is enough for it. */
static bool has_arrived(struct node *node)
{
	if (!node->first || node->stalled || node->torn)
		return false;
	if (!node->bytes_per_ms)
		return true;
	if (node->credit < node->first->length)
		return false;
	node->credit -= node->first->length;
	return true;
}

/* One node's millisecond: a few slices of everything, as the daemon's loop would have it. */
static void live(struct node *node)
{
	uint64_t ms = node->world->now / WORLD_MS;
	int slices = !node->work_every ? WORLD_TURNS : ms % node->work_every == 0;

	drain(node);
	node->credit = node->first ? node->credit + node->bytes_per_ms : 0;
	for (int i = 0; i < WORLD_TURNS && has_arrived(node); i++)
		receive(node);
	for (int i = 0; i < slices && session_work(&node->s, node->world->now); i++)
		;
	if (ms % 10 == 0)
		session_tick(&node->s, node->world->now);
}

static void world_step_ms(struct world *world)
{
	world->now += WORLD_MS;
	live(&world->node[0]);
	live(&world->node[1]);
	if (world->node[0].torn || world->node[1].torn) {
		world_cut(world);
		world_heal(world);
	}
}

static void world_run(struct world *world, unsigned int ms)
{
	for (unsigned int i = 0; i < ms; i++)
		world_step_ms(world);
}

/* --- what happens on a node ------------------------------------------------------------------- */

/* Every third client speaks IPv6. */
static enum flow_family family_of(uint32_t n)
{
	return n % 3 == 2 ? FLOW_IPV6 : FLOW_IPV4;
}

static struct flow_key flow_number(uint32_t n)
{
	enum flow_family family = family_of(n);
	struct flow_key key = { .client = address(0x0a000000 + n, family),
				.vip = address(0xc0000201, family),
				.client_port = (uint16_t)n,
				.vip_port = htons(135) };

	return key;
}

static struct flow_key pin_number(uint32_t n)
{
	struct flow_key key = { .client = address(0x0a000000 + n, family_of(n)),
				.vip.word[0] = 99 };

	return key;
}

static void ring_add(struct node *node, const struct flow_event *event)
{
	assert_true(node->ringed < WORLD_EVENTS);
	node->ring[node->ringed++] = *event;
}

/* A packet of a node makes an entry; `told`: the event found room on the ring. */
static void packet_put(struct node *node, struct flow_key key, uint32_t member, bool told)
{
	struct flow_event event = event_of(&key, true, member);

	table_put(node, &key, member);
	table_find(node, &key)->replica = false;
	if (told)
		ring_add(node, &event);
}

static void packet_del(struct node *node, struct flow_key key, bool told)
{
	struct entry *entry = table_find(node, &key);
	struct flow_event event = event_of(&key, false, 0);

	if (!entry)
		return;
	table_drop(node, entry);
	if (told)
		ring_add(node, &event);
}

static void fill(struct node *node, uint32_t from, uint32_t count)
{
	for (uint32_t i = from; i < from + count; i++)
		packet_put(node, i % 10 ? flow_number(i) : pin_number(i), 1 + i % 3, true);
}

static void set_role(struct node *node, Cas__Role role, uint64_t epoch)
{
	drain(node);
	node->role = role;
	if (epoch > node->world->epoch)
		node->world->epoch = epoch;
	session_role(&node->s, role, epoch, node->world->now);
}

/* vrrpd's part of a take-over: above every epoch that it can know of. */
static void promote(struct node *node)
{
	uint64_t epoch = node->s.highest > node->s.epoch ? node->s.highest : node->s.epoch;

	set_role(node, CAS__ROLE__ACTIVE, epoch + 1);
}

static void demote(struct node *node)
{
	set_role(node, CAS__ROLE__STANDBY, node->s.epoch);
}

/* The tables are lost with the node, or syncd alone starts anew. */
static void node_start(struct node *node, bool wipe)
{
	static uint64_t random = 1000;
	struct session_config config = { .node = (unsigned int)(node - node->world->node) + 1,
					 .random = random += 1000,
					 .digest = world_digest,
					 .journal = WORLD_JOURNAL };

	if (wipe) {
		table_wipe(node);
		node->ringed = 0;
	}
	session_close(&node->s);
	config.trail = node->trail;
	assert_int_equal(session_open(&node->s, &config, &world_ops, node), 0);
	session_tables(&node->s, node->layout, 1000000, false, node->world->now);
}

static struct world *world_new(void)
{
	struct world *world = calloc(1, sizeof(*world));

	world->now = 1000ull * WORLD_MS;
	record_arena_init(&world->arena, world->memory, sizeof(world->memory));
	for (int i = 0; i < 2; i++) {
		struct node *node = &world->node[i];

		node->world = world;
		node->peer = &world->node[1 - i];
		node->last = &node->first;
		node->terms = wire_terms();
		node->layout = 1;
		node->trail = calloc(1, trail_bytes(WORLD_TRAIL));
		trail_open(node->trail, WORLD_TRAIL, (unsigned int)i + 1, "");
		node_start(node, true);
		session_role(&node->s, CAS__ROLE__STANDBY, 0, world->now);
	}
	return world;
}

static void world_free(struct world *world)
{
	for (int i = 0; i < 2; i++) {
		empty_inbox(&world->node[i]);
		table_wipe(&world->node[i]);
		free(world->node[i].walked);
		session_close(&world->node[i].s);
		free(world->node[i].trail);
	}
	free(world);
}

/* --- what must hold --------------------------------------------------------------------------- */

/* Keys that one table has and the other has not, or has with another member. */
static unsigned int differences(struct world *world)
{
	unsigned int count = 0;

	for (int i = 0; i < 2; i++) {
		struct entry *entry, *next;

		HASH_ITER(hh, world->node[i].table, entry, next)
		{
			struct entry *other = table_find(&world->node[1 - i], &entry->key);

			if (!other || other->member != entry->member)
				count++;
		}
	}
	return count;
}

static bool in_sync(struct world *world)
{
	return world->node[0].s.state == CAS__SYNC_STATE__IN_SYNC &&
	       world->node[1].s.state == CAS__SYNC_STATE__IN_SYNC;
}

/* Runs until both ends say so; returns the ms it took, or fails. */
static unsigned int settle_world(struct world *world, unsigned int limit_ms)
{
	for (unsigned int ms = 0; ms < limit_ms; ms++) {
		if (in_sync(world))
			return ms;
		world_step_ms(world);
	}
	print_message("a: %d %s, phase %d; b: %d %s, phase %d\n", world->node[0].s.state,
		      world->node[0].s.why, (int)world->node[0].s.follower.phase,
		      world->node[1].s.state, world->node[1].s.why,
		      (int)world->node[1].s.follower.phase);
	fail_msg("not in sync within %u ms", limit_ms);
	return limit_ms;
}

static void assert_equal_tables(struct world *world)
{
	world_run(world, 300);
	assert_int_equal(differences(world), 0);
}

#endif
