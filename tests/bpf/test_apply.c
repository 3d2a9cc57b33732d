// SPDX-License-Identifier: BSD-2-Clause
/* Records of the peer: what they make, change and must leave alone, and who may bring them. */
#include "tests/bpf/harness.h"

#include <grp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "lbd/bpf/carried.h"

enum { NOBODY = 65534, FLOWS_MAX = 64, PINS_MAX = 16 };

static void inbox_put(uint32_t index, const struct flow_event *record)
{
	map_set(box.bpf->maps.apply_inbox, index, record);
}

static struct flow_call run_apply(uint32_t count)
{
	struct flow_call call = { .count = count };

	assert_int_equal(run_call(box.bpf->progs.caspair_apply, &call), 0);
	harness_drain();
	return call;
}

static struct flow_call apply(uint32_t count)
{
	struct flow_call call = run_apply(count);

	assert_int_equal(box.events, 0); /* what the peer sent is not sent back */
	return call;
}

/* An offered flow; nothing is said of it but the pin that it makes. */
static struct flow_call offer_one(const struct flow_event *record, unsigned int made)
{
	struct flow_call call;

	inbox_put(0, record);
	call = run_apply(1);
	assert_int_equal(box.events, made);
	if (made)
		assert_int_equal(box.event[0].kind, EVENT_PIN_PUT);
	return call;
}

static struct flow_call apply_one(const struct flow_event *record)
{
	inbox_put(0, record);
	return apply(1);
}

static void expect_call(struct flow_call call, uint32_t done, uint32_t refused, uint32_t full)
{
	assert_int_equal(call.done, done);
	assert_int_equal(call.refused, refused);
	assert_int_equal(call.full, full);
}

static struct flow_event put(uint32_t epoch, uint16_t slot)
{
	return (struct flow_event){
		.kind = EVENT_FLOW_PUT,
		.state = FLOW_ESTABLISHED,
		.epoch = epoch,
		.key = key_of(CLIENT, CLIENT_PORT, RPC_PORT),
		.member = ip_of(MEMBER_0 + slot),
		.client_ack = 500,
		.client_seq = 100,
		.age = 5000,
		.idle = 1000,
	};
}

/* As it is told while it lives: without the client's numbers. */
static struct flow_event told(uint32_t epoch, uint16_t slot)
{
	struct flow_event record = put(epoch, slot);

	record.client_ack = record.client_seq = record.age = 0;
	return record;
}

static struct flow_event pin_record(uint8_t kind, uint16_t slot)
{
	return (struct flow_event){
		.kind = kind,
		.epoch = 7,
		.key = { .client = ip_of(CLIENT) },
		.member = ip_of(MEMBER_0 + slot),
		.pool_id = POOL_RPC_ID,
	};
}

/* As the leader tells it: the pin, then its flow. */
static void apply_pinned(uint16_t slot)
{
	struct flow_event pin = pin_record(EVENT_PIN_PUT, slot), flow = put(7, slot);

	expect_call(apply_one(&pin), 1, 0, 0);
	expect_call(apply_one(&flow), 1, 0, 0);
}

/* --- flows --- */

static void test_put_makes_a_replica(void **state UNUSED)
{
	struct flow_event record = put(7, 1);
	uint32_t before = ticks_now();
	struct flow flow;
	struct pin pin;

	apply_pinned(1);
	assert_true(flow_read(&record.key, &flow));
	assert_int_equal(flow.member, 1);
	assert_int_equal(flow.state, FLOW_ESTABLISHED);
	assert_int_equal(flow.flags, FLOW_REPLICA);
	assert_int_equal(flow.epoch, 7);
	assert_int_equal(flow.client_ack, 500);
	assert_int_equal(flow.client_seq, 100);
	assert_in_range(flow.created + 5000, before, ticks_now());
	assert_in_range(flow.last_seen + 1000, before, ticks_now());
	assert_true(pin_read(CLIENT, POOL_RPC_ID, &pin));
	assert_int_equal(pin.member, 1);
	assert_int_equal(pin.flows, 1);
	assert_int_equal(gauges_now().flows, 1);
	assert_int_equal(gauges_now().pins, 1);
	assert_int_equal(stats_now(1).flows, 1);
	assert_int_equal(stats_now(1).connections, 0);
}

