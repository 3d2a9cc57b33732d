// SPDX-License-Identifier: BSD-2-Clause
/* Resets: those that lbd orders, and those that answer a packet. */
#include "tests/bpf/harness.h"

#include <linux/if_packet.h>
#include <sys/socket.h>

enum { SECOND = FLOW_TICKS_PER_SECOND, SENT_MAX = 8 };

/* --- what the node really sends, as the other ends of its links see it --- */

static int listen_on(const char *device)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, htons(ETH_P_ALL));

	at.sll_ifindex = (int)if_nametoindex(device);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

/* The TCP frames that came in since; how many. */
static unsigned int hear(int fd, struct frame *frame)
{
	unsigned int count = 0;
	struct sockaddr_ll from;
	socklen_t length = sizeof(from);
	ssize_t size;

	while (count < SENT_MAX) {
		size = recvfrom(fd, frame[count].bytes, sizeof(frame->bytes), 0,
				(struct sockaddr *)&from, &length);
		if (size < 0)
			break;
		frame[count].size = (uint32_t)size;
		if (from.sll_pkttype != PACKET_OUTGOING && (uint32_t)size == 14 + frame_headers())
			count++;
	}
	close(fd);
	return count;
}

struct sent {
	struct frame client[SENT_MAX], member[SENT_MAX];
	unsigned int to_client, to_member;
};

static struct sent sent;

/* Has `count` orders from the inbox carried out. */
static void carry_out(uint32_t first, uint32_t count)
{
	int outside = listen_on("out1"), inside = listen_on("in1");

	run_orders(first, count);
	sent.to_client = hear(outside, sent.client);
	sent.to_member = hear(inside, sent.member);
}

static void order(uint32_t index, const struct flow_key *key, uint8_t reason)
{
	struct flow_event event = { .kind = EVENT_FLOW_DEL, .apply = reason, .key = *key };

	map_set(box.bpf->maps.sweep_inbox, index, &event);
}

static bool carried_out(uint32_t index)
{
	struct flow_event event = { 0 };

	bpf_map_lookup_elem(bpf_map__fd(box.bpf->maps.sweep_inbox), &index, &event);
	return event.state == 1;
}

static struct flow_key usual(void)
{
	return key_of(CLIENT, CLIENT_PORT, RPC_PORT);
}

static bool reset_usual(uint8_t reason)
{
	struct flow_key key = usual();

	order(0, &key, reason);
	carry_out(0, 1);
	return carried_out(0);
}

struct wire {
	uint32_t from, to;
	uint16_t from_port, to_port;
	uint8_t flags;
	uint32_t seq, ack;
};

static void expect_wire(struct frame *frame, const struct wire *is)
{
	const struct tcphdr *tcp = frame_tcp(frame);

	expect_checksums(frame);
	assert_int_equal(frame_ip_bytes(frame), frame_headers());
	assert_int_equal(frame_head(frame), frame_headers() - 20);
	assert_int_equal(frame_from(frame), is->from);
	assert_int_equal(frame_to(frame), is->to);
	assert_int_equal(ntohs(tcp->source), is->from_port);
	assert_int_equal(ntohs(tcp->dest), is->to_port);
	assert_int_equal(((const uint8_t *)tcp)[13], is->flags);
	assert_int_equal(ntohl(tcp->seq), is->seq);
	assert_int_equal(ntohl(tcp->ack_seq), is->ack);
	assert_int_equal(tcp->doff, 5);
	assert_int_equal(frame_ttl(frame), 64);
}

