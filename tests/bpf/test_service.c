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

/* The service of RPC_PORT, with these flags, letting a source begin so many flows a second. */
static void service_set(uint8_t flags, uint32_t rate)
{
	struct flow_service service = { .pool = POOL_RPC,
					.flags = SERVICE_USED | flags,
					.idle_ticks = IDLE_TICKS,
					.source_rate = rate };

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

	service_set(SERVICE_UNKNOWN_RESET, 0);
	answered = flood(VIP);
	most = ANSWERS + (now_ns() - began) * ANSWERS / 1000000000 + 1;
	assert_in_range(answered, ANSWERS, most);
	assert_int_equal(count_of(COUNT_ANSWERED_UNKNOWN), answered);
	assert_int_equal(count_of(COUNT_DROP_ANSWER_RATE), FLOOD - answered);
}

static void test_each_array_has_its_own(void **state UNUSED)
{
	service_set(SERVICE_UNKNOWN_RESET, 0);
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

	service_set(SERVICE_UNKNOWN_RESET, 0);
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

/* --- what is counted of a service --- */

struct counted {
	enum flow_service_counter counter;
	uint64_t times;
};

/* That much was counted of the service, and nothing else; of the others nothing at all. */
static void expect_counted(const struct counted *counted, size_t count)
{
	struct flow_service_stats is = services_now(SERVICE_RPC), none = { 0 };

	for (size_t i = 0; i < count; i++) {
		assert_int_equal(is.count[counted[i].counter], counted[i].times);
		is.count[counted[i].counter] = 0;
	}
	assert_memory_equal(&is, &none, sizeof(is));
	is = services_now(SERVICE_WEB);
	assert_memory_equal(&is, &none, sizeof(is));
}

#define EXPECT_COUNTED(...)                                                                        \
	expect_counted((const struct counted[]){ __VA_ARGS__ },                                    \
		       sizeof((const struct counted[]){ __VA_ARGS__ }) / sizeof(struct counted))

static struct flow usual_flow(void)
{
	struct flow_key key = key_of(CLIENT, CLIENT_PORT, RPC_PORT);
	struct flow flow;

	assert_true(flow_read(&key, &flow));
	return flow;
}

static void drop_usual(void)
{
	struct flow_event named = { .kind = EVENT_FLOW_DEL,
				    .apply = SWEEP_FORCE,
				    .key = key_of(CLIENT, CLIENT_PORT, RPC_PORT) };
	struct flow_call call = { .count = 1 };

	map_set(box.bpf->maps.sweep_inbox, 0, &named);
	assert_int_equal(run_call(box.bpf->progs.caspair_sweep, &call), 0);
	assert_int_equal(call.done, 1);
}

static void test_connection(void **state UNUSED)
{
	uint16_t slot = establish();
	struct frame frame;

	EXPECT_COUNTED({ SERVICE_REQUESTS, 1 }, { SERVICE_CONNECTIONS, 1 });
	/* What goes on costs nothing, and counts nothing yet. */
	client_sends(&frame, ACK | PSH, 1001, 5001, 100);
	member_sends(&frame, slot, ACK | PSH, 5001, 1101);
	EXPECT_COUNTED({ SERVICE_REQUESTS, 1 }, { SERVICE_CONNECTIONS, 1 });
}

static void test_bytes_at_the_end(void **state UNUSED)
{
	uint16_t slot = establish();
	struct frame frame;
	struct flow flow;

	client_sends(&frame, ACK | PSH, 1001, 5001, 100);
	member_sends(&frame, slot, ACK | PSH, 5001, 1101);
	flow = usual_flow();
	assert_true(flow.bytes_in > 100 && flow.bytes_out > 0);
	drop_usual();
	EXPECT_COUNTED({ SERVICE_REQUESTS, 1 }, { SERVICE_CONNECTIONS, 1 },
		       { SERVICE_BYTES_IN, flow.bytes_in }, { SERVICE_BYTES_OUT, flow.bytes_out });
}

/* The ports of a connection that has ended are used again before the sweep has come. */
static void test_bytes_of_reused_ports(void **state UNUSED)
{
	struct frame frame;
	struct flow flow;

	establish();
	client_sends(&frame, RST, 1001, 0, 0);
	flow = usual_flow();
	establish();
	EXPECT_COUNTED({ SERVICE_REQUESTS, 2 }, { SERVICE_CONNECTIONS, 2 },
		       { SERVICE_BYTES_IN, flow.bytes_in }, { SERVICE_BYTES_OUT, flow.bytes_out });
}

/* This node saw these bytes, whoever says that the flow has ended. */
static void test_bytes_when_the_peer_ends_it(void **state UNUSED)
{
	struct flow_event record = { .kind = EVENT_FLOW_DEL,
				     .epoch = 8,
				     .key = key_of(CLIENT, CLIENT_PORT, RPC_PORT) };
	struct flow_call call = { .count = 1 };
	struct flow flow;

	establish();
	flow = usual_flow();
	map_set(box.bpf->maps.apply_inbox, 0, &record);
	assert_int_equal(run_call(box.bpf->progs.caspair_apply, &call), 0);
	assert_int_equal(call.done, 1);
	EXPECT_COUNTED({ SERVICE_REQUESTS, 1 }, { SERVICE_CONNECTIONS, 1 },
		       { SERVICE_BYTES_IN, flow.bytes_in }, { SERVICE_BYTES_OUT, flow.bytes_out });
}

/* A connection of the peer's is the peer's to count. */
static void test_replica(void **state UNUSED)
{
	struct flow_event record = { .kind = EVENT_FLOW_PUT,
				     .state = FLOW_ESTABLISHED,
				     .epoch = 7,
				     .key = key_of(CLIENT, CLIENT_PORT, RPC_PORT),
				     .member = ip_of(MEMBER_0) };
	struct flow_call call = { .count = 1 };

	map_set(box.bpf->maps.apply_inbox, 0, &record);
	assert_int_equal(run_call(box.bpf->progs.caspair_apply, &call), 0);
	assert_int_equal(call.done, 1);
	EXPECT_COUNTED({ SERVICE_CONNECTIONS, 0 });
}

static void test_other_services(void **state UNUSED)
{
	const struct segment syn = { .from = CLIENT,
				     .to = VIP,
				     .from_port = CLIENT_PORT,
				     .to_port = 25,
				     .flags = SYN,
				     .seq = 1000 };
	struct frame frame = frame_segment(&syn, false);

	expect_to_member(&frame, run_frame(&frame, box.outside));
	EXPECT_COUNTED({ SERVICE_REQUESTS, 0 });
	assert_int_equal(count_of_service(SERVICE_SMTP, SERVICE_REQUESTS), 1);
}

static void test_no_member(void **state UNUSED)
{
	struct frame frame;

	maglev_set(POOL_RPC, 0, FLOW_NO_MEMBER, FLOW_NO_MEMBER);
	assert_int_equal(client_sends(&frame, SYN, 1000, 0, 0), XDP_DROP);
	assert_int_equal(client_sends(&frame, ACK, 1001, 5001, 0), XDP_DROP);
	maglev_set(POOL_RPC, 0, 0, 1);
	EXPECT_COUNTED({ SERVICE_NO_MEMBER, 2 });
}

static void test_not_owner(void **state UNUSED)
{
	struct flow_lease lease = lease_now();
	struct frame frame;

	lease.role = LEASE_STANDBY;
	lease_set(&lease);
	assert_int_equal(client_sends(&frame, SYN, 1000, 0, 0), XDP_DROP);
	EXPECT_COUNTED({ SERVICE_NOT_OWNER, 1 });
}

static void test_limited(void **state UNUSED)
{
	const struct segment syn = { .from = CLIENT,
				     .to = VIP,
				     .from_port = CLIENT_PORT + 1,
				     .to_port = RPC_PORT,
				     .flags = SYN,
				     .seq = 1000 };
	struct frame frame;

	service_set(0, 1);
	expect_to_member(&frame, client_sends(&frame, SYN, 1000, 0, 0));
	frame = frame_segment(&syn, false);
	assert_int_equal(run_frame(&frame, box.outside), XDP_DROP);
	EXPECT_COUNTED({ SERVICE_REQUESTS, 1 }, { SERVICE_LIMITED, 1 });
}

static void test_closed(void **state UNUSED)
{
	struct flow_port_table *table = calloc(1, sizeof(*table));
	struct frame frame;
	uint32_t zero = 0;

	assert_non_null(table);
	bpf_map_lookup_elem(bpf_map__fd(box.bpf->maps.ports), &zero, table);
	table->service[RPC_PORT] |= FLOW_PORT_CLOSED;
	map_set(box.bpf->maps.ports, 0, table);
	free(table);
	client_sends(&frame, SYN, 1000, 0, 0);
	harness_ports();
	EXPECT_COUNTED({ SERVICE_CLOSED, 1 });
}

static void test_unknown(void **state UNUSED)
{
	struct frame frame;

	service_set(SERVICE_UNKNOWN_RESET, 0);
	client_sends(&frame, ACK, 1001, 5001, 0);
	service_set(SERVICE_UNKNOWN_DROP, 0);
	client_sends(&frame, ACK, 1001, 5001, 0);
	EXPECT_COUNTED({ SERVICE_UNKNOWN, 2 });
}

static void test_reset(void **state UNUSED)
{
	struct flow_event order = { .kind = EVENT_FLOW_DEL,
				    .apply = RESET_MEMBER,
				    .key = key_of(CLIENT, CLIENT_PORT, RPC_PORT) };

	establish();
	map_set(box.bpf->maps.sweep_inbox, 0, &order);
	for (int again = 0; again < 2; again++)
		run_orders(0, 1);
	EXPECT_COUNTED({ SERVICE_REQUESTS, 1 }, { SERVICE_CONNECTIONS, 1 }, { SERVICE_RESET, 1 });
}

static int set_up(void **state UNUSED)
{
	return harness_open(4096, 64);
}

static const struct {
	const char *name;
	CMUnitTestFunction test;
} cases[] = {
	{ "all CPUs take from one bucket", test_all_cpus_have_one_bucket },
	{ "each array has its own", test_each_array_has_its_own },
	{ "it holds a second's worth", test_a_bucket_holds_a_second },
	{ "errors are answers too", test_errors_are_answers_too },
	{ "sessions are not paced", test_sessions_are_not_paced },
	{ "a connection counts once", test_connection },
	{ "what it carried counts when it is removed", test_bytes_at_the_end },
	{ "and when its ports are used again", test_bytes_of_reused_ports },
	{ "and when the peer says that it has ended", test_bytes_when_the_peer_ends_it },
	{ "the peer's connections are not counted here", test_replica },
	{ "services are counted apart", test_other_services },
	{ "no member is up", test_no_member },
	{ "another node owns the VIP", test_not_owner },
	{ "a source has begun enough", test_limited },
	{ "a port is not open", test_closed },
	{ "a packet of no connection", test_unknown },
	{ "a connection that was ended", test_reset },
};

int main(void)
{
	struct plan plan = { 0 };

	if (!harness_may_run("service"))
		return 77;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		plan_case(&plan, cases[i].name, cases[i].test, NULL);
	return plan_run("service", &plan, set_up);
}