/* Recorded at its SYN: the pin comes when the client has acknowledged, and the flow again. */
static void test_a_pin_comes_after_its_flow(void **state UNUSED)
{
	struct flow_event flow = put(7, 1), made = pin_record(EVENT_PIN_PUT, 1);
	struct pin pin;

	expect_call(apply_one(&flow), 1, 0, 0);
	assert_false(pin_read(CLIENT, POOL_RPC_ID, &pin));
	expect_call(apply_one(&made), 1, 0, 0);
	for (int again = 0; again < 2; again++) {
		expect_call(apply_one(&flow), 1, 0, 0);
		assert_true(pin_read(CLIENT, POOL_RPC_ID, &pin));
		assert_int_equal(pin.flows, 1);
	}
	flow.kind = EVENT_FLOW_DEL;
	expect_call(apply_one(&flow), 1, 0, 0);
	assert_true(pin_read(CLIENT, POOL_RPC_ID, &pin));
	assert_int_equal(pin.flows, 0);
}

/* The node that recorded it at its SYN has died before the client acknowledged. */
static void test_acknowledged_replica(void **state UNUSED)
{
	struct flow_event record = put(7, 1);
	struct frame frame;
	struct pin pin;

	apply_one(&record);
	assert_false(pin_read(CLIENT, POOL_RPC_ID, &pin));
	assert_int_equal(expect_to_member(&frame, client_sends(&frame, ACK, 100, 500, 9)), 1);
	assert_true(pin_read(CLIENT, POOL_RPC_ID, &pin));
	assert_int_equal(pin.member, 1);
	assert_int_equal(pin.flows, 1);
}

static void test_replica_carries_packets(void **state UNUSED)
{
	static const struct flow_lease standby = { .role = LEASE_STANDBY };
	struct flow_event record = put(7, SLOT_DRAINED);
	struct frame frame;

	apply_one(&record);
	lease_set(&standby);
	assert_int_equal(expect_to_member(&frame, client_sends(&frame, ACK, 100, 500, 9)),
			 SLOT_DRAINED);
	expect_to_client(&frame, member_sends(&frame, SLOT_DRAINED, ACK, 500, 109));
	assert_int_equal(count_of(COUNT_DERIVED), 0);
	assert_int_equal(count_of(COUNT_STATELESS_OUT), 0);
}

/* Even if its member takes no new clients: whether it moves is for the active node to say. */
static void test_put_counts_on_an_existing_pin(void **state UNUSED)
{
	struct flow_event record = pin_record(EVENT_PIN_PUT, SLOT_DRAINED);
	struct pin pin;

	apply_one(&record);
	record = put(7, 1);
	apply_one(&record);
	assert_true(pin_read(CLIENT, POOL_RPC_ID, &pin));
	assert_int_equal(pin.member, SLOT_DRAINED);
	assert_int_equal(pin.flows, 1);
}

static void test_put_of_an_outbound_flow(void **state UNUSED)
{
	struct flow_event record = put(7, 0);
	struct flow flow;

	record.flags = FLOW_OUTBOUND | FLOW_REPLICA;
	record.key.vip = ip_of(MEMBER_0);
	expect_call(apply_one(&record), 1, 0, 0);
	assert_true(flow_read(&record.key, &flow));
	assert_int_equal(flow.member, FLOW_NO_MEMBER);
	assert_int_equal(flow.flags, FLOW_OUTBOUND | FLOW_REPLICA);
	assert_int_equal(gauges_now().pins, 0);
}

static void test_put_at_a_port_that_is_no_service(void **state UNUSED)
{
	struct flow_event record = put(7, 0);

	record.key.vip_port = htons(22);
	expect_call(apply_one(&record), 1, 0, 0);
	assert_int_equal(gauges_now().flows, 1);
	assert_int_equal(gauges_now().pins, 0);
}

/* A record meets an entry of epoch 7 at slot 0 with ACK 500. */
struct meeting {
	const char *name;
	uint8_t kind;
	uint8_t apply;
	uint32_t epoch;
	uint16_t flags_before; /* of the entry */
	uint32_t done;
	bool there;
	uint16_t member;
	uint32_t client_ack;
	uint8_t state;
};

