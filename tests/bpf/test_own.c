// SPDX-License-Identifier: BSD-2-Clause
/* Connections of a member's own address: begun by it, and towards it. */
#include "tests/bpf/harness.h"

static struct flow_key own_key(uint16_t slot)
{
	struct flow_key key = key_of(CLIENT, CLIENT_PORT, RPC_PORT);

	key.vip = ip_of(MEMBER_0 + slot);
	return key;
}

static bool handshake_read(const struct flow_key *key, struct handshake *handshake)
{
	memset(handshake, 0, sizeof(*handshake));
	return bpf_map_lookup_elem(bpf_map__fd(box.bpf->maps.handshakes), key, handshake) == 0;
}

/* --- begun by a member --- */

/* Member 0 connects from RPC_PORT to CLIENT:CLIENT_PORT, and has got its answer. */
static void begin_outbound(void)
{
	struct segment syn_ack = { .from = CLIENT,
				   .to = MEMBER_0,
				   .from_port = CLIENT_PORT,
				   .to_port = RPC_PORT,
				   .flags = SYN | ACK,
				   .seq = 1000,
				   .ack = 5001 };
	struct frame frame;

	assert_int_equal(member_sends(&frame, 0, SYN, 5000, 0), XDP_PASS);
	frame = frame_segment(&syn_ack, false);
	assert_int_equal(run_frame(&frame, box.outside), XDP_PASS);
	assert_int_equal(member_sends(&frame, 0, ACK, 5001, 1001), XDP_PASS);
	assert_int_equal(frame_from(&frame), MEMBER_0);
}

static void test_outbound_is_recorded_and_left_alone(void **state UNUSED)
{
	struct flow_key key = own_key(0);
	struct flow flow;

	begin_outbound();
	assert_true(flow_read(&key, &flow));
	assert_int_equal(flow.member, FLOW_NO_MEMBER);
	assert_int_equal(flow.flags, FLOW_OUTBOUND);
	assert_int_equal(gauges_now().flows, 1);
	assert_int_equal(gauges_now().pins, 0);
	assert_int_equal(count_of(COUNT_PROMOTED), 1);
	assert_int_equal(count_of(COUNT_FORWARDED_OUT), 0);
}

static void test_outbound_is_reported(void **state UNUSED)
{
	begin_outbound();
	harness_drain();
	assert_int_equal(box.events, 1);
	assert_int_equal(box.event[0].kind, EVENT_FLOW_PUT);
	assert_int_equal(box.event[0].flags, FLOW_OUTBOUND);
	assert_int_equal(number_of(&box.event[0].member), MEMBER_0);
}

static void test_outbound_is_followed_to_its_end(void **state UNUSED)
{
	struct segment fin = { .from = CLIENT,
			       .to = MEMBER_0,
			       .from_port = CLIENT_PORT,
			       .to_port = RPC_PORT,
			       .flags = FIN | ACK };
	struct flow_key key = own_key(0);
	struct frame frame;
	struct flow flow;

	begin_outbound();
	frame = frame_segment(&fin, false);
	assert_int_equal(run_frame(&frame, box.outside), XDP_PASS);
	assert_true(flow_read(&key, &flow));
	assert_int_equal(flow.state, FLOW_CLIENT_FIN);
	assert_int_equal(member_sends(&frame, 0, FIN | ACK, 5011, 1002), XDP_PASS);
	flow_read(&key, &flow);
	assert_int_equal(flow.state, FLOW_CLOSING);
	assert_int_equal(member_sends(&frame, 0, SYN, 9000, 0), XDP_PASS);
	assert_false(flow_read(&key, &flow));
}

static void test_outbound_is_left_alone_before_its_answer(void **state UNUSED)
{
	struct frame frame;

	member_sends(&frame, 0, SYN, 5000, 0);
	assert_int_equal(member_sends(&frame, 0, RST, 5001, 0), XDP_PASS);
	assert_int_equal(gauges_now().flows, 0);
	assert_int_equal(count_of(COUNT_FORWARDED_OUT), 0);
}