/* A reset and its probe at each end, by the numbers of the client's last packet. */
static void expect_told(uint16_t slot, uint32_t client_ack, uint32_t client_seq)
{
	struct wire to_client = { VIP, CLIENT, RPC_PORT, CLIENT_PORT, RST, client_ack, 0 };
	struct wire to_member = {
		CLIENT, MEMBER_0 + slot, CLIENT_PORT, RPC_PORT, RST, client_seq, 0
	};

	assert_int_equal(sent.to_client, 2);
	assert_int_equal(sent.to_member, 2);
	expect_wire(&sent.client[0], &to_client);
	expect_wire(&sent.member[0], &to_member);
	to_client.flags = to_member.flags = ACK;
	to_client.seq--;
	to_member.seq--;
	to_client.ack = client_seq;
	to_member.ack = client_ack;
	expect_wire(&sent.client[1], &to_client);
	expect_wire(&sent.member[1], &to_member);
	for (int i = 0; i < 2; i++) {
		assert_memory_equal(sent.client[i].bytes, MAC_ROUTER, 6);
		assert_memory_equal(sent.client[i].bytes + 6, MAC_OUT0, 6);
		assert_memory_equal(sent.member[i].bytes, MAC_MEMBER, 5);
		assert_int_equal(sent.member[i].bytes[5], slot);
		assert_memory_equal(sent.member[i].bytes + 6, MAC_IN0, 6);
	}
}

/* --- orders --- */

static void test_both_ends_are_told(void **state UNUSED)
{
	struct flow_key key = usual();
	uint16_t slot = establish();
	struct frame frame;
	struct flow flow;

	client_sends(&frame, ACK | PSH, 1001, 5001, 100);
	client_sends(&frame, ACK, 1101, 5301, 0);
	assert_true(reset_usual(RESET_MEMBER));
	expect_told(slot, 5301, 1101);
	assert_int_equal(count_of(COUNT_RESET_FLOWS), 1);
	assert_int_equal(count_of(COUNT_RESET_UNSENT), 0);
	assert_true(flow_read(&key, &flow));
	assert_int_equal(flow.state, FLOW_RESET);
	assert_int_equal(flow.flags, FLOW_DOOMED);
	assert_int_equal(flow.pool_id, 0);
	assert_int_equal(gauges_now().flows, 1);
}

/* A second connection of the usual client, from the next port. */
static struct flow_key establish_second(uint16_t slot)
{
	const struct segment segments[] = {
		{ CLIENT, VIP, CLIENT_PORT + 1, RPC_PORT, .flags = SYN, .seq = 2000 },
		{ MEMBER_0 + slot, CLIENT, RPC_PORT, CLIENT_PORT + 1, .flags = SYN | ACK,
		  .seq = 6000, .ack = 2001 },
		{ CLIENT, VIP, CLIENT_PORT + 1, RPC_PORT, .flags = ACK, .seq = 2001, .ack = 6001 },
	};
	struct flow_key key = key_of(CLIENT, CLIENT_PORT + 1, RPC_PORT);
	struct frame frame;

	for (int i = 0; i < 3; i++) {
		frame = frame_segment(&segments[i], i == 1);
		run_frame(&frame, i == 1 ? box.inside : box.outside);
	}
	assert_true(flow_read(&key, &(struct flow){ 0 }));
	return key;
}

static void test_the_pin_goes_with_the_last_flow(void **state UNUSED)
{
	struct flow_key second = establish_second(establish());
	struct pin pin;

	harness_drain();
	box.events = 0;
	assert_true(reset_usual(RESET_MEMBER));
	assert_true(pin_read(CLIENT, POOL_RPC_ID, &pin));
	assert_int_equal(pin.flows, 1);
	order(0, &second, RESET_MEMBER);
	carry_out(0, 1);
	assert_true(carried_out(0));
	assert_false(pin_read(CLIENT, POOL_RPC_ID, &pin));
	assert_int_equal(gauges_now().pins, 0);
	harness_drain();
	assert_int_equal(box.events, 3);
	assert_int_equal(box.event[0].kind, EVENT_FLOW_PUT);
	assert_int_equal(box.event[0].flags, FLOW_DOOMED);
	assert_int_equal(box.event[0].state, FLOW_RESET);
	assert_int_equal(box.event[1].kind, EVENT_FLOW_PUT);
	assert_int_equal(box.event[2].kind, EVENT_PIN_DEL);
}

/*
 * A member that is being drained is up.  The client is back before all of its flows have ended: it
 * goes elsewhere all the same, and the pin counts old and new ones to the end.
 */
