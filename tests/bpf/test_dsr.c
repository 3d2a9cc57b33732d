// SPDX-License-Identifier: BSD-2-Clause
/* DSR: the frame goes to the member as it is, and the client's side is all that is ever seen. */
#include "tests/bpf/harness.h"

enum { MEMBER_BEHIND = MEMBER_0 + 0x100 }; /* 10.0.1.11: over a router on the members' link */

static int set_up_dsr(void **state UNUSED)
{
	struct flow_service service = {
		.pool = POOL_RPC,
		.flags = SERVICE_USED,
		.mode = MODE_DSR,
		.idle_ticks = IDLE_TICKS,
	};

	service.vip[frame_family] = ip_of(VIP);
	map_set(box.bpf->maps.services, SERVICE_RPC, &service);
	return 0;
}

/* A frame on its way to a member, with nothing new in it but the stations and a hop less. */
static uint16_t expect_direct(struct frame *frame, int verdict)
{
	assert_int_equal(verdict, XDP_REDIRECT);
	assert_memory_equal(frame->bytes, MAC_MEMBER, 5);
	assert_memory_equal(frame->bytes + 6, MAC_IN0, 6);
	assert_int_equal(frame_from(frame), CLIENT);
	assert_int_equal(frame_to(frame), VIP);
	assert_int_equal(ntohs(frame_tcp(frame)->source), CLIENT_PORT);
	assert_int_equal(ntohs(frame_tcp(frame)->dest), RPC_PORT);
	assert_int_equal(frame_ttl(frame), 63);
	expect_checksums(frame);
	return frame->bytes[5];
}

static bool the_flow(struct flow *flow)
{
	struct flow_key key = key_of(CLIENT, CLIENT_PORT, RPC_PORT);

	return flow_read(&key, flow);
}

static uint16_t claim(void)
{
	struct frame frame;
	uint16_t slot = expect_direct(&frame, client_sends(&frame, SYN, 1000, 0, 0));

	assert_int_equal(expect_direct(&frame, client_sends(&frame, ACK, 1001, 5001, 0)), slot);
	return slot;
}

static void test_syn_leaves_a_handshake(void **state UNUSED)
{
	struct frame frame;
	struct flow flow;

	set_up_dsr(NULL);
	expect_direct(&frame, client_sends(&frame, SYN, 1000, 0, 0));
	assert_false(the_flow(&flow));
	assert_int_equal(count_of(COUNT_ADMITTED), 1);
	/* Nobody is blamed for answers that cannot be seen. */
	assert_int_equal(stats_now(0).silent + stats_now(1).silent, 0);
}

static void test_ack_makes_a_claim(void **state UNUSED)
{
	uint16_t slot;
	struct flow flow;
	struct pin pin;

	set_up_dsr(NULL);
	slot = claim();
	assert_true(the_flow(&flow));
	assert_int_equal(flow.member, slot);
	assert_int_equal(flow.mode, MODE_DSR);
	assert_int_equal(flow.state, FLOW_CLAIMED);
	assert_int_equal(flow.source, 0);
	assert_true(pin_read(CLIENT, POOL_RPC_ID, &pin));
	harness_drain();
	assert_int_equal(box.event[box.events - 1].kind, EVENT_FLOW_PUT);
	assert_int_equal(box.event[box.events - 1].mode, MODE_DSR);
	assert_int_equal(box.event[box.events - 1].state, FLOW_CLAIMED);
}

static void test_wrong_seq_makes_nothing(void **state UNUSED)
{
	struct frame frame;
	struct flow flow;

	set_up_dsr(NULL);
	expect_direct(&frame, client_sends(&frame, SYN, 1000, 0, 0));
	expect_direct(&frame, client_sends(&frame, ACK, 1000, 5001, 0));
	assert_false(the_flow(&flow));
	expect_direct(&frame, client_sends(&frame, ACK, 2001 + (1 << 20), 5001, 0));
	assert_false(the_flow(&flow));
}

static void test_progress_proves_it(void **state UNUSED)
{
	struct frame frame;
	struct flow flow;

	set_up_dsr(NULL);
	claim();
	expect_direct(&frame, client_sends(&frame, ACK, 1001, 5001, 100));
	assert_true(the_flow(&flow));
	assert_int_equal(flow.state, FLOW_CLAIMED); /* anybody can send */
	expect_direct(&frame, client_sends(&frame, ACK, 1101, 5201, 0));
	assert_true(the_flow(&flow));
	assert_int_equal(flow.state, FLOW_ESTABLISHED);
	harness_drain();
	assert_int_equal(box.event[box.events - 1].kind, EVENT_FLOW_PUT);
	assert_int_equal(box.event[box.events - 1].state, FLOW_ESTABLISHED);
}

