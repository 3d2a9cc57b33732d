// SPDX-License-Identifier: BSD-2-Clause
/* What is counted of a service, and how many answers are given about the packets of an array. */
#include "tests/bpf/harness.h"

enum {
	ANSWERS = 1000, /* a second, and at once */
	FLOOD = 4 * ANSWERS,
	TURN = 100, /* packets on one CPU, then on the next */
	OTHER_ARRAY = 1,
};

#define OTHER_VIP (VIP + 1)

/* The array `number` has the VIP `addr`, beside the box's own, and the ports and services of that.
 */
static void add_array(uint32_t addr, uint16_t number)
{
	struct flow_role_table *table = calloc(1, sizeof(*table));
	uint32_t one = 1;

	assert_non_null(table);
	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(box.bpf->maps.roles), &one, table), 0);
	role_set(table, addr, ROLE_VIP, number);
	map_set(box.bpf->maps.roles, 1, table);
	free(table);
}

static void reset_strangers(void)
{
	struct flow_service service = { .pool = POOL_RPC,
					.flags = SERVICE_USED | SERVICE_UNKNOWN_RESET,
					.idle_ticks = IDLE_TICKS };

	service.vip[frame_family] = ip_of(VIP);
	map_set(box.bpf->maps.services, SERVICE_RPC, &service);
}

/* Whether a packet in mid-stream of which there is no record is answered. */
static bool is_answered(uint32_t vip)
{
	const struct segment s = { .from = CLIENT,
				   .to = vip,
				   .from_port = CLIENT_PORT,
				   .to_port = RPC_PORT,
				   .flags = ACK,
				   .seq = 1001,
				   .ack = 5001 };
	struct frame frame = frame_segment(&s, false);

	return run_frame(&frame, box.outside) == XDP_REDIRECT;
}

/* Goes on with the next CPU that this test may use. */
static void next_cpu(const cpu_set_t *mine, int *cpu)
{
	cpu_set_t one;

	do
		*cpu = (*cpu + 1) % CPU_SETSIZE;
	while (!CPU_ISSET((size_t)*cpu, mine));
	CPU_ZERO(&one);
	CPU_SET((size_t)*cpu, &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
}

/* Sends FLOOD packets, by all CPUs in turn; how many were answered. */
static unsigned int flood(uint32_t vip)
{
	unsigned int answered = 0;
	int cpu = -1;
	cpu_set_t mine;

	assert_int_equal(sched_getaffinity(0, sizeof(mine), &mine), 0);
	for (int i = 0; i < FLOOD; i++) {
		if (i % TURN == 0)
			next_cpu(&mine, &cpu);
		answered += is_answered(vip);
	}
	sched_setaffinity(0, sizeof(mine), &mine);
	return answered;
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* An array's bucket, as it is when it will be full at that time. */
static void bucket_set(uint32_t array, uint64_t full_ns)
{
	map_set(box.bpf->maps.answer_paces, array, &full_ns);
}

static void test_all_cpus_have_one_bucket(void **state UNUSED)
{
	uint64_t began = now_ns(), most;
	unsigned int answered;

	reset_strangers();
	answered = flood(VIP);
	most = ANSWERS + (now_ns() - began) * ANSWERS / 1000000000 + 1;
	assert_in_range(answered, ANSWERS, most);
	assert_int_equal(count_of(COUNT_ANSWERED_UNKNOWN), answered);
	assert_int_equal(count_of(COUNT_DROP_ANSWER_RATE), FLOOD - answered);
}

static void test_each_array_has_its_own(void **state UNUSED)
{
	reset_strangers();
	add_array(OTHER_VIP, OTHER_ARRAY);
	bucket_set(0, now_ns() + 3600ull * 1000000000);
	assert_false(is_answered(VIP));
	assert_true(is_answered(OTHER_VIP));
	bucket_set(0, 0);
	bucket_set(OTHER_ARRAY, now_ns() + 3600ull * 1000000000);
	assert_true(is_answered(VIP));
	assert_false(is_answered(OTHER_VIP));
	harness_roles();
}

/* Who has been silent for an hour may answer a second's worth at once, and not an hour's. */
static void test_a_bucket_holds_a_second(void **state UNUSED)
{
	uint64_t full_ns = 0, before = now_ns();
	uint32_t array = 0;

	reset_strangers();
	bucket_set(0, before > 3600ull * 1000000000 ? before - 3600ull * 1000000000 : 1);
	assert_true(is_answered(VIP));
	bpf_map_lookup_elem(bpf_map__fd(box.bpf->maps.answer_paces), &array, &full_ns);
	assert_in_range(full_ns, before + 1000000, now_ns() + 1000000);
}

/* Errors about the packets of either direction are taken from the same bucket. */
static void test_errors_are_answers_too(void **state UNUSED)
{
	struct segment s = { .from = CLIENT,
			     .to = VIP,
			     .from_port = CLIENT_PORT,
			     .to_port = RPC_PORT,
			     .flags = ACK,
			     .seq = 1001,
			     .ack = 5001,
			     .ttl = 1 };
	struct segment back = { .from = MEMBER_0,
				.to = CLIENT,
				.from_port = RPC_PORT,
				.to_port = CLIENT_PORT,
				.flags = ACK,
				.seq = 5001,
				.ack = 1001,
				.ttl = 1 };
	struct frame frame;

	for (int empty = 0; empty < 2; empty++) {
		bucket_set(0, empty ? now_ns() + 3600ull * 1000000000 : 0);
		frame = frame_segment(&s, false);
		assert_int_equal(run_frame(&frame, box.outside), empty ? XDP_DROP : XDP_REDIRECT);
		frame = frame_segment(&back, true);
		assert_int_equal(run_frame(&frame, box.inside), empty ? XDP_DROP : XDP_REDIRECT);
	}
	assert_int_equal(count_of(COUNT_ANSWERED), 2);
}

/* Who has a session is not concerned, nor who has had one that was ended. */
static void test_sessions_are_not_paced(void **state UNUSED)
{
	struct flow_key key = key_of(CLIENT, CLIENT_PORT, RPC_PORT);
	struct frame frame;
	struct flow flow;

	establish();
	bucket_set(0, now_ns() + 3600ull * 1000000000);
	expect_to_member(&frame, client_sends(&frame, ACK, 1001, 5001, 0));
	assert_true(flow_read(&key, &flow));
	flow.flags |= FLOW_DOOMED;
	flow_write(&key, &flow);
	assert_int_equal(client_sends(&frame, ACK, 1001, 5001, 0), XDP_REDIRECT);
	assert_int_equal(count_of(COUNT_ANSWERED_DOOMED), 1);
}

static int set_up(void **state UNUSED)
{
	return harness_open(4096, 64);
}

int main(void)
{
	struct plan plan = { 0 };

	if (!harness_may_run("service"))
		return 77;
	plan_case(&plan, "all CPUs take from one bucket", test_all_cpus_have_one_bucket, NULL);
	plan_case(&plan, "each array has its own", test_each_array_has_its_own, NULL);
	plan_case(&plan, "it holds a second's worth", test_a_bucket_holds_a_second, NULL);
	plan_case(&plan, "errors are answers too", test_errors_are_answers_too, NULL);
	plan_case(&plan, "sessions are not paced", test_sessions_are_not_paced, NULL);
	return plan_run("service", &plan, set_up);
}
