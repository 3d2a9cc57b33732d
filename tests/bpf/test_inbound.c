// SPDX-License-Identifier: BSD-2-Clause
/* From clients to a VIP: who is admitted, who gets it, what is remembered. */
#include "tests/bpf/harness.h"

#define TO_VIP .from = CLIENT, .to = VIP, .from_port = CLIENT_PORT

/* --- admission --- */

static void test_syn_goes_to_its_member(void **state UNUSED)
{
	struct flow_key key = key_of(CLIENT, CLIENT_PORT, RPC_PORT);
	struct handshake handshake;
	struct frame frame;
	uint16_t slot = expect_to_member(&frame, client_sends(&frame, SYN, 1000, 0, 0));

	assert_int_equal(frame_ttl(&frame), 63);
	assert_int_equal(frame_from(&frame), CLIENT);
	assert_int_equal(ntohs(frame_tcp(&frame)->dest), RPC_PORT);
	assert_int_equal(
		bpf_map_lookup_elem(bpf_map__fd(box.bpf->maps.handshakes), &key, &handshake), 0);
	assert_int_equal(handshake.member, slot);
	assert_int_equal(handshake.flags, 0);
	assert_int_equal(count_of(COUNT_ADMITTED), 1);
	assert_int_equal(count_of(COUNT_FORWARDED_IN), 1);
	assert_int_equal(gauges_now().flows, 0);
}

static void test_syn_with_ip_options(void **state UNUSED)
{
	struct segment segment = { TO_VIP, .to_port = RPC_PORT, .flags = SYN, .options = 3 };
	struct frame frame = frame_segment(&segment, false);

	expect_to_member(&frame, run_frame(&frame, box.outside));
}

static void test_syn_with_vlan_tags(void **state UNUSED)
{
	struct segment segment = { TO_VIP, .to_port = RPC_PORT, .flags = SYN, .tags = 2 };
	struct frame frame = frame_segment(&segment, false), before = frame;

	expect_to_member(&frame, run_frame(&frame, box.outside));
	assert_memory_equal(frame.bytes + 12, before.bytes + 12, 10);
}

static void test_syn_with_padding_behind_it(void **state UNUSED)
{
	struct segment segment = { TO_VIP, .to_port = RPC_PORT, .flags = SYN };
	struct frame frame = frame_segment(&segment, false);
	uint32_t before;

	frame.size += 6;
	before = frame.size;
	expect_to_member(&frame, run_frame(&frame, box.outside));
	assert_int_equal(frame.size, before);
}

static void test_damage_is_not_mended(void **state UNUSED)
{
	struct segment segment = { TO_VIP, .to_port = RPC_PORT, .flags = SYN };
	struct frame frame = frame_segment(&segment, false);

	frame_tcp(&frame)->check ^= 0x1234;
	assert_int_equal(run_frame(&frame, box.outside), XDP_REDIRECT);
	assert_int_not_equal(frame_tcp_checksum(&frame), 0);
}

/* Every checksum that the difference can bring about, among them the two forms of zero. */
static void test_checksums_over_all_ports(void **state UNUSED)
{
	for (uint32_t port = 1; port < 65536; port += 13) {
		struct segment segment = { .from = CLIENT,
					   .to = VIP,
					   .from_port = (uint16_t)port,
					   .to_port = RPC_PORT,
					   .flags = SYN,
					   .seq = port << 16,
					   .ttl = (uint8_t)(port % 250 + 2) };
		struct frame frame = frame_segment(&segment, false);

		expect_to_member(&frame, run_frame(&frame, box.outside));
	}
}

struct gate {
	const char *name;
	struct flow_lease lease;
	bool admits;
};

