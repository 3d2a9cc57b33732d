// SPDX-License-Identifier: BSD-2-Clause
/* ICMP errors: those about sessions, brought to the right end, and those of our own making. */
#include "tests/bpf/icmp.h"

static const struct segment of_client = { .from = CLIENT,
					  .to = VIP,
					  .from_port = CLIENT_PORT,
					  .to_port = RPC_PORT,
					  .flags = ACK,
					  .payload = 100 };

/* What a member has sent to the client, as a router outside sees it. */
static const struct segment of_member = { .from = VIP,
					  .to = CLIENT,
					  .from_port = RPC_PORT,
					  .to_port = CLIENT_PORT,
					  .flags = ACK,
					  .seq = 5001 };

/* --- about a member's packet, to the member --- */

static void expect_at_member(struct frame *frame, int verdict, uint16_t slot)
{
	struct frame quote = quote_of(frame);

	assert_int_equal(verdict, XDP_REDIRECT);
	assert_int_equal(frame_to(frame), MEMBER_0 + slot);
	assert_int_equal(frame_from(&quote), MEMBER_0 + slot);
	assert_int_equal(frame_to(&quote), CLIENT);
	assert_int_equal(frame_ip_checksum(&quote), 0);
	assert_int_equal(frame->bytes[5], slot);
	assert_int_equal(count_of(COUNT_ICMP_IN), 1);
}

struct error {
	const char *name;
	enum icmp_meaning meaning;
};

static const struct error errors[] = {
	{ "a packet that is too big is told to the member", TOO_BIG },
	{ "the end of the hops is told to the member", HOPS_OVER },
	{ "an unreachable client is told to the member", UNREACHABLE },
	{ "a fault in the header is told to the member", PARAMETER },
};

static void test_error_reaches_the_member(void **state)
{
	const struct error *row = *state;
	uint16_t slot = establish();
	struct frame frame = error_about(&of_member, CLIENT_ON_LINK, VIP, row->meaning);

	expect_at_member(&frame, run_frame(&frame, box.outside), slot);
	expect_error(&frame, row->meaning, 1280);
	assert_int_equal(frame_from(&frame), CLIENT_ON_LINK);
	assert_int_equal(frame_ttl(&frame), 63);
}

static void test_error_of_a_handshake(void **state UNUSED)
{
	struct frame frame;
	uint16_t slot = expect_to_member(&frame, client_sends(&frame, SYN, 1000, 0, 0));

	frame = error_about(&of_member, CLIENT_ON_LINK, VIP, TOO_BIG);
	expect_at_member(&frame, run_frame(&frame, box.outside), slot);
}

static void test_error_without_a_record_is_derived(void **state UNUSED)
{
	struct pin pin = { .member = 1 };
	struct frame frame = error_about(&of_member, CLIENT_ON_LINK, VIP, TOO_BIG);

	pin_write(CLIENT, POOL_RPC_ID, &pin);
	expect_at_member(&frame, run_frame(&frame, box.outside), 1);
}

/* --- about a client's packet, to the client --- */

static struct segment rewritten(uint16_t slot)
{
	struct segment segment = of_client;

	segment.to = MEMBER_0 + slot;
	return segment;
}

static void test_error_reaches_the_client(void **state)
{
	const struct error *row = *state;
	uint16_t slot = establish();
	struct segment about = rewritten(slot);
	struct frame frame = error_about(&about, MEMBER_0 + slot, CLIENT, row->meaning), quote;

	assert_int_equal(run_frame(&frame, box.inside), XDP_REDIRECT);
	expect_error(&frame, row->meaning, 1280);
	quote = quote_of(&frame);
	assert_int_equal(frame_from(&frame), VIP);
	assert_int_equal(frame_to(&frame), CLIENT);
	assert_int_equal(frame_from(&quote), CLIENT);
	assert_int_equal(frame_to(&quote), VIP);
	assert_int_equal(frame_ip_checksum(&quote), 0);
	assert_memory_equal(frame.bytes, MAC_ROUTER, 6);
	assert_int_equal(count_of(COUNT_ICMP_OUT), 1);
}

static void test_error_of_a_router_inside(void **state UNUSED)
{
	uint16_t slot = establish();
	struct segment about = rewritten(slot);
	struct frame frame = error_about(&about, 0x0a000063, CLIENT, UNREACHABLE);

	assert_int_equal(run_frame(&frame, box.inside), XDP_REDIRECT);
	assert_int_equal(frame_from(&frame), VIP);
}

