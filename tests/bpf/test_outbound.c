// SPDX-License-Identifier: BSD-2-Clause
/* From members: answers to clients and answers to health checks. */
#include "tests/bpf/harness.h"

static struct segment answer(uint16_t slot, uint8_t flags)
{
	return (struct segment){
		.from = MEMBER_0 + slot,
		.to = CLIENT,
		.from_port = RPC_PORT,
		.to_port = CLIENT_PORT,
		.flags = flags,
		.seq = 5001,
		.ack = 1001,
	};
}

static int run_segment(struct frame *frame, const struct segment *segment)
{
	*frame = frame_segment(segment, true);
	return run_frame(frame, box.inside);
}

/* --- left alone or refused: one row a packet of member 0, with no record of anything --- */

struct refusal {
	const char *name;
	uint32_t from, to; /* 0: member 0, CLIENT */
	uint16_t from_port;
	uint8_t flags;
	uint8_t ttl;
	uint16_t fragment;
	enum patch patch;
	uint8_t value;
	uint16_t cut; /* bytes missing from the end of the frame */
	int verdict;
	enum flow_counter counter;
};

static const struct refusal refusals[] = {
	{ "an answer to a health check of this node is the kernel's", .to = NODE_INSIDE,
	  .flags = SYN | ACK, .verdict = XDP_PASS, .counter = COUNT_PASSED },
	{ "an answer to this node's outside address is the kernel's", .to = NODE_OUTSIDE,
	  .flags = ACK, .verdict = XDP_PASS, .counter = COUNT_PASSED },
	{ "an answer to nowhere is the kernel's", .to = CLIENT_NOWHERE, .flags = ACK,
	  .verdict = XDP_PASS, .counter = COUNT_PASSED },
	{ "a port that is no service is the kernel's", .from_port = 3389, .flags = ACK,
	  .verdict = XDP_PASS, .counter = COUNT_PASSED },
	{ "an address that is no member is the kernel's", .from = MEMBER_0 + 50, .flags = ACK,
	  .verdict = XDP_PASS, .counter = COUNT_PASSED },
	{ "UDP of a member is the kernel's", .patch = PATCH_PROTOCOL, .value = 17,
	  .verdict = XDP_PASS, .counter = COUNT_PASSED },
	{ "a later fragment of a member is the kernel's", .flags = ACK, .fragment = 0x00b9,
	  .verdict = XDP_PASS, .counter = COUNT_PASSED },
	{ "a SYN of a member is the kernel's", .flags = SYN, .verdict = XDP_PASS,
	  .counter = COUNT_PASSED },
	{ "a first fragment from a service port is refused", .flags = ACK, .fragment = 0x2000,
	  .verdict = XDP_DROP, .counter = COUNT_DROP_FRAGMENT },
	{ "a frame that ends in the TCP header is malformed", .flags = ACK, .cut = 1,
	  .verdict = XDP_DROP, .counter = COUNT_DROP_MALFORMED },
	{ "a TCP header shorter than the least is malformed", .flags = ACK,
	  .patch = PATCH_TCP_HEADER, .value = 0x40, .verdict = XDP_DROP,
	  .counter = COUNT_DROP_MALFORMED },
};

static void test_refusal(void **state)
{
	const struct refusal *row = *state;
	struct segment segment = answer(0, row->flags);
	struct frame frame, before;

	segment.from = row->from ? row->from : segment.from;
	segment.to = row->to ? row->to : segment.to;
	segment.from_port = row->from_port ? row->from_port : segment.from_port;
	segment.ttl = row->ttl;
	segment.fragment = row->fragment;
	frame = frame_segment(&segment, true);
	frame_patch(&frame, row->patch, row->value);
	frame.size -= row->cut;
	before = frame;
	assert_int_equal(run_frame(&frame, box.inside), row->verdict);
	assert_int_equal(count_of(row->counter), 1);
	assert_int_equal(gauges_now().flows, 0);
	assert_memory_equal(frame.bytes, before.bytes, before.size);
}

/* --- answers to clients --- */

static void test_answer_of_a_flow(void **state UNUSED)
{
	struct frame frame;

	expect_to_client(&frame, member_sends(&frame, establish(), ACK, 5001, 1001));
	assert_int_equal(frame_ttl(&frame), 63);
	assert_int_equal(ntohs(frame_tcp(&frame)->source), RPC_PORT);
	assert_int_equal(count_of(COUNT_FORWARDED_OUT), 2);
	assert_int_equal(count_of(COUNT_STATELESS_OUT), 0);
}

