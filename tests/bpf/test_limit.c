// SPDX-License-Identifier: BSD-2-Clause
/* What one source may have and begin at a service. */
#include "tests/bpf/harness.h"

enum { RATE = 2, OTHER_CLIENT = 1 /* on top of CLIENT */ };

static void limit(uint32_t number, uint32_t flows, uint32_t rate)
{
	struct flow_service service = {
		.pool = POOL_RPC,
		.flags = SERVICE_USED,
		.idle_ticks = IDLE_TICKS,
		.source_flows = flows,
		.source_rate = rate,
		.number = number,
	};

	service.vip[frame_family] = ip_of(VIP);
	map_set(box.bpf->maps.services, number, &service);
}

static int begins(struct frame *frame, uint32_t client, uint16_t port, uint16_t to)
{
	struct segment segment = { .from = client,
				   .to = VIP,
				   .from_port = port,
				   .to_port = to,
				   .flags = SYN,
				   .seq = 1000 };

	*frame = frame_segment(&segment, false);
	return run_frame(frame, box.outside);
}

/* How many of so many SYNs, each of a port of its own, were let through. */
static unsigned int begin_many(uint32_t client, uint16_t first, uint16_t count, uint16_t to)
{
	unsigned int passed = 0;
	struct frame frame;

	for (uint16_t i = 0; i < count; i++)
		if (begins(&frame, client, (uint16_t)(first + i), to) == XDP_REDIRECT &&
		    !(frame_tcp(&frame)->rst))
			passed++;
	return passed;
}

/* As if so much time had passed since a source's bucket was filled. */
static void bucket_ages(uint32_t client, uint32_t service, uint32_t ticks)
{
	struct {
		struct flow_ip client;
		uint32_t service;
	} key = { ip_of(client), service };
	uint32_t bucket[2];
	int map = bpf_map__fd(box.bpf->maps.source_rates);

	assert_int_equal(bpf_map_lookup_elem(map, &key, bucket), 0);
	bucket[0] -= ticks;
	assert_int_equal(bpf_map_update_elem(map, &key, bucket, BPF_ANY), 0);
}

static void test_no_limits(void **state UNUSED)
{
	uint8_t key[64];

	assert_int_equal(begin_many(CLIENT, 2000, 50, RPC_PORT), 50);
	assert_int_not_equal(
		bpf_map_get_next_key(bpf_map__fd(box.bpf->maps.source_rates), NULL, key), 0);
}

static void test_rate(void **state UNUSED)
{
	limit(SERVICE_RPC, 0, RATE);
	assert_int_equal(begin_many(CLIENT, 2000, 20, RPC_PORT), RATE);
	assert_int_equal(count_of(COUNT_DROP_SOURCE_RATE), 20 - RATE);
	assert_int_equal(count_of(COUNT_ADMITTED), RATE);
	/* Others are not concerned, neither sources nor services. */
	assert_int_equal(begin_many(CLIENT + OTHER_CLIENT, 2000, 1, RPC_PORT), 1);
	assert_int_equal(begin_many(CLIENT, 2000, 1, 443), 1);
}

static void test_rate_is_silent(void **state UNUSED)
{
	struct frame frame;

	limit(SERVICE_RPC, 0, RATE);
	begin_many(CLIENT, 2000, RATE, RPC_PORT);
	assert_int_equal(begins(&frame, CLIENT, 3000, RPC_PORT), XDP_DROP);
}

static void test_rate_comes_back(void **state UNUSED)
{
	limit(SERVICE_RPC, 0, RATE);
	begin_many(CLIENT, 2000, 20, RPC_PORT);
	bucket_ages(CLIENT, SERVICE_RPC, FLOW_TICKS_PER_SECOND / RATE + 1);
	assert_int_equal(begin_many(CLIENT, 3000, 20, RPC_PORT), 1);
	bucket_ages(CLIENT, SERVICE_RPC, 3600 * FLOW_TICKS_PER_SECOND);
	assert_int_equal(begin_many(CLIENT, 4000, 20, RPC_PORT), RATE);
}

