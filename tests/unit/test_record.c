// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/flow_tables.h"
#include "proto/record.h"

/* All of it is large, so it lives here rather than on the stack. */
static struct record_batch batch, back;
static uint8_t wire[RECORD_BYTES];
static _Alignas(16) uint8_t memory[RECORD_ARENA];

static enum flow_family families; /* of the clients that come: FLOW_FAMILIES mixes them */

static enum flow_family family_of(uint32_t i)
{
	return families == FLOW_FAMILIES ? (i / 5 % 2 ? FLOW_IPV6 : FLOW_IPV4) : families;
}

static struct flow_ip address(uint32_t number, enum flow_family family)
{
	const struct flow_ip ip6 = { { htonl(0x20010db8), htonl(1), 0, htonl(number) } };

	return family == FLOW_IPV4 ? flow_ip4(htonl(number)) : ip6;
}

static struct flow_event flow_put(uint32_t i)
{
	const enum flow_family family = family_of(i);

	return (struct flow_event){
		.kind = EVENT_FLOW_PUT,
		.state = (uint8_t)(FLOW_ESTABLISHED + i % 5),
		.flags = (uint8_t)(i % 4), /* OUTBOUND, PICKED_UP */
		.key = { address(0x0a000000 + i, family), address(0xc0000264, family),
			 htons((uint16_t)i), htons(443) },
		.member = address(0x0a010001 + i % 7, family),
		.mode = i % 2 ? MODE_DSR : MODE_NAT,
		.client_ack = i * 2654435761u,
		.client_seq = ~i,
		.age = 1000 + i,
		.idle = i,
	};
}

static struct flow_event flow_snat(uint32_t i)
{
	struct flow_event event = flow_put(i);

	event.mode = MODE_SNAT;
	event.source = address(0x0a010063 + i % 3, family_of(i));
	event.source_port = htons((uint16_t)(i | 1));
	return event;
}

static struct flow_event flow_del(uint32_t i)
{
	struct flow_event event = i % 4 < 2 ? flow_put(i) : flow_snat(i);

	event.kind = EVENT_FLOW_DEL;
	event.state = (uint8_t)(i % 6);
	if (i % 2)
		event.member = (struct flow_ip){ 0 };
	return event;
}

static struct flow_event pin(uint8_t kind, uint32_t i)
{
	return (struct flow_event){
		.kind = kind,
		.key = { .client = address(0x0a000000 + i, family_of(i)) },
		.pool_id = 0xdeadbeef ^ i,
		.member = address(0x0a010001, family_of(i)),
		.age = i + 5,
		.idle = i,
	};
}

static struct flow_event verdict(uint32_t i)
{
	return (struct flow_event){
		.kind = EVENT_MEMBER,
		.state = i % 4,
		.key = { .vip = address(0xc0000264, family_of(i)) },
		.pool_id = 0xfeedface,
		.member = address(0x0a010001, family_of(i + i % 2 * 5)), /* VIP may be of another */
		.client_ack = i,                                         /* weight */
		.client_seq = RECORD_MAX_WEIGHT - i,                     /* in the base */
	};
}

static struct flow_event gen(uint32_t i)
{
	return (struct flow_event){
		.kind = EVENT_GEN,
		.state = i % 2,
		.key = { .vip = address(0xc0000264, family_of(i)) },
		.pool_id = 0xfeedface,
		.client_ack = 0xfffffff0 + i,
	};
}

static struct flow_event any_event(uint32_t i)
{
	switch (i % 6) {
	case 5:
		return gen(i);
	case 0:
		return flow_del(i);
	case 1:
		return pin(EVENT_PIN_PUT, i);
	case 2:
		return pin(EVENT_PIN_DEL, i);
	case 3:
		return verdict(i);
	default:
		return i % 2 ? flow_put(i) : flow_snat(i);
	}
}

/* A batch of `count` records of all kinds at position 1. */
static void fill(uint32_t count)
{
	memset(&batch, 0, sizeof(batch));
	batch.epoch = 0x700000005;
	batch.first_seq = 1;
	batch.count = count;
	for (uint32_t i = 0; i < count; i++) {
		batch.event[i] = any_event(i);
		batch.event[i].epoch = 5;
	}
}

