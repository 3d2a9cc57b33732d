// SPDX-License-Identifier: BSD-2-Clause
/* A known flow: where it goes, what is kept of it, how it ends. */
#include "tests/bpf/harness.h"

#define TO_VIP .from = CLIENT, .to = VIP, .from_port = CLIENT_PORT

/* --- a known flow --- */

static void test_flow_stays_when_everything_changes(void **state UNUSED)
{
	uint16_t slot = establish();
	struct pin pin = { .member = !slot, .flows = 1 };
	struct frame frame;

	pin_write(CLIENT, POOL_RPC_ID, &pin);
	harness_control(1);
	pool_set(POOL_RPC, 1, 4);
	assert_int_equal(expect_to_member(&frame, client_sends(&frame, ACK, 1001, 5001, 5)), slot);
	assert_int_equal(count_of(COUNT_DERIVED), 0);
}

static void test_flow_counts_bytes(void **state UNUSED)
{
	struct flow_key key = key_of(CLIENT, CLIENT_PORT, RPC_PORT);
	uint16_t slot = establish();
	struct frame frame;
	struct flow flow;

	client_sends(&frame, ACK, 1001, 5001, 200);
	member_sends(&frame, slot, ACK, 5001, 1201);
	assert_true(flow_read(&key, &flow));
	assert_int_equal(flow.bytes_in, 2 * frame_headers() + 200);
	assert_int_equal(flow.bytes_out, frame_headers() + 10);
	assert_int_equal(bytes_now(slot).in, frame_headers() + 200);
	assert_int_equal(bytes_now(slot).out, frame_headers() + 10);
}

static void test_flow_keeps_the_furthest_numbers(void **state UNUSED)
{
	struct flow_key key = key_of(CLIENT, CLIENT_PORT, RPC_PORT);
	struct frame frame;
	struct flow flow;

	establish();
	client_sends(&frame, ACK, 1001, 5601, 200);
	client_sends(&frame, ACK, 1001, 5301, 100); /* retransmission, older ACK */
	client_sends(&frame, ACK, 1200, 5601, 1);   /* keepalive */
	client_sends(&frame, RST, 9000, 9000, 0);   /* numbers of a reset do not count */
	assert_true(flow_read(&key, &flow));
	assert_int_equal(flow.client_ack, 5601);
	assert_int_equal(flow.client_seq, 1201);
}

/* More than a page: XDP sees the first fragment of the buffer only. */
static void test_flow_carries_jumbo_frames(void **state UNUSED)
{
	uint16_t slot = establish();
	struct frame frame;

	assert_int_equal(expect_to_member(&frame, client_sends(&frame, ACK, 1001, 5001, 8900)),
			 slot);
	assert_int_equal(frame.size, ETH_HLEN + frame_headers() + 8900);
	assert_int_equal(bytes_now(slot).in, frame_headers() + 8900);
}

static void test_jumbo_frame_cut_short(void **state UNUSED)
{
	struct segment segment = { TO_VIP, .to_port = RPC_PORT, .flags = ACK, .payload = 8900 };
	struct frame frame = frame_segment(&segment, false);

	frame.size -= 1;
	assert_int_equal(run_frame(&frame, box.outside), XDP_DROP);
	assert_int_equal(count_of(COUNT_DROP_MALFORMED), 1);
}

/* A frame that will be cut up is as large as what it will be cut into. */
static void test_super_packet(void **state UNUSED)
{
	struct flow_key key = key_of(CLIENT, CLIENT_PORT, RPC_PORT);
	struct frame frame;
	struct flow flow;
	uint16_t slot;

	if (box.hook != HOOK_TC)
		skip();
	slot = establish();
	box.gso = harness_mtu() - frame_headers();
	assert_int_equal(expect_to_member(&frame, client_sends(&frame, ACK, 1001, 5001, 2800)),
			 slot);
	assert_true(flow_read(&key, &flow));
	assert_int_equal(flow.client_seq, 1001 + 2800);
	box.gso++;
	assert_int_equal(client_sends(&frame, ACK, 3801, 5001, 2800), XDP_REDIRECT);
	assert_int_equal(count_of(COUNT_DROP_TOO_BIG), 1);
	assert_int_equal(count_of(COUNT_ANSWERED), 1);
}