static void test_repeated_syn_is_not_counted(void **state UNUSED)
{
	struct frame frame;

	limit(SERVICE_RPC, 0, 1);
	for (int i = 0; i < 5; i++)
		expect_to_member(&frame, begins(&frame, CLIENT, 2000, RPC_PORT));
	assert_int_equal(begins(&frame, CLIENT, 2001, RPC_PORT), XDP_DROP);
}

static void test_number(void **state UNUSED)
{
	struct pin pin;
	struct frame frame;

	establish();
	limit(SERVICE_RPC, 1, 0);
	limit(SERVICE_WEB, 2, 0);
	assert_true(pin_read(CLIENT, POOL_RPC_ID, &pin));
	assert_int_equal(pin.flows, 1);
	assert_int_equal(begins(&frame, CLIENT, 2000, RPC_PORT), XDP_REDIRECT);
	assert_true(frame_tcp(&frame)->rst);
	assert_int_equal(frame_from(&frame), VIP);
	assert_int_equal(count_of(COUNT_ANSWERED_SOURCE_FLOWS), 1);
	/* The group's flows are counted together, against each service's own limit. */
	expect_to_member(&frame, begins(&frame, CLIENT, 2000, 443));
	pin.flows = 2;
	pin_write(CLIENT, POOL_RPC_ID, &pin);
	assert_int_equal(begins(&frame, CLIENT, 2001, 443), XDP_REDIRECT);
	assert_true(frame_tcp(&frame)->rst);
	assert_int_equal(begin_many(CLIENT + OTHER_CLIENT, 2000, 3, RPC_PORT), 3);
}

static void test_number_falls(void **state UNUSED)
{
	struct pin pin;
	struct frame frame;

	establish();
	limit(SERVICE_RPC, 1, 0);
	assert_true(pin_read(CLIENT, POOL_RPC_ID, &pin));
	pin.flows = 0;
	pin_write(CLIENT, POOL_RPC_ID, &pin);
	expect_to_member(&frame, begins(&frame, CLIENT, 2000, RPC_PORT));
}

static void test_established_go_on(void **state UNUSED)
{
	uint16_t slot = establish();
	struct frame frame;

	limit(SERVICE_RPC, 1, 1);
	begin_many(CLIENT, 2000, 20, RPC_PORT);
	for (uint32_t i = 0; i < 20; i++)
		assert_int_equal(
			expect_to_member(&frame, client_sends(&frame, ACK, 1001 + i, 5001, 1)),
			slot);
	expect_to_client(&frame, member_sends(&frame, slot, ACK, 5001, 1021));
	/* Nor is what has no record: the limits are for who begins. */
	begins(&frame, CLIENT, 2000, RPC_PORT);
	assert_int_equal(count_of(COUNT_DERIVED), 0);
}

static void test_only_the_owner_counts(void **state UNUSED)
{
	const struct flow_lease standby = { .role = LEASE_STANDBY };
	struct frame frame;

	limit(SERVICE_RPC, 0, 1);
	lease_set(&standby);
	for (uint16_t i = 0; i < 5; i++)
		assert_int_equal(begins(&frame, CLIENT, (uint16_t)(2000 + i), RPC_PORT), XDP_DROP);
	assert_int_equal(count_of(COUNT_DROP_NOT_OWNER), 5);
	assert_int_equal(count_of(COUNT_DROP_SOURCE_RATE), 0);
}

static int set_up(void **state UNUSED)
{
	return harness_open(4096, 1024);
}

static const struct {
	const char *name;
	CMUnitTestFunction test;
} cases[] = {
	{ "without limits nothing is refused or remembered", test_no_limits },
	{ "a source begins its rate and no more", test_rate },
	{ "what is above the rate is dropped in silence", test_rate_is_silent },
	{ "a bucket fills with time, to one second's worth", test_rate_comes_back },
	{ "a SYN sent again is not counted again", test_repeated_syn_is_not_counted },
	{ "a source with all its flows gets a reset", test_number },
	{ "when flows end others may come", test_number_falls },
	{ "established flows are not looked at", test_established_go_on },
	{ "a standby counts nothing", test_only_the_owner_counts },
};

int main(void)
{
	struct plan plan = { 0 };

	if (!harness_may_run("limit"))
		return 77;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		plan_case(&plan, cases[i].name, cases[i].test, NULL);
	return plan_run("limit", &plan, set_up);
}