static void test_error_of_a_members_own_connection(void **state UNUSED)
{
	struct flow own = { .member = FLOW_NO_MEMBER,
			    .state = FLOW_ESTABLISHED,
			    .flags = FLOW_OUTBOUND };
	struct flow_key key = key_of(CLIENT, CLIENT_PORT, RPC_PORT);
	struct segment about = rewritten(0);
	struct frame frame = error_about(&about, MEMBER_0, CLIENT, UNREACHABLE), before = frame;

	key.vip = ip_of(MEMBER_0);
	flow_write(&key, &own);
	assert_int_equal(run_frame(&frame, box.inside), XDP_PASS);
	assert_memory_equal(frame.bytes, before.bytes, before.size);
}

static void test_error_of_a_probe_is_ours(void **state UNUSED)
{
	struct segment about = rewritten(0);
	struct frame frame;

	about.from = NODE_INSIDE;
	frame = error_about(&about, MEMBER_0, NODE_INSIDE, UNREACHABLE);
	assert_int_equal(run_frame(&frame, box.inside), XDP_PASS);
}

/* --- what is not of a session --- */

enum oddity { ODD_ECHO, ODD_PORT, ODD_ADDRESS, ODD_UDP, ODD_LATER, ODD_SHORT, ODD_NO_QUOTE };

struct stranger {
	const char *name;
	enum oddity oddity;
};

static const struct stranger strangers[] = {
	{ "an echo request is the kernel's", ODD_ECHO },
	{ "an error about a port that is no service is the kernel's", ODD_PORT },
	{ "an error about somebody else's packet is the kernel's", ODD_ADDRESS },
	{ "an error about UDP is the kernel's", ODD_UDP },
	{ "an error about a later fragment is the kernel's", ODD_LATER },
	{ "an error that quotes half a port is the kernel's", ODD_SHORT },
	{ "an error without a quotation is the kernel's", ODD_NO_QUOTE },
};

static void test_stranger(void **state)
{
	const struct stranger *row = *state;
	bool ipv4 = frame_family == FLOW_IPV4;
	struct segment about = of_member;
	struct frame frame, before;
	uint8_t *quoted;

	establish();
	about.from_port = row->oddity == ODD_PORT ? 22 : about.from_port;
	about.from = row->oddity == ODD_ADDRESS ? NODE_OUTSIDE : about.from;
	frame = error_about(&about, CLIENT_ON_LINK, VIP,
			    row->oddity == ODD_ECHO ? ECHO : UNREACHABLE);
	quoted = (uint8_t *)frame_tcp(&frame) + 8;
	if (row->oddity == ODD_UDP)
		quoted[ipv4 ? 9 : 6] = IPPROTO_UDP;
	if (row->oddity == ODD_LATER)
		quoted[ipv4 ? 7 : 6] = ipv4 ? 8 : IPPROTO_FRAGMENT;
	if (row->oddity == ODD_SHORT)
		frame.size -= 7;
	if (row->oddity == ODD_NO_QUOTE)
		frame.size = (uint32_t)(quoted - frame.bytes);
	before = frame;
	assert_int_equal(run_frame(&frame, box.outside), XDP_PASS);
	assert_int_equal(count_of(COUNT_ICMP_IN), 0);
	assert_memory_equal(frame.bytes, before.bytes, before.size);
}

static void test_error_at_the_end_of_its_hops(void **state UNUSED)
{
	struct frame frame;

	establish();
	frame = error_about(&of_member, CLIENT_ON_LINK, VIP, TOO_BIG);
	if (frame_is_ipv4(&frame))
		frame_ip(&frame)->ttl = 1;
	else
		frame_ip6(&frame)->hop_limit = 1;
	assert_int_equal(run_frame(&frame, box.outside), XDP_DROP);
	assert_int_equal(count_of(COUNT_DROP_TTL), 1);
	assert_int_equal(count_of(COUNT_ANSWERED), 0);
}

/* --- our own --- */