static int repack(void)
{
	struct record_arena arena;
	const Sync__Frame *frame;
	int length = record_pack(&batch, wire, sizeof(wire));

	assert_true(length > 0);
	record_arena_init(&arena, memory, sizeof(memory));
	frame = record_frame(&arena, wire, (size_t)length);
	assert_non_null(frame);
	assert_non_null(frame->records);
	memset(&back, 0xa5, sizeof(back));
	assert_int_equal(record_unpack(&back, frame->records), RECORD_OK);
	return length;
}

static void assert_same_batch(void)
{
	assert_int_equal(back.epoch, batch.epoch);
	assert_int_equal(back.first_seq, batch.first_seq);
	assert_int_equal(back.snapshot, batch.snapshot);
	assert_int_equal(back.only_if_absent, batch.only_if_absent);
	assert_int_equal(back.count, batch.count);
	for (uint32_t i = 0; i < batch.count; i++)
		assert_memory_equal(&back.event[i], &batch.event[i], sizeof(batch.event[i]));
}

/* --- there and back --------------------------------------------------------------------------- */

static void full_batches_come_back_whole(void **state)
{
	static const uint32_t counts[] = { 1, 2, 5, 500, RECORD_MAX };

	(void)state;
	for (families = 0; families <= FLOW_FAMILIES; families++) {
		for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
			fill(counts[i]);
			batch.full = true;
			repack();
			assert_true(back.full);
			assert_same_batch();
		}
	}
	families = FLOW_IPV4;
}

/* All of a batch at its dearest. */
static void the_largest_batch_fits(void **state)
{
	(void)state;
	families = FLOW_IPV6;
	fill(RECORD_MAX);
	for (uint32_t i = 0; i < RECORD_MAX; i++)
		batch.event[i] = flow_snat(i);
	for (uint32_t i = 0; i < RECORD_MAX; i++)
		batch.event[i].epoch = 5;
	batch.epoch = 0xffffffff00000005;
	batch.first_seq = UINT64_MAX - RECORD_MAX;
	batch.full = true;
	assert_in_range(repack(), RECORD_MAX * 92, RECORD_BYTES);
	assert_same_batch();
	families = FLOW_IPV4;
}

static void snapshots_are_full(void **state)
{
	(void)state;
	fill(RECORD_MAX);
	batch.snapshot = 3;
	batch.first_seq = 0;
	repack();
	assert_true(back.full);
	assert_same_batch();
}

/* Of one kind and family, in a full batch. */
static int cost(struct flow_event (*make)(uint32_t), enum flow_family family)
{
	int length;

	families = family;
	fill(RECORD_MAX);
	for (uint32_t i = 0; i < RECORD_MAX; i++)
		batch.event[i] = make(i);
	length = repack();
	families = FLOW_IPV4;
	return (length - 64) / RECORD_MAX + 1;
}

static struct flow_event pin_put(uint32_t i)
{
	return pin(EVENT_PIN_PUT, i);
}

/* What record.h promises. */
static void live_records_cost_what_they_must(void **state)
{
	(void)state;
	assert_int_equal(cost(flow_put, FLOW_IPV4), 24);
	assert_int_equal(cost(flow_put, FLOW_IPV6), 60);
	assert_int_equal(cost(flow_snat, FLOW_IPV4), 32);
	assert_int_equal(cost(flow_snat, FLOW_IPV6), 80);
	assert_int_equal(cost(pin_put, FLOW_IPV4), 24);
	assert_int_equal(cost(pin_put, FLOW_IPV6), 48);
}

static void live_records_leave_columns_out(void **state)
{
	(void)state;
	fill(RECORD_MAX);
	repack();
	assert_false(back.full);
	for (uint32_t i = 0; i < batch.count; i++) {
		struct flow_event *event = &batch.event[i];

		/* What is not sent arrives as 0; a weight travels in a column of its own. */
		if (!record_is_word(event->kind))
			event->client_ack = event->client_seq = event->age = 0;
	}
	assert_same_batch();
}

static void tail_of_an_older_epoch(void **state)
{
	(void)state;
	fill(10);
	batch.only_if_absent = batch.full = true;
	repack();
	for (uint32_t i = 0; i < batch.count; i++) {
		assert_int_equal(back.event[i].apply, APPLY_IF_ABSENT);
		batch.event[i].apply = APPLY_IF_ABSENT;
	}
	assert_same_batch();
}