static const struct meeting meetings[] = {
	{ "a newer record moves the flow of a replica", EVENT_FLOW_PUT, APPLY_UPSERT, 8,
	  FLOW_REPLICA, 1, true, 1, 900, FLOW_CLOSING },
	{ "a record of the same epoch does so too", EVENT_FLOW_PUT, APPLY_UPSERT, 7, FLOW_REPLICA,
	  1, true, 1, 900, FLOW_CLOSING },
	{ "where packets pass, they know the numbers better", EVENT_FLOW_PUT, APPLY_UPSERT, 8, 0, 1,
	  true, 1, 500, FLOW_CLOSING },
	{ "the peer has the last word of a reset", EVENT_FLOW_PUT, APPLY_UPSERT, 8, FLOW_REVIVED, 1,
	  true, 1, 500, FLOW_CLOSING },
	{ "an older record changes nothing", EVENT_FLOW_PUT, APPLY_UPSERT, 6, FLOW_REPLICA, 0, true,
	  0, 500, FLOW_ESTABLISHED },
	{ "epochs are compared as serial numbers", EVENT_FLOW_PUT, APPLY_UPSERT, 0xfffffff0,
	  FLOW_REPLICA, 0, true, 0, 500, FLOW_ESTABLISHED },
	{ "a tail of an older epoch does not overwrite", EVENT_FLOW_PUT, APPLY_IF_ABSENT, 8,
	  FLOW_REPLICA, 0, true, 0, 500, FLOW_ESTABLISHED },
	{ "a newer deletion deletes", EVENT_FLOW_DEL, APPLY_UPSERT, 8, 0, 1, false, 0, 0, 0 },
	{ "an older deletion does not", EVENT_FLOW_DEL, APPLY_UPSERT, 6, FLOW_REPLICA, 0, true, 0,
	  500, FLOW_ESTABLISHED },
	{ "a tail of an older epoch does not delete", EVENT_FLOW_DEL, APPLY_IF_ABSENT, 8,
	  FLOW_REPLICA, 0, true, 0, 500, FLOW_ESTABLISHED },
};

static void test_meeting(void **state)
{
	const struct meeting *row = *state;
	struct flow_event record = put(7, 0);
	struct flow flow;

	apply_one(&record);
	flow_read(&record.key, &flow);
	flow.flags = (uint8_t)row->flags_before;
	flow_write(&record.key, &flow);
	record = put(row->epoch, 1);
	record.kind = row->kind;
	record.apply = row->apply;
	record.state = FLOW_CLOSING;
	record.client_ack = 900;
	expect_call(apply_one(&record), row->done, 0, 0);
	assert_int_equal(flow_read(&record.key, &flow), row->there);
	assert_int_equal(gauges_now().flows, row->there);
	assert_int_equal(stats_now(0).flows, row->there && row->member == 0);
	assert_int_equal(stats_now(1).flows, row->there && row->member == 1);
	if (!row->there)
		return;
	assert_int_equal(flow.member, row->member);
	assert_int_equal(flow.client_ack, row->client_ack);
	assert_int_equal(flow.state, row->state);
	assert_int_equal(flow.epoch, row->done ? row->epoch : 7);
	if (row->done)
		assert_int_equal(flow.flags & FLOW_REVIVED, 0);
}