static void test_numbers_wrap(void **state UNUSED)
{
	struct flow_key key = key_of(CLIENT, CLIENT_PORT, RPC_PORT);
	struct flow flow = { .state = FLOW_ESTABLISHED,
			     .client_ack = 0xfffffff0,
			     .client_seq = 0xffffffff };
	struct frame frame;

	flow_write(&key, &flow);
	client_sends(&frame, ACK, 0xffffffff, 0x10, 8);
	assert_true(flow_read(&key, &flow));
	assert_int_equal(flow.client_ack, 0x10);
	assert_int_equal(flow.client_seq, 7);
}

static void test_replica_takes_the_first_numbers(void **state UNUSED)
{
	struct flow_key key = key_of(CLIENT, CLIENT_PORT, RPC_PORT);
	struct flow flow = { .state = FLOW_ESTABLISHED,
			     .flags = FLOW_REPLICA | FLOW_PICKED_UP,
			     .client_ack = 5000,
			     .client_seq = 9000 };
	struct frame frame;

	flow_write(&key, &flow);
	client_sends(&frame, ACK, 100, 200, 8);
	assert_true(flow_read(&key, &flow));
	assert_int_equal(flow.client_ack, 200);
	assert_int_equal(flow.client_seq, 108);
	assert_int_equal(flow.flags, FLOW_PICKED_UP);
}

static void test_flow_learns_a_new_hop(void **state UNUSED)
{
	static const uint8_t other[6] = { 2, 0, 0, 0, 0, 0x77 };
	struct flow_key key = key_of(CLIENT, CLIENT_PORT, RPC_PORT);
	struct segment segment = { TO_VIP, .to_port = RPC_PORT, .flags = ACK, .ack = 5001 };
	struct frame frame;
	struct flow flow;

	establish();
	frame = frame_segment(&segment, false);
	memcpy(frame.bytes + 6, other, 6);
	run_frame(&frame, box.outside);
	assert_true(flow_read(&key, &flow));
	assert_memory_equal(flow.hop.to, other, 6);
}

static void test_flow_of_a_gone_member_goes_on(void **state UNUSED)
{
	uint16_t slot = establish();
	struct flow_member member = member_of(MEMBER_0 + slot, MEMBER_GONE);
	struct frame frame;

	map_set(box.bpf->maps.members, slot, &member);
	assert_int_equal(expect_to_member(&frame, client_sends(&frame, ACK, 1001, 5001, 5)), slot);
}

static void test_flow_of_a_free_slot_is_dropped(void **state UNUSED)
{
	uint16_t slot = establish();
	struct flow_member member = { 0 };
	struct frame frame;

	map_set(box.bpf->maps.members, slot, &member);
	assert_int_equal(client_sends(&frame, ACK, 1001, 5001, 5), XDP_DROP);
	assert_int_equal(count_of(COUNT_DROP_NO_MEMBER), 1);
}

/* --- its end --- */

struct ending {
	const char *name;
	uint8_t client[3], member[3]; /* segments in turn, the client's first */
	uint8_t state;
	unsigned int told; /* records to the peer */
};

/* One record, of the end; that it was none is told by the next sweep. */
enum { REVIVED = 2 };

static const struct ending endings[] = {
	{ "data keeps a flow established", { ACK }, { ACK }, FLOW_ESTABLISHED, 0 },
	{ "the client's FIN closes its half", { FIN | ACK }, { ACK }, FLOW_CLIENT_FIN, 0 },
	{ "the client's FIN again changes nothing",
	  { FIN | ACK, FIN | ACK },
	  { ACK, ACK },
	  FLOW_CLIENT_FIN,
	  0 },
	{ "the member's FIN closes its half", { ACK }, { FIN | ACK }, FLOW_MEMBER_FIN, 0 },
	{ "both FINs close a flow, the client's first",
	  { FIN | ACK },
	  { FIN | ACK },
	  FLOW_CLOSING,
	  1 },
	{ "both FINs close a flow, the member's first",
	  { ACK, FIN | ACK },
	  { FIN | ACK, ACK },
	  FLOW_CLOSING,
	  1 },
	{ "the last ACK leaves it closing",
	  { FIN | ACK, ACK },
	  { FIN | ACK, ACK },
	  FLOW_CLOSING,
	  1 },
	{ "the member's RST marks a flow", { ACK }, { RST | ACK }, FLOW_RESET, 1 },
	{ "the client's RST marks a flow, and the member's data clears the mark",
	  { RST },
	  { ACK },
	  FLOW_ESTABLISHED,
	  REVIVED },
	{ "a RST on both sides stays", { RST }, { RST }, FLOW_RESET, 1 },
	{ "the client's data clears a forged mark",
	  { ACK, ACK },
	  { RST, ACK },
	  FLOW_ESTABLISHED,
	  REVIVED },
	{ "a FIN after a forged RST closes half",
	  { RST, FIN | ACK },
	  { RST, ACK },
	  FLOW_CLIENT_FIN,
	  REVIVED },
	{ "RST and data in turn are told once",
	  { RST, ACK, RST },
	  { ACK, ACK, ACK },
	  FLOW_ESTABLISHED,
	  REVIVED },
	{ "what crosses with a RST, and is answered by one, is told as one end",
	  { RST, RST },
	  { ACK, RST },
	  FLOW_RESET,
	  1 },
};