/* A replica of it is enough: after a takeover nothing of it is rewritten either. */
static void test_outbound_replica_is_left_alone(void **state UNUSED)
{
	struct flow_key key = own_key(0);
	struct flow flow = { .member = FLOW_NO_MEMBER,
			     .state = FLOW_ESTABLISHED,
			     .flags = FLOW_OUTBOUND | FLOW_REPLICA };
	struct frame frame;

	flow_write(&key, &flow);
	assert_int_equal(member_sends(&frame, 0, ACK, 5001, 1001), XDP_PASS);
	flow_read(&key, &flow);
	assert_int_equal(flow.flags, FLOW_OUTBOUND);
	assert_int_equal(gauges_now().pins, 0);
}

/* --- begun towards a member --- */

/* Of the usual client to the service port of member 0 itself. */
static struct segment direct(uint8_t flags, uint32_t seq, uint32_t ack)
{
	return (struct segment){ .from = CLIENT,
				 .to = MEMBER_0,
				 .from_port = CLIENT_PORT,
				 .to_port = RPC_PORT,
				 .flags = flags,
				 .seq = seq,
				 .ack = ack };
}

/* Whatever it is: it has to go on as it came. */
static void send_direct(uint8_t flags, uint32_t seq, uint32_t ack)
{
	struct segment segment = direct(flags, seq, ack);
	struct frame frame = frame_segment(&segment, false), before = frame;

	assert_int_equal(run_frame(&frame, box.outside), XDP_PASS);
	assert_memory_equal(frame.bytes, before.bytes, before.size);
}

static void answer_direct(uint8_t flags, uint32_t seq, uint32_t ack)
{
	struct frame frame;

	assert_int_equal(member_sends(&frame, 0, flags, seq, ack), XDP_PASS);
	assert_int_equal(frame_from(&frame), MEMBER_0);
	assert_int_equal(frame_ttl(&frame), 64);
}

static void begin_direct(void)
{
	send_direct(SYN, 1000, 0);
	answer_direct(SYN | ACK, 5000, 1001);
	send_direct(ACK, 1001, 5001);
}

static void test_direct_is_recorded_and_left_alone(void **state UNUSED)
{
	struct flow_key key = own_key(0);
	struct handshake handshake;
	struct flow flow;

	begin_direct();
	assert_true(flow_read(&key, &flow));
	assert_int_equal(flow.member, FLOW_NO_MEMBER);
	assert_int_equal(flow.state, FLOW_ESTABLISHED);
	assert_int_equal(flow.flags, FLOW_OUTBOUND);
	assert_int_equal(flow.client_ack, 5001);
	assert_int_equal(flow.client_seq, 1001);
	assert_false(handshake_read(&key, &handshake));
	answer_direct(ACK, 5001, 1001);
	send_direct(ACK, 1001, 5011);
	flow_read(&key, &flow);
	assert_int_equal(flow.client_ack, 5011);
	assert_int_equal(gauges_now().flows, 1);
	assert_int_equal(gauges_now().pins, 0);
	assert_int_equal(count_of(COUNT_PROMOTED), 1);
	assert_int_equal(count_of(COUNT_FORWARDED_OUT), 0);
	assert_int_equal(count_of(COUNT_STATELESS_OUT), 0);
}

static void test_direct_is_reported(void **state UNUSED)
{
	begin_direct();
	harness_drain();
	assert_int_equal(box.events, 1);
	assert_int_equal(box.event[0].kind, EVENT_FLOW_PUT);
	assert_int_equal(box.event[0].flags, FLOW_OUTBOUND);
	assert_int_equal(number_of(&box.event[0].key.vip), MEMBER_0);
	assert_int_equal(number_of(&box.event[0].member), MEMBER_0);
}

static void test_direct_is_recorded_by_the_members_data(void **state UNUSED)
{
	struct flow_key key = own_key(0);
	struct flow flow;

	send_direct(SYN, 1000, 0);
	answer_direct(SYN | ACK, 5000, 1001);
	answer_direct(ACK, 5001, 1001);
	assert_true(flow_read(&key, &flow));
	assert_int_equal(flow.flags, FLOW_OUTBOUND);
	assert_int_equal(flow.client_ack, 5001);
}