/* The peer offers an end of an entry of epoch 7, whose client's numbers are at 500. */
static const struct offer {
	const char *name;
	uint32_t epoch;
	uint16_t flags_before;
	uint8_t state_before;
	uint16_t member;
	uint32_t client_seq;
	uint8_t state;
	uint8_t after;
} offers[] = {
	{ "an end that only the peer saw ends a copy", 7, FLOW_REPLICA, FLOW_ESTABLISHED, 0, 0,
	  FLOW_CLOSING, FLOW_CLOSING },
	{ "a reset does so too", 8, FLOW_REPLICA, FLOW_CLIENT_FIN, 0, 0, FLOW_RESET, FLOW_RESET },
	{ "its last packet came here", 7, 0, FLOW_CLIENT_FIN, 0, 500, FLOW_CLOSING, FLOW_CLOSING },
	{ "the last but a few", 7, 0, FLOW_ESTABLISHED, 0, 2000, FLOW_CLOSING, FLOW_CLOSING },
	{ "the same ports were used again", 7, 0, FLOW_ESTABLISHED, 0, 499, FLOW_CLOSING,
	  FLOW_ESTABLISHED },
	{ "or are of another connection altogether", 7, 0, FLOW_ESTABLISHED, 0, 0x40000000,
	  FLOW_RESET, FLOW_ESTABLISHED },
	{ "it was at another member", 7, FLOW_REPLICA, FLOW_ESTABLISHED, 1, 0, FLOW_CLOSING,
	  FLOW_ESTABLISHED },
	{ "it ended in an older epoch", 6, FLOW_REPLICA, FLOW_ESTABLISHED, 0, 0, FLOW_CLOSING,
	  FLOW_ESTABLISHED },
	{ "what goes on is no news", 8, FLOW_REPLICA, FLOW_MEMBER_FIN, 0, 0, FLOW_ESTABLISHED,
	  FLOW_MEMBER_FIN },
	{ "nor is half an end", 8, FLOW_REPLICA, FLOW_ESTABLISHED, 0, 0, FLOW_CLIENT_FIN,
	  FLOW_ESTABLISHED },
	{ "it went on after the RST that the peer has heard of", 8, FLOW_REPLICA | FLOW_REVIVED,
	  FLOW_ESTABLISHED, 0, 0, FLOW_RESET, FLOW_ESTABLISHED },
	{ "it has ended here", 8, FLOW_REPLICA, FLOW_RESET, 0, 0, FLOW_CLOSING, FLOW_RESET },
};

static void offered_end(const struct offer *row, uint32_t client_ack)
{
	struct flow_event record = put(7, 0);
	struct flow flow;

	apply_one(&record);
	flow_read(&record.key, &flow);
	flow.flags = (uint8_t)row->flags_before;
	flow.state = row->state_before;
	flow.client_seq = 500;
	flow.client_ack = client_ack;
	flow_write(&record.key, &flow);
	record = put(row->epoch, row->member);
	record.apply = APPLY_IF_ABSENT;
	record.state = row->state;
	record.client_seq = row->client_seq;
	record.client_ack = 0;
	expect_call(apply_one(&record), row->after != row->state_before, 0, 0);
	assert_true(flow_read(&record.key, &flow));
	assert_int_equal(flow.state, row->after);
	assert_int_equal(flow.epoch, 7);
	assert_int_equal(flow.client_seq, 500);
	assert_int_equal(flow.flags, row->flags_before);
	assert_int_equal(stats_now(0).flows, 1);
}

static void test_offered_end(void **state)
{
	offered_end(*state, 500);
}

/* The last that came here was a SYN, which has not been answered yet. */
static void test_offered_end_after_a_syn(void **state UNUSED)
{
	static const struct offer row = { NULL, 7,   FLOW_REPLICA, FLOW_ESTABLISHED,
					  0,    499, FLOW_CLOSING, FLOW_ESTABLISHED };

	offered_end(&row, 0);
}

static void test_deletion_lets_go_of_the_pin(void **state UNUSED)
{
	struct flow_event record = put(7, 0);
	struct pin pin;

	apply_pinned(0);
	record.kind = EVENT_FLOW_DEL;
	apply_one(&record);
	assert_true(pin_read(CLIENT, POOL_RPC_ID, &pin));
	assert_int_equal(pin.flows, 0);
}

static void test_deletion_of_nothing(void **state UNUSED)
{
	struct flow_event record = put(7, 0);

	record.kind = EVENT_FLOW_DEL;
	expect_call(apply_one(&record), 0, 0, 0);
	assert_int_equal((int64_t)gauges_now().flows, 0);
}

static void test_put_if_absent_makes(void **state UNUSED)
{
	struct flow_event record = put(3, 0);

	record.apply = APPLY_IF_ABSENT;
	expect_call(offer_one(&record, 1), 1, 0, 0);
}

