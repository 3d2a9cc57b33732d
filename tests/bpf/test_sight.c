// SPDX-License-Identifier: BSD-2-Clause
/* What handshakes tell of members and clients. */
#include "tests/bpf/harness.h"

static struct flow_histogram histogram_of(const struct bpf_map *map, uint32_t index)
{
	struct flow_histogram histogram = { 0 };

	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(map), &index, &histogram), 0);
	return histogram;
}

static uint64_t total(const struct flow_histogram *histogram)
{
	uint64_t sum = 0;

	for (int i = 0; i < FLOW_BUCKETS; i++)
		sum += histogram->bucket[i];
	return sum;
}

/* Dates back what a handshake remembers, so that its next step seems to have taken so long. */
static void pretend(uint32_t us)
{
	struct flow_key key = key_of(CLIENT, CLIENT_PORT, RPC_PORT);
	int fd = bpf_map__fd(box.bpf->maps.handshakes);
	struct handshake handshake;

	assert_int_equal(bpf_map_lookup_elem(fd, &key, &handshake), 0);
	assert_int_not_equal(handshake.sent_us, 0);
	handshake.sent_us -= us;
	assert_int_equal(bpf_map_update_elem(fd, &key, &handshake, BPF_EXIST), 0);
}

static void test_clocks(void **state UNUSED)
{
	struct flow_histogram answers, trips;
	struct frame frame;
	uint16_t slot = expect_to_member(&frame, client_sends(&frame, SYN, 1000, 0, 0));

	/* 3 s and 1 s: no pause of this machine moves them to another bucket. */
	pretend(3000000);
	member_sends(&frame, slot, SYN | ACK, 5000, 1001);
	answers = histogram_of(box.bpf->maps.answer_times, slot);
	pretend(1200000);
	client_sends(&frame, ACK, 1001, 5001, 0);
	trips = histogram_of(box.bpf->maps.round_trips, 0);
	assert_int_equal(total(&answers), 1);
	assert_int_equal(answers.bucket[22], 1); /* 2^21 .. 2^22 us */
	assert_in_range(answers.sum_us, 3000000, 4000000);
	assert_int_equal(total(&trips), 1);
	assert_int_equal(trips.bucket[21], 1);
	assert_in_range(trips.sum_us, 1200000, 2000000);
}

static bool net_read(uint32_t client, struct client_net *net)
{
	struct flow_ip from = ip_of(client);
	struct client_net_key key = { .net = flow_ip_net(&from) };

	return !bpf_map_lookup_elem(bpf_map__fd(box.bpf->maps.client_nets), &key, net);
}

/* One handshake whose round trip seems to have taken so long. */
static void trip(uint32_t us)
{
	struct frame frame;
	uint16_t slot = expect_to_member(&frame, client_sends(&frame, SYN, 1000, 0, 0));

	member_sends(&frame, slot, SYN | ACK, 5000, 1001);
	pretend(us);
	client_sends(&frame, ACK, 1001, 5001, 0);
	client_sends(&frame, RST, 1001, 5001, 0);
}

/* By network, and those beyond what people bear apart. */
static void test_networks(void **state UNUSED)
{
	struct client_net net;

	assert_false(net_read(CLIENT, &net));
	trip(2000000);
	assert_true(net_read(CLIENT, &net));
	assert_int_equal(net.count, 1);
	assert_int_equal(net.slow, 1);
	assert_in_range(net.max_us, 2000000, 3000000);
	trip(0);
	assert_true(net_read(CLIENT, &net));
	assert_int_equal(net.count, 2);
	assert_in_range(net.sum_us, 2000000, 4000000);
	assert_in_range(net.max_us, 2000000, 3000000);
	assert_int_not_equal(net.seen_ns, 0);
	/* Neighbours share a network; in IPv6 all addresses of these tests do. */
	assert_true(net_read(CLIENT ^ 1, &net));
	assert_int_equal(net_read(CLIENT ^ 0x100, &net), frame_family == FLOW_IPV6);
}

static void test_repeated_syn_ack_is_not_clocked(void **state UNUSED)
{
	struct flow_histogram answers, trips;
	struct frame frame;
	uint16_t slot = expect_to_member(&frame, client_sends(&frame, SYN, 1000, 0, 0));

	member_sends(&frame, slot, SYN | ACK, 5000, 1001);
	member_sends(&frame, slot, SYN | ACK, 5000, 1001);
	client_sends(&frame, ACK, 1001, 5001, 0);
	answers = histogram_of(box.bpf->maps.answer_times, slot);
	trips = histogram_of(box.bpf->maps.round_trips, 0);
	assert_int_equal(total(&answers), 1);
	assert_int_equal(total(&trips), 0);
	assert_int_equal(gauges_now().flows, 1);
}