static void test_direct_syn_leaves_a_handshake_only(void **state UNUSED)
{
	struct flow_key key = own_key(0);
	struct handshake handshake;

	send_direct(SYN, 1000, 0);
	answer_direct(SYN | ACK, 5000, 1001);
	send_direct(ACK, 1001, 5002); /* has not seen the SYN-ACK */
	assert_true(handshake_read(&key, &handshake));
	assert_int_equal(handshake.flags, HANDSHAKE_OUTBOUND | HANDSHAKE_SYNACK);
	assert_int_equal(handshake.member, FLOW_NO_MEMBER);
	assert_int_equal(gauges_now().flows, 0);
	answer_direct(RST, 5001, 0);
}

static void test_direct_is_known_again_in_mid_stream(void **state UNUSED)
{
	struct flow_key key = own_key(0);
	struct flow flow;

	send_direct(ACK, 1001, 5001);
	assert_false(flow_read(&key, &flow));
	answer_direct(FIN | ACK, 5001, 1001);
	assert_true(flow_read(&key, &flow));
	assert_int_equal(flow.flags, FLOW_OUTBOUND);
	assert_int_equal(flow.state, FLOW_MEMBER_FIN);
}

static void test_direct_replica_is_left_alone(void **state UNUSED)
{
	struct flow_key key = own_key(0);
	struct flow flow = { .member = FLOW_NO_MEMBER,
			     .state = FLOW_ESTABLISHED,
			     .flags = FLOW_OUTBOUND | FLOW_REPLICA };

	flow_write(&key, &flow);
	answer_direct(ACK, 5001, 1001);
	send_direct(ACK, 1001, 5011);
	flow_read(&key, &flow);
	assert_int_equal(flow.flags & FLOW_REPLICA, 0);
	assert_int_equal(flow.client_ack, 5011);
	assert_int_equal(gauges_now().pins, 0);
}

static void test_direct_ends_and_begins_again(void **state UNUSED)
{
	struct flow_key key = own_key(0);
	struct handshake handshake;
	struct flow flow;

	begin_direct();
	send_direct(FIN | ACK, 1001, 5001);
	send_direct(SYN, 3000, 0); /* still half open: no news */
	assert_true(flow_read(&key, &flow));
	assert_int_equal(flow.state, FLOW_CLIENT_FIN);
	answer_direct(FIN | ACK, 5001, 1002);
	flow_read(&key, &flow);
	assert_int_equal(flow.state, FLOW_CLOSING);
	send_direct(SYN, 3000, 0);
	assert_false(flow_read(&key, &flow));
	assert_true(handshake_read(&key, &handshake));
}

/* The member cannot tell the two: who has ended leaves the ports to who begins. */
static void test_direct_takes_ports_of_an_ended_session(void **state UNUSED)
{
	struct flow_key key = key_of(CLIENT, CLIENT_PORT, RPC_PORT);
	struct flow flow = { .state = FLOW_CLOSING };

	flow_write(&key, &flow);
	begin_direct();
	assert_false(flow_read(&key, &flow));
}

static void test_direct_leaves_a_living_session(void **state UNUSED)
{
	struct flow_key key = key_of(CLIENT, CLIENT_PORT, RPC_PORT);
	struct flow flow = { .member = 1, .state = FLOW_ESTABLISHED };
	struct frame frame;

	flow_write(&key, &flow);
	begin_direct();
	answer_direct(ACK, 5001, 1001);
	expect_to_client(&frame, member_sends(&frame, 1, ACK, 7001, 2001));
	assert_true(flow_read(&key, &flow));
	assert_int_equal(flow.member, 1);
	assert_int_equal(flow.state, FLOW_ESTABLISHED);
}

static void test_member_to_member(void **state UNUSED)
{
	struct segment segment = direct(SYN, 1000, 0);
	struct flow_key key = own_key(0);
	struct handshake handshake;
	struct frame frame;

	key.client = ip_of(MEMBER_0 + 1);
	segment.from = MEMBER_0 + 1;
	frame = frame_segment(&segment, true);
	assert_int_equal(run_frame(&frame, box.outside), XDP_PASS);
	assert_true(handshake_read(&key, &handshake));
	segment = (struct segment){ .from = MEMBER_0,
				    .to = MEMBER_0 + 1,
				    .from_port = RPC_PORT,
				    .to_port = CLIENT_PORT,
				    .flags = SYN | ACK };
	frame = frame_segment(&segment, true);
	assert_int_equal(run_frame(&frame, box.inside), XDP_PASS);
	assert_int_equal(frame_from(&frame), MEMBER_0);
}