static void test_who_is_back_early_goes_elsewhere(void **state UNUSED)
{
	uint16_t slot = establish();
	struct flow_key second = establish_second(slot);
	struct frame frame;
	struct pin pin;

	assert_true(reset_usual(RESET_MEMBER));
	assert_true(pin_read(CLIENT, POOL_RPC_ID, &pin));
	assert_int_equal(pin.member, FLOW_NO_MEMBER);
	/* Its weight is 0: the table knows the other only. */
	maglev_set(POOL_RPC, 1, !slot, !slot);
	pool_set(POOL_RPC, 1, 7);
	assert_int_equal(expect_to_member(&frame, client_sends(&frame, SYN, 9000, 0, 0)), !slot);
	member_sends(&frame, !slot, SYN | ACK, 7000, 9001);
	client_sends(&frame, ACK, 9001, 7001, 0);
	assert_true(pin_read(CLIENT, POOL_RPC_ID, &pin));
	assert_int_equal(pin.member, !slot);
	assert_int_equal(pin.flows, 2);
	/* The end of the old one leaves the new pin alone. */
	order(0, &second, RESET_MEMBER);
	carry_out(0, 1);
	assert_true(carried_out(0));
	assert_true(pin_read(CLIENT, POOL_RPC_ID, &pin));
	assert_int_equal(pin.member, !slot);
	assert_int_equal(pin.flows, 1);
	maglev_set(POOL_RPC, 1, 1, 1);
}

static void test_the_next_syn_goes_elsewhere(void **state UNUSED)
{
	uint16_t slot = establish();
	struct frame frame;

	reset_usual(RESET_MEMBER);
	/* Down: both pools lose the slot, and the other half of the table knows the other only. */
	maglev_set(POOL_RPC, 1, !slot, !slot);
	pool_set(POOL_RPC, 1, 7 & ~(1u << slot));
	assert_int_equal(expect_to_member(&frame, client_sends(&frame, SYN, 9000, 0, 0)), !slot);
	maglev_set(POOL_RPC, 1, 1, 1);
}

static void test_idle_is_looked_at_again(void **state UNUSED)
{
	struct flow_key key = usual();
	uint16_t slot = establish();
	struct flow flow;
	struct pin pin;

	assert_false(reset_usual(RESET_IDLE));
	assert_int_equal(sent.to_client + sent.to_member, 0);
	flow_read(&key, &flow);
	flow.last_seen = ticks_now() - IDLE_TICKS - 2 * SECOND;
	flow_write(&key, &flow);
	assert_true(reset_usual(RESET_IDLE));
	expect_told(slot, 5001, 1001);
	assert_int_equal(count_of(COUNT_EXPIRED_IDLE), 1);
	/* It is the same client still. */
	assert_true(pin_read(CLIENT, POOL_RPC_ID, &pin));
	assert_int_equal(pin.flows, 0);
}

/* One whose bind is not accepted may come back where it was. */
static void test_open_bind_keeps_its_pin(void **state UNUSED)
{
	uint16_t slot = establish();
	struct pin pin;

	assert_true(reset_usual(RESET_OPEN_BIND));
	expect_told(slot, 5001, 1001);
	assert_true(pin_read(CLIENT, POOL_RPC_ID, &pin));
	assert_int_equal(pin.member, slot);
	assert_int_equal(pin.flows, 0);
	assert_false(reset_usual(RESET_OPEN_BIND));
}

static void test_again_until_heard(void **state UNUSED)
{
	uint16_t slot = establish();
	struct frame frame;

	assert_false(reset_usual(RESET_AGAIN));
	reset_usual(RESET_MEMBER);
	assert_false(reset_usual(RESET_MEMBER));
	assert_true(reset_usual(RESET_AGAIN));
	expect_told(slot, 5001, 1001);
	assert_int_equal(count_of(COUNT_RESET_FLOWS), 1);
	/* The probe met no connection any more: the member hears that too. */
	assert_int_equal(expect_to_member(&frame, client_sends(&frame, RST, 1001, 0, 0)), slot);
	assert_false(reset_usual(RESET_AGAIN));
	assert_int_equal(count_of(COUNT_ANSWERED_DOOMED), 0);
}