static void test_syn_ack_without_a_handshake(void **state UNUSED)
{
	struct frame frame;

	expect_to_client(&frame, member_sends(&frame, 0, SYN | ACK, 5000, 1001));
	assert_int_equal(count_of(COUNT_STATELESS_OUT), 1);
	assert_int_equal(gauges_now().flows, 0);
}

static void test_refused_connection_reaches_the_client(void **state UNUSED)
{
	struct frame frame;
	uint16_t slot = expect_to_member(&frame, client_sends(&frame, SYN, 1000, 0, 0));

	expect_to_client(&frame, member_sends(&frame, slot, RST | ACK, 0, 1001));
	assert_int_equal(gauges_now().flows, 0);
}

static void test_pick_up(void **state UNUSED)
{
	struct flow_key key = key_of(CLIENT, CLIENT_PORT, RPC_PORT);
	struct frame frame;
	struct flow flow;
	struct pin pin;

	expect_to_client(&frame, member_sends(&frame, 1, ACK, 5001, 1001));
	assert_true(flow_read(&key, &flow));
	assert_int_equal(flow.member, 1);
	assert_int_equal(flow.flags, FLOW_PICKED_UP);
	assert_int_equal(flow.state, FLOW_ESTABLISHED);
	assert_int_equal(flow.client_seq, 1001);
	assert_int_equal(flow.client_ack, 5001);
	assert_true(pin_read(CLIENT, POOL_RPC_ID, &pin));
	assert_int_equal(pin.member, 1);
	assert_int_equal(pin.flows, 1);
	assert_int_equal(count_of(COUNT_PICKED_UP), 1);
	assert_int_equal(count_of(COUNT_STATELESS_OUT), 1);
	harness_drain();
	assert_int_equal(box.events, 2);
	assert_int_equal(box.event[0].kind, EVENT_PIN_PUT);
	assert_int_equal(box.event[1].kind, EVENT_FLOW_PUT);
	assert_int_equal(box.event[1].flags, FLOW_PICKED_UP);
}

static void test_pick_up_with_fin(void **state UNUSED)
{
	struct flow_key key = key_of(CLIENT, CLIENT_PORT, RPC_PORT);
	struct frame frame;
	struct flow flow;

	member_sends(&frame, 1, FIN | ACK, 5001, 1001);
	assert_true(flow_read(&key, &flow));
	assert_int_equal(flow.state, FLOW_MEMBER_FIN);
}

static void test_pick_up_leaves_a_living_pin(void **state UNUSED)
{
	struct pin pin = { .member = 1 };
	struct frame frame;

	pin_write(CLIENT, POOL_RPC_ID, &pin);
	expect_to_client(&frame, member_sends(&frame, 0, ACK, 5001, 1001));
	pin_read(CLIENT, POOL_RPC_ID, &pin);
	assert_int_equal(pin.member, 1);
	assert_int_equal(pin.flows, 1);
}

static void test_rst_is_no_reason_to_pick_up(void **state UNUSED)
{
	struct frame frame;

	expect_to_client(&frame, member_sends(&frame, 1, RST | ACK, 5001, 1001));
	assert_int_equal(gauges_now().flows, 0);
}

/* What the client sent was derived, and its member's answer makes the record: a takeover. */
static void test_derived_session_is_recorded(void **state UNUSED)
{
	struct frame frame;
	uint16_t slot = expect_to_member(&frame, client_sends(&frame, ACK, 1001, 5001, 20));

	assert_int_equal(count_of(COUNT_DERIVED), 1);
	expect_to_client(&frame, member_sends(&frame, slot, ACK, 5001, 1021));
	assert_int_equal(expect_to_member(&frame, client_sends(&frame, ACK, 1021, 5011, 20)), slot);
	assert_int_equal(count_of(COUNT_DERIVED), 1);
	assert_int_equal(gauges_now().flows, 1);
}

/* The client's last ACK of the handshake took another way; the member speaks first. */
static void test_member_data_completes_a_handshake(void **state UNUSED)
{
	struct frame frame;
	uint16_t slot = expect_to_member(&frame, client_sends(&frame, SYN, 1000, 0, 0));

	member_sends(&frame, slot, SYN | ACK, 5000, 1001);
	expect_to_client(&frame, member_sends(&frame, slot, ACK, 5001, 1001));
	assert_int_equal(count_of(COUNT_PICKED_UP), 1);
	assert_int_equal(count_of(COUNT_STATELESS_OUT), 0);
}

