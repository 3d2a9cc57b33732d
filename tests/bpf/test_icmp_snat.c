// SPDX-License-Identifier: BSD-2-Clause
/* ICMP errors where members see a source in the client's place: both ends are told of their own. */
#include "tests/bpf/icmp.h"
#include "tests/bpf/snat.h"

enum { ROUTER_INSIDE = 0x0a000062 /* 10.0.0.98 */ };

/* A session: its client, what its member sees, and where that is. */
struct session {
	uint32_t client, source;
	uint16_t port, slot;
};

static struct session session_of_pool(void)
{
	struct session session = { .client = CLIENT, .source = SOURCE };

	use_snat();
	session.slot = establish_snat(&session.port);
	return session;
}

/* Of a client beside the members, in mode NAT: by itself. */
static struct session session_of_neighbour(uint32_t source, uint8_t slot)
{
	struct session session = { .client = NEIGHBOUR, .source = source };
	struct frame frame;

	use_snat();
	service_set(MODE_NAT, 1, slot, 0);
	session.port = expect_sourced(&frame, neighbour_sends(&frame, SYN, 1000, 0), source);
	session.slot = (uint16_t)(frame_to(&frame) - MEMBER_0);
	assert_int_equal(answers(&frame, session.slot, source, session.port, SYN | ACK, 5000, 1001),
			 XDP_REDIRECT);
	expect_sourced(&frame, neighbour_sends(&frame, ACK, 1001, 5001), source);
	return session;
}

/* What the member has sent, as a router on the client's side sees it. */
static struct segment of_member(const struct session *session)
{
	return (struct segment){ .from = VIP,
				 .to = session->client,
				 .from_port = RPC_PORT,
				 .to_port = CLIENT_PORT,
				 .flags = ACK,
				 .seq = 5001 };
}

/* What the client has sent, as a router on the member's side sees it. */
static struct segment of_client(const struct session *session)
{
	return (struct segment){ .from = session->source,
				 .to = MEMBER_0 + session->slot,
				 .from_port = session->port,
				 .to_port = RPC_PORT,
				 .flags = ACK,
				 .seq = 1001 };
}

static struct frame error_to_member(const struct session *session, enum icmp_meaning meaning)
{
	struct segment about = of_member(session);

	return error_about(&about, CLIENT_ON_LINK, VIP, meaning);
}

static struct frame error_to_client(const struct session *session, uint32_t from,
				    enum icmp_meaning meaning)
{
	struct segment about = of_client(session);

	return error_about(&about, from, session->source, meaning);
}

static void expect_quoted(struct frame *frame, uint32_t from, uint16_t from_port, uint32_t to,
			  uint16_t to_port, uint32_t seq)
{
	struct frame quote = quote_of(frame);

	assert_int_equal(frame_from(&quote), from);
	assert_int_equal(frame_to(&quote), to);
	assert_int_equal(ntohs(frame_tcp(&quote)->source), from_port);
	assert_int_equal(ntohs(frame_tcp(&quote)->dest), to_port);
	assert_int_equal(ntohl(frame_tcp(&quote)->seq), seq);
	assert_int_equal(frame_ip_checksum(&quote), 0);
}

static void expect_at_member(struct frame *frame, int verdict, const struct session *session,
			     enum icmp_meaning meaning)
{
	assert_int_equal(verdict, XDP_REDIRECT);
	expect_error(frame, meaning, 1280);
	assert_int_equal(frame_from(frame), session->source);
	assert_int_equal(frame_to(frame), MEMBER_0 + session->slot);
	assert_int_equal(frame->bytes[5], session->slot);
	expect_quoted(frame, MEMBER_0 + session->slot, RPC_PORT, session->source, session->port,
		      5001);
	assert_int_equal(count_of(COUNT_ICMP_IN), 1);
}

static void expect_at_client(struct frame *frame, int verdict, const struct session *session,
			     enum icmp_meaning meaning)
{
	assert_int_equal(verdict, XDP_REDIRECT);
	expect_error(frame, meaning, 1280);
	assert_int_equal(frame_from(frame), VIP);
	assert_int_equal(frame_to(frame), session->client);
	if (session->client == CLIENT)
		assert_memory_equal(frame->bytes, MAC_ROUTER, 6);
	expect_quoted(frame, session->client, CLIENT_PORT, VIP, RPC_PORT, 1001);
	assert_int_equal(count_of(COUNT_ICMP_OUT), 1);
}

