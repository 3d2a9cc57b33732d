// SPDX-License-Identifier: BSD-2-Clause
/* Ageing, and the events that user space puts on the ring. */
#include "tests/bpf/harness.h"

enum { SECOND = FLOW_TICKS_PER_SECOND };

static struct flow_call sweep(uint8_t kind, uint8_t how)
{
	struct flow_event named = {
		.kind = kind,
		.apply = how,
		.key = key_of(CLIENT, CLIENT_PORT, RPC_PORT),
		.pool_id = POOL_RPC_ID,
	};
	struct flow_call call = { .count = 1 };

	map_set(box.bpf->maps.sweep_inbox, 0, &named);
	assert_int_equal(run_call(box.bpf->progs.caspair_sweep, &call), 0);
	return call;
}

/* --- flows: established, then aged by hand --- */

struct ageing {
	const char *name;
	uint8_t state;
	uint32_t idle;         /* seconds */
	uint32_t promoted;     /* seconds ago; 0: never */
	uint32_t service_idle; /* seconds; 0: the usual 7500 */
	bool no_service;       /* the port is none any more */
	uint8_t how;
	bool due;
	int counter; /* -1: none */
};

static const struct ageing ageings[] = {
	{ "an established flow lives as long as its service says", .state = FLOW_ESTABLISHED,
	  .idle = 7499, .counter = -1 },
	{ "and no longer", .state = FLOW_ESTABLISHED, .idle = 7502, .due = true,
	  .counter = COUNT_EXPIRED_IDLE },
	{ "a service may be quicker", .state = FLOW_ESTABLISHED, .idle = 61, .service_idle = 60,
	  .due = true, .counter = COUNT_EXPIRED_IDLE },
	{ "or slower", .state = FLOW_ESTABLISHED, .idle = 9000, .service_idle = 10000,
	  .counter = -1 },
	{ "without a service the default holds", .state = FLOW_ESTABLISHED, .idle = 7000,
	  .service_idle = 60, .no_service = true, .counter = -1 },
	{ "and expires", .state = FLOW_ESTABLISHED, .idle = 7502, .service_idle = 10000,
	  .no_service = true, .due = true, .counter = COUNT_EXPIRED_IDLE },
	{ "a half-closed flow lives for an hour", .state = FLOW_CLIENT_FIN, .idle = 3599,
	  .counter = -1 },
	{ "and no longer than that", .state = FLOW_MEMBER_FIN, .idle = 3602, .due = true,
	  .counter = COUNT_EXPIRED_IDLE },
	{ "nor longer than an established one", .state = FLOW_CLIENT_FIN, .idle = 61,
	  .service_idle = 60, .due = true, .counter = COUNT_EXPIRED_IDLE },
	{ "a closed flow lives for 10 seconds", .state = FLOW_CLOSING, .idle = 9, .counter = -1 },
	{ "and is gone then", .state = FLOW_CLOSING, .idle = 11, .due = true,
	  .counter = COUNT_EXPIRED_CLOSED },
	{ "a reset flow lives for 2 seconds", .state = FLOW_RESET, .idle = 1, .counter = -1 },
	{ "and is gone after them", .state = FLOW_RESET, .idle = 3, .due = true,
	  .counter = COUNT_EXPIRED_CLOSED },
	{ "no timer is older than the promotion", .state = FLOW_ESTABLISHED, .idle = 8000,
	  .promoted = 5, .counter = -1 },
	{ "but a promotion before the silence does not matter", .state = FLOW_ESTABLISHED,
	  .idle = 3, .promoted = 4, .service_idle = 2, .due = true, .counter = COUNT_EXPIRED_IDLE },
	{ "force drops a flow that is not due", .state = FLOW_ESTABLISHED, .how = SWEEP_FORCE,
	  .due = true, .counter = -1 },
};

static void configure(const struct ageing *row)
{
	struct flow_service service = {
		.flags = row->no_service ? 0 : SERVICE_USED,
		.idle_ticks = (row->service_idle ? row->service_idle : 7500) * SECOND,
	};
	struct flow_lease lease = lease_now();
	struct timespec now;

	service.vip[frame_family] = ip_of(VIP);
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (row->promoted)
		lease.promoted_ns = ((uint64_t)now.tv_sec - row->promoted) * 1000000000 +
				    (uint64_t)now.tv_nsec;
	lease_set(&lease);
	map_set(box.bpf->maps.services, SERVICE_RPC, &service);
}