static void test_mid_stream_is_kept_and_claimed(void **state UNUSED)
{
	struct frame frame;
	struct flow flow;
	uint16_t slot;

	set_up_dsr(NULL);
	slot = expect_direct(&frame, client_sends(&frame, ACK, 7000, 9000, 50));
	assert_false(the_flow(&flow));
	assert_int_equal(expect_direct(&frame, client_sends(&frame, ACK, 7050, 9100, 0)), slot);
	assert_true(the_flow(&flow));
	assert_int_equal(flow.state, FLOW_CLAIMED);
}

/* As many a second and CPU as are let in; the rest is forwarded all the same. */
static void test_claims_are_limited(void **state UNUSED)
{
	struct segment segment = { .from = CLIENT, .to = VIP, .to_port = RPC_PORT };
	uint64_t limited = 0;

	set_up_dsr(NULL);
	for (uint16_t i = 0; i < 6000; i++) {
		struct frame frame;

		segment.from_port = (uint16_t)(1024 + i);
		segment.flags = SYN;
		segment.seq = 1000;
		frame = frame_segment(&segment, false);
		assert_int_equal(run_frame(&frame, box.outside), XDP_REDIRECT);
		segment.flags = ACK;
		segment.seq = 1001;
		frame = frame_segment(&segment, false);
		assert_int_equal(run_frame(&frame, box.outside), XDP_REDIRECT);
		limited = count_of(COUNT_CLAIMS_LIMITED);
		if (limited >= 10)
			break;
	}
	assert_int_equal(limited, 10);
	assert_int_equal(gauges_now().flows + limited, count_of(COUNT_ADMITTED));
}

static void test_gateway_in_between_is_refused(void **state UNUSED)
{
	struct flow_member member = member_of(MEMBER_BEHIND, MEMBER_USED);
	struct frame frame;

	set_up_dsr(NULL);
	for (uint32_t slot = 0; slot < MEMBERS; slot++)
		map_set(box.bpf->maps.members, slot, &member);
	assert_int_equal(client_sends(&frame, SYN, 1000, 0, 0), XDP_DROP);
	assert_int_equal(count_of(COUNT_DROP_INDIRECT), 1);
}

static void test_last_hop(void **state UNUSED)
{
	struct segment segment = { .from = CLIENT,
				   .to = VIP,
				   .from_port = CLIENT_PORT,
				   .to_port = RPC_PORT,
				   .flags = SYN,
				   .ttl = 1 };
	struct frame frame = frame_segment(&segment, false);

	set_up_dsr(NULL);
	run_frame(&frame, box.outside);
	assert_int_equal(count_of(COUNT_DROP_TTL), 1);
	assert_int_equal(count_of(COUNT_FORWARDED_IN), 0);
}

/* The member's, through us because we are its router: with the VIP as its source. */
static void test_answer_is_not_touched(void **state UNUSED)
{
	struct segment segment = { .from = VIP,
				   .to = CLIENT,
				   .from_port = RPC_PORT,
				   .to_port = CLIENT_PORT,
				   .flags = SYN | ACK,
				   .ack = 1001 };
	struct frame frame = frame_segment(&segment, true), before = frame;

	set_up_dsr(NULL);
	claim();
	assert_int_equal(run_frame(&frame, box.inside), XDP_PASS);
	assert_memory_equal(frame.bytes, before.bytes, before.size);
}

/* From its own address, as to who has connected to that: no session through the VIP. */
static void test_own_address_is_not_rewritten(void **state UNUSED)
{
	struct frame frame;

	set_up_dsr(NULL);
	assert_int_equal(member_sends(&frame, claim(), ACK, 5001, 1001), XDP_PASS);
	assert_int_equal(frame_from(&frame) & ~3u, MEMBER_0 & ~3u);
	assert_int_equal(count_of(COUNT_STATELESS_OUT), 0);
}

static void test_fin_of_the_client_is_an_end(void **state UNUSED)
{
	struct frame frame;
	struct flow flow;

	set_up_dsr(NULL);
	claim();
	expect_direct(&frame, client_sends(&frame, ACK | FIN, 1001, 5001, 0));
	assert_true(the_flow(&flow));
	assert_int_equal(flow.state, FLOW_CLIENT_FIN);
	/* What still comes is acknowledged, and the ports may be used again at once. */
	expect_direct(&frame, client_sends(&frame, ACK, 1002, 6001, 0));
	assert_true(the_flow(&flow));
	expect_direct(&frame, client_sends(&frame, SYN, 90000, 0, 0));
	assert_false(the_flow(&flow));
}

