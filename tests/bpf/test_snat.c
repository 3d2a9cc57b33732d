// SPDX-License-Identifier: BSD-2-Clause
/* SNAT: members see an address of the pair; by itself for clients on link with their member. */
#include "tests/bpf/snat.h"

static void test_session(void **state UNUSED)
{
	struct frame frame;
	struct flow flow;
	uint16_t port, slot;

	use_snat();
	slot = establish_snat(&port);
	assert_in_range(port, 1024, 1024 + HALF - 1);
	assert_true(the_flow(&flow));
	assert_int_equal(flow.mode, MODE_SNAT);
	assert_int_equal(flow.source, SLOT + 1);
	assert_int_equal(ntohs(flow.source_port), port);
	assert_int_equal(flow.state, FLOW_ESTABLISHED);
	assert_int_equal(entries(box.bpf->maps.reverse), 1);
	assert_int_equal(entries(box.bpf->maps.openings), 0);
	assert_int_equal(source_stats(SLOT).flows, 1);
	expect_sourced(&frame, client_sends(&frame, ACK, 1001, 5001, 77), SOURCE);
	expect_answer(&frame, answers(&frame, slot, SOURCE, port, ACK, 5001, 1078));
	assert_true(the_flow(&flow));
	assert_true(flow.bytes_out > 0);
	harness_drain();
	assert_int_equal(box.event[box.events - 1].kind, EVENT_FLOW_PUT);
	assert_int_equal(box.event[box.events - 1].mode, MODE_SNAT);
	assert_int_equal(number_of(&box.event[box.events - 1].source), SOURCE);
	assert_int_equal(ntohs(box.event[box.events - 1].source_port), port);
}

static void test_second_node_gives_the_other_half(void **state UNUSED)
{
	struct flow_control control = { .layout = FLOW_LAYOUT, .roles_active = 1, .node = 2 };
	struct frame frame;

	use_snat();
	map_set(box.bpf->maps.control, 0, &control);
	assert_in_range(expect_sourced(&frame, client_sends(&frame, SYN, 1000, 0, 0), SOURCE),
			1024 + HALF, 65535);
}

static void test_syn_again_keeps_its_port(void **state UNUSED)
{
	struct frame frame;
	uint16_t port;

	use_snat();
	port = expect_sourced(&frame, client_sends(&frame, SYN, 1000, 0, 0), SOURCE);
	assert_int_equal(expect_sourced(&frame, client_sends(&frame, SYN, 1000, 0, 0), SOURCE),
			 port);
	assert_int_equal(count_of(COUNT_SOURCES_GIVEN), 1);
}

static void test_member_picks_up(void **state UNUSED)
{
	struct frame frame;
	struct flow flow;
	uint16_t port, slot;

	use_snat();
	port = expect_sourced(&frame, client_sends(&frame, SYN, 1000, 0, 0), SOURCE);
	slot = (uint16_t)(frame_to(&frame) - MEMBER_0);
	expect_answer(&frame, answers(&frame, slot, SOURCE, port, ACK, 5001, 1001));
	assert_true(the_flow(&flow));
	assert_int_equal(flow.flags, FLOW_PICKED_UP);
	assert_int_equal(flow.source, SLOT + 1);
	assert_int_equal(entries(box.bpf->maps.reverse), 1);
}

static void test_end_and_new_beginning(void **state UNUSED)
{
	struct frame frame;
	uint16_t port, slot;

	use_snat();
	slot = establish_snat(&port);
	expect_answer(&frame, answers(&frame, slot, SOURCE, port, RST, 5001, 1001));
	assert_int_not_equal(expect_sourced(&frame, client_sends(&frame, SYN, 9000, 0, 0), SOURCE),
			     port);
	assert_int_equal(entries(box.bpf->maps.reverse), 0);
	assert_int_equal(source_stats(SLOT).flows, 0);
}

static void test_sweep_frees_the_source(void **state UNUSED)
{
	struct flow_event named = { .kind = EVENT_FLOW_DEL,
				    .key = key_of(CLIENT, CLIENT_PORT, RPC_PORT),
				    .apply = SWEEP_FORCE };
	struct flow_call call = { .count = 1 };
	uint16_t port;

	use_snat();
	establish_snat(&port);
	map_set(box.bpf->maps.sweep_inbox, 0, &named);
	assert_int_equal(run_call(box.bpf->progs.caspair_sweep, &call), 0);
	assert_int_equal(call.done, 1);
	assert_int_equal(entries(box.bpf->maps.reverse), 0);
	assert_int_equal(source_stats(SLOT).flows, 0);
	harness_drain();
	assert_int_equal(box.event[box.events - 1].kind, EVENT_FLOW_DEL);
	assert_int_equal(ntohs(box.event[box.events - 1].source_port), port);
}