static void test_pin_counts_where_it_was_taken(void **state UNUSED)
{
	struct flow_event record = put(7, 0);
	struct flow_pool other = { .id = 0x9999, .flags = POOL_USED | POOL_AFFINITY };
	struct pin pin;

	apply_pinned(0);
	map_set(box.bpf->maps.pools, POOL_RPC, &other); /* the service moved to another pool */
	record.kind = EVENT_FLOW_DEL;
	apply_one(&record);
	assert_true(pin_read(CLIENT, POOL_RPC_ID, &pin));
	assert_int_equal(pin.flows, 0);
}

/* What the old tables had of it was only begun; its client has acknowledged since. */
static void test_carried_copy_takes_nothing_back(void **state UNUSED)
{
	struct flow_key key = key_of(CLIENT, CLIENT_PORT, RPC_PORT);
	struct flow flow = {
		.state = FLOW_ESTABLISHED, .flags = FLOW_BEGUN, .created = 1000, .last_seen = 1000
	};
	struct carried old = { .kind = CARRY_FLOW, .key = key, .entry.flow = flow };
	struct flow_call call = { .count = 1 };
	struct frame frame;
	struct pin pin;

	flow_write(&key, &flow);
	expect_to_member(&frame, client_sends(&frame, ACK, 100, 500, 9));
	map_set(box.bpf->maps.carried, 0, &old);
	assert_int_equal(run_call(box.bpf->progs.caspair_carry, &call), 0);
	assert_int_equal(call.done, 0);
	assert_true(flow_read(&key, &flow));
	assert_int_equal(flow.flags, 0);
	assert_int_equal(flow.pool_id, POOL_RPC_ID);
	assert_true(pin_read(CLIENT, POOL_RPC_ID, &pin));
	assert_int_equal(pin.flows, 1);
}

/* A tail that is offered brings the pin of a flow that is known here. */
static void test_offered_flow_is_counted(void **state UNUSED)
{
	struct flow_event flow = put(7, 0), made = pin_record(EVENT_PIN_PUT, 0);
	struct pin pin;

	apply_one(&flow);
	made.apply = flow.apply = APPLY_IF_ABSENT;
	expect_call(apply_one(&made), 1, 0, 0);
	expect_call(apply_one(&flow), 0, 0, 0);
	assert_true(pin_read(CLIENT, POOL_RPC_ID, &pin));
	assert_int_equal(pin.flows, 1);
}

/* Who leads without a memory hears of a flow, but not of the older pin that counts it there. */
static void test_offered_flow_makes_its_pin(void **state UNUSED)
{
	struct flow_event flow = put(7, 1);
	struct pin pin;

	flow.apply = APPLY_IF_ABSENT;
	for (int again = 0; again < 2; again++) {
		expect_call(offer_one(&flow, 1), !again, 0, 0);
		assert_true(pin_read(CLIENT, POOL_RPC_ID, &pin));
		assert_int_equal(pin.member, 1);
		assert_int_equal(pin.flows, 1);
	}
}

/* What a copy's client sends, and what is known of him then. */
static const struct speech {
	const char *name;
	uint8_t flags;
	uint32_t client_ack, client_seq;
} speeches[] = {
	{ "a SYN on a copy is all that is known of its client", SYN, 0, 0x90000001 },
	{ "a reset on a copy leaves its number", RST, 0, 0x90000000 },
	{ "a packet on a copy leaves its numbers", ACK, 77, 0x90000000 },
};

static void test_speech(void **state)
{
	const struct speech *row = *state;
	struct flow_event record = told(7, 0);
	struct frame frame;
	struct flow flow;

	apply_one(&record);
	expect_to_member(&frame, client_sends(&frame, row->flags, 0x90000000, 77, 0));
	assert_true(flow_read(&record.key, &flow));
	assert_int_equal(flow.client_ack, row->client_ack);
	assert_int_equal(flow.client_seq, row->client_seq);
	assert_int_equal(flow.flags & FLOW_REPLICA, row->flags == ACK ? 0 : FLOW_REPLICA);
}

