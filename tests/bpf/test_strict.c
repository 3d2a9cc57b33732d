// SPDX-License-Identifier: BSD-2-Clause
/*
 * Strict services: what tells a client that its connection is there waits until the peer has it.
 * The map `acked` and the reader of `held` are played here.
 */
#include "tests/bpf/harness.h"

enum { HELD_KEPT = 8, SOURCE = 0x0a0000c8, SLOT_SOURCE = 4 };

static struct flow_held kept[HELD_KEPT];
static unsigned int helds;
static struct ring_buffer *held;

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static int on_held(void *context UNUSED, void *data, size_t size)
{
	assert_int_equal(size, sizeof(struct flow_held));
	assert_true(helds < HELD_KEPT);
	memcpy(&kept[helds++], data, size);
	return 0;
}

/* How many packets wait since the last look. */
static unsigned int waiting(void)
{
	helds = 0;
	ring_buffer__consume(held);
	return helds;
}

static void service_set(uint8_t mode, uint8_t flags)
{
	struct flow_service service = { .pool = POOL_RPC,
					.flags = SERVICE_USED | flags,
					.mode = mode,
					.idle_ticks = IDLE_TICKS };

	service.vip[frame_family] = ip_of(VIP);
	service.sources[frame_family] = mode == MODE_SNAT;
	service.source[frame_family][0] = SLOT_SOURCE;
	map_set(box.bpf->maps.services, SERVICE_RPC, &service);
}

static struct flow_acked peer;

static void peer_set(void)
{
	map_set(box.bpf->maps.acked, 0, &peer);
}

/* A standby that has followed nothing yet, and lbd reads. */
static void strict_begin(uint8_t mode, uint8_t flags)
{
	static const struct flow_lost none;

	map_clear(box.bpf->maps.stricts);
	map_set(box.bpf->maps.lost, 0, &none);
	service_set(mode, SERVICE_STRICT | flags);
	peer = (struct flow_acked){ .synced_ns = now_ns(), .reader_ns = now_ns() };
	peer_set();
	waiting();
}

/* The standby has everything that was reported so far. */
static void peer_follows(void)
{
	harness_drain();
	peer.position = UINT64_MAX / 2;
	peer_set();
}

static bool the_flow(struct flow *flow)
{
	struct flow_key key = key_of(CLIENT, CLIENT_PORT, RPC_PORT);

	return flow_read(&key, flow);
}

static int synack(struct frame *frame)
{
	return member_sends(frame, 0, SYN | ACK, 5000, 1001);
}

static void opens(void)
{
	struct frame frame;

	/* All clients go to the first member here. */
	assert_int_equal(expect_to_member(&frame, client_sends(&frame, SYN, 1000, 0, 0)), 0);
}

static void test_syn_is_recorded(void **state UNUSED)
{
	struct flow flow;

	strict_begin(MODE_NAT, 0);
	opens();
	assert_true(the_flow(&flow));
	assert_int_equal(flow.flags, FLOW_BEGUN);
	assert_int_equal(count_of(COUNT_STRICT), 1);
	assert_int_equal(count_of(COUNT_EXACT), 0);
	harness_drain();
	assert_int_equal(box.events, 1);
	assert_int_equal(box.event[0].kind, EVENT_FLOW_PUT);
	assert_int_equal(box.event[0].urgent, 1);
	/* Passive checks see it as they see the others. */
	assert_int_equal(stats_now(0).syns, 1);
	assert_int_equal(stats_now(0).silent, 1);
}

/* 0 stands for no number, and half of all numbers are not after it. */
static void test_numbers_in_the_upper_half(void **state UNUSED)
{
	struct frame frame;
	struct flow flow;

	strict_begin(MODE_NAT, 0);
	/* A SYN acknowledges nothing, whatever the field holds. */
	expect_to_member(&frame, client_sends(&frame, SYN, 1000, 77, 0));
	assert_true(the_flow(&flow));
	assert_int_equal(flow.client_ack, 0);
	assert_int_equal(flow.client_seq, 1001);
	expect_to_member(&frame, client_sends(&frame, ACK, 1001, 0x90000001, 9));
	assert_true(the_flow(&flow));
	assert_int_equal(flow.client_ack, 0x90000001);
	assert_int_equal(flow.client_seq, 1010);
}