static void test_ageing(void **state)
{
	const struct ageing *row = *state;
	struct flow_key key = key_of(CLIENT, CLIENT_PORT, RPC_PORT);
	uint16_t slot = establish();
	struct flow flow;
	struct pin pin;

	harness_drain();
	box.events = 0;
	configure(row);
	flow_read(&key, &flow);
	flow.state = row->state;
	flow.last_seen = ticks_now() - row->idle * SECOND;
	flow_write(&key, &flow);
	assert_int_equal(sweep(EVENT_FLOW_DEL, row->how).done, row->due);
	assert_int_equal(flow_read(&key, &flow), !row->due);
	assert_int_equal(gauges_now().flows, !row->due);
	assert_int_equal(stats_now(slot).flows, !row->due);
	assert_true(pin_read(CLIENT, POOL_RPC_ID, &pin));
	assert_int_equal(pin.flows, !row->due);
	for (int i = COUNT_EXPIRED_IDLE; i <= COUNT_EXPIRED_CLOSED; i++)
		assert_int_equal(count_of((enum flow_counter)i), row->counter == i);
	harness_drain();
	assert_int_equal(box.events, row->due);
	if (row->due) {
		assert_int_equal(box.event[0].kind, EVENT_FLOW_DEL);
		assert_int_equal(number_of(&box.event[0].member), MEMBER_0 + slot);
		assert_memory_equal(&box.event[0].key, &key, sizeof(key));
	}
}

/* An entry that a CPU with a finer clock has stamped an instant ahead of ours. */
static void test_future_is_not_the_past(void **state UNUSED)
{
	struct flow_key key = key_of(CLIENT, CLIENT_PORT, RPC_PORT);
	struct flow flow;

	establish();
	flow_read(&key, &flow);
	flow.last_seen = ticks_now() + 20;
	flow_write(&key, &flow);
	assert_int_equal(sweep(EVENT_FLOW_DEL, SWEEP_IF_DUE).done, 0);
}

/* --- pins --- */

struct lingering {
	const char *name;
	uint32_t flows;
	uint32_t idle;     /* seconds */
	uint32_t promoted; /* seconds ago; 0: never */
	bool no_pool;
	uint8_t how;
	bool due;
};

static const struct lingering lingerings[] = {
	{ "a pin lingers for its pool's time", .idle = 3599 },
	{ "and no longer", .idle = 3602, .due = true },
	{ "a pin with flows is never due", .flows = 1, .idle = 9999 },
	{ "a pin's time begins at the promotion", .idle = 9999, .promoted = 5 },
	{ "a pin of a pool that is gone is due", .no_pool = true, .due = true },
	{ "unless it has flows", .flows = 1, .no_pool = true },
	{ "a pin without flows goes when it is not wanted", .how = SWEEP_UNUSED, .due = true },
	{ "but not one with flows", .flows = 1, .idle = 9999, .how = SWEEP_UNUSED },
	{ "force drops a pin that is not due", .flows = 1, .how = SWEEP_FORCE, .due = true },
};

static void test_lingering(void **state)
{
	const struct lingering *row = *state;
	struct flow_gauges gauges = { .pins = 1 };
	struct ageing promotion = { .promoted = row->promoted };
	struct flow_pool gone = { 0 };
	struct pin pin = {
		.member = 1,
		.flows = row->flows,
		.last_used = ticks_now() - row->idle * SECOND,
	};

	configure(&promotion);
	map_set(box.bpf->maps.gauges, 0, &gauges);
	pin_write(CLIENT, POOL_RPC_ID, &pin);
	if (row->no_pool)
		map_set(box.bpf->maps.pools, POOL_RPC, &gone);
	assert_int_equal(sweep(EVENT_PIN_DEL, row->how).done, row->due);
	assert_int_equal(pin_read(CLIENT, POOL_RPC_ID, &pin), !row->due);
	assert_int_equal(gauges_now().pins, !row->due);
	harness_drain();
	assert_int_equal(box.events, row->due);
	if (row->due) {
		assert_int_equal(box.event[0].kind, EVENT_PIN_DEL);
		assert_int_equal(box.event[0].epoch, 7);
		assert_int_equal(number_of(&box.event[0].key.client), CLIENT);
		assert_int_equal(box.event[0].pool_id, POOL_RPC_ID);
		assert_int_equal(number_of(&box.event[0].member), MEMBER_0 + 1);
	}
}

/* --- what goes on after a RST --- */

static void test_revived(void **state UNUSED)
{
	struct flow_key key = key_of(CLIENT, CLIENT_PORT, RPC_PORT);
	struct frame frame;
	struct flow flow;
	uint16_t slot = establish();

	expect_to_client(&frame, member_sends(&frame, slot, RST, 5001, 1001));
	client_sends(&frame, ACK, 1001, 5001, 5);
	harness_drain();
	box.events = 0;
	assert_int_equal(sweep(EVENT_FLOW_PUT, SWEEP_IF_DUE).done, 1);
	harness_drain();
	assert_int_equal(box.events, 1);
	assert_int_equal(box.event[0].kind, EVENT_FLOW_PUT);
	assert_int_equal(box.event[0].state, FLOW_ESTABLISHED);
	assert_true(flow_read(&key, &flow));
	assert_int_equal(flow.flags & FLOW_REVIVED, 0);
	/* Once; and the next end is told by its packet. */
	assert_int_equal(sweep(EVENT_FLOW_PUT, SWEEP_IF_DUE).done, 0);
	client_sends(&frame, RST, 1006, 0, 0);
	harness_drain();
	assert_int_equal(box.events, 2);
	assert_int_equal(box.event[1].state, FLOW_RESET);
}