/* The member's last acknowledgement came here, both ends' FINs went to the peer. */
static void test_end_before_a_member(void **state UNUSED)
{
	struct flow_event record = told(7, 1);
	struct frame frame;
	struct flow flow;

	apply_one(&record);
	expect_to_client(&frame, member_sends(&frame, 1, ACK, 500, 109));
	assert_true(flow_read(&record.key, &flow));
	assert_int_equal(flow.flags & FLOW_REPLICA, 0);
	harness_drain();
	box.events = 0;
	record = put(7, 1);
	record.apply = APPLY_IF_ABSENT;
	record.state = FLOW_CLOSING;
	record.client_seq = 0x7fffffff;
	expect_call(offer_one(&record, 0), 1, 0, 0);
	assert_true(flow_read(&record.key, &flow));
	assert_int_equal(flow.state, FLOW_CLOSING);
}

/* --- refused --- */

struct nonsense {
	const char *name;
	uint32_t member;
	struct flow_event record;
};

#define RECORD .kind = EVENT_FLOW_PUT, .state = FLOW_ESTABLISHED

/* Members by number, in the family of the run; 0: the first. */
static const struct nonsense nonsense[] = {
	{ "an unknown kind is refused", 0, { .kind = 77 } },
	{ "no kind is refused", 0, { .kind = 0 } },
	{ "a verdict is none of this program's business", 0, { .kind = EVENT_MEMBER } },
	{ "an unknown member is refused", 0x7f000001, { RECORD } },
	{ "a VIP is no member", VIP, { RECORD } },
	{ "an unknown mode is refused", 0, { RECORD, .mode = MODE_SNAT + 1 } },
	{ "state 0 is refused", 0, { .kind = EVENT_FLOW_PUT } },
	{ "a state above the last is refused",
	  0,
	  { .kind = EVENT_FLOW_PUT, .state = FLOW_CLAIMED + 1 } },
	{ "a pin to an unknown member is refused",
	  0x7f000001,
	  { .kind = EVENT_PIN_PUT, .pool_id = POOL_RPC_ID } },
	{ "a pin in an unknown pool is refused", 0, { .kind = EVENT_PIN_PUT, .pool_id = 0xdead } },
};

static void test_nonsense(void **state)
{
	const struct nonsense *row = *state;
	struct flow_event record = row->record;

	record.key = key_of(CLIENT, CLIENT_PORT, RPC_PORT);
	record.member = ip_of(row->member ? row->member : MEMBER_0);
	expect_call(apply_one(&record), 0, 1, 0);
	assert_int_equal(gauges_now().flows, 0);
	assert_int_equal(gauges_now().pins, 0);
}

static void test_too_many_records(void **state UNUSED)
{
	struct flow_call call = { .count = FLOW_BATCH + 1 };

	assert_int_equal(run_call(box.bpf->progs.caspair_apply, &call), -E2BIG);
	assert_int_equal(call.done, 0);
}

/* --- pins --- */

static void test_pin_is_made_and_moved(void **state UNUSED)
{
	struct flow_event record = pin_record(EVENT_PIN_PUT, 0);
	struct pin pin;

	expect_call(apply_one(&record), 1, 0, 0);
	assert_int_equal(gauges_now().pins, 1);
	record = put(7, 0);
	apply_one(&record);
	record = pin_record(EVENT_PIN_PUT, 1);
	expect_call(apply_one(&record), 1, 0, 0);
	assert_true(pin_read(CLIENT, POOL_RPC_ID, &pin));
	assert_int_equal(pin.member, 1);
	assert_int_equal(pin.flows, 1);
	record = pin_record(EVENT_PIN_PUT, 0);
	record.apply = APPLY_IF_ABSENT;
	expect_call(apply_one(&record), 0, 0, 0);
	pin_read(CLIENT, POOL_RPC_ID, &pin);
	assert_int_equal(pin.member, 1);
}

static void test_pin_is_deleted_when_free(void **state UNUSED)
{
	struct flow_event record = pin_record(EVENT_PIN_PUT, 0);
	struct pin pin;

	apply_one(&record);
	record.kind = EVENT_PIN_DEL;
	record.apply = APPLY_IF_ABSENT;
	expect_call(apply_one(&record), 0, 0, 0);
	record.apply = APPLY_UPSERT;
	expect_call(apply_one(&record), 1, 0, 0);
	assert_false(pin_read(CLIENT, POOL_RPC_ID, &pin));
	assert_int_equal(gauges_now().pins, 0);
}