static void test_answer_waits(void **state UNUSED)
{
	struct frame frame, copy;

	strict_begin(MODE_NAT, 0);
	opens();
	assert_int_equal(synack(&frame), XDP_DROP);
	assert_int_equal(waiting(), 1);
	assert_int_equal(kept[0].ifindex, box.outside);
	assert_int_equal(kept[0].require, 0);
	assert_true(kept[0].position > 0);
	copy = frame;
	copy.size = kept[0].length;
	memcpy(copy.bytes, kept[0].frame, kept[0].length);
	/* As it is to be sent. */
	expect_to_client(&copy, XDP_REDIRECT);
	assert_int_equal(count_of(COUNT_STRICT_HELD), 1);
	assert_int_equal(count_of_service(SERVICE_RPC, SERVICE_WAITED), 1);
	assert_int_equal(stats_now(0).silent, 0);
}

static void test_peer_was_faster(void **state UNUSED)
{
	struct frame frame;

	strict_begin(MODE_NAT, SERVICE_REQUIRE);
	opens();
	peer_follows();
	expect_to_client(&frame, synack(&frame));
	assert_int_equal(waiting(), 0);
	assert_int_equal(count_of(COUNT_STRICT_AT_ONCE), 1);
}

/* Where the record lies, and not a byte before. */
static void test_position_is_exact(void **state UNUSED)
{
	struct frame frame;
	uint64_t position;

	strict_begin(MODE_NAT, SERVICE_REQUIRE);
	opens();
	assert_int_equal(synack(&frame), XDP_DROP);
	assert_int_equal(waiting(), 1);
	position = kept[0].position;
	harness_drain();
	peer.position = position - 1;
	peer_set();
	assert_int_equal(synack(&frame), XDP_DROP);
	peer.position = position;
	peer_set();
	expect_to_client(&frame, synack(&frame));
}

static void test_again_waits_once(void **state UNUSED)
{
	struct frame frame;

	strict_begin(MODE_NAT, 0);
	opens();
	assert_int_equal(synack(&frame), XDP_DROP);
	opens();
	assert_int_equal(synack(&frame), XDP_DROP);
	assert_int_equal(waiting(), 1);
	assert_int_equal(count_of(COUNT_STRICT_AGAIN), 1);
	assert_int_equal(count_of_service(SERVICE_RPC, SERVICE_WITHHELD), 1);
	assert_int_equal(count_of(COUNT_STRICT), 1);
	peer_follows();
	expect_to_client(&frame, synack(&frame));
	assert_int_equal(stats_now(0).syns, 2);
}

static void test_lost_events_are_not_followed(void **state UNUSED)
{
	static const struct flow_lost one = { .events = 1 };
	struct frame frame;

	strict_begin(MODE_NAT, SERVICE_REQUIRE);
	opens();
	peer_follows();
	map_set(box.bpf->maps.lost, 0, &one);
	assert_int_equal(synack(&frame), XDP_DROP);
	assert_int_equal(waiting(), 1);
	peer.lost = 1;
	peer_set();
	expect_to_client(&frame, synack(&frame));
}

static void alone(uint64_t synced_ns)
{
	struct frame frame;

	strict_begin(MODE_NAT, SERVICE_REQUIRE);
	peer.synced_ns = synced_ns;
	peer_set();
	opens();
	expect_to_client(&frame, synack(&frame));
	assert_int_equal(waiting(), 0);
	assert_int_equal(count_of(COUNT_STRICT_ALONE), 1);
}

static void test_nobody_to_wait_for(void **state UNUSED)
{
	alone(0);
}

/* Nobody takes its last word back for a syncd that was killed. */
static void test_syncd_is_dead(void **state UNUSED)
{
	alone(now_ns() - FLOW_STALE_NS - 1000000);
}