static void test_ended_by_itself(void **state UNUSED)
{
	struct frame frame;

	establish();
	client_sends(&frame, RST, 1001, 0, 0);
	assert_false(reset_usual(RESET_MEMBER));
	assert_int_equal(sent.to_client + sent.to_member, 0);
}

static void test_no_such_flow(void **state UNUSED)
{
	assert_false(reset_usual(RESET_MEMBER));
	assert_int_equal(sent.to_client + sent.to_member, 0);
}

/* By the way that its packets came. */
static void test_client_without_neighbour(void **state UNUSED)
{
	struct flow_key key = key_of(CLIENT_ON_LINK, CLIENT_PORT, RPC_PORT);
	struct flow flow = {
		.state = FLOW_ESTABLISHED, .member = 1, .client_ack = 7, .client_seq = 8
	};

	memcpy(flow.hop.to, MAC_ROUTER, 6);
	memcpy(flow.hop.from, MAC_OUT0, 6);
	flow.hop.ifindex = box.outside;
	flow_write(&key, &flow);
	order(0, &key, RESET_MEMBER);
	carry_out(0, 1);
	assert_true(carried_out(0));
	assert_int_equal(sent.to_client, 2);
	assert_int_equal(frame_to(&sent.client[0]), CLIENT_ON_LINK);
	assert_memory_equal(sent.client[0].bytes, MAC_ROUTER, 6);
	harness_drain();
	assert_int_equal(box.notices, 1);
}

static void test_end_without_a_way(void **state UNUSED)
{
	struct flow_key key = key_of(CLIENT_NOWHERE, CLIENT_PORT, RPC_PORT);
	struct flow flow = { .state = FLOW_ESTABLISHED, .member = 1 };

	flow_write(&key, &flow);
	order(0, &key, RESET_MEMBER);
	carry_out(0, 1);
	assert_true(carried_out(0));
	assert_int_equal(sent.to_client, 0);
	assert_int_equal(sent.to_member, 2);
	assert_int_equal(count_of(COUNT_RESET_UNSENT), 1);
}

static void test_a_batch(void **state UNUSED)
{
	struct flow flow = { .state = FLOW_ESTABLISHED, .member = 1 };
	struct flow_key key;

	for (uint32_t i = 0; i < 6; i++) {
		key = key_of(CLIENT + i, CLIENT_PORT, RPC_PORT);
		flow_write(&key, &flow);
		order(i, &key, RESET_MEMBER);
	}
	carry_out(2, 3);
	for (uint32_t i = 0; i < 6; i++)
		assert_int_equal(carried_out(i), i >= 2 && i < 5);
	assert_int_equal(sent.to_client, 6);
	assert_int_equal(count_of(COUNT_RESET_FLOWS), 3);
}

/* Beyond the inbox, or a record of another kind: nothing. */
static void test_no_order(void **state UNUSED)
{
	struct flow_event event = { .kind = EVENT_FLOW_PUT, .apply = RESET_MEMBER, .key = usual() };

	establish();
	map_set(box.bpf->maps.sweep_inbox, 0, &event);
	carry_out(0, 1);
	carry_out(FLOW_BATCH, 2);
	assert_int_equal(count_of(COUNT_RESET_FLOWS), 0);
}

/* --- doomed flows --- */

static uint32_t frame_tags(struct frame *frame)
{
	return (uint32_t)((uint8_t *)frame_l3(frame) - frame->bytes - 14) / 4;
}

/* Turned round at the link, a reset with this SEQ. */
static void expect_answer(struct frame *frame, const struct segment *to, int verdict,
			  const struct wire *is)
{
	assert_int_equal(verdict, XDP_REDIRECT);
	assert_int_equal(frame->size, 14 + to->tags * 4u + frame_headers());
	assert_int_equal(frame_tags(frame), to->tags);
	expect_wire(frame, is);
}

