// SPDX-License-Identifier: BSD-2-Clause
/*
 * While tables are switched: new clients by the new one, packets in mid-stream without a record by
 * the old one, and what the two do not agree on is recorded at its SYN.  Here the old table sends
 * everybody to slot 0, the new one to slot 1.
 */
#include "tests/bpf/harness.h"

enum { OLD = 0, NEW = 1, UP_BOTH = 3, UP_NEW = 2 };

static void switch_set(uint8_t table, uint8_t base, uint64_t up)
{
	const struct flow_pool pool = {
		.id = POOL_RPC_ID,
		.flags = POOL_USED | POOL_AFFINITY,
		.table = table,
		.base = base,
		.linger_ticks = LINGER_TICKS,
		.up = { up },
	};

	map_set(box.bpf->maps.pools, POOL_RPC, &pool);
}

static struct flow_key usual(void)
{
	return key_of(CLIENT, CLIENT_PORT, RPC_PORT);
}

/* Whatever was reported since the last look. */
static unsigned int reports(void)
{
	box.events = 0;
	harness_drain();
	return box.events;
}

static uint16_t open_by(uint8_t flags)
{
	struct frame frame;

	return expect_to_member(&frame, client_sends(&frame, flags, 1000, flags & SYN ? 0 : 1, 0));
}

static void test_agreed_is_a_handshake(void **state UNUSED)
{
	struct flow_key key = usual();
	struct flow flow;

	switch_set(OLD, OLD, UP_BOTH);
	assert_int_equal(open_by(SYN), 0);
	assert_false(flow_read(&key, &flow));
	assert_int_equal(reports(), 0);
	assert_int_equal(count_of(COUNT_EXACT), 0);
}

static void test_differing_is_recorded_at_once(void **state UNUSED)
{
	struct flow_key key = usual();
	struct flow flow;
	struct pin pin;

	switch_set(NEW, OLD, UP_BOTH);
	assert_int_equal(open_by(SYN), 1);
	assert_true(flow_read(&key, &flow));
	assert_int_equal(flow.member, 1);
	assert_int_equal(flow.state, FLOW_ESTABLISHED);
	assert_int_equal(flow.flags, FLOW_BEGUN);
	assert_int_equal(flow.client_seq, 1001);
	assert_int_equal(reports(), 1);
	assert_int_equal(box.event[0].kind, EVENT_FLOW_PUT);
	assert_int_equal(box.event[0].flags, 0);
	assert_int_equal(number_of(&box.event[0].member), MEMBER_0 + 1);
	assert_false(pin_read(CLIENT, POOL_RPC_ID, &pin));
	assert_int_equal(gauges_now().flows, 1);
	assert_int_equal(count_of(COUNT_EXACT), 1);
	assert_int_equal(count_of(COUNT_ADMITTED), 1);
}

static void test_the_rest_is_as_ever(void **state UNUSED)
{
	struct flow_key key = usual();
	struct frame frame;
	struct flow flow;
	struct pin pin;

	switch_set(NEW, OLD, UP_BOTH);
	assert_int_equal(establish(), 1);
	assert_true(flow_read(&key, &flow));
	assert_int_equal(flow.flags, 0);
	assert_int_equal(flow.client_ack, 5001);
	assert_int_equal(flow.pool_id, POOL_RPC_ID);
	/* At the SYN; and at the ACK, for the pin that it makes. */
	assert_int_equal(reports(), 3);
	assert_int_equal(box.event[1].kind, EVENT_PIN_PUT);
	assert_int_equal(number_of(&box.event[1].member), MEMBER_0 + 1);
	assert_int_equal(box.event[2].kind, EVENT_FLOW_PUT);
	assert_int_equal(box.event[2].urgent, 0);
	assert_true(pin_read(CLIENT, POOL_RPC_ID, &pin));
	assert_int_equal(pin.member, 1);
	assert_int_equal(pin.flows, 1);
	expect_to_client(&frame, member_sends(&frame, 1, ACK | PSH, 5001, 1001));
	assert_int_equal(expect_to_member(&frame, client_sends(&frame, ACK, 1001, 5011, 20)), 1);
	assert_int_equal(reports(), 0);
	assert_int_equal(count_of(COUNT_PROMOTED), 0);
}

static void test_a_syn_again_goes_to_the_same(void **state UNUSED)
{
	struct flow_key key = usual();
	struct flow flow;

	switch_set(NEW, OLD, UP_BOTH);
	assert_int_equal(open_by(SYN), 1);
	switch_set(OLD, OLD, UP_BOTH);
	assert_int_equal(open_by(SYN), 1);
	assert_true(flow_read(&key, &flow));
	assert_int_equal(flow.flags, FLOW_BEGUN);
	assert_int_equal(count_of(COUNT_EXACT), 1);
}