static void lbd_is_dead(uint8_t flags, int verdict)
{
	struct frame frame;

	strict_begin(MODE_NAT, flags);
	peer.reader_ns -= FLOW_STALE_NS + 1000000;
	peer_set();
	opens();
	assert_int_equal(synack(&frame), verdict);
	assert_int_equal(waiting(), 0);
	assert_int_equal(count_of(COUNT_STRICT_UNREAD), 1);
	/* TCP does without lbd: what comes again passes as soon as it may. */
	peer_follows();
	expect_to_client(&frame, synack(&frame));
}

static void test_lbd_is_dead(void **state UNUSED)
{
	lbd_is_dead(0, XDP_REDIRECT);
}

static void test_lbd_is_dead_required(void **state UNUSED)
{
	lbd_is_dead(SERVICE_REQUIRE, XDP_DROP);
}

/* More packets than have room. */
static void ring_is_full(uint8_t flags, int verdict)
{
	struct segment syn = {
		.from = CLIENT, .to = VIP, .to_port = RPC_PORT, .flags = SYN, .seq = 1000
	};
	struct segment answer = { .from = MEMBER_0,
				  .to = CLIENT,
				  .from_port = RPC_PORT,
				  .flags = SYN | ACK,
				  .seq = 5000,
				  .ack = 1001 };
	const unsigned int fits = HELD_RING / (sizeof(struct flow_held) + 8);
	struct frame frame;
	int last = XDP_PASS;

	strict_begin(MODE_NAT, flags);
	for (uint16_t port = 1024; port <= 1024 + fits; port++) {
		syn.from_port = answer.to_port = port;
		frame = frame_segment(&syn, false);
		assert_int_equal(run_frame(&frame, box.outside), XDP_REDIRECT);
		frame = frame_segment(&answer, true);
		last = run_frame(&frame, box.inside);
	}
	assert_int_equal(last, verdict);
	assert_true(count_of(COUNT_STRICT_FULL) > 0);
	assert_in_range(count_of(COUNT_STRICT_HELD), 1, fits);
}

static int discard(void *context UNUSED, void *data UNUSED, size_t size UNUSED)
{
	return 0;
}

/* Empties the ring, whatever it holds. */
static void throw_away(void)
{
	struct ring_buffer *all = ring_buffer__new(bpf_map__fd(box.bpf->maps.held), discard, NULL,
						   NULL);

	assert_non_null(all);
	ring_buffer__consume(all);
	ring_buffer__free(all);
	ring_buffer__free(held);
	held = ring_buffer__new(bpf_map__fd(box.bpf->maps.held), on_held, NULL, NULL);
	assert_non_null(held);
}

static void test_no_room(void **state UNUSED)
{
	ring_is_full(0, XDP_REDIRECT);
	throw_away();
}

static void test_no_room_required(void **state UNUSED)
{
	ring_is_full(SERVICE_REQUIRE, XDP_DROP);
	throw_away();
}

/* What is too long for the ring is the sender's to repeat. */
static void test_long_answer(void **state UNUSED)
{
	struct segment answer = { .from = MEMBER_0,
				  .to = CLIENT,
				  .from_port = RPC_PORT,
				  .to_port = CLIENT_PORT,
				  .flags = SYN | ACK,
				  .seq = 5000,
				  .ack = 1001,
				  .payload = 100 };
	struct frame frame;

	strict_begin(MODE_NAT, SERVICE_REQUIRE);
	opens();
	frame = frame_segment(&answer, true);
	assert_int_equal(run_frame(&frame, box.inside), XDP_DROP);
	assert_int_equal(waiting(), 0);
	assert_int_equal(count_of(COUNT_STRICT_FULL), 1);
}

static void limit_is_reached(void)
{
	struct exact {
		uint32_t second, count;
	};
	int cpus = libbpf_num_possible_cpus();
	struct exact *each = calloc((size_t)cpus, sizeof(*each));

	assert_non_null(each);
	for (int i = 0; i < cpus; i++)
		each[i] = (struct exact){ ticks_now() / FLOW_TICKS_PER_SECOND, 1 << 20 };
	map_set(box.bpf->maps.exact_paces, 0, each);
	free(each);
}