/* The client hears it at once, from who has all records. */
static void expect_refused(struct frame *frame, int verdict, uint32_t seq)
{
	assert_int_equal(verdict, XDP_REDIRECT);
	assert_int_equal(frame_from(frame), VIP);
	assert_int_equal(frame_to(frame), CLIENT);
	assert_true(frame_tcp(frame)->rst);
	assert_int_equal(ntohl(frame_tcp(frame)->seq), seq);
	assert_int_equal(count_of(COUNT_DROP_UNSOURCED), 1);
}

static void test_mid_stream_cannot_be_derived(void **state UNUSED)
{
	static const struct flow_lease standby = { .role = LEASE_STANDBY };
	struct frame frame;

	use_snat();
	expect_refused(&frame, client_sends(&frame, ACK, 1000, 5000, 5), 5000);
	lease_set(&standby);
	assert_int_equal(client_sends(&frame, ACK, 1000, 5000, 5), XDP_DROP);
	assert_int_equal(count_of(COUNT_DROP_UNSOURCED), 2);
	assert_int_equal(count_of_service(SERVICE_RPC, SERVICE_UNKNOWN), 2);
}

/* What no connection is known of is to the kernel, which has that address. */
static void test_stranger_is_the_kernels(void **state UNUSED)
{
	struct frame frame;

	use_snat();
	assert_int_equal(answers(&frame, 0, SOURCE, 2000, ACK, 1, 1), XDP_PASS);
}

static void syn_from(struct frame *frame, uint16_t port, int verdict)
{
	struct segment segment = { .from = CLIENT,
				   .to = VIP,
				   .from_port = port,
				   .to_port = RPC_PORT,
				   .flags = SYN,
				   .seq = 1000 };

	*frame = frame_segment(&segment, false);
	assert_int_equal(run_frame(frame, box.outside), verdict);
}

/* Four ports, of which this node has two: handshakes are taken away, flows are not. */
static void test_exhaustion(void **state UNUSED)
{
	struct frame frame;
	uint16_t port, slot;

	use_snat();
	source_set(SLOT, SOURCE, 2000, 4);
	syn_from(&frame, 30001, XDP_REDIRECT);
	syn_from(&frame, 30002, XDP_REDIRECT);
	assert_int_equal(count_of(COUNT_SOURCES_STOLEN), 0);
	slot = establish_snat(&port);
	assert_int_equal(count_of(COUNT_SOURCES_STOLEN), 1);
	assert_in_range(port, 2000, 2001);
	syn_from(&frame, 30003, XDP_REDIRECT);
	answers(&frame, slot, SOURCE, ntohs(frame_tcp(&frame)->source), ACK, 1, 1);
	assert_int_equal(entries(box.bpf->maps.reverse), 2);
	syn_from(&frame, 30004, XDP_DROP);
	assert_int_equal(count_of(COUNT_DROP_NO_SOURCE), 1);
	assert_int_equal(count_of_service(SERVICE_RPC, SERVICE_NO_SOURCE), 1);
	expect_answer(&frame, answers(&frame, slot, SOURCE, port, ACK, 5001, 1001));
}

/* His port is another's now: his ACK must not go out from it. */
static void test_robbed_handshake(void **state UNUSED)
{
	struct frame frame;

	use_snat();
	source_set(SLOT, SOURCE, 2000, 2);
	client_sends(&frame, SYN, 1000, 0, 0);
	syn_from(&frame, 30001, XDP_REDIRECT);
	assert_int_equal(count_of(COUNT_SOURCES_STOLEN), 1);
	expect_refused(&frame, client_sends(&frame, ACK, 1001, 5001, 0), 5001);
}

static void test_second_address_when_the_first_is_full(void **state UNUSED)
{
	struct frame frame;
	bool first = false, second = false;

	use_snat();
	source_set(SLOT, SOURCE, 2000, 2);
	source_set(SLOT + 1, SOURCE_2, 2000, 2);
	service_set(MODE_SNAT, 2, SLOT, SLOT + 1);
	for (uint16_t i = 0; i < 2; i++) {
		syn_from(&frame, 30001 + i, XDP_REDIRECT);
		first |= frame_from(&frame) == SOURCE;
		second |= frame_from(&frame) == SOURCE_2;
	}
	assert_true(first && second);
}