/* In a pool without affinity there is no pin that would bring the next one there. */
static void test_without_affinity(void **state UNUSED)
{
	struct segment segment = {
		.from = CLIENT, .to = VIP, .from_port = CLIENT_PORT, .to_port = 25, .flags = SYN
	};
	struct flow_pool pool = {
		.id = POOL_SMTP_ID, .flags = POOL_USED, .table = NEW, .up = { UP_BOTH }
	};
	struct frame frame = frame_segment(&segment, false);

	map_set(box.bpf->maps.pools, POOL_SMTP, &pool);
	assert_int_equal(expect_to_member(&frame, run_frame(&frame, box.outside)), 1);
	assert_int_equal(reports(), 1);
	assert_int_equal(box.event[0].kind, EVENT_FLOW_PUT);
	segment.flags = ACK;
	segment.from_port++;
	frame = frame_segment(&segment, false);
	assert_int_equal(expect_to_member(&frame, run_frame(&frame, box.outside)), 0);
}

static void test_mid_stream_goes_by_the_base(void **state UNUSED)
{
	switch_set(NEW, OLD, UP_BOTH);
	assert_int_equal(open_by(ACK), 0);
	assert_int_equal(count_of(COUNT_DERIVED), 1);
	assert_int_equal(count_of(COUNT_EXACT), 0);
}

/* A handshake from before the switch is with the old member, whose record follows its proof. */
static void test_begun_before_ends_before(void **state UNUSED)
{
	struct flow_key key = usual();
	struct frame frame;
	struct flow flow;

	switch_set(OLD, OLD, UP_BOTH);
	assert_int_equal(open_by(SYN), 0);
	switch_set(NEW, OLD, UP_BOTH);
	expect_to_client(&frame, member_sends(&frame, 0, SYN | ACK, 5000, 1001));
	assert_int_equal(expect_to_member(&frame, client_sends(&frame, ACK, 1001, 5001, 0)), 0);
	assert_true(flow_read(&key, &flow));
	assert_int_equal(flow.member, 0);
	assert_int_equal(count_of(COUNT_PROMOTED), 1);
}

/* Whoever has a pin that holds goes there by either table. */
static void test_a_pin_needs_no_record(void **state UNUSED)
{
	struct pin pin = { .member = 0 };

	pin_write(CLIENT, POOL_RPC_ID, &pin);
	switch_set(NEW, OLD, UP_BOTH);
	assert_int_equal(open_by(SYN), 0);
	assert_int_equal(reports(), 0);
}

/* The peer would derive by a pin that new clients no longer follow, switch or not. */
static void test_a_dead_pin_moves_at_once(void **state UNUSED)
{
	struct pin pin = { .member = 0 };

	pin_write(CLIENT, POOL_RPC_ID, &pin);
	switch_set(NEW, NEW, UP_NEW);
	assert_int_equal(open_by(SYN), 1);
	assert_int_equal(reports(), 2);
	assert_int_equal(box.event[0].kind, EVENT_PIN_PUT);
	assert_int_equal(number_of(&box.event[0].member), MEMBER_0 + 1);
	assert_true(pin_read(CLIENT, POOL_RPC_ID, &pin));
	assert_int_equal(pin.member, 1);
}

/* The second is over now and then, and with it the count. */
static void test_too_many_keep_the_base(void **state UNUSED)
{
	struct {
		uint32_t second, count;
	} * each;
	int cpus = libbpf_num_possible_cpus();
	uint64_t kept = 0;
	uint16_t slot = 1;

	each = calloc((size_t)cpus, sizeof(*each));
	assert_non_null(each);
	switch_set(NEW, OLD, UP_BOTH);
	while (!kept) {
		flow_table_clear(&box.flows);
		map_clear(box.bpf->maps.pins);
		for (int cpu = 0; cpu < cpus; cpu++) {
			each[cpu].second = ticks_now() / FLOW_TICKS_PER_SECOND;
			each[cpu].count = 1u << 20;
		}
		map_set(box.bpf->maps.exact_paces, 0, each);
		slot = open_by(SYN);
		kept = count_of(COUNT_EXACT_KEPT);
	}
	free(each);
	reports();
	assert_int_equal(slot, 0);
	assert_int_equal(kept, 1);
}

/* Nobody else has the record of a node that may not begin connections: it sends as its peer will.
 */
static void test_standby_records_nothing(void **state UNUSED)
{
	struct flow_lease lease = lease_now();
	struct flow_key key = usual();
	struct frame frame;
	struct flow flow;

	lease.role = LEASE_STANDBY;
	lease_set(&lease);
	switch_set(NEW, OLD, UP_BOTH);
	assert_int_equal(client_sends(&frame, SYN, 1000, 0, 0), XDP_DROP);
	assert_false(flow_read(&key, &flow));
	assert_int_equal(open_by(ACK), 0);
}

static struct flow_call sweep(void)
{
	struct flow_event named = { .kind = EVENT_FLOW_DEL, .key = usual() };
	struct flow_call call = { .count = 1 };