static void test_answer_of_a_member_that_has_no_such_flow(void **state UNUSED)
{
	struct flow_key key = key_of(CLIENT, CLIENT_PORT, RPC_PORT);
	uint16_t slot = establish();
	struct frame frame;
	struct flow flow;

	expect_to_client(&frame, member_sends(&frame, !slot, ACK, 9001, 1001));
	assert_true(flow_read(&key, &flow));
	assert_int_equal(flow.member, slot);
	assert_int_equal(flow.bytes_out, 0);
	assert_int_equal(gauges_now().flows, 1);
	assert_int_equal(count_of(COUNT_FLOWS_FULL), 0);
}

static void test_reset_of_a_member_that_has_no_such_flow(void **state UNUSED)
{
	struct flow_key key = key_of(CLIENT, CLIENT_PORT, RPC_PORT);
	uint16_t slot = establish();
	struct frame frame;
	struct flow flow;

	assert_int_equal(member_sends(&frame, !slot, RST, 9001, 0), XDP_DROP);
	assert_int_equal(member_sends(&frame, !slot, RST | ACK, 9001, 1001), XDP_DROP);
	assert_int_equal(count_of(COUNT_DROP_STRAY_RESET), 2);
	assert_true(flow_read(&key, &flow));
	assert_int_equal(flow.state, FLOW_ESTABLISHED);
	expect_to_client(&frame, member_sends(&frame, slot, RST | ACK, 5001, 1001));
	flow_read(&key, &flow);
	assert_int_equal(flow.state, FLOW_RESET);
	assert_int_equal(count_of(COUNT_DROP_STRAY_RESET), 2);
}

/* Not of the session on record, but of a connection that the member began with the same ports. */
static void test_reset_of_a_members_own_connection(void **state UNUSED)
{
	uint16_t slot = establish();
	struct frame frame;

	assert_int_equal(member_sends(&frame, !slot, SYN, 9000, 0), XDP_PASS);
	assert_int_equal(member_sends(&frame, !slot, RST, 9001, 0), XDP_PASS);
	assert_int_equal(count_of(COUNT_DROP_STRAY_RESET), 0);
}

static void test_slot_that_belongs_to_another_address(void **state UNUSED)
{
	struct flow_member other = member_of(MEMBER_0 + 50, MEMBER_USED);
	struct frame frame;

	map_set(box.bpf->maps.members, 1, &other);
	assert_int_equal(member_sends(&frame, 1, ACK, 5001, 1001), XDP_PASS);
	assert_int_equal(gauges_now().flows, 0);
}

/* --- the way out without a neighbour --- */

static struct segment on_link(uint8_t flags, uint32_t ack)
{
	return (struct segment){
		.from = CLIENT_ON_LINK,
		.to = VIP,
		.from_port = CLIENT_PORT,
		.to_port = RPC_PORT,
		.flags = flags,
		.seq = 1000,
		.ack = ack,
	};
}

static void test_unknown_client_is_reached_by_its_hop(void **state UNUSED)
{
	struct segment segment = on_link(SYN, 0);
	struct frame frame = frame_segment(&segment, false);
	uint16_t slot = expect_to_member(&frame, run_frame(&frame, box.outside));

	segment = answer(slot, SYN | ACK);
	segment.to = CLIENT_ON_LINK;
	segment.seq = 5000;
	expect_to_client(&frame, run_segment(&frame, &segment)); /* by the handshake */
	harness_drain();
	assert_int_equal(box.notices, 0);
	segment = on_link(ACK, 5001);
	frame = frame_segment(&segment, false);
	run_frame(&frame, box.outside);
	segment = answer(slot, ACK);
	segment.to = CLIENT_ON_LINK;
	expect_to_client(&frame, run_segment(&frame, &segment)); /* by the flow */
	expect_to_client(&frame, run_segment(&frame, &segment));
	assert_int_equal(count_of(COUNT_DROP_NEIGHBOUR), 0);
	harness_drain();
	assert_int_equal(box.notices, 1); /* later ones need no look-up of theirs */
	assert_int_equal(number_of(&box.notice[0].addr), CLIENT_ON_LINK);
}