/* The limit is that of a second, which may end in between. */
static void beyond_the_limit(uint8_t flags, int verdict)
{
	struct frame frame;
	struct flow flow;
	int said = 0;

	for (unsigned int i = 0; i < 3; i++) {
		harness_reset(NULL);
		strict_begin(MODE_NAT, flags);
		limit_is_reached();
		said = client_sends(&frame, SYN, 1000, 0, 0);
		if (count_of(COUNT_STRICT_LIMITED))
			break;
	}
	assert_int_equal(said, verdict);
	assert_int_equal(count_of(COUNT_STRICT_LIMITED), 1);
	assert_false(the_flow(&flow));
	if (verdict == XDP_DROP)
		return;
	/* As with any other service. */
	expect_to_client(&frame, synack(&frame));
	expect_to_member(&frame, client_sends(&frame, ACK, 1001, 5001, 0));
	assert_true(the_flow(&flow));
}

static void test_too_many(void **state UNUSED)
{
	beyond_the_limit(0, XDP_REDIRECT);
}

static void test_too_many_required(void **state UNUSED)
{
	beyond_the_limit(SERVICE_REQUIRE, XDP_DROP);
}

static void test_refusal_passes(void **state UNUSED)
{
	struct frame frame;
	struct flow flow;

	strict_begin(MODE_NAT, SERVICE_REQUIRE);
	opens();
	expect_to_client(&frame, member_sends(&frame, 0, RST | ACK, 0, 1001));
	assert_true(the_flow(&flow));
	assert_int_equal(flow.state, FLOW_RESET);
	assert_int_equal(stats_now(0).refusals, 1);
}

static void test_then_it_is_any_flow(void **state UNUSED)
{
	struct frame frame;
	struct flow flow;

	strict_begin(MODE_NAT, SERVICE_REQUIRE);
	opens();
	assert_int_equal(synack(&frame), XDP_DROP);
	assert_int_equal(expect_to_member(&frame, client_sends(&frame, ACK, 1001, 5001, 0)), 0);
	assert_true(the_flow(&flow));
	assert_int_equal(flow.flags, 0);
	assert_int_equal(flow.state, FLOW_ESTABLISHED);
	expect_to_client(&frame, member_sends(&frame, 0, ACK | PSH, 5001, 1001));
}

/* Of the same ports: it waits for its own record. */
static void test_ports_used_again(void **state UNUSED)
{
	struct frame frame;
	uint64_t position;

	strict_begin(MODE_NAT, SERVICE_REQUIRE);
	opens();
	assert_int_equal(synack(&frame), XDP_DROP);
	assert_int_equal(waiting(), 1);
	position = kept[0].position;
	member_sends(&frame, 0, RST | ACK, 0, 1001);
	opens();
	peer.position = position;
	peer_set();
	assert_int_equal(synack(&frame), XDP_DROP);
	assert_int_equal(waiting(), 1);
	assert_true(kept[0].position > position);
}

/* An entry that was forgotten makes it wait longer, never shorter. */
static void test_what_is_forgotten_waits(void **state UNUSED)
{
	struct frame frame;

	strict_begin(MODE_NAT, SERVICE_REQUIRE);
	opens();
	map_clear(box.bpf->maps.stricts);
	assert_int_equal(synack(&frame), XDP_DROP);
	assert_int_equal(waiting(), 1);
	assert_int_equal(synack(&frame), XDP_DROP);
	assert_int_equal(waiting(), 0);
	peer_follows();
	expect_to_client(&frame, synack(&frame));
}