static void test_silence_is_counted_in_a_row(void **state UNUSED)
{
	struct frame frame;
	uint16_t slot = expect_to_member(&frame, client_sends(&frame, SYN, 1000, 0, 0));

	client_sends(&frame, SYN, 1000, 0, 0);
	client_sends(&frame, SYN, 1000, 0, 0);
	assert_int_equal(stats_now(slot).syns, 3);
	assert_int_equal(stats_now(slot).silent, 3);
	member_sends(&frame, slot, SYN | ACK, 5000, 1001);
	assert_int_equal(stats_now(slot).syns, 3);
	assert_int_equal(stats_now(slot).silent, 0);
}

/* A SYN of another client; false: it went to another member. */
static bool another_syn(uint32_t client, uint16_t slot)
{
	const struct segment s = { client, VIP, CLIENT_PORT, RPC_PORT, .flags = SYN, .seq = 1000 };
	uint64_t before = stats_now(slot).syns;
	struct frame frame = frame_segment(&s, 0);

	run_frame(&frame, box.outside);
	return stats_now(slot).syns > before;
}

static void test_silence_to_one_and_to_many(void **state UNUSED)
{
	struct frame frame;
	uint16_t slot = expect_to_member(&frame, client_sends(&frame, SYN, 1000, 0, 0));
	uint64_t silent;

	client_sends(&frame, SYN, 1000, 0, 0);
	assert_int_equal(stats_now(slot).silent, 2);
	assert_int_equal(stats_now(slot).silent_more, 0);
	maglev_set(POOL_RPC, 0, slot, slot);
	maglev_set(POOL_RPC, 1, slot, slot);
	assert_true(another_syn(CLIENT + 2, slot));
	assert_true(another_syn(CLIENT + 2, slot));
	assert_int_equal(stats_now(slot).silent_more, 2);
	silent = stats_now(slot).silent;
	assert_int_equal(silent, 4);
	/* An answer to any of them ends the row; the next one begins with its own first. */
	member_sends(&frame, slot, SYN | ACK, 5000, 1001);
	assert_int_equal(stats_now(slot).silent, 0);
	assert_true(another_syn(CLIENT + 4, slot));
	assert_int_equal(stats_now(slot).silent, 1);
	assert_int_equal(stats_now(slot).silent_more, 0);
	maglev_set(POOL_RPC, 0, 0, 1);
	maglev_set(POOL_RPC, 1, 1, 1);
}

static void test_refusal_is_an_answer(void **state UNUSED)
{
	struct frame frame;
	uint16_t slot = expect_to_member(&frame, client_sends(&frame, SYN, 1000, 0, 0));

	member_sends(&frame, slot, RST | ACK, 0, 1001);
	assert_int_equal(stats_now(slot).refusals, 1);
	assert_int_equal(stats_now(slot).silent, 0);
	assert_int_equal(stats_now(slot).resets, 0);
}

static void test_reset_of_a_session(void **state UNUSED)
{
	uint16_t slot = establish();
	struct frame frame;

	member_sends(&frame, slot, RST | ACK, 5001, 1001);
	assert_int_equal(stats_now(slot).resets, 1);
	assert_int_equal(stats_now(slot).refusals, 0);
	client_sends(&frame, RST, 1001, 5001, 0);
	assert_int_equal(stats_now(slot).resets, 1);
}

static int set_up(void **state UNUSED)
{
	return harness_open(64, 64);
}

static const struct {
	const char *name;
	CMUnitTestFunction test;
} cases[] = {
	{ "answers and round trips fall into their buckets", test_clocks },
	{ "round trips by network", test_networks },
	{ "a repeated SYN-ACK is not clocked", test_repeated_syn_ack_is_not_clocked },
	{ "SYNs without an answer are counted in a row", test_silence_is_counted_in_a_row },
	{ "silence to one client is told from silence to many", test_silence_to_one_and_to_many },
	{ "a refusal is an answer, and counted", test_refusal_is_an_answer },
	{ "a member's reset of a session is counted", test_reset_of_a_session },
};

int main(void)
{
	struct plan plan = { 0 };

	if (!harness_may_run("sight"))
		return 77;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		plan_case(&plan, cases[i].name, cases[i].test, NULL);
	return plan_run("sight", &plan, set_up);
}