/* --- by itself in mode NAT --- */

/* The whole handshake of a client on the members' link. */
static void neighbour_session(uint32_t source, uint16_t least, uint16_t most)
{
	struct flow_key key = key_of(NEIGHBOUR, CLIENT_PORT, RPC_PORT);
	struct frame frame;
	struct flow flow;
	uint16_t port, slot;

	port = expect_sourced(&frame, neighbour_sends(&frame, SYN, 1000, 0), source);
	assert_in_range(port, least, most);
	slot = (uint16_t)(frame_to(&frame) - MEMBER_0);
	assert_int_equal(answers(&frame, slot, source, port, SYN | ACK, 5000, 1001), XDP_REDIRECT);
	assert_int_equal(frame_from(&frame), VIP);
	assert_int_equal(frame_to(&frame), NEIGHBOUR);
	assert_int_equal(ntohs(frame_tcp(&frame)->dest), CLIENT_PORT);
	expect_checksums(&frame);
	expect_sourced(&frame, neighbour_sends(&frame, ACK, 1001, 5001), source);
	assert_true(flow_read(&key, &flow));
	assert_int_equal(flow.mode, MODE_SNAT);
}

static void test_neighbour_gets_the_gateway(void **state UNUSED)
{
	use_snat();
	service_set(MODE_NAT, 1, SLOT_GATEWAY, 0);
	neighbour_session(GATEWAY, 1024, 1024 + HALF - 1);
}

static void test_neighbour_gets_the_vip(void **state UNUSED)
{
	use_snat();
	service_set(MODE_NAT, 1, SLOT_VIP, 0);
	neighbour_session(VIP, 1024, 1024 + 4980 / 2 - 1);
}

/*
 * In mid-stream without a record, as after a takeover: his member would reset it by itself, past
 * us, and he would not know that for an answer.
 */
static void test_neighbour_without_a_record(void **state UNUSED)
{
	static const struct flow_lease standby = { .role = LEASE_STANDBY };
	struct frame frame;

	use_snat();
	service_set(MODE_NAT, 1, SLOT_GATEWAY, 0);
	assert_int_equal(neighbour_sends(&frame, ACK, 1001, 5001), XDP_REDIRECT);
	assert_int_equal(frame_from(&frame), VIP);
	assert_int_equal(frame_to(&frame), NEIGHBOUR);
	assert_true(frame_tcp(&frame)->rst);
	assert_int_equal(ntohl(frame_tcp(&frame)->seq), 5001);
	assert_int_equal(count_of(COUNT_DROP_UNSOURCED), 1);
	assert_int_equal(count_of(COUNT_DERIVED), 0);
	lease_set(&standby);
	assert_int_equal(neighbour_sends(&frame, ACK, 1001, 5001), XDP_DROP);
	assert_int_equal(count_of(COUNT_DROP_UNSOURCED), 2);
}

/* Others have the address they had, and their member knows them by it. */
static void test_others_are_derived(void **state UNUSED)
{
	struct frame frame;

	use_snat();
	service_set(MODE_NAT, 1, SLOT_GATEWAY, 0);
	expect_to_member(&frame, client_sends(&frame, ACK, 1001, 5001, 5));
	assert_int_equal(frame_from(&frame), CLIENT);
	assert_int_equal(count_of(COUNT_DERIVED), 1);
	assert_int_equal(count_of(COUNT_DROP_UNSOURCED), 0);
}

/* From outside, and by the members' link but from behind a router: his answers come back here. */
static void test_others_keep_their_address(void **state UNUSED)
{
	struct segment segment = { .from = CLIENT,
				   .to = VIP,
				   .from_port = CLIENT_PORT,
				   .to_port = RPC_PORT,
				   .flags = SYN,
				   .seq = 1000 };
	struct frame frame = frame_segment(&segment, true);

	use_snat();
	service_set(MODE_NAT, 1, SLOT_GATEWAY, 0);
	expect_to_member(&frame, run_frame(&frame, box.inside));
	assert_int_equal(frame_from(&frame), CLIENT);
	establish();
	assert_int_equal(count_of(COUNT_SOURCES_GIVEN), 0);
}