static const struct wire answer_to_client = {
	VIP, CLIENT, RPC_PORT, CLIENT_PORT, RST, 0x12345678, 0
};

static void doom(uint8_t flags)
{
	struct flow_key key = usual();
	struct flow flow;

	establish();
	flow_read(&key, &flow);
	flow.flags |= FLOW_DOOMED | flags;
	flow.state = FLOW_RESET;
	flow_write(&key, &flow);
}

static void test_challenge_is_answered(void **state UNUSED)
{
	struct segment s = { .from = CLIENT,
			     .to = VIP,
			     .from_port = CLIENT_PORT,
			     .to_port = RPC_PORT,
			     .flags = ACK,
			     .seq = 1001,
			     .ack = 0x12345678 };
	struct flow_key key = usual();
	struct frame frame;
	struct flow flow;

	doom(0);
	for (s.tags = 0; s.tags <= 2; s.tags++)
		for (s.options = 0; s.options <= 1; s.options++)
			for (s.payload = 0; s.payload <= 1000; s.payload += 500) {
				frame = frame_segment(&s, false);
				expect_answer(&frame, &s, run_frame(&frame, box.outside),
					      &answer_to_client);
				assert_memory_equal(frame.bytes, MAC_ROUTER, 6);
				assert_memory_equal(frame.bytes + 6, MAC_OUT0, 6);
			}
	assert_int_equal(count_of(COUNT_ANSWERED_DOOMED), 18);
	assert_int_equal(count_of(COUNT_DROP_NO_ANSWER), 0);
	flow_read(&key, &flow);
	assert_int_equal(flow.state, FLOW_RESET);
}

static void test_member_is_answered(void **state UNUSED)
{
	struct flow_key key = usual();
	struct frame frame;
	struct flow flow;
	struct wire is = { CLIENT, MEMBER_0, CLIENT_PORT, RPC_PORT, RST, 1001, 0 };

	doom(0);
	flow_read(&key, &flow);
	is.to += flow.member;
	assert_int_equal(member_sends(&frame, flow.member, ACK, 5001, 1001), XDP_REDIRECT);
	expect_wire(&frame, &is);
	/* Its own reset is as good as ours. */
	expect_to_client(&frame, member_sends(&frame, flow.member, RST, 5001, 0));
	assert_int_equal(((uint8_t *)frame_tcp(&frame))[13], RST);
}

static void test_standby_answers_nothing(void **state UNUSED)
{
	struct flow_lease lease = lease_now();
	struct flow_key key = usual();
	struct frame frame;
	struct flow flow;

	doom(0);
	lease.role = LEASE_STANDBY;
	lease_set(&lease);
	expect_to_member(&frame, client_sends(&frame, ACK, 1001, 5001, 0));
	flow_read(&key, &flow);
	assert_int_equal(flow.state, FLOW_RESET);
	assert_true(flow.flags & FLOW_DOOMED);
}

static void test_ports_may_be_used_again(void **state UNUSED)
{
	struct flow_key key = usual();
	struct frame frame;
	struct flow flow;

	doom(0);
	expect_to_member(&frame, client_sends(&frame, SYN, 9000, 0, 0));
	assert_false(flow_read(&key, &flow));
}

/*
 * The former owner has ended a flow, and had no time to tell of the connection that followed by the
 * same ports: that one goes where it would be derived to, whoever of its ends speaks first.
 */