static void test_ending(void **state)
{
	const struct ending *row = *state;
	struct flow_key key = key_of(CLIENT, CLIENT_PORT, RPC_PORT);
	uint16_t slot = establish();
	struct frame frame;
	struct flow flow;

	harness_drain();
	box.events = 0;
	for (size_t i = 0; i < 3 && row->client[i]; i++) {
		client_sends(&frame, row->client[i], 1001, 5001, 0);
		expect_to_client(&frame, member_sends(&frame, slot, row->member[i], 5001, 1001));
	}
	assert_true(flow_read(&key, &flow));
	assert_int_equal(flow.state, row->state);
	harness_drain();
	assert_int_equal(box.events, !!row->told);
	assert_int_equal(!!(flow.flags & FLOW_REVIVED), row->told == REVIVED);
	if (row->told) {
		assert_int_equal(box.event[0].kind, EVENT_FLOW_PUT);
		assert_int_equal(box.event[0].state,
				 row->told == REVIVED ? FLOW_RESET : row->state);
	}
}

static void reuse_ports(uint8_t state_before)
{
	struct flow_key key = key_of(CLIENT, CLIENT_PORT, RPC_PORT);
	struct frame frame;
	struct flow flow;
	struct pin pin;

	establish();
	flow_read(&key, &flow);
	flow.state = state_before;
	flow_write(&key, &flow);
	client_sends(&frame, SYN, 77000, 0, 0);
	assert_false(flow_read(&key, &flow));
	assert_int_equal(gauges_now().flows, 0);
	assert_true(pin_read(CLIENT, POOL_RPC_ID, &pin));
	assert_int_equal(pin.flows, 0);
	harness_drain();
	assert_int_equal(box.events, 3);
	assert_int_equal(box.event[2].kind, EVENT_FLOW_DEL);
	establish();
	assert_int_equal(gauges_now().flows, 1);
}

static void test_ports_of_a_closed_flow_are_used_again(void **state UNUSED)
{
	reuse_ports(FLOW_CLOSING);
}

static void test_ports_of_a_reset_flow_are_used_again(void **state UNUSED)
{
	reuse_ports(FLOW_RESET);
}

static void test_standby_does_not_reuse_ports(void **state UNUSED)
{
	static const struct flow_lease standby = { .role = LEASE_STANDBY };
	struct flow_key key = key_of(CLIENT, CLIENT_PORT, RPC_PORT);
	struct frame frame;
	struct flow flow;

	establish();
	flow_read(&key, &flow);
	flow.state = FLOW_CLOSING;
	flow_write(&key, &flow);
	lease_set(&standby);
	assert_int_equal(client_sends(&frame, SYN, 77000, 0, 0), XDP_DROP);
	assert_true(flow_read(&key, &flow));
}

static void test_syn_does_not_end_an_established_flow(void **state UNUSED)
{
	struct flow_key key = key_of(CLIENT, CLIENT_PORT, RPC_PORT);
	uint16_t slot = establish();
	struct frame frame;
	struct flow flow;

	assert_int_equal(expect_to_member(&frame, client_sends(&frame, SYN, 77000, 0, 0)), slot);
	assert_true(flow_read(&key, &flow));
	assert_int_equal(count_of(COUNT_ADMITTED), 1);
}

/* --- the way out --- */