static void test_broadcast_teaches_no_address(void **state UNUSED)
{
	struct segment segment = on_link(SYN, 0);
	struct frame frame = frame_segment(&segment, false);
	uint16_t slot;

	memset(frame.bytes, 0xff, 6);
	slot = expect_to_member(&frame, run_frame(&frame, box.outside));
	segment = answer(slot, SYN | ACK);
	segment.to = CLIENT_ON_LINK;
	assert_int_equal(run_segment(&frame, &segment), XDP_DROP);
	assert_int_equal(count_of(COUNT_DROP_NEIGHBOUR), 1);
}

/* What only the active node may send from: another one would teach switches the wrong port. */
static void test_virtual_mac_is_the_active_nodes(void **state UNUSED)
{
	static const uint8_t virtual_mac[6] = { 0, 0, 0x5e, 0, 1, 51 };
	static const struct flow_lease standby = { .role = LEASE_STANDBY };
	struct segment segment = on_link(SYN, 0);
	struct frame frame = frame_segment(&segment, false);
	uint16_t slot;

	memcpy(frame.bytes, virtual_mac, sizeof(virtual_mac));
	slot = expect_to_member(&frame, run_frame(&frame, box.outside));
	segment = answer(slot, SYN | ACK);
	segment.to = CLIENT_ON_LINK;
	assert_int_equal(run_segment(&frame, &segment), XDP_REDIRECT);
	assert_memory_equal(frame.bytes + 6, virtual_mac, 6);
	lease_set(&standby);
	assert_int_equal(run_segment(&frame, &segment), XDP_DROP);
	assert_int_equal(count_of(COUNT_DROP_NEIGHBOUR), 1);
}

static void test_unknown_client_without_a_hop_is_asked_for(void **state UNUSED)
{
	struct segment segment = answer(0, ACK);
	struct frame frame;

	segment.to = CLIENT_ON_LINK;
	assert_int_equal(run_segment(&frame, &segment), XDP_DROP);
	assert_int_equal(count_of(COUNT_DROP_NEIGHBOUR), 1);
	assert_int_equal(gauges_now().flows, 1);
	harness_drain();
	assert_int_equal(box.notices, 1);
	assert_int_equal(box.notice[0].ifindex, box.outside);
	assert_int_equal(number_of(&box.notice[0].addr), CLIENT_ON_LINK);
}

static int set_up(void **state UNUSED)
{
	return harness_open(4096, 1024);
}

static const struct {
	const char *name;
	CMUnitTestFunction test;
} cases[] = {
	{ "an answer gets the VIP's address back", test_answer_of_a_flow },
	{ "a SYN-ACK without a handshake is rewritten", test_syn_ack_without_a_handshake },
	{ "a refused connection reaches the client", test_refused_connection_reaches_the_client },
	{ "an answer without a record makes one", test_pick_up },
	{ "a FIN makes a half-closed record", test_pick_up_with_fin },
	{ "a living pin is left where it points", test_pick_up_leaves_a_living_pin },
	{ "a RST makes no record", test_rst_is_no_reason_to_pick_up },
	{ "a derived session is recorded by its answer", test_derived_session_is_recorded },
	{ "the member's data completes a handshake", test_member_data_completes_a_handshake },
	{ "another member's answer takes no flow over",
	  test_answer_of_a_member_that_has_no_such_flow },
	{ "another member's reset ends no flow", test_reset_of_a_member_that_has_no_such_flow },
	{ "a reset of a member's own connection is left alone",
	  test_reset_of_a_members_own_connection },
	{ "a role whose slot is another member's is none",
	  test_slot_that_belongs_to_another_address },
	{ "a broadcast frame does not teach our own address", test_broadcast_teaches_no_address },
	{ "an unresolved client is reached by its hop", test_unknown_client_is_reached_by_its_hop },
	{ "an unresolved client without a hop is asked for",
	  test_unknown_client_without_a_hop_is_asked_for },
	{ "a virtual router's address is the active node's", test_virtual_mac_is_the_active_nodes },
};

int main(void)
{
	struct plan plan = { 0 };

	if (!harness_may_run("outbound"))
		return 77;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		plan_case(&plan, cases[i].name, cases[i].test, NULL);
	for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++)
		plan_case(&plan, refusals[i].name, test_refusal, &refusals[i]);
	return plan_run("outbound", &plan, set_up);
}