static const struct gate gates[] = {
	{ "an active node admits", { .role = LEASE_ACTIVE, .until_ns = UINT64_MAX }, true },
	{ "an active node admits past its soft lease", { .role = LEASE_ACTIVE }, true },
	{ "an active node admits nothing past its hard lease",
	  { .role = LEASE_ACTIVE, .hard = 1 },
	  false },
	{ "an active node admits within its hard lease",
	  { .role = LEASE_ACTIVE, .until_ns = UINT64_MAX, .hard = 1 },
	  true },
	{ "a standby admits nothing", { .role = LEASE_STANDBY }, false },
	{ "a node that has not decided admits nothing", { .role = LEASE_NONE }, false },
	{ "a node fenced by an advert admits nothing",
	  { .role = LEASE_ACTIVE, .fenced = FENCE_ADVERT },
	  false },
	{ "a node fenced by its daemon admits nothing",
	  { .role = LEASE_ACTIVE, .fenced = FENCE_DAEMON },
	  false },
	{ "a hard lease leaves nothing behind",
	  { .role = LEASE_ACTIVE, .fenced = FENCE_ADVERT, .fenced_ns = UINT64_MAX / 2, .hard = 1 },
	  false },
	{ "a node that let go and was not relieved admits nothing",
	  { .role = LEASE_LEAVING, .until_ns = 1 },
	  false },
};

static void test_gate(void **state)
{
	const struct gate *row = *state;
	struct frame frame;
	int verdict;

	lease_set(&row->lease);
	verdict = client_sends(&frame, SYN, 1000, 0, 0);
	if (row->admits) {
		expect_to_member(&frame, verdict);
		return;
	}
	assert_int_equal(verdict, XDP_DROP);
	assert_int_equal(count_of(COUNT_DROP_NOT_OWNER), 1);
	assert_int_equal(count_of(COUNT_ADMITTED), 0);
}