static void test_reaches_the_member(void **state)
{
	enum icmp_meaning meaning = *(const enum icmp_meaning *)*state;
	struct session session = session_of_pool();
	struct frame frame = error_to_member(&session, meaning);

	expect_at_member(&frame, run_frame(&frame, box.outside), &session, meaning);
	assert_int_equal(frame_ttl(&frame), 63);
}

static void test_reaches_the_client(void **state)
{
	enum icmp_meaning meaning = *(const enum icmp_meaning *)*state;
	struct session session = session_of_pool();
	struct frame frame = error_to_client(&session, ROUTER_INSIDE, meaning);

	expect_at_client(&frame, run_frame(&frame, box.inside), &session, meaning);
	assert_int_equal(frame_ttl(&frame), 63);
}

/* The flow is not made yet. */
static void test_of_a_handshake(void **state UNUSED)
{
	struct session session = { .client = CLIENT, .source = SOURCE };
	struct frame frame;

	use_snat();
	session.port = expect_sourced(&frame, client_sends(&frame, SYN, 1000, 0, 0), SOURCE);
	session.slot = (uint16_t)(frame_to(&frame) - MEMBER_0);
	frame = error_to_member(&session, TOO_BIG);
	expect_at_member(&frame, run_frame(&frame, box.outside), &session, TOO_BIG);
	frame = error_to_client(&session, MEMBER_0 + session.slot, UNREACHABLE);
	expect_at_client(&frame, run_frame(&frame, box.inside), &session, UNREACHABLE);
}

static void test_of_a_neighbour_by_the_gateway(void **state UNUSED)
{
	struct session session = session_of_neighbour(GATEWAY, SLOT_GATEWAY);
	struct frame frame = error_to_member(&session, TOO_BIG);

	expect_at_member(&frame, run_frame(&frame, box.inside), &session, TOO_BIG);
	frame = error_to_client(&session, ROUTER_INSIDE, TOO_BIG);
	expect_at_client(&frame, run_frame(&frame, box.inside), &session, TOO_BIG);
}

/* Then the address is one that services are asked of, too. */
static void test_of_a_neighbour_by_the_vip(void **state UNUSED)
{
	struct session session = session_of_neighbour(VIP, SLOT_VIP);
	struct frame frame = error_to_client(&session, ROUTER_INSIDE, TOO_BIG);

	expect_at_client(&frame, run_frame(&frame, box.inside), &session, TOO_BIG);
	frame = error_to_member(&session, TOO_BIG);
	expect_at_member(&frame, run_frame(&frame, box.inside), &session, TOO_BIG);
}

/* A service whose mode has changed since. */
static void test_of_an_old_mode(void **state UNUSED)
{
	struct session session = session_of_pool();
	struct frame frame;

	service_set(MODE_NAT, 0, 0, 0);
	frame = error_to_member(&session, TOO_BIG);
	expect_at_member(&frame, run_frame(&frame, box.outside), &session, TOO_BIG);
	frame = error_to_client(&session, ROUTER_INSIDE, TOO_BIG);
	expect_at_client(&frame, run_frame(&frame, box.inside), &session, TOO_BIG);
}

static void test_without_a_record(void **state UNUSED)
{
	struct session session = { .client = CLIENT, .source = SOURCE, .port = 2000 };
	struct frame frame = error_to_member(&session, TOO_BIG);

	use_snat();
	assert_int_equal(run_frame(&frame, box.outside), XDP_DROP);
	assert_int_equal(count_of(COUNT_ICMP_IN), 0);
	assert_int_equal(count_of(COUNT_DROP_UNSOURCED), 1);
}

/* Of a probe of ours, which may be sent from there. */
static void test_of_nobody_is_the_kernels(void **state UNUSED)
{
	struct session session = session_of_pool();
	struct frame frame, before;

	session.port++;
	frame = before = error_to_client(&session, ROUTER_INSIDE, TOO_BIG);
	assert_int_equal(run_frame(&frame, box.inside), XDP_PASS);
	assert_memory_equal(frame.bytes, before.bytes, before.size);
	frame = before = error_to_client(&session, ROUTER_INSIDE, ECHO);
	assert_int_equal(run_frame(&frame, box.inside), XDP_PASS);
	assert_int_equal(count_of(COUNT_ICMP_OUT), 0);
}

