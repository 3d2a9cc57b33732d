// SPDX-License-Identifier: BSD-2-Clause
/* sources: proto/record.c proto/record_check.c proto/record_message.c proto/seal.c proto/wire.c */
/* sources: syncd/session.c syncd/leader.c syncd/follower.c syncd/load.c syncd/offer.c */
/* sources: syncd/snapshot.c syncd/journal.c syncd/keyset.c syncd/gens.c syncd/trail.c syncd/resume.c */
/* sources: syncd/tally.c syncd/verify.c syncd/verify_mend.c syncd/verify_follow.c */
/* sources: gen/request.pb-c.c gen/sync.pb-c.c */
/*
 * What an authenticated peer may say while tables are compared.  First byte: bit 0 the node that
 * hears it leads, bit 1 its table has entries.  Then pieces: a length byte and a frame; length 0 is
 * 10 ms in which everything was read.  The node ends a comparison in bounded time, whatever it has
 * heard.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "syncd/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length);

enum { ENTRIES = 20, PATIENCE_S = 200 };

static _Alignas(16) uint8_t memory[RECORD_ARENA];
static struct session session;
static bool full, torn;
static enum session_walk walking;
static unsigned int walked;

static bool op_room(void *arg)
{
	(void)arg;
	return true;
}

static void op_send(void *arg, const Sync__Frame *frame)
{
	(void)arg;
	if (sync__frame__get_packed_size(frame) > RECORD_BYTES)
		abort();
}

static void op_send_records(void *arg, const struct record_batch *batch)
{
	static uint8_t wire[RECORD_BYTES];

	(void)arg;
	if (record_pack(batch, wire, sizeof(wire)) < 0)
		abort();
}

static int op_apply(void *arg, const struct flow_event *event, size_t count,
		    struct session_applied *applied)
{
	(void)arg;
	(void)event;
	(void)applied;
	if (count > FLOW_BATCH)
		abort();
	return 0;
}

static void op_event(void *arg, const struct flow_event *event)
{
	(void)arg;
	(void)event;
}

static void op_heed(void *arg, uint64_t history, uint64_t seq)
{
	(void)arg;
	(void)history;
	(void)seq;
}

static void op_passed(void *arg, uint32_t pool_id, uint32_t number)
{
	(void)arg;
	(void)pool_id;
	(void)number;
}

static void op_lookup(void *arg, struct flow_event *event)
{
	(void)arg;
	if (event->kind == EVENT_FLOW_PUT)
		event->kind = EVENT_FLOW_DEL;
	if (event->kind == EVENT_PIN_PUT)
		event->kind = EVENT_PIN_DEL;
}

static void op_walk(void *arg, enum session_walk what)
{
	(void)arg;
	walking = what;
	walked = 0;
}

static int op_step(void *arg, struct flow_event *event, size_t max)
{
	unsigned int n = 0;

	(void)arg;
	for (; full && n < max && walked < ENTRIES; walked++, n++) {
		const struct flow_ip ip = flow_ip4(htonl(0x0a000001 + walked));

		event[n] = (struct flow_event){ .kind = EVENT_PIN_PUT,
						.key.client = ip,
						.member = flow_ip4(htonl(0x0a1e0015)),
						.pool_id = 7 };
		if (walking == SESSION_PINS)
			continue;
		event[n].kind = EVENT_FLOW_PUT;
		event[n].state = FLOW_ESTABLISHED;
		event[n].key.vip = flow_ip4(htonl(0xc0000201));
		event[n].key.vip_port = htons(135);
		event[n].pool_id = 0;
	}
	return (int)n;
}

static void op_word(void *arg, const Cas__PeerWord *word)
{
	(void)arg;
	(void)word;
}

static void op_facts(void *arg, Cas__NodeFacts *facts)
{
	(void)arg;
	(void)facts;
}

static void op_handed(void *arg, uint64_t id, const char *why)
{
	(void)arg;
	(void)id;
	(void)why;
}

static void op_changed(void *arg)
{
	(void)arg;
}

static void op_broken(void *arg, const char *why)
{
	(void)arg;
	(void)why;
	torn = true;
}

static void op_verified(void *arg, const struct verify_result *result, const char *why)
{
	(void)arg;
	if (result->compared > result->slices || (!why && result->compared != result->slices))
		abort();
}

static const struct session_ops ops = {
	.room = op_room,
	.send = op_send,
	.send_records = op_send_records,
	.apply = op_apply,
	.verdict = op_event,
	.passed = op_passed,
	.heed = op_heed,
	.lookup = op_lookup,
	.walk = op_walk,
	.step = op_step,
	.word = op_word,
	.facts = op_facts,
	.handed = op_handed,
	.changed = op_changed,
	.broken = op_broken,
	.verified = op_verified,
};

/* A node that is in the middle of things. */
static void begin(bool leads, uint64_t now)
{
	static const uint8_t digest[SESSION_DIGEST];
	const struct session_config config = {
		.node = 1, .random = 1, .digest = digest, .journal = 1024
	};
	const struct wire_terms terms = wire_terms();
	const struct wire wire = wire_between(&terms, &terms);

	if (session_open(&session, &config, &ops, NULL) != 0)
		abort();
	session_tables(&session, FLOW_LAYOUT, 1000, false, now);
	session_role(&session, leads ? CAS__ROLE__ACTIVE : CAS__ROLE__STANDBY, 1, now);
	session_up(&session, &wire, now);
	if (leads) {
		session.leader.phase = LEADER_TAIL;
		session.leader.caught_up = true;
		session_verify(&session, now);
	} else {
		session.peer.heard = true;
		session.peer.role = CAS__ROLE__ACTIVE;
		session.peer.epoch = session.follower.have.epoch = 1;
		session.follower.have.node = 2;
		session.follower.phase = FOLLOWING;
	}
}

static void pass(uint64_t now)
{
	session_drained(&session, true, now);
	session_tick(&session, now);
	session_work(&session, now);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
	uint64_t now = 1000000000;
	struct record_arena arena;
	const Sync__Frame *frame;

	if (length < 1 || seal_init() != 0)
		return 0;
	full = data[0] & 2;
	torn = false;
	record_arena_init(&arena, memory, sizeof(memory));
	begin(data[0] & 1, now);
	for (size_t at = 1; at < length && !torn; at += 1u + data[at]) {
		if (data[at] == 0) {
			now += 10000000;
			pass(now);
			continue;
		}
		if (data[at] >= length - at)
			break;
		frame = record_frame(&arena, data + at + 1, data[at]);
		if (frame)
			session_frame(&session, frame, now);
	}
	for (unsigned int i = 0; i < PATIENCE_S && session.verify.phase != VERIFY_IDLE; i++) {
		now += 1000000000;
		pass(now);
	}
	if (session.verify.phase != VERIFY_IDLE)
		abort();
	session_close(&session);
	return 0;
}