/* The standby that has taken over knows it by its record, and makes the pin when it is more. */
static void test_after_a_takeover(void **state UNUSED)
{
	struct flow_key key = key_of(CLIENT, CLIENT_PORT, RPC_PORT);
	struct flow flow = { .state = FLOW_ESTABLISHED,
			     .flags = FLOW_REPLICA,
			     .member = 1,
			     .last_seen = ticks_now(),
			     .created = ticks_now() };
	struct frame frame;
	struct pin pin;

	strict_begin(MODE_NAT, SERVICE_REQUIRE);
	peer_follows();
	flow_write(&key, &flow);
	assert_int_equal(expect_to_member(&frame, client_sends(&frame, SYN, 1000, 0, 0)), 1);
	expect_to_client(&frame, member_sends(&frame, 1, SYN | ACK, 5000, 1001));
	assert_int_equal(waiting(), 0);
	assert_true(the_flow(&flow));
	assert_int_equal(flow.flags, FLOW_BEGUN);
	assert_int_equal(gauges_now().pins, 0);
	assert_int_equal(expect_to_member(&frame, client_sends(&frame, ACK, 1001, 5001, 0)), 1);
	assert_true(the_flow(&flow));
	assert_int_equal(flow.flags, 0);
	assert_int_equal(flow.pool_id, POOL_RPC_ID);
	assert_true(pin_read(CLIENT, POOL_RPC_ID, &pin));
	assert_int_equal(pin.member, 1);
	assert_int_equal(pin.flows, 1);
}

/* A new standby has to follow first. */
static void test_after_a_takeover_with_another(void **state UNUSED)
{
	struct flow_key key = key_of(CLIENT, CLIENT_PORT, RPC_PORT);
	struct flow flow = { .state = FLOW_ESTABLISHED,
			     .flags = FLOW_REPLICA,
			     .member = 0,
			     .last_seen = ticks_now(),
			     .created = ticks_now() };
	struct frame frame;

	strict_begin(MODE_NAT, SERVICE_REQUIRE);
	flow_write(&key, &flow);
	opens();
	assert_int_equal(synack(&frame), XDP_DROP);
	peer_follows();
	expect_to_client(&frame, synack(&frame));
}

/* It shows nothing that a reset comes in between, nor that the member is the first to go on. */
static void test_a_copy_makes_its_pin(void **state UNUSED)
{
	struct flow_key key = key_of(CLIENT, CLIENT_PORT, RPC_PORT);
	struct flow flow = { .state = FLOW_ESTABLISHED,
			     .flags = FLOW_REPLICA,
			     .member = 0,
			     .last_seen = ticks_now(),
			     .created = ticks_now() };
	struct frame frame;
	struct pin pin;

	for (int member_first = 0; member_first < 2; member_first++) {
		strict_begin(MODE_NAT, 0);
		flow_write(&key, &flow);
		client_sends(&frame, RST, 1001, 0, 0);
		assert_int_equal(gauges_now().pins, (uint64_t)member_first);
		if (member_first)
			expect_to_client(&frame, member_sends(&frame, 0, ACK | PSH, 5001, 1001));
		else
			expect_to_member(&frame, client_sends(&frame, ACK | FIN, 1001, 5001, 0));
		assert_true(pin_read(CLIENT, POOL_RPC_ID, &pin));
		assert_int_equal(pin.flows, member_first + 1);
	}
}

/* Whether the client had acknowledged to the dead node its member knows: it asks it no more then. */
static void test_a_copy_that_is_not_acknowledged(void **state UNUSED)
{
	struct flow_key key = key_of(CLIENT, CLIENT_PORT, RPC_PORT);
	struct flow flow = { .state = FLOW_ESTABLISHED,
			     .flags = FLOW_REPLICA,
			     .member = 0,
			     .last_seen = ticks_now(),
			     .created = ticks_now() };
	struct frame frame;

	strict_begin(MODE_NAT, SERVICE_REQUIRE);
	peer_follows();
	flow_write(&key, &flow);
	expect_to_client(&frame, member_sends(&frame, 0, ACK | PSH, 5001, 1001));
	assert_true(the_flow(&flow));
	assert_int_equal(flow.flags, 0);
	flow.flags = FLOW_REPLICA;
	flow_write(&key, &flow);
	expect_to_client(&frame, synack(&frame));
	assert_true(the_flow(&flow));
	assert_int_equal(flow.flags, FLOW_BEGUN);
	assert_int_equal(expect_to_member(&frame, client_sends(&frame, ACK, 1001, 5001, 0)), 0);
	assert_true(the_flow(&flow));
	assert_int_equal(flow.flags, 0);
}