/* The answer to a frame: back to its sender, with what it sent. */
static void expect_answer(struct frame *answer, struct frame *sent, enum icmp_meaning meaning,
			  uint32_t mtu)
{
	uint32_t link = (uint32_t)((uint8_t *)frame_l3(sent) - sent->bytes);

	expect_error(answer, meaning, mtu);
	assert_int_equal(frame_from(answer), VIP);
	assert_int_equal(frame_to(answer), frame_from(sent));
	assert_memory_equal(answer->bytes, sent->bytes + 6, 6);
	assert_memory_equal(answer->bytes + 6, sent->bytes, 6);
	assert_memory_equal(answer->bytes + 12, sent->bytes + 12, link - 12);
	assert_int_equal(icmp_bytes(answer), 8 + frame_head(sent) + 8);
	assert_memory_equal((uint8_t *)frame_tcp(answer) + 8, frame_l3(sent), frame_head(sent) + 8);
	assert_int_equal(answer->size, link + frame_ip_bytes(answer));
	assert_int_equal(count_of(COUNT_ANSWERED), 1);
}

struct own {
	const char *name;
	bool known; /* session: the way out has been asked for before */
	bool of_member;
	bool big; /* its payload alone is an MTU */
	uint8_t ttl, tags;
};

static const struct own owns[] = {
	{ "a client's packet above the MTU is answered", .big = true },
	{ "a client's packet above a known MTU is answered", .known = true, .big = true },
	{ "a member's packet above the MTU is answered", .of_member = true, .big = true },
	{ "a member's packet above a known MTU is answered", .known = true, .of_member = true,
	  .big = true },
	{ "a tagged packet above the MTU is answered with its tags", .big = true, .tags = 2 },
	{ "a client's packet at the end of its hops is answered", .ttl = 1 },
	{ "a member's packet at the end of its hops is answered", .known = true, .of_member = true,
	  .ttl = 1 },
	{ "a member's packet without a record is answered too", .of_member = true, .ttl = 1 },
	{ "a tagged packet at the end of its hops is answered with its tag", .ttl = 1, .tags = 1 },
};

static void test_own(void **state)
{
	const struct own *row = *state;
	uint16_t slot = row->known ? establish() : 0;
	struct segment segment = of_client;
	struct frame frame, sent;

	if (row->of_member)
		segment = (struct segment){ .from = MEMBER_0 + slot,
					    .to = CLIENT,
					    .from_port = RPC_PORT,
					    .to_port = CLIENT_PORT,
					    .flags = ACK,
					    .seq = 5001 };
	segment.payload = row->big ? harness_mtu() : 0;
	segment.ttl = row->ttl;
	segment.tags = row->tags;
	frame = sent = frame_segment(&segment, row->of_member);
	assert_int_equal(run_frame(&frame, row->of_member ? box.inside : box.outside),
			 XDP_REDIRECT);
	expect_answer(&frame, &sent, row->big ? TOO_BIG : HOPS_OVER, row->big ? harness_mtu() : 0);
	assert_int_equal(count_of(row->big ? COUNT_DROP_TOO_BIG : COUNT_DROP_TTL), 1);
}

static int set_up(void **state UNUSED)
{
	return harness_open(64, 64);
}

static const struct {
	const char *name;
	CMUnitTestFunction test;
} cases[] = {
	{ "an error about a handshake reaches its member", test_error_of_a_handshake },
	{ "an error without a record is derived", test_error_without_a_record_is_derived },
	{ "an error of a router inside speaks for the VIP", test_error_of_a_router_inside },
	{ "an error about a member's own connection stays",
	  test_error_of_a_members_own_connection },
	{ "an error about a probe of ours is the kernel's", test_error_of_a_probe_is_ours },
	{ "an error at the end of its hops has no answer", test_error_at_the_end_of_its_hops },
};

int main(void)
{
	struct plan plan = { 0 };

	if (!harness_may_run("icmp"))
		return 77;
	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
		plan_case(&plan, errors[i].name, test_error_reaches_the_member, &errors[i]);
		plan_case(&plan, "and the client's counterpart", test_error_reaches_the_client,
			  &errors[i]);
	}
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		plan_case(&plan, cases[i].name, cases[i].test, NULL);
	for (size_t i = 0; i < sizeof(strangers) / sizeof(*strangers); i++)
		plan_case(&plan, strangers[i].name, test_stranger, &strangers[i]);
	for (size_t i = 0; i < sizeof(owns) / sizeof(*owns); i++)
		plan_case(&plan, owns[i].name, test_own, &owns[i]);
	return plan_run("icmp", &plan, set_up);
}