static void test_reset_of_the_client(void **state UNUSED)
{
	struct frame frame;
	struct flow flow;

	set_up_dsr(NULL);
	claim();
	expect_direct(&frame, client_sends(&frame, RST, 1001, 0, 0));
	assert_true(the_flow(&flow));
	assert_int_equal(flow.state, FLOW_RESET);
}

/* Seconds without a packet, and whether the sweep removes it. */
static const struct ending {
	const char *name;
	uint8_t state;
	uint32_t idle;
	bool due;
} endings[] = {
	{ "a claim lives for half a minute", FLOW_CLAIMED, 29, false },
	{ "and no longer", FLOW_CLAIMED, 31, true },
	{ "a client's FIN leaves a minute", FLOW_CLIENT_FIN, 59, false },
	{ "and no more than that", FLOW_CLIENT_FIN, 61, true },
	{ "a proven flow lives on", FLOW_ESTABLISHED, 3600, false },
};

static void test_ending(void **state)
{
	const struct ending *row = *state;
	struct flow_event named = { .kind = EVENT_FLOW_DEL,
				    .key = key_of(CLIENT, CLIENT_PORT, RPC_PORT) };
	struct flow_call call = { .count = 1 };
	struct flow flow = {
		.member = 1,
		.state = row->state,
		.mode = MODE_DSR,
		.last_seen = ticks_now() - row->idle * FLOW_TICKS_PER_SECOND,
	};

	flow_write(&named.key, &flow);
	map_set(box.bpf->maps.sweep_inbox, 0, &named);
	assert_int_equal(run_call(box.bpf->progs.caspair_sweep, &call), 0);
	assert_int_equal(call.done, row->due);
	assert_int_equal(the_flow(&flow), !row->due);
}

/* A session that began in NAT goes on in NAT, though its service is DSR by now; and the reverse. */
static void test_mode_of_a_flow_stays(void **state UNUSED)
{
	struct frame frame;
	uint16_t slot = establish();

	set_up_dsr(NULL);
	assert_int_equal(expect_to_member(&frame, client_sends(&frame, ACK, 1001, 5001, 20)), slot);
	expect_to_client(&frame, member_sends(&frame, slot, ACK, 5001, 1021));
	client_sends(&frame, RST, 1021, 0, 0);
	slot = claim();
	harness_services();
	assert_int_equal(expect_direct(&frame, client_sends(&frame, ACK, 1001, 5001, 20)), slot);
}

static int set_up(void **state UNUSED)
{
	int err = harness_open(8192, 1024);

	return err ? err
		   : system("ip route add 10.0.1.0/24 via 10.0.0.11 dev in0 &&"
			    "ip route add 2001:db8::a00:100/120 via 2001:db8::a00:b dev in0");
}

int main(void)
{
	static const struct {
		const char *name;
		CMUnitTestFunction test;
	} tests[] = {
		{ "a SYN leaves a handshake only", test_syn_leaves_a_handshake },
		{ "the ACK that follows it makes a claim", test_ack_makes_a_claim },
		{ "an ACK that does not follow makes nothing", test_wrong_seq_makes_nothing },
		{ "who acknowledges more has been answered", test_progress_proves_it },
		{ "a mid-stream packet is kept, the next claims",
		  test_mid_stream_is_kept_and_claimed },
		{ "claims are limited, forwarding is not", test_claims_are_limited },
		{ "a gateway in between is refused", test_gateway_in_between_is_refused },
		{ "a packet at its last hop ends here", test_last_hop },
		{ "an answer that passes is not touched", test_answer_is_not_touched },
		{ "a member's own address is not rewritten", test_own_address_is_not_rewritten },
		{ "the client's FIN is an end", test_fin_of_the_client_is_an_end },
		{ "the client's RST is one too", test_reset_of_the_client },
		{ "a flow keeps the mode it began in", test_mode_of_a_flow_stays },
	};
	struct plan plan = { 0 };

	if (!harness_may_run("dsr"))
		return 77;
	for (size_t i = 0; i < sizeof(tests) / sizeof(*tests); i++)
		plan_case(&plan, tests[i].name, tests[i].test, NULL);
	for (size_t i = 0; i < sizeof(endings) / sizeof(*endings); i++)
		plan_case(&plan, endings[i].name, test_ending, &endings[i]);
	return plan_run("dsr", &plan, set_up);
}