static void test_pin_with_flows_is_kept(void **state UNUSED)
{
	struct flow_event record = pin_record(EVENT_PIN_DEL, 0);
	struct pin pin;

	apply_pinned(0);
	expect_call(apply_one(&record), 0, 0, 0);
	assert_true(pin_read(CLIENT, POOL_RPC_ID, &pin));
	assert_int_equal(pin.flows, 1);
}

/* --- full tables --- */

static void fill_flows(void)
{
	struct flow_event record = put(7, 0), pin = pin_record(EVENT_PIN_PUT, 0);

	expect_call(apply_one(&pin), 1, 0, 0);
	for (uint16_t i = 0; i < FLOWS_MAX; i++) {
		record.key.client_port = htons((uint16_t)(1000 + i));
		inbox_put(i, &record);
	}
	expect_call(apply(FLOWS_MAX), FLOWS_MAX, 0, 0);
}

static void test_batch_is_applied_whole(void **state UNUSED)
{
	struct pin pin;

	fill_flows();
	assert_int_equal(gauges_now().flows, FLOWS_MAX);
	assert_true(pin_read(CLIENT, POOL_RPC_ID, &pin));
	assert_int_equal(pin.flows, FLOWS_MAX);
}

static void test_full_flows_refuse_records(void **state UNUSED)
{
	struct flow_event record = put(7, 0);
	struct pin pin;

	fill_flows();
	expect_call(apply_one(&record), 0, 0, 1);
	assert_int_equal(gauges_now().flows, FLOWS_MAX);
	assert_true(pin_read(CLIENT, POOL_RPC_ID, &pin));
	assert_int_equal(pin.flows, FLOWS_MAX);
}

static void test_full_flows_forward_all_the_same(void **state UNUSED)
{
	struct flow_event record = put(7, 0);
	struct frame frame;
	struct flow flow;
	uint16_t slot;

	fill_flows();
	slot = establish();
	assert_false(flow_read(&record.key, &flow));
	assert_int_equal(count_of(COUNT_FLOWS_FULL), 1);
	assert_int_equal(expect_to_member(&frame, client_sends(&frame, ACK, 1001, 5011, 9)), slot);
	expect_to_client(&frame, member_sends(&frame, slot, ACK, 5011, 1010));
	assert_int_equal(count_of(COUNT_FLOWS_FULL), 2);
}

static void test_full_pins_are_counted(void **state UNUSED)
{
	struct flow_event record = pin_record(EVENT_PIN_PUT, 0);
	struct flow flow;

	for (uint32_t i = 0; i < PINS_MAX; i++) {
		record.key.client = ip_of(0xc6336480 + i);
		apply_one(&record);
	}
	record.key.client = ip_of(CLIENT);
	expect_call(apply_one(&record), 0, 0, 1);
	establish();
	record = put(7, 0);
	assert_true(flow_read(&record.key, &flow));
	assert_int_equal(flow.pool_id, 0);
	assert_int_equal(count_of(COUNT_PINS_FULL), 1);
	assert_int_equal(gauges_now().pins, PINS_MAX);
}

/* --- who may --- */

/* In the child: as nobody, with nothing but descriptors, as syncd runs. */
static int apply_as_nobody(int apply_fd, int inbox_fd)
{
	struct flow_event record = put(7, 0), *inbox;
	struct flow_call call = { .count = 1 };
	struct bpf_test_run_opts run = { .sz = sizeof(run),
					 .ctx_in = &call,
					 .ctx_size_in = sizeof(call) };

	if (setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) ||
	    setresuid(NOBODY, NOBODY, NOBODY) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return 2;
	inbox = mmap(NULL, FLOW_BATCH * sizeof(*inbox), PROT_READ | PROT_WRITE, MAP_SHARED,
		     inbox_fd, 0);
	if (inbox == MAP_FAILED)
		return 3;
	inbox[0] = record;
	if (bpf_prog_test_run_opts(apply_fd, &run))
		return 4;
	return call.done == 1 ? 0 : 5;
}