static void local_matters_stay_behind(void **state)
{
	(void)state;
	fill(1);
	batch.event[0] = flow_put(3);
	batch.event[0].flags = FLOW_PICKED_UP | FLOW_REPLICA;
	batch.event[0].epoch = 77;
	batch.event[0].apply = 9;
	batch.event[0].pool_id = 42;
	batch.event[0].source = address(7, FLOW_IPV4);
	repack();
	assert_int_equal(back.event[0].flags, FLOW_PICKED_UP);
	assert_int_equal(back.event[0].epoch, 5);
	assert_int_equal(back.event[0].apply, APPLY_UPSERT);
	assert_int_equal(back.event[0].pool_id, 0);
	assert_true(flow_ip_is_none(&back.event[0].source));
}

/* The layout on the wire, so that no change of this code makes two versions misread each other. */
static void columns_on_the_wire(void **state)
{
	static const uint8_t expected[] = {
		0x22, 40,                           /* Frame.records */
		0x08, 0x09,                         /* epoch */
		0x10, 0x07,                         /* first_seq */
		0x52, 4,    0x01, 0x02, 0x02, 0x01, /* put, client FIN, picked up, DSR */
		0x5a, 4,    0x04, 0x03, 0x02, 0x01, /* 1.2.3.4 */
		0x62, 4,    0x08, 0x07, 0x06, 0x05, /* 5.6.7.8 */
		0x6a, 4,    0xbb, 0x01, 0x34, 0x12, /* 0x1234, 443 */
		0x72, 4,    0x0c, 0x0b, 0x0a, 0x09, /* 9.10.11.12 */
		0x7a, 4,    0x0d, 0x00, 0x00, 0x00, /* idle */
	};
	int length;

	(void)state;
	memset(&batch, 0, sizeof(batch));
	batch.epoch = 9;
	batch.first_seq = 7;
	batch.count = 1;
	batch.event[0] = (struct flow_event){
		.kind = EVENT_FLOW_PUT,
		.state = FLOW_CLIENT_FIN,
		.flags = FLOW_PICKED_UP,
		.key = { flow_ip4(htonl(0x01020304)), flow_ip4(htonl(0x05060708)), htons(0x1234),
			 htons(443) },
		.member = flow_ip4(htonl(0x090a0b0c)),
		.mode = MODE_DSR,
		.idle = 13,
	};
	length = record_pack(&batch, wire, sizeof(wire));
	assert_int_equal(length, sizeof(expected));
	assert_memory_equal(wire, expected, sizeof(expected));
}

/* The same for an IPv6 flow with a source, behind an IPv4 pin. */
static void wide_columns_on_the_wire(void **state)
{
	static const uint8_t expected[] = {
		0x22, 123,                       /* Frame.records */
		0x08, 0x09,                      /* epoch */
		0x10, 0x07,                      /* first_seq */
		0x52, 8,    0x03, 0,    0,    0, /* pin */
		0x01, 0x01, 0,    0xe2,          /* put, both addresses wide, source, SNAT */
		0x5a, 20,   4,    3,    2,    1, /* 1.2.3.4 */
		0xb8, 0x0d, 0x01, 0x20, 2,    0, 0,    0,    3,    0,    0, 0, 4,  0, 0, 0,
		0x62, 20,   0x63, 0,    0,    0, /* pool 99 */
		0xb8, 0x0d, 0x01, 0x20, 5,    0, 0,    0,    6,    0,    0, 0, 7,  0, 0, 0,
		0x6a, 8,    0,    0,    0,    0, 0xbb, 0x01, 0x34, 0x12, /* 0x1234, 443 */
		0x72, 20,   12,   11,   10,   9,                         /* 9.10.11.12 */
		0xb8, 0x0d, 0x01, 0x20, 8,    0, 0,    0,    9,    0,    0, 0, 10, 0, 0, 0,
		0x7a, 8,    0x0d, 0,    0,    0, 0x0e, 0,    0,    0, /* idle */
		0x9a, 0x01, 20,   0x78, 0x56, 0, 0,                   /* source port */
		0xb8, 0x0d, 0x01, 0x20, 11,   0, 0,    0,    12,   0,    0, 0, 13, 0, 0, 0,
	};
#define IP6(a, b, c)                                                                               \
	{                                                                                          \
		{                                                                                  \
			htonl(0x20010db8), htonl(a), htonl(b), htonl(c)                            \
		}                                                                                  \
	}
	int length;

	(void)state;
	memset(&batch, 0, sizeof(batch));
	batch.epoch = 9;
	batch.first_seq = 7;
	batch.count = 2;
	batch.event[0] = (struct flow_event){
		.kind = EVENT_PIN_PUT,
		.key.client = flow_ip4(htonl(0x01020304)),
		.member = flow_ip4(htonl(0x090a0b0c)),
		.pool_id = 99,
		.idle = 13,
	};
	batch.event[1] = (struct flow_event){
		.kind = EVENT_FLOW_PUT,
		.state = FLOW_ESTABLISHED,
		.key = { IP6(2, 3, 4), IP6(5, 6, 7), htons(0x1234), htons(443) },
		.member = IP6(8, 9, 10),
		.mode = MODE_SNAT,
		.source = IP6(11, 12, 13),
		.source_port = htons(0x5678),
		.idle = 14,
	};
#undef IP6
	length = record_pack(&batch, wire, sizeof(wire));
	assert_int_equal(length, sizeof(expected));
	assert_memory_equal(wire, expected, sizeof(expected));
}