static void test_unknown_neighbour_is_asked_for_once(void **state UNUSED)
{
	struct pin pin = { .member = SLOT_UNRESOLVED };
	struct frame frame;

	pin_write(CLIENT, POOL_RPC_ID, &pin);
	for (int i = 0; i < 3; i++)
		assert_int_equal(client_sends(&frame, SYN, 1000, 0, 0), XDP_DROP);
	assert_int_equal(count_of(COUNT_DROP_NEIGHBOUR), 3);
	harness_drain();
	assert_int_equal(box.notices, 1);
	assert_int_equal(box.notice[0].kind, NOTICE_NEIGHBOUR);
	assert_int_equal(box.notice[0].ifindex, box.inside);
	assert_int_equal(number_of(&box.notice[0].addr), MEMBER_0 + SLOT_UNRESOLVED);
}

static void test_unknown_neighbour_is_asked_for_again(void **state UNUSED)
{
	struct {
		uint32_t ifindex;
		struct flow_ip addr;
	} hop = { box.inside, ip_of(MEMBER_0 + SLOT_UNRESOLVED) };
	uint32_t long_ago = ticks_now() - FLOW_TICKS_PER_SECOND;
	struct pin pin = { .member = SLOT_UNRESOLVED };
	struct frame frame;

	pin_write(CLIENT, POOL_RPC_ID, &pin);
	client_sends(&frame, SYN, 1000, 0, 0);
	bpf_map_update_elem(bpf_map__fd(box.bpf->maps.asked), &hop, &long_ago, BPF_EXIST);
	client_sends(&frame, SYN, 1000, 0, 0);
	harness_drain();
	assert_int_equal(box.notices, 2);
}

static void test_no_route_is_counted(void **state UNUSED)
{
	struct flow_member member = member_of(CLIENT_NOWHERE, MEMBER_USED);
	struct pin pin = { .member = 5 };
	struct frame frame;

	map_set(box.bpf->maps.members, 5, &member);
	pool_set(POOL_RPC, 0, 1 << 5);
	pin_write(CLIENT, POOL_RPC_ID, &pin);
	assert_int_equal(client_sends(&frame, SYN, 1000, 0, 0), XDP_DROP);
	assert_int_equal(count_of(COUNT_DROP_NO_ROUTE), 1);
}

static int set_up(void **state UNUSED)
{
	return harness_open(4096, 1024);
}

static const struct {
	const char *name;
	CMUnitTestFunction test;
} cases[] = {
	{ "a flow stays when pin, seed and table change", test_flow_stays_when_everything_changes },
	{ "bytes are counted for flow and member", test_flow_counts_bytes },
	{ "retransmissions and resets move no number", test_flow_keeps_the_furthest_numbers },
	{ "jumbo frames are carried", test_flow_carries_jumbo_frames },
	{ "a jumbo frame cut short is malformed", test_jumbo_frame_cut_short },
	{ "a super-packet is measured by its segments", test_super_packet },
	{ "sequence numbers wrap", test_numbers_wrap },
	{ "a replica believes the first packet", test_replica_takes_the_first_numbers },
	{ "a changed last hop is learned", test_flow_learns_a_new_hop },
	{ "a member removed from the config keeps its flows", test_flow_of_a_gone_member_goes_on },
	{ "a flow of a free slot is a counted drop", test_flow_of_a_free_slot_is_dropped },
	{ "closed: ports may be used again", test_ports_of_a_closed_flow_are_used_again },
	{ "reset: ports may be used again", test_ports_of_a_reset_flow_are_used_again },
	{ "a standby keeps the closed flow", test_standby_does_not_reuse_ports },
	{ "a SYN does not end a living flow", test_syn_does_not_end_an_established_flow },
	{ "an unknown neighbour is asked for once", test_unknown_neighbour_is_asked_for_once },
	{ "and again after a while", test_unknown_neighbour_is_asked_for_again },
	{ "no route is a counted drop", test_no_route_is_counted },
};

int main(void)
{
	struct plan plan = { 0 };

	if (!harness_may_run("flow"))
		return 77;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		plan_case(&plan, cases[i].name, cases[i].test, NULL);
	for (size_t i = 0; i < sizeof(endings) / sizeof(*endings); i++)
		plan_case(&plan, endings[i].name, test_ending, &endings[i]);
	return plan_run("flow", &plan, set_up);
}