static void test_nobody_may_apply(void **state UNUSED)
{
	int apply_fd = bpf_program__fd(box.bpf->progs.caspair_apply);
	int inbox_fd = bpf_map__fd(box.bpf->maps.apply_inbox);
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0)
		_exit(apply_as_nobody(apply_fd, inbox_fd));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(gauges_now().flows, 1);
}

static void test_families_do_not_mix(void **state UNUSED)
{
	struct flow_event record = put(7, 0);

	if (frame_family == FLOW_IPV4)
		record.key.client = (struct flow_ip){ .word = { htonl(0x20010db8), 0, 0, 1 } };
	else
		record.key.client = flow_ip4(htonl(CLIENT));
	expect_call(apply_one(&record), 0, 1, 0);
	assert_int_equal(gauges_now().flows, 0);
}

static int set_up(void **state UNUSED)
{
	return harness_open(FLOWS_MAX, PINS_MAX);
}

static const struct {
	const char *name;
	CMUnitTestFunction test;
} cases[] = {
	{ "a key of two families is refused", test_families_do_not_mix },
	{ "a record makes a replica, its pin and its counts", test_put_makes_a_replica },
	{ "a pin comes after its flow", test_a_pin_comes_after_its_flow },
	{ "a table that is given up takes nothing back", test_carried_copy_takes_nothing_back },
	{ "an offered flow is counted", test_offered_flow_is_counted },
	{ "and makes the pin that was not offered", test_offered_flow_makes_its_pin },
	{ "an end is not taken after a SYN", test_offered_end_after_a_syn },
	{ "an end is taken although its member was heard", test_end_before_a_member },
	{ "an acknowledgement makes a replica's pin", test_acknowledged_replica },
	{ "a replica carries packets on a standby", test_replica_carries_packets },
	{ "a replica counts on the pin that is there", test_put_counts_on_an_existing_pin },
	{ "a member's own connection is replicated", test_put_of_an_outbound_flow },
	{ "a flow at a port that is no service has no pin", test_put_at_a_port_that_is_no_service },
	{ "a deletion lets go of the pin", test_deletion_lets_go_of_the_pin },
	{ "a deletion of nothing does nothing", test_deletion_of_nothing },
	{ "a tail of an older epoch adds what is missing", test_put_if_absent_makes },
	{ "a pin's count survives a change of the service's pool",
	  test_pin_counts_where_it_was_taken },
	{ "more records than fit are refused together", test_too_many_records },
	{ "a pin is made and moved", test_pin_is_made_and_moved },
	{ "a pin without flows is deleted", test_pin_is_deleted_when_free },
	{ "a pin with flows is kept", test_pin_with_flows_is_kept },
	{ "a batch is applied whole", test_batch_is_applied_whole },
	{ "a full table refuses records and keeps its counts", test_full_flows_refuse_records },
	{ "a full table forwards all the same", test_full_flows_forward_all_the_same },
	{ "a full table of pins is counted", test_full_pins_are_counted },
	{ "a process without rights may apply records", test_nobody_may_apply },
};

int main(void)
{
	struct plan plan = { 0 };

	if (!harness_may_run("apply"))
		return 77;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		plan_case(&plan, cases[i].name, cases[i].test, NULL);
	for (size_t i = 0; i < sizeof(meetings) / sizeof(*meetings); i++)
		plan_case(&plan, meetings[i].name, test_meeting, &meetings[i]);
	for (size_t i = 0; i < sizeof(offers) / sizeof(*offers); i++)
		plan_case(&plan, offers[i].name, test_offered_end, &offers[i]);
	for (size_t i = 0; i < sizeof(speeches) / sizeof(*speeches); i++)
		plan_case(&plan, speeches[i].name, test_speech, &speeches[i]);
	for (size_t i = 0; i < sizeof(nonsense) / sizeof(*nonsense); i++)
		plan_case(&plan, nonsense[i].name, test_nonsense, &nonsense[i]);
	return plan_run("apply", &plan, set_up);
}