static void test_other_nodes_doom_is_forgotten(void **state UNUSED)
{
	struct flow_key key = usual();
	struct frame frame;
	struct flow flow;

	doom(FLOW_REPLICA);
	assert_int_equal(client_sends(&frame, ACK | PSH, 777001, 99, 100), XDP_REDIRECT);
	assert_int_equal(count_of(COUNT_ANSWERED_DOOMED), 0);
	assert_int_equal(count_of(COUNT_DERIVED), 1);
	assert_int_equal(frame.size, 14 + frame_headers() + 100);
	assert_false(flow_read(&key, &flow));
	assert_int_equal(gauges_now().flows, 0);
	doom(FLOW_REPLICA);
	frame = frame_segment(&(struct segment){ MEMBER_0, CLIENT, RPC_PORT, CLIENT_PORT,
						 .flags = SYN | ACK, .seq = 1, .ack = 777001 },
			      true);
	assert_int_equal(run_frame(&frame, box.inside), XDP_REDIRECT);
	assert_int_equal(frame_from(&frame), VIP);
	assert_int_equal(count_of(COUNT_ANSWERED_DOOMED), 0);
	assert_false(flow_read(&key, &flow));
}

/* Ended by this node itself, though nobody had been heard here before: it is answered. */
static void test_own_doom_is_kept(void **state UNUSED)
{
	struct flow_key key = usual();
	struct flow flow;

	establish();
	flow_read(&key, &flow);
	flow.flags |= FLOW_REPLICA;
	flow_write(&key, &flow);
	assert_true(reset_usual(RESET_MEMBER));
	assert_true(flow_read(&key, &flow));
	assert_int_equal(flow.flags & (FLOW_DOOMED | FLOW_REPLICA), FLOW_DOOMED);
}

static void test_doomed_flow_is_kept_for_a_while(void **state UNUSED)
{
	static const struct {
		uint32_t idle;
		bool due;
	} rows[] = { { 3, false }, { 29, false }, { 32, true } };
	struct flow_key key = usual();
	struct flow_call call = { .count = 1 };
	struct flow flow;

	doom(0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		flow_read(&key, &flow);
		flow.last_seen = ticks_now() - rows[i].idle * SECOND;
		flow_write(&key, &flow);
		order(0, &key, SWEEP_IF_DUE);
		assert_int_equal(run_call(box.bpf->progs.caspair_sweep, &call), 0);
		assert_int_equal(call.done, rows[i].due);
	}
}

/* The peer has ended a flow that packets keep alive here: its pin is free too. */
static void test_replica_is_doomed(void **state UNUSED)
{
	struct flow_event record = { .kind = EVENT_FLOW_PUT,
				     .state = FLOW_RESET,
				     .flags = FLOW_DOOMED,
				     .epoch = 7,
				     .key = usual() };
	struct flow_call call = { .count = 1 };
	struct flow_key key = usual();
	uint16_t slot = establish();
	struct flow flow;
	struct pin pin;

	record.member = ip_of(MEMBER_0 + slot);
	for (int round = 0; round < 2; round++) {
		map_set(box.bpf->maps.apply_inbox, 0, &record);
		assert_int_equal(run_call(box.bpf->progs.caspair_apply, &call), 0);
		assert_int_equal(call.done, 1);
		assert_true(flow_read(&key, &flow));
		assert_int_equal(flow.state, FLOW_RESET);
		assert_true(flow.flags & FLOW_DOOMED);
		assert_int_equal(flow.pool_id, 0);
		assert_true(pin_read(CLIENT, POOL_RPC_ID, &pin));
		assert_int_equal(pin.flows, 0);
		flow_table_clear(&box.flows);
	}
}