/* The other node took the SYN and died before it told of it: the client must ask once more. */
static void test_nobody_asked(void **state UNUSED)
{
	struct frame frame;
	struct flow flow;

	/* Of any other service it passes. */
	assert_int_not_equal(synack(&frame), XDP_DROP);
	assert_int_equal(count_of(COUNT_STATELESS_OUT), 1);
	strict_begin(MODE_NAT, 0);
	assert_int_equal(synack(&frame), XDP_DROP);
	assert_int_equal(count_of(COUNT_STRICT_AGAIN), 1);
	assert_int_equal(waiting(), 0);
	assert_false(the_flow(&flow));
	opens();
	assert_true(the_flow(&flow));
	peer_follows();
	assert_int_not_equal(synack(&frame), XDP_DROP);
}

static void test_dsr_holds_the_syn(void **state UNUSED)
{
	struct frame frame;
	struct flow flow;

	strict_begin(MODE_DSR, SERVICE_REQUIRE);
	assert_int_equal(client_sends(&frame, SYN, 1000, 0, 0), XDP_DROP);
	assert_true(the_flow(&flow));
	assert_int_equal(waiting(), 1);
	assert_int_equal(kept[0].ifindex, box.inside);
	assert_memory_equal(kept[0].frame, MAC_MEMBER, 5);
	assert_int_equal(client_sends(&frame, SYN, 1000, 0, 0), XDP_DROP);
	assert_int_equal(waiting(), 0);
	peer_follows();
	assert_int_equal(client_sends(&frame, SYN, 1000, 0, 0), XDP_REDIRECT);
	assert_memory_equal(frame.bytes, MAC_MEMBER, 5);
	assert_int_equal(client_sends(&frame, ACK, 1001, 5001, 0), XDP_REDIRECT);
}

/* Recorded at its SYN: who then sends any number is no more than one who says that he is there. */
static void test_dsr_one_number_is_a_claim(void **state UNUSED)
{
	struct frame frame;
	struct flow flow;

	strict_begin(MODE_DSR, 0);
	assert_int_equal(client_sends(&frame, SYN, 1000, 0, 0), XDP_DROP);
	peer_follows();
	assert_int_equal(client_sends(&frame, ACK, 1001, 0x90000001, 0), XDP_REDIRECT);
	assert_true(the_flow(&flow));
	assert_int_equal(flow.state, FLOW_CLAIMED);
	assert_int_equal(client_sends(&frame, ACK, 1001, 0x90000101, 0), XDP_REDIRECT);
	assert_true(the_flow(&flow));
	assert_int_equal(flow.state, FLOW_ESTABLISHED);
}

static void test_snat_waits(void **state UNUSED)
{
	static const struct flow_source_stats none;
	const struct flow_source source = { .addr = ip_of(SOURCE),
					    .first = FLOW_SOURCE_FIRST,
					    .ports = 60000,
					    .flags = SOURCE_USED };
	struct flow_role_table *table = calloc(1, sizeof(*table));
	struct segment answer = { .from = MEMBER_0,
				  .to = SOURCE,
				  .from_port = RPC_PORT,
				  .flags = SYN | ACK,
				  .seq = 5000,
				  .ack = 1001 };
	struct frame frame;
	uint32_t one = 1;

	assert_non_null(table);
	bpf_map_lookup_elem(bpf_map__fd(box.bpf->maps.roles), &one, table);
	role_set(table, SOURCE, ROLE_SOURCE, SLOT_SOURCE);
	map_set(box.bpf->maps.roles, 1, table);
	free(table);
	map_set(box.bpf->maps.sources, SLOT_SOURCE, &source);
	map_set(box.bpf->maps.source_stats, SLOT_SOURCE, &none);
	strict_begin(MODE_SNAT, 0);
	assert_int_equal(expect_to_member(&frame, client_sends(&frame, SYN, 1000, 0, 0)), 0);
	answer.to_port = ntohs(frame_tcp(&frame)->source);
	frame = frame_segment(&answer, true);
	assert_int_equal(run_frame(&frame, box.inside), XDP_DROP);
	assert_int_equal(waiting(), 1);
	peer_follows();
	frame = frame_segment(&answer, true);
	expect_to_client(&frame, run_frame(&frame, box.inside));
	harness_roles();
}