/* --- what leaves no trace: one row a packet to member 0 --- */

struct stranger {
	const char *name;
	uint16_t to_port; /* 0: RPC_PORT */
	uint8_t flags;
	uint16_t fragment;
	uint8_t at, value; /* byte to overwrite, counted from the IP header; 0: none */
	bool inside;       /* arrives where the member is */
};

static const struct stranger strangers[] = {
	{ "a SYN to a port that is no service", .to_port = 3389, .flags = SYN },
	{ "a SYN to a member from the link it is on", .flags = SYN, .inside = true },
	{ "an ACK to a member from the link it is on", .flags = ACK, .inside = true },
	{ "a SYN-ACK to a member that has asked nobody", .flags = SYN | ACK },
	{ "a RST to a member", .flags = RST | ACK },
	{ "a first fragment to a member", .flags = SYN, .fragment = 0x2000 },
	{ "UDP to a member", .flags = SYN, .at = 9, .value = 17 },
	{ "a malformed segment to a member", .flags = SYN, .at = 32, .value = 0x40 },
};

static void test_stranger(void **state)
{
	const struct stranger *row = *state;
	struct segment segment = direct(row->flags, 1000, 5001);
	struct flow_key key = own_key(0);
	struct handshake handshake;
	struct frame frame;
	struct flow flow;

	if (row->to_port)
		segment.to_port = row->to_port;
	key.vip_port = htons(segment.to_port);
	segment.fragment = row->fragment;
	frame = frame_segment(&segment, false);
	if (row->at)
		frame.bytes[ETH_HLEN + row->at] = row->value;
	assert_int_equal(run_frame(&frame, row->inside ? box.inside : box.outside), XDP_PASS);
	assert_false(handshake_read(&key, &handshake));
	assert_false(flow_read(&key, &flow));
	assert_int_equal(count_of(COUNT_PASSED), 1);
}

static int set_up(void **state UNUSED)
{
	return harness_open(4096, 1024);
}

static const struct {
	const char *name;
	CMUnitTestFunction test;
} cases[] = {
	{ "a member's own connection is recorded", test_outbound_is_recorded_and_left_alone },
	{ "a member's own connection is reported", test_outbound_is_reported },
	{ "a member's own connection ends and begins again", test_outbound_is_followed_to_its_end },
	{ "a member's own SYN and RST are left alone",
	  test_outbound_is_left_alone_before_its_answer },
	{ "a replica of it is left alone too", test_outbound_replica_is_left_alone },
	{ "a connection to a member itself is recorded", test_direct_is_recorded_and_left_alone },
	{ "a connection to a member itself is reported", test_direct_is_reported },
	{ "the member's data completes its handshake",
	  test_direct_is_recorded_by_the_members_data },
	{ "its SYN and a wrong ACK leave a handshake only",
	  test_direct_syn_leaves_a_handshake_only },
	{ "it is known again in mid-stream", test_direct_is_known_again_in_mid_stream },
	{ "a replica of it is left alone too", test_direct_replica_is_left_alone },
	{ "it ends and begins again", test_direct_ends_and_begins_again },
	{ "it takes the ports of a session that has ended",
	  test_direct_takes_ports_of_an_ended_session },
	{ "it leaves a session with the same ports alone", test_direct_leaves_a_living_session },
	{ "a member speaks to a member on another link", test_member_to_member },
};

int main(void)
{
	struct plan plan = { 0 };

	if (!harness_may_run("own"))
		return 77;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		plan_case(&plan, cases[i].name, cases[i].test, NULL);
	for (size_t i = 0; i < sizeof(strangers) / sizeof(*strangers); i++)
		plan_case(&plan, strangers[i].name, test_stranger, &strangers[i]);
	return plan_run("own", &plan, set_up);
}