/* --- what is refused on the way out ----------------------------------------------------------- */

static void bad_batches_are_not_sent(void **state)
{
	(void)state;
	fill(0);
	assert_int_equal(record_pack(&batch, wire, sizeof(wire)), -EINVAL);
	fill(1);
	batch.count = RECORD_MAX + 1;
	assert_int_equal(record_pack(&batch, wire, sizeof(wire)), -EINVAL);
	fill(1);
	batch.first_seq = 0;
	assert_int_equal(record_pack(&batch, wire, sizeof(wire)), -EINVAL);
	fill(2);
	batch.first_seq = UINT64_MAX - 1;
	assert_int_equal(record_pack(&batch, wire, sizeof(wire)), -EINVAL);
	fill(1);
	batch.snapshot = 1; /* and a position */
	assert_int_equal(record_pack(&batch, wire, sizeof(wire)), -EINVAL);
	fill(3);
	batch.event[2].kind = 99;
	assert_int_equal(record_pack(&batch, wire, sizeof(wire)), -EINVAL);
}

static void too_little_room_is_said(void **state)
{
	int length;

	(void)state;
	fill(100);
	length = record_pack(&batch, wire, sizeof(wire));
	assert_true(length > 0);
	memset(wire, 0x77, sizeof(wire));
	assert_int_equal(record_pack(&batch, wire, (size_t)length - 1), -EMSGSIZE);
	assert_int_equal(wire[0], 0x77);
	assert_int_equal(record_pack(&batch, wire, (size_t)length), length);
}