/* The client has used the same ports again, and the log has merged the end into the beginning. */
static void test_replica_lives_again(void **state UNUSED)
{
	struct flow_event record = { .kind = EVENT_FLOW_PUT,
				     .state = FLOW_RESET,
				     .flags = FLOW_DOOMED,
				     .epoch = 7,
				     .key = usual(),
				     .member = ip_of(MEMBER_0) };
	struct flow_call call = { .count = 1 };
	struct flow_event made = { .kind = EVENT_PIN_PUT,
				   .epoch = 7,
				   .key = { .client = ip_of(CLIENT) },
				   .member = ip_of(MEMBER_0 + 1),
				   .pool_id = POOL_RPC_ID };
	struct flow_key key = usual();
	struct flow flow;
	struct pin pin;

	map_set(box.bpf->maps.apply_inbox, 0, &made);
	assert_int_equal(run_call(box.bpf->progs.caspair_apply, &call), 0);
	map_set(box.bpf->maps.apply_inbox, 0, &record);
	assert_int_equal(run_call(box.bpf->progs.caspair_apply, &call), 0);
	assert_true(flow_read(&key, &flow));
	assert_true(flow.flags & FLOW_DOOMED);
	record.flags = 0;
	record.state = FLOW_ESTABLISHED;
	record.member = ip_of(MEMBER_0 + 1);
	map_set(box.bpf->maps.apply_inbox, 0, &record);
	assert_int_equal(run_call(box.bpf->progs.caspair_apply, &call), 0);
	assert_true(flow_read(&key, &flow));
	assert_int_equal(flow.flags, FLOW_REPLICA);
	assert_int_equal(flow.state, FLOW_ESTABLISHED);
	assert_int_equal(flow.member, 1);
	assert_int_equal(gauges_now().flows, 1);
	assert_true(pin_read(CLIENT, POOL_RPC_ID, &pin));
	assert_int_equal(pin.flows, 1);
}

/* --- packets without a session --- */

static void service_policy(uint8_t flags)
{
	struct flow_service service = { .pool = POOL_RPC,
					.flags = SERVICE_USED | flags,
					.idle_ticks = IDLE_TICKS };

	service.vip[frame_family] = ip_of(VIP);
	map_set(box.bpf->maps.services, SERVICE_RPC, &service);
}

static void close_port(uint16_t port, bool closed)
{
	struct flow_port_table *table = calloc(1, sizeof(*table));
	uint32_t zero = 0;

	assert_non_null(table);
	bpf_map_lookup_elem(bpf_map__fd(box.bpf->maps.ports), &zero, table);
	table->service[port] = (uint16_t)((table->service[port] & ~FLOW_PORT_CLOSED) |
					  (closed ? FLOW_PORT_CLOSED : 0));
	map_set(box.bpf->maps.ports, 0, table);
	free(table);
}

static void test_unknown_is_reset(void **state UNUSED)
{
	struct segment s = { .from = CLIENT,
			     .to = VIP,
			     .from_port = CLIENT_PORT,
			     .to_port = RPC_PORT,
			     .flags = ACK | PSH,
			     .seq = 1001,
			     .ack = 0x12345678,
			     .payload = 300 };
	struct flow_lease lease = lease_now();
	struct frame frame = frame_segment(&s, false);

	service_policy(SERVICE_UNKNOWN_RESET);
	expect_answer(&frame, &s, run_frame(&frame, box.outside), &answer_to_client);
	assert_int_equal(count_of(COUNT_ANSWERED_UNKNOWN), 1);
	/* Never a reset to a reset. */
	assert_int_equal(client_sends(&frame, RST, 1001, 0, 0), XDP_DROP);
	assert_int_equal(count_of(COUNT_DROP_UNKNOWN), 1);
	/* A connection that begins is none, nor is one that a handshake knows. */
	establish();
	assert_int_equal(count_of(COUNT_ANSWERED_UNKNOWN), 1);
	/* Who is not the owner may lack the record. */
	lease.role = LEASE_STANDBY;
	lease_set(&lease);
	flow_table_clear(&box.flows);
	expect_to_member(&frame, client_sends(&frame, ACK, 1001, 5001, 0));
}

static void test_unknown_is_dropped(void **state UNUSED)
{
	struct frame frame;

	service_policy(SERVICE_UNKNOWN_DROP);
	assert_int_equal(client_sends(&frame, ACK, 1001, 5001, 0), XDP_DROP);
	assert_int_equal(count_of(COUNT_DROP_UNKNOWN), 1);
	establish();
}