static void test_release_sends(void **state UNUSED)
{
	struct frame frame;
	struct __sk_buff context = { 0 };
	struct bpf_test_run_opts run = { .sz = sizeof(run),
					 .ctx_in = &context,
					 .ctx_size_in = sizeof(context) };

	strict_begin(MODE_NAT, 0);
	opens();
	assert_int_equal(synack(&frame), XDP_DROP);
	assert_int_equal(waiting(), 1);
	context.cb[0] = kept[0].ifindex;
	run.data_in = kept[0].frame;
	run.data_size_in = kept[0].length;
	assert_int_equal(
		bpf_prog_test_run_opts(bpf_program__fd(box.bpf->progs.caspair_release), &run), 0);
	assert_int_equal(run.retval, 0);
	context.cb[0] = 4711;
	assert_int_equal(
		bpf_prog_test_run_opts(bpf_program__fd(box.bpf->progs.caspair_release), &run), 0);
	assert_int_not_equal(run.retval, 0);
}

static int set_up(void **state UNUSED)
{
	int error = harness_open(16384, 1024);

	if (error)
		return error;
	maglev_set(POOL_RPC, 0, 0, 0);
	ring_buffer__free(held);
	held = ring_buffer__new(bpf_map__fd(box.bpf->maps.held), on_held, NULL, NULL);
	return held ? 0 : -errno;
}

static const struct {
	const char *name;
	CMUnitTestFunction test;
} cases[] = {
	{ "a flow is recorded at its SYN", test_syn_is_recorded },
	{ "numbers in the upper half are known too", test_numbers_in_the_upper_half },
	{ "its SYN-ACK waits", test_answer_waits },
	{ "not when the peer was faster", test_peer_was_faster },
	{ "for its own record, exactly", test_position_is_exact },
	{ "once, however often it comes", test_again_waits_once },
	{ "what was lost is not followed", test_lost_events_are_not_followed },
	{ "without a standby nobody waits", test_nobody_to_wait_for },
	{ "without syncd neither", test_syncd_is_dead },
	{ "without lbd it passes", test_lbd_is_dead },
	{ "without lbd it is dropped where required", test_lbd_is_dead_required },
	{ "without room it passes", test_no_room },
	{ "without room it is dropped where required", test_no_room_required },
	{ "a long answer is the sender's to repeat", test_long_answer },
	{ "too many at once go like others", test_too_many },
	{ "too many at once are dropped where required", test_too_many_required },
	{ "a refusal passes", test_refusal_passes },
	{ "acknowledged, it is any flow", test_then_it_is_any_flow },
	{ "ports used again wait again", test_ports_used_again },
	{ "what is forgotten waits", test_what_is_forgotten_waits },
	{ "after a takeover the record answers", test_after_a_takeover },
	{ "and waits for a standby that is there", test_after_a_takeover_with_another },
	{ "a copy makes its pin", test_a_copy_makes_its_pin },
	{ "a copy whose member still answers a SYN is begun", test_a_copy_that_is_not_acknowledged },
	{ "what nobody asked for is dropped", test_nobody_asked },
	{ "in DSR the SYN waits", test_dsr_holds_the_syn },
	{ "one number is a claim in DSR", test_dsr_one_number_is_a_claim },
	{ "in SNAT the SYN-ACK does", test_snat_waits },
	{ "a packet is released", test_release_sends },
};

int main(void)
{
	struct plan plan = { 0 };

	if (!harness_may_run("strict"))
		return 77;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		plan_case(&plan, cases[i].name, cases[i].test, NULL);
	return plan_run("strict", &plan, set_up);
}