/* One field of one good event is changed. */
static const struct {
	const char *name;
	uint8_t kind;
	size_t offset, size;
	uint8_t value[sizeof(struct flow_ip)]; /* the first byte, or 0 */
	enum record_verdict verdict;
} events[] = {
#define FIELD(f) offsetof(struct flow_event, f), sizeof(((struct flow_event *)0)->f)
	{ "kind 0", EVENT_FLOW_PUT, FIELD(kind), { 0 }, RECORD_BAD_KIND },
	{ "kind 6", EVENT_FLOW_PUT, FIELD(kind), { 6 }, RECORD_BAD_KIND },
	{ "kind 255", EVENT_FLOW_PUT, FIELD(kind), { 255 }, RECORD_BAD_KIND },
	{ "put without a state", EVENT_FLOW_PUT, FIELD(state), { 0 }, RECORD_BAD_STATE },
	{ "put in state 7", EVENT_FLOW_PUT, FIELD(state), { 7 }, RECORD_BAD_STATE },
	{ "put of mode 3", EVENT_FLOW_PUT, FIELD(mode), { 3 }, RECORD_BAD_MODE },
	{ "put of SNAT without a source",
	  EVENT_FLOW_PUT,
	  FIELD(mode),
	  { MODE_SNAT },
	  RECORD_BAD_SOURCE },
	{ "put with a source port alone",
	  EVENT_FLOW_PUT,
	  FIELD(source_port),
	  { 1 },
	  RECORD_BAD_SOURCE },
	{ "delete of SNAT without a source",
	  EVENT_FLOW_DEL,
	  FIELD(mode),
	  { MODE_SNAT },
	  RECORD_OK },
	{ "delete of mode 3", EVENT_FLOW_DEL, FIELD(mode), { 3 }, RECORD_BAD_MODE },
	{ "put without VIP", EVENT_FLOW_PUT, FIELD(key.vip), { 0 }, RECORD_BAD_KEY },
	{ "put without port", EVENT_FLOW_PUT, FIELD(key.vip_port), { 0 }, RECORD_BAD_KEY },
	{ "put without member", EVENT_FLOW_PUT, FIELD(member), { 0 }, RECORD_BAD_MEMBER },
	{ "put of client port 0", EVENT_FLOW_PUT, FIELD(key.client_port), { 0 }, RECORD_OK },
	{ "put of client 0.0.0.0", EVENT_FLOW_PUT, FIELD(key.client.word[3]), { 0 }, RECORD_OK },
	{ "put to VIP 0.0.0.0", EVENT_FLOW_PUT, FIELD(key.vip.word[3]), { 0 }, RECORD_BAD_KEY },
	{ "put of member 0.0.0.0",
	  EVENT_FLOW_PUT,
	  FIELD(member.word[3]),
	  { 0 },
	  RECORD_BAD_MEMBER },
	{ "put of client of the other family",
	  EVENT_FLOW_PUT,
	  FIELD(key.client.word[0]),
	  { 1 },
	  RECORD_BAD_KEY },
	{ "put of VIP of the other family",
	  EVENT_FLOW_PUT,
	  FIELD(key.vip.word[1]),
	  { 1 },
	  RECORD_BAD_KEY },
	{ "put of member of the other family",
	  EVENT_FLOW_PUT,
	  FIELD(member.word[1]),
	  { 1 },
	  RECORD_BAD_MEMBER },
	{ "delete without a state", EVENT_FLOW_DEL, FIELD(state), { 0 }, RECORD_OK },
	{ "delete in state 7", EVENT_FLOW_DEL, FIELD(state), { 7 }, RECORD_BAD_STATE },
	{ "delete without member", EVENT_FLOW_DEL, FIELD(member), { 0 }, RECORD_OK },
	{ "delete without VIP", EVENT_FLOW_DEL, FIELD(key.vip), { 0 }, RECORD_BAD_KEY },
	{ "pin without pool", EVENT_PIN_PUT, FIELD(pool_id), { 0 }, RECORD_BAD_KEY },
	{ "pin without member", EVENT_PIN_PUT, FIELD(member), { 0 }, RECORD_BAD_MEMBER },
	{ "pin of member of the other family",
	  EVENT_PIN_PUT,
	  FIELD(member.word[0]),
	  { 1 },
	  RECORD_BAD_MEMBER },
	{ "unpin of member 0.0.0.0",
	  EVENT_PIN_DEL,
	  FIELD(member.word[3]),
	  { 0 },
	  RECORD_BAD_MEMBER },
	{ "unpin without member", EVENT_PIN_DEL, FIELD(member), { 0 }, RECORD_OK },
	{ "unpin without pool", EVENT_PIN_DEL, FIELD(pool_id), { 0 }, RECORD_BAD_KEY },
	{ "verdict 4", EVENT_MEMBER, FIELD(state), { 4 }, RECORD_BAD_STATE },
	{ "verdict without VIP", EVENT_MEMBER, FIELD(key.vip), { 0 }, RECORD_BAD_KEY },
	{ "verdict without pool", EVENT_MEMBER, FIELD(pool_id), { 0 }, RECORD_BAD_KEY },
	{ "verdict without member", EVENT_MEMBER, FIELD(member), { 0 }, RECORD_BAD_MEMBER },
	{ "verdict of VIP 0.0.0.0", EVENT_MEMBER, FIELD(key.vip.word[3]), { 0 }, RECORD_BAD_KEY },
	{ "verdict of another family's member",
	  EVENT_MEMBER,
	  FIELD(member.word[0]),
	  { 1 },
	  RECORD_OK },
	{ "verdict of weight 0", EVENT_MEMBER, FIELD(client_ack), { 0 }, RECORD_OK },
	{ "verdict of weight 65536",
	  EVENT_MEMBER,
	  FIELD(client_ack),
	  { 0, 0, 1 },
	  RECORD_BAD_WEIGHT },
	{ "base of weight 65536", EVENT_MEMBER, FIELD(client_seq), { 0, 0, 1 }, RECORD_BAD_WEIGHT },
	{ "generation 2", EVENT_GEN, FIELD(state), { 2 }, RECORD_BAD_STATE },
	{ "generation without pool", EVENT_GEN, FIELD(pool_id), { 0 }, RECORD_BAD_KEY },
	{ "generation without VIP", EVENT_GEN, FIELD(key.vip), { 0 }, RECORD_BAD_KEY },
	{ "generation of a member", EVENT_GEN, FIELD(member), { 1 }, RECORD_BAD_MEMBER },
#undef FIELD
};