static void test_revived_of_nothing(void **state UNUSED)
{
	struct flow_call call = sweep(EVENT_FLOW_PUT, SWEEP_IF_DUE);

	assert_int_equal(call.done, 0);
	assert_int_equal(call.refused, 0);
}

/* --- calls --- */

static void test_sweep_of_nothing(void **state UNUSED)
{
	struct flow_call call = sweep(EVENT_FLOW_DEL, SWEEP_FORCE);

	assert_int_equal(call.done, 0);
	assert_int_equal(call.refused, 0);
}

static void test_sweep_of_another_kind(void **state UNUSED)
{
	assert_int_equal(sweep(EVENT_MEMBER, SWEEP_FORCE).refused, 1);
}

static void test_sweep_of_too_many(void **state UNUSED)
{
	struct flow_call call = { .count = FLOW_BATCH + 1 };

	assert_int_equal(run_call(box.bpf->progs.caspair_sweep, &call), -E2BIG);
}

static void test_sweep_of_a_full_batch(void **state UNUSED)
{
	struct flow_event named = { .kind = EVENT_FLOW_DEL, .apply = SWEEP_FORCE };
	struct flow flow = { .state = FLOW_ESTABLISHED, .member = 1 };
	struct flow_gauges gauges = { .flows = FLOW_BATCH };
	struct flow_call call = { .count = FLOW_BATCH };

	map_set(box.bpf->maps.gauges, 0, &gauges);
	for (uint32_t i = 0; i < FLOW_BATCH; i++) {
		named.key = key_of(CLIENT + i, CLIENT_PORT, RPC_PORT);
		flow_write(&named.key, &flow);
		map_set(box.bpf->maps.sweep_inbox, i, &named);
	}
	assert_int_equal(run_call(box.bpf->progs.caspair_sweep, &call), 0);
	assert_int_equal(call.done, FLOW_BATCH);
	assert_int_equal(gauges_now().flows, 0);
}

static void test_emit(void **state UNUSED)
{
	struct flow_event verdict = {
		.kind = EVENT_MEMBER,
		.state = 1,
		.epoch = 7,
		.key = { .vip = ip_of(VIP) },
		.member = ip_of(MEMBER_0),
		.pool_id = POOL_RPC_ID,
		.client_ack = 10,
	};
	struct flow_call call = { .count = 1 };

	map_set(box.bpf->maps.sweep_inbox, 0, &verdict);
	assert_int_equal(run_call(box.bpf->progs.caspair_emit, &call), 0);
	assert_int_equal(call.done, 1);
	harness_drain();
	assert_int_equal(box.events, 1);
	assert_memory_equal(&box.event[0], &verdict, sizeof(verdict));
}

static uint64_t events_lost(void)
{
	struct flow_lost lost = { 0 };
	uint32_t zero = 0;

	bpf_map_lookup_elem(bpf_map__fd(box.bpf->maps.lost), &zero, &lost);
	return lost.events;
}

static void test_lost_events_are_counted(void **state UNUSED)
{
	struct flow_call call = { .count = 1 };
	uint64_t before = events_lost();
	int sent = 0;

	while (run_call(box.bpf->progs.caspair_emit, &call) == 0 && sent < 1000000)
		sent++;
	assert_in_range(sent, 100000, 999999);
	assert_int_equal(events_lost() - before, 1);
	assert_int_equal(count_of(COUNT_EVENT_LOST), 1);
	/* Packets are not held up. */
	establish();
	assert_int_equal(gauges_now().flows, 1);
	assert_int_equal(events_lost() - before, 3);
}

static int set_up(void **state UNUSED)
{
	return harness_open(4096, 64);
}

static const struct {
	const char *name;
	CMUnitTestFunction test;
} cases[] = {
	{ "a stamp ahead of the clock is no age", test_future_is_not_the_past },
	{ "a flow that goes on after a RST is told once", test_revived },
	{ "and one that is gone is not", test_revived_of_nothing },
	{ "a flow that is gone already is no fault", test_sweep_of_nothing },
	{ "other kinds of record are refused", test_sweep_of_another_kind },
	{ "more records than fit are refused together", test_sweep_of_too_many },
	{ "a full batch is swept", test_sweep_of_a_full_batch },
	{ "a verdict goes to the ring as it is", test_emit },
	{ "events that find no room are counted", test_lost_events_are_counted },
};

int main(void)
{
	struct plan plan = { 0 };

	if (!harness_may_run("sweep"))
		return 77;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		plan_case(&plan, cases[i].name, cases[i].test, NULL);
	for (size_t i = 0; i < sizeof(ageings) / sizeof(*ageings); i++)
		plan_case(&plan, ageings[i].name, test_ageing, &ageings[i]);
	for (size_t i = 0; i < sizeof(lingerings) / sizeof(*lingerings); i++)
		plan_case(&plan, lingerings[i].name, test_lingering, &lingerings[i]);
	return plan_run("sweep", &plan, set_up);
}