static void test_at_the_end_of_its_hops(void **state UNUSED)
{
	struct session session = session_of_pool();
	struct frame frame = error_to_client(&session, ROUTER_INSIDE, TOO_BIG);

	if (frame_is_ipv4(&frame))
		frame_ip(&frame)->ttl = 1;
	else
		frame_ip6(&frame)->hop_limit = 1;
	assert_int_equal(run_frame(&frame, box.inside), XDP_DROP);
	assert_int_equal(count_of(COUNT_DROP_TTL), 1);
	assert_int_equal(count_of(COUNT_ANSWERED), 0);
}

/* --- our own --- */

static void expect_own(struct frame *frame, struct frame *sent, uint32_t by)
{
	assert_int_equal(run_frame(frame, by == VIP ? box.outside : box.inside), XDP_REDIRECT);
	expect_error(frame, TOO_BIG, harness_mtu());
	assert_int_equal(frame_from(frame), by);
	assert_int_equal(frame_to(frame), frame_from(sent));
	assert_memory_equal(frame->bytes, sent->bytes + 6, 6);
	assert_int_equal(count_of(COUNT_DROP_TOO_BIG), 1);
	assert_int_equal(count_of(COUNT_ANSWERED), 1);
}

static void test_clients_packet_is_too_big(void **state UNUSED)
{
	struct session session = session_of_pool();
	struct segment segment = { .from = session.client,
				   .to = VIP,
				   .from_port = CLIENT_PORT,
				   .to_port = RPC_PORT,
				   .flags = ACK,
				   .seq = 1001,
				   .payload = harness_mtu() };
	struct frame frame = frame_segment(&segment, false), sent = frame;

	expect_own(&frame, &sent, VIP);
	expect_quoted(&frame, CLIENT, CLIENT_PORT, VIP, RPC_PORT, 1001);
}

static void member_sends_too_much(const struct session *session)
{
	struct segment segment = { .from = MEMBER_0 + session->slot,
				   .to = session->source,
				   .from_port = RPC_PORT,
				   .to_port = session->port,
				   .flags = ACK,
				   .seq = 5001,
				   .payload = harness_mtu() };
	struct frame frame = frame_segment(&segment, true), sent = frame;

	expect_own(&frame, &sent, session->source);
	expect_quoted(&frame, MEMBER_0 + session->slot, RPC_PORT, session->source, session->port,
		      5001);
}

static void test_members_packet_is_too_big(void **state UNUSED)
{
	struct session session = session_of_pool();

	member_sends_too_much(&session);
}

/* The way out has not been asked for: the kernel's routes say it. */
static void test_members_packet_is_too_big_for_the_route(void **state UNUSED)
{
	struct session session = session_of_pool();
	struct flow_key key = key_of(CLIENT, CLIENT_PORT, RPC_PORT);
	struct flow flow;

	assert_true(flow_read(&key, &flow));
	memset(&flow.hop, 0, sizeof(flow.hop));
	flow_write(&key, &flow);
	member_sends_too_much(&session);
}

int main(void)
{
	static const struct {
		const char *name;
		CMUnitTestFunction test;
	} tests[] = {
		{ "an error about a handshake", test_of_a_handshake },
		{ "a client beside the members, by the gateway",
		  test_of_a_neighbour_by_the_gateway },
		{ "a client beside the members, by the VIP", test_of_a_neighbour_by_the_vip },
		{ "a session of an old mode", test_of_an_old_mode },
		{ "an error without a record is dropped", test_without_a_record },
		{ "an error about nobody's is the kernel's", test_of_nobody_is_the_kernels },
		{ "an error at the end of its hops", test_at_the_end_of_its_hops },
		{ "a client's packet above the MTU is answered", test_clients_packet_is_too_big },
		{ "a member's packet above the MTU is answered", test_members_packet_is_too_big },
		{ "and where the way out was not known",
		  test_members_packet_is_too_big_for_the_route },
	};
	static const enum icmp_meaning meanings[] = { TOO_BIG, HOPS_OVER, UNREACHABLE, PARAMETER };
	struct plan plan = { 0 };

	if (!harness_may_run("icmp_snat"))
		return 77;
	for (size_t i = 0; i < sizeof(meanings) / sizeof(*meanings); i++) {
		plan_case(&plan, "an error reaches the member", test_reaches_the_member,
			  &meanings[i]);
		plan_case(&plan, "an error reaches the client", test_reaches_the_client,
			  &meanings[i]);
	}
	for (size_t i = 0; i < sizeof(tests) / sizeof(*tests); i++)
		plan_case(&plan, tests[i].name, tests[i].test, NULL);
	return plan_run("icmp_snat", &plan, snat_set_up);
}