static struct flow_event event_of(uint8_t kind)
{
	switch (kind) {
	case EVENT_FLOW_PUT:
		return flow_put(4);
	case EVENT_FLOW_DEL:
		return flow_del(5);
	case EVENT_MEMBER:
		return verdict(1);
	case EVENT_GEN:
		return gen(1);
	default:
		return pin(kind, 1);
	}
}

static void events_are_checked(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		struct flow_event event = event_of(events[i].kind);

		assert_int_equal(record_check(&event), RECORD_OK);
		memcpy((uint8_t *)&event + events[i].offset, events[i].value, events[i].size);
		if (record_check(&event) != events[i].verdict)
			fail_msg("%s", events[i].name);
		/* Both directions agree. */
		fill(1);
		batch.event[0] = event;
		if ((record_pack(&batch, wire, sizeof(wire)) > 0) !=
		    (events[i].verdict == RECORD_OK))
			fail_msg("%s: packed", events[i].name);
		if (events[i].verdict == RECORD_OK)
			repack();
	}
}

static void an_outbound_flow_has_no_member(void **state)
{
	struct flow_event event = flow_put(0);

	(void)state;
	event.flags = FLOW_OUTBOUND;
	event.member = (struct flow_ip){ 0 };
	assert_int_equal(record_check(&event), RECORD_OK);
}

/* An IPv6 client may be ::, which an IPv4 one is not; and no mapped address is an IPv6 one's. */
static void clients_of_ipv6_are_what_they_say(void **state)
{
	struct flow_event event;

	(void)state;
	families = FLOW_IPV6;
	event = flow_put(1);
	event.key.client = (struct flow_ip){ 0 };
	assert_int_equal(record_check(&event), RECORD_OK);
	fill(1);
	event.epoch = 5;
	batch.event[0] = event;
	batch.full = true;
	repack();
	assert_same_batch();
	event.key.client = flow_ip4(htonl(0x0a000001));
	assert_int_equal(record_check(&event), RECORD_BAD_KEY);
	event = flow_snat(1);
	event.source = flow_ip4(htonl(0x0a000001));
	assert_int_equal(record_check(&event), RECORD_BAD_SOURCE);
	families = FLOW_IPV4;
	event = flow_put(1);
	event.key.client = (struct flow_ip){ 0 };
	assert_int_equal(record_check(&event), RECORD_BAD_KEY);
}

static void every_verdict_has_a_name(void **state)
{
	(void)state;
	for (size_t i = 0; i < RECORD_VERDICTS; i++)
		assert_non_null(record_verdict_names[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(full_batches_come_back_whole),
		cmocka_unit_test(snapshots_are_full),
		cmocka_unit_test(the_largest_batch_fits),
		cmocka_unit_test(live_records_cost_what_they_must),
		cmocka_unit_test(live_records_leave_columns_out),
		cmocka_unit_test(tail_of_an_older_epoch),
		cmocka_unit_test(local_matters_stay_behind),
		cmocka_unit_test(columns_on_the_wire),
		cmocka_unit_test(wide_columns_on_the_wire),
		cmocka_unit_test(bad_batches_are_not_sent),
		cmocka_unit_test(too_little_room_is_said),
		cmocka_unit_test(events_are_checked),
		cmocka_unit_test(an_outbound_flow_has_no_member),
		cmocka_unit_test(clients_of_ipv6_are_what_they_say),
		cmocka_unit_test(every_verdict_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