	map_set(box.bpf->maps.sweep_inbox, 0, &named);
	assert_int_equal(run_call(box.bpf->progs.caspair_sweep, &call), 0);
	return call;
}

static void age(uint32_t seconds)
{
	struct flow_key key = usual();
	struct flow flow;

	assert_true(flow_read(&key, &flow));
	flow.last_seen = ticks_now() - seconds * FLOW_TICKS_PER_SECOND;
	flow_write(&key, &flow);
}

/* A flood leaves nothing behind: neither here nor, by the DEL, at the peer. */
static void test_what_is_never_acknowledged_goes(void **state UNUSED)
{
	struct flow_key key = usual();
	struct flow flow;

	switch_set(NEW, OLD, UP_BOTH);
	open_by(SYN);
	reports();
	age(9);
	assert_int_equal(sweep().done, 0);
	age(11);
	assert_int_equal(sweep().done, 1);
	assert_false(flow_read(&key, &flow));
	assert_int_equal(count_of(COUNT_EXPIRED_BEGUN), 1);
	assert_int_equal(count_of(COUNT_EXPIRED_IDLE), 0);
	assert_int_equal(reports(), 1);
	assert_int_equal(box.event[0].kind, EVENT_FLOW_DEL);
}

/* While the other node led, the client may have acknowledged there. */
static void test_what_was_begun_before_a_promotion_stays(void **state UNUSED)
{
	struct flow_lease lease = lease_now();
	struct timespec now;

	switch_set(NEW, OLD, UP_BOTH);
	open_by(SYN);
	clock_gettime(CLOCK_MONOTONIC, &now);
	lease.promoted_ns = ((uint64_t)now.tv_sec - 20) * 1000000000;
	lease_set(&lease);
	age(30);
	assert_int_equal(sweep().done, 0);
	age(11);
	assert_int_equal(sweep().done, 1);
}

static void test_what_is_acknowledged_stays(void **state UNUSED)
{
	switch_set(NEW, OLD, UP_BOTH);
	establish();
	age(11);
	assert_int_equal(sweep().done, 0);
}

/* Who was made to seem to begin it says so, and has no pin of that. */
static void test_a_reset_makes_no_pin(void **state UNUSED)
{
	struct flow_key key = usual();
	struct frame frame;
	struct flow flow;

	switch_set(NEW, OLD, UP_BOTH);
	open_by(SYN);
	client_sends(&frame, RST, 1001, 0, 0);
	assert_true(flow_read(&key, &flow));
	assert_int_equal(flow.state, FLOW_RESET);
	assert_int_equal(gauges_now().pins, 0);
}

static void test_a_refusal_ends_it(void **state UNUSED)
{
	struct flow_key key = usual();
	struct frame frame;
	struct flow flow;

	switch_set(NEW, OLD, UP_BOTH);
	open_by(SYN);
	expect_to_client(&frame, member_sends(&frame, 1, RST | ACK, 0, 1001));
	assert_true(flow_read(&key, &flow));
	assert_int_equal(flow.state, FLOW_RESET);
	assert_int_equal(gauges_now().pins, 0);
	/* And the same ports may try again. */
	assert_int_equal(open_by(SYN), 1);
	assert_true(flow_read(&key, &flow));
	assert_int_equal(flow.flags, FLOW_BEGUN);
}

static int set_up(void **state UNUSED)
{
	int error = harness_open(4096, 1024);

	if (!error)
		maglev_set(POOL_RPC, OLD, 0, 0);
	return error;
}

static const struct {
	const char *name;
	CMUnitTestFunction test;
} cases[] = {
	{ "one choice, one handshake", test_agreed_is_a_handshake },
	{ "another choice is recorded at its SYN", test_differing_is_recorded_at_once },
	{ "and goes on as every flow does", test_the_rest_is_as_ever },
	{ "its SYN may come again", test_a_syn_again_goes_to_the_same },
	{ "the same without affinity", test_without_affinity },
	{ "mid-stream packets go by the old table", test_mid_stream_goes_by_the_base },
	{ "a handshake ends where it began", test_begun_before_ends_before },
	{ "a pin that holds needs no record", test_a_pin_needs_no_record },
	{ "a dead pin moves at the SYN", test_a_dead_pin_moves_at_once },
	{ "beyond the cap the old choice is kept", test_too_many_keep_the_base },
	{ "a standby records nothing", test_standby_records_nothing },
	{ "what is never acknowledged expires", test_what_is_never_acknowledged_goes },
	{ "what was begun before a promotion does not", test_what_was_begun_before_a_promotion_stays },
	{ "what is acknowledged does not", test_what_is_acknowledged_stays },
	{ "a reset makes no pin", test_a_reset_makes_no_pin },
	{ "a refusal ends it", test_a_refusal_ends_it },
};

int main(void)
{
	struct plan plan = { 0 };

	if (!harness_may_run("switch"))
		return 77;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		plan_case(&plan, cases[i].name, cases[i].test, NULL);
	return plan_run("switch", &plan, set_up);
}