static uint64_t boottime(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Nothing of it is kept: the flow is the follower's.  Also when the node was made to let go. */
static void test_leaving_forwards_a_syn(void **state UNUSED)
{
	const struct flow_lease leases[] = {
		{ .role = LEASE_LEAVING, .until_ns = UINT64_MAX },
		{ .role = LEASE_ACTIVE, .fenced = FENCE_DAEMON, .fenced_ns = boottime() },
		{ .role = LEASE_ACTIVE, .fenced = FENCE_ADVERT, .fenced_ns = boottime() },
	};
	const uint16_t slot = establish();
	const uint64_t admitted = count_of(COUNT_ADMITTED);
	struct segment segment = { .from = CLIENT,
				   .to = VIP,
				   .from_port = 4242,
				   .to_port = RPC_PORT,
				   .flags = SYN,
				   .seq = 1,
				   .ttl = 64 };
	struct frame frame;

	for (size_t i = 0; i < sizeof(leases) / sizeof(*leases); i++) {
		frame = frame_segment(&segment, false);
		lease_set(&leases[i]);
		assert_int_equal(expect_to_member(&frame, run_frame(&frame, box.outside)), slot);
		assert_int_equal(count_of(COUNT_ADMITTED), admitted);
		assert_int_equal(count_of(COUNT_DERIVED), i + 1);
	}
}

/* Whoever is gated: known flows, and what can be derived, are carried on. */
static void test_gate_lets_known_flows_through(void **state)
{
	const struct gate *row = *state;
	uint16_t slot = establish();
	struct frame frame;

	lease_set(&row->lease);
	assert_int_equal(expect_to_member(&frame, client_sends(&frame, ACK, 1001, 5001, 20)), slot);
	expect_to_client(&frame, member_sends(&frame, slot, ACK, 5001, 1021));
}

static void test_gate_lets_unknown_flows_through(void **state)
{
	const struct gate *row = *state;
	struct frame frame;

	lease_set(&row->lease);
	expect_to_member(&frame, client_sends(&frame, ACK, 1001, 5001, 20));
	assert_int_equal(count_of(COUNT_DERIVED), 1);
}

/* --- the handshake and promotion --- */

static void test_promotion(void **state UNUSED)
{
	struct flow_key key = key_of(CLIENT, CLIENT_PORT, RPC_PORT);
	struct handshake handshake;
	uint16_t slot = establish();
	struct flow flow;
	struct pin pin;

	assert_true(flow_read(&key, &flow));
	assert_int_equal(flow.member, slot);
	assert_int_equal(flow.state, FLOW_ESTABLISHED);
	assert_int_equal(flow.flags, 0);
	assert_int_equal(flow.epoch, 7);
	assert_int_equal(flow.client_ack, 5001);
	assert_int_equal(flow.client_seq, 1001);
	assert_int_equal(flow.pool_id, POOL_RPC_ID);
	assert_int_equal(flow.hop.ifindex, box.outside);
	assert_memory_equal(flow.hop.to, MAC_ROUTER, 6);
	assert_true(pin_read(CLIENT, POOL_RPC_ID, &pin));
	assert_int_equal(pin.member, slot);
	assert_int_equal(pin.flows, 1);
	assert_int_equal(gauges_now().flows, 1);
	assert_int_equal(gauges_now().pins, 1);
	assert_int_equal(stats_now(slot).flows, 1);
	assert_int_equal(stats_now(slot).connections, 1);
	assert_int_equal(count_of(COUNT_PROMOTED), 1);
	/* Its place is free for others. */
	assert_int_not_equal(
		bpf_map_lookup_elem(bpf_map__fd(box.bpf->maps.handshakes), &key, &handshake), 0);
}

/* Puts a handshake that began so long ago where none is, for a member that is not derived. */
static uint16_t handshake_of_others(uint16_t derived, uint32_t ago)
{
	struct flow_key key = key_of(CLIENT, CLIENT_PORT, RPC_PORT);
	struct handshake handshake = {
		.member = derived == 0 ? 1 : 0,
		.mode = MODE_NAT,
		.started = ticks_now() - ago,
	};

	assert_int_equal(bpf_map_update_elem(bpf_map__fd(box.bpf->maps.handshakes), &key,
					     &handshake, BPF_ANY),
			 0);
	return handshake.member;
}

/* A node that took over has no record yet, and may have kept what came of another connection. */
static void test_an_old_handshake_misleads_nobody(void **state UNUSED)
{
	struct frame frame;
	uint16_t derived = expect_to_member(&frame, client_sends(&frame, ACK | PSH, 9000, 1, 10));
	uint16_t other = handshake_of_others(derived, FLOW_HANDSHAKE_TICKS / 2);

	assert_int_equal(expect_to_member(&frame, client_sends(&frame, ACK | PSH, 9000, 1, 10)),
			 other);
	handshake_of_others(derived, FLOW_HANDSHAKE_TICKS + FLOW_TICKS_PER_SECOND);
	assert_int_equal(expect_to_member(&frame, client_sends(&frame, ACK | PSH, 9000, 1, 10)),
			 derived);
}

static void test_promotion_is_reported(void **state UNUSED)
{
	uint16_t slot = establish();

	harness_drain();
	assert_int_equal(box.events, 2);
	assert_int_equal(box.event[0].kind, EVENT_PIN_PUT);
	assert_int_equal(number_of(&box.event[0].key.client), CLIENT);
	assert_int_equal(box.event[0].pool_id, POOL_RPC_ID);
	assert_int_equal(number_of(&box.event[0].member), MEMBER_0 + slot);
	assert_int_equal(box.event[0].epoch, 7);
	assert_int_equal(box.event[1].kind, EVENT_FLOW_PUT);
	assert_int_equal(box.event[1].state, FLOW_ESTABLISHED);
	assert_int_equal(box.event[1].flags, 0);
	assert_int_equal(number_of(&box.event[1].member), MEMBER_0 + slot);
	assert_int_equal(box.event[1].key.vip_port, htons(RPC_PORT));
	assert_int_equal(box.event[1].client_ack, 5001);
	assert_int_equal(box.event[1].client_seq, 1001);
}

static void test_second_flow_reports_no_pin(void **state UNUSED)
{
	struct pin pin;

	establish();
	pin_read(CLIENT, POOL_RPC_ID, &pin);
	/* The pin is what makes this one go to the same member. */
	for (uint16_t port = 50000; port < 50003; port++) {
		struct segment segment = {
			.from = CLIENT, .to = VIP, .from_port = port, .to_port = 443, .flags = SYN
		};
		struct frame frame = frame_segment(&segment, false);

		expect_to_member(&frame, run_frame(&frame, box.outside));
		segment = (struct segment){ .from = MEMBER_0 + pin.member,
					    .to = CLIENT,
					    .from_port = 443,
					    .to_port = port,
					    .flags = SYN | ACK,
					    .seq = 9 };
		frame = frame_segment(&segment, true);
		run_frame(&frame, box.inside);
		segment = (struct segment){ .from = CLIENT,
					    .to = VIP,
					    .from_port = port,
					    .to_port = 443,
					    .flags = ACK,
					    .ack = 10 };
		frame = frame_segment(&segment, false);
		run_frame(&frame, box.outside);
	}
	assert_true(pin_read(CLIENT, POOL_RPC_ID, &pin));
	assert_int_equal(pin.flows, 4);
	assert_int_equal(gauges_now().pins, 1);
	assert_int_equal(gauges_now().flows, 4);
	harness_drain();
	assert_int_equal(box.events, 5); /* one pin, four flows */
}

static void test_promotion_replaces_a_dead_pin(void **state UNUSED)
{
	struct pin pin = { .member = SLOT_DRAINED };
	uint16_t slot;

	pin_write(CLIENT, POOL_RPC_ID, &pin);
	slot = establish();
	pin_read(CLIENT, POOL_RPC_ID, &pin);
	assert_int_equal(pin.member, slot);
	assert_int_equal(pin.flows, 1);
	harness_drain();
	assert_int_equal(box.event[0].kind, EVENT_PIN_PUT);
}

static void test_promotion_without_affinity_makes_no_pin(void **state UNUSED)
{
	struct segment segment = { TO_VIP, .to_port = 25, .flags = SYN };
	struct frame frame = frame_segment(&segment, false);
	uint16_t slot = expect_to_member(&frame, run_frame(&frame, box.outside));

	segment = (struct segment){ .from = MEMBER_0 + slot,
				    .to = CLIENT,
				    .from_port = 25,
				    .to_port = CLIENT_PORT,
				    .flags = SYN | ACK,
				    .seq = 9 };
	frame = frame_segment(&segment, true);
	expect_to_client(&frame, run_frame(&frame, box.inside));
	segment = (struct segment){ TO_VIP, .to_port = 25, .flags = ACK, .ack = 10 };
	frame = frame_segment(&segment, false);
	expect_to_member(&frame, run_frame(&frame, box.outside));
	assert_int_equal(gauges_now().flows, 1);
	assert_int_equal(gauges_now().pins, 0);
}

struct unproven {
	const char *name;
	uint8_t flags;
	uint32_t ack;
};

static const struct unproven unproven[] = {
	{ "an ACK of another number proves nothing", ACK, 5002 },
	{ "an ACK of the number before proves nothing", ACK, 5000 },
	{ "an RST with the right number proves nothing", RST | ACK, 5001 },
	{ "a segment without ACK proves nothing", PSH, 5001 },
};

static void test_unproven(void **state)
{
	const struct unproven *row = *state;
	struct frame frame;
	uint16_t slot = expect_to_member(&frame, client_sends(&frame, SYN, 1000, 0, 0));

	member_sends(&frame, slot, SYN | ACK, 5000, 1001);
	assert_int_equal(
		expect_to_member(&frame, client_sends(&frame, row->flags, 1001, row->ack, 0)),
		slot);
	assert_int_equal(gauges_now().flows, 0);
	assert_int_equal(count_of(COUNT_DERIVED), 0);
}

static void test_ack_before_the_syn_ack_proves_nothing(void **state UNUSED)
{
	struct frame frame;
	uint16_t slot = expect_to_member(&frame, client_sends(&frame, SYN, 1000, 0, 0));

	assert_int_equal(expect_to_member(&frame, client_sends(&frame, ACK, 1001, 0, 0)), slot);
	assert_int_equal(gauges_now().flows, 0);
}

static void test_data_may_prove(void **state UNUSED)
{
	struct flow_key key = key_of(CLIENT, CLIENT_PORT, RPC_PORT);
	struct frame frame;
	struct flow flow;
	uint16_t slot = expect_to_member(&frame, client_sends(&frame, SYN, 1000, 0, 0));

	member_sends(&frame, slot, SYN | ACK, 5000, 1001);
	client_sends(&frame, ACK | PSH, 1001, 5001, 100);
	assert_true(flow_read(&key, &flow));
	assert_int_equal(flow.client_seq, 1101);
	assert_int_equal(flow.bytes_in, frame_headers() + 100);
}

static void test_handshake_goes_on_after_drain(void **state UNUSED)
{
	struct frame frame;
	uint16_t slot = expect_to_member(&frame, client_sends(&frame, SYN, 1000, 0, 0));

	pool_set(POOL_RPC, 1, slot ? 1 : 2);
	maglev_set(POOL_RPC, 1, !slot, !slot);
	expect_to_client(&frame, member_sends(&frame, slot, SYN | ACK, 5000, 1001));
	assert_int_equal(expect_to_member(&frame, client_sends(&frame, ACK, 1001, 5001, 0)), slot);
	maglev_set(POOL_RPC, 1, 1, 1);
}

static int set_up(void **state UNUSED)
{
	return harness_open(4096, 1024);
}

static const struct {
	const char *name;
	CMUnitTestFunction test;
} cases[] = {
	{ "a SYN goes to its member and leaves a handshake", test_syn_goes_to_its_member },
	{ "IP options travel with the packet", test_syn_with_ip_options },
	{ "VLAN tags stay on the packet", test_syn_with_vlan_tags },
	{ "Ethernet padding is no part of the packet", test_syn_with_padding_behind_it },
	{ "a wrong checksum stays wrong", test_damage_is_not_mended },
	{ "a node that has let go forwards a SYN and forgets it", test_leaving_forwards_a_syn },
	{ "checksums are right for all sums", test_checksums_over_all_ports },
	{ "the right ACK makes flow, pin and gauges", test_promotion },
	{ "an old handshake misleads nobody", test_an_old_handshake_misleads_nobody },
	{ "pin and flow are reported, in this order", test_promotion_is_reported },
	{ "further flows share the pin and report no other", test_second_flow_reports_no_pin },
	{ "a dead pin moves with the new flow", test_promotion_replaces_a_dead_pin },
	{ "no pin in a pool without affinity", test_promotion_without_affinity_makes_no_pin },
	{ "an ACK before the SYN-ACK is no proof", test_ack_before_the_syn_ack_proves_nothing },
	{ "data with the right ACK is proof and is counted", test_data_may_prove },
	{ "a handshake outlives the drain of its member", test_handshake_goes_on_after_drain },
};

int main(void)
{
	struct plan plan = { 0 };

	if (!harness_may_run("inbound"))
		return 77;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		plan_case(&plan, cases[i].name, cases[i].test, NULL);
	for (size_t i = 0; i < sizeof(gates) / sizeof(*gates); i++) {
		plan_case(&plan, gates[i].name, test_gate, &gates[i]);
		plan_case(&plan, gates[i].name, test_gate_lets_known_flows_through, &gates[i]);
		plan_case(&plan, gates[i].name, test_gate_lets_unknown_flows_through, &gates[i]);
	}
	for (size_t i = 0; i < sizeof(unproven) / sizeof(*unproven); i++)
		plan_case(&plan, unproven[i].name, test_unproven, &unproven[i]);
	return plan_run("inbound", &plan, set_up);
}