static void test_closed_port_refuses(void **state UNUSED)
{
	struct wire refusal = { VIP, CLIENT, RPC_PORT, CLIENT_PORT, RST | ACK, 0, 1001 };
	struct segment s = { .from = CLIENT,
			     .to = VIP,
			     .from_port = CLIENT_PORT,
			     .to_port = RPC_PORT,
			     .flags = SYN,
			     .seq = 1000 };
	struct frame frame = frame_segment(&s, false);

	close_port(RPC_PORT, true);
	expect_answer(&frame, &s, run_frame(&frame, box.outside), &refusal);
	s.flags = ACK;
	s.ack = 0x12345678;
	frame = frame_segment(&s, false);
	expect_answer(&frame, &s, run_frame(&frame, box.outside), &answer_to_client);
	assert_int_equal(count_of(COUNT_ANSWERED_CLOSED), 2);
	close_port(RPC_PORT, false);
}

static void test_closed_port_keeps_its_sessions(void **state UNUSED)
{
	struct frame frame;

	establish();
	close_port(RPC_PORT, true);
	expect_to_member(&frame, client_sends(&frame, ACK, 1001, 5001, 0));
	assert_int_equal(count_of(COUNT_ANSWERED_CLOSED), 0);
	close_port(RPC_PORT, false);
}

static void test_group_address_is_not_answered(void **state UNUSED)
{
	struct segment s = { .from = CLIENT,
			     .to = VIP,
			     .from_port = CLIENT_PORT,
			     .to_port = RPC_PORT,
			     .flags = ACK,
			     .seq = 1001,
			     .ack = 5001 };
	struct frame frame = frame_segment(&s, false);

	doom(0);
	frame.bytes[0] |= 1;
	assert_int_equal(run_frame(&frame, box.outside), XDP_DROP);
	assert_int_equal(count_of(COUNT_DROP_NO_ANSWER), 1);
}

static int set_up(void **state UNUSED)
{
	return harness_open(4096, 64);
}

static const struct {
	const char *name;
	CMUnitTestFunction test;
} cases[] = {
	{ "an order tells both ends, with the numbers on record", test_both_ends_are_told },
	{ "the pin goes with the last flow", test_the_pin_goes_with_the_last_flow },
	{ "who is back early goes elsewhere", test_who_is_back_early_goes_elsewhere },
	{ "the client's next SYN goes elsewhere", test_the_next_syn_goes_elsewhere },
	{ "an idle flow is looked at again", test_idle_is_looked_at_again },
	{ "a bind that is not accepted leaves the pin", test_open_bind_keeps_its_pin },
	{ "an order is repeated until the client has heard", test_again_until_heard },
	{ "a flow that has ended by itself is let be", test_ended_by_itself },
	{ "an order for no flow does nothing", test_no_such_flow },
	{ "a client without neighbour is told by the way it came", test_client_without_neighbour },
	{ "an end without a way is counted", test_end_without_a_way },
	{ "orders are carried out in batches", test_a_batch },
	{ "what is no order does nothing", test_no_order },
	{ "a doomed client's packet is answered exactly", test_challenge_is_answered },
	{ "a doomed member's packet is answered exactly", test_member_is_answered },
	{ "a standby answers nothing", test_standby_answers_nothing },
	{ "the ports of a doomed flow may be used again", test_ports_may_be_used_again },
	{ "what another node has ended may be followed by what it had no time to tell",
	  test_other_nodes_doom_is_forgotten },
	{ "what this node has ended is answered, a copy too", test_own_doom_is_kept },
	{ "a doomed flow is kept for a while", test_doomed_flow_is_kept_for_a_while },
	{ "a flow that the peer has ended is doomed here", test_replica_is_doomed },
	{ "the same ports again are no doomed flow", test_replica_lives_again },
	{ "a packet without a record is reset, if so configured", test_unknown_is_reset },
	{ "or dropped", test_unknown_is_dropped },
	{ "a closed port refuses", test_closed_port_refuses },
	{ "a closed port keeps its sessions", test_closed_port_keeps_its_sessions },
	{ "a group address is not answered", test_group_address_is_not_answered },
};

int main(void)
{
	struct plan plan = { 0 };

	if (!harness_may_run("reset"))
		return 77;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		plan_case(&plan, cases[i].name, cases[i].test, NULL);
	return plan_run("reset", &plan, set_up);
}