/* --- records of the peer --- */

static struct flow_event put(uint16_t port, uint16_t slot)
{
	return (struct flow_event){
		.kind = EVENT_FLOW_PUT,
		.state = FLOW_ESTABLISHED,
		.epoch = 7,
		.mode = MODE_SNAT,
		.key = key_of(CLIENT, CLIENT_PORT, RPC_PORT),
		.member = ip_of(MEMBER_0 + slot),
		.source = ip_of(SOURCE),
		.source_port = htons(port),
	};
}

static struct flow_call apply(const struct flow_event *record)
{
	struct flow_call call = { .count = 1 };

	map_set(box.bpf->maps.apply_inbox, 0, record);
	assert_int_equal(run_call(box.bpf->progs.caspair_apply, &call), 0);
	return call;
}

static void test_record_carries_packets(void **state UNUSED)
{
	static const struct flow_lease standby = { .role = LEASE_STANDBY };
	struct flow_event record = put(50000, 1);
	struct frame frame;

	use_snat();
	assert_int_equal(apply(&record).done, 1);
	lease_set(&standby);
	assert_int_equal(expect_sourced(&frame, client_sends(&frame, ACK, 1, 1, 9), SOURCE), 50000);
	assert_int_equal(frame_to(&frame), MEMBER_0 + 1);
	expect_answer(&frame, answers(&frame, 1, SOURCE, 50000, ACK, 1, 10));
	record.kind = EVENT_FLOW_DEL;
	assert_int_equal(apply(&record).done, 1);
	assert_int_equal(entries(box.bpf->maps.reverse), 0);
	assert_int_equal(source_stats(SLOT).flows, 0);
}

static void test_record_of_an_unknown_source(void **state UNUSED)
{
	struct flow_event record = put(50000, 1);

	use_snat();
	record.source = ip_of(SOURCE + 9);
	assert_int_equal(apply(&record).refused, 1);
	record = put(0, 1);
	assert_int_equal(apply(&record).refused, 1);
	assert_int_equal(gauges_now().flows, 0);
}

/* The peer made it anew, and what said that the old one had ended came to nothing. */
static void test_record_of_another_source(void **state UNUSED)
{
	struct flow_event record = put(50000, 1);
	struct flow flow;

	use_snat();
	apply(&record);
	record = put(50001, 1);
	assert_int_equal(apply(&record).done, 1);
	assert_int_equal(entries(box.bpf->maps.reverse), 1);
	assert_true(the_flow(&flow));
	assert_int_equal(ntohs(flow.source_port), 50001);
	assert_int_equal(source_stats(SLOT).flows, 1);
	assert_int_equal(gauges_now().flows, 1);
}

int main(void)
{
	static const struct {
		const char *name;
		CMUnitTestFunction test;
	} tests[] = {
		{ "a session through a source", test_session },
		{ "the second node gives the other half", test_second_node_gives_the_other_half },
		{ "a SYN that is sent again keeps its port", test_syn_again_keeps_its_port },
		{ "the member's answer picks it up", test_member_picks_up },
		{ "a new beginning has another port", test_end_and_new_beginning },
		{ "the sweep frees the source", test_sweep_frees_the_source },
		{ "a source cannot be derived", test_mid_stream_cannot_be_derived },
		{ "a stranger is the kernel's", test_stranger_is_the_kernels },
		{ "exhaustion takes handshakes, then refuses", test_exhaustion },
		{ "a handshake that lost its port ends", test_robbed_handshake },
		{ "the second address serves too", test_second_address_when_the_first_is_full },
		{ "a client on the members' link: the gateway", test_neighbour_gets_the_gateway },
		{ "a client on the members' link: the VIP", test_neighbour_gets_the_vip },
		{ "others keep their address", test_others_keep_their_address },
		{ "a client on the members' link: no record", test_neighbour_without_a_record },
		{ "others are derived", test_others_are_derived },
		{ "a record carries packets", test_record_carries_packets },
		{ "a record of an unknown source is refused", test_record_of_an_unknown_source },
		{ "a record of another source replaces", test_record_of_another_source },
	};
	struct plan plan = { 0 };

	if (!harness_may_run("snat"))
		return 77;
	for (size_t i = 0; i < sizeof(tests) / sizeof(*tests); i++)
		plan_case(&plan, tests[i].name, tests[i].test, NULL);
	return plan_run("snat", &plan, snat_set_up);
}
