// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <arpa/inet.h>

#include "lbd/plan.h"
#include "lbd/sweep.h"

enum { S = FLOW_TICKS_PER_SECOND, IDLE_S = 7200, LINGER_S = 600 };

static const struct flow_ip vip[FLOW_FAMILIES] = { { { 0, 0, FLOW_IP_MAPPED, 0x0a00140a } },
						   { { 0xb80d0120, 0, 0, 10 } } };
static const struct flow_ip member[FLOW_FAMILIES] = { { { 0, 0, FLOW_IP_MAPPED, 0x15001e0a } },
						      { { 0xb80d0120, 0, 0, 21 } } };
static struct plan *plan;

/* One VIP with one service on port 135 in pool slot 5, id 77, and one member. */
static int setup(void **state)
{
	(void)state;
	plan = plan_new();
	memcpy(plan->vip[3], vip, sizeof(vip));
	plan->ports[3].service[135] = 9 + 1;
	plan->services[9] = (struct flow_service){ .pool = 5,
						   .flags = SERVICE_USED,
						   .idle_ticks = IDLE_S * S };
	plan->pools[5] = (struct flow_pool){ .id = 77,
					     .flags = POOL_USED,
					     .linger_ticks = LINGER_S * S };
	plan->members[4].flags = MEMBER_USED;
	memcpy(plan->members[4].addr, member, sizeof(member));
	memcpy(plan->members[4].vip, vip, sizeof(vip));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	plan_free(plan);
	return 0;
}

static void test_flows(void **state)
{
	static const struct {
		enum flow_state state;
		uint16_t port;
		uint32_t idle_s;
		bool outbound, due;
	} cases[] = {
		{ FLOW_ESTABLISHED, 135, IDLE_S - 1, false, false },
		{ FLOW_ESTABLISHED, 135, IDLE_S + 1, false, true },
		{ FLOW_ESTABLISHED, 135, IDLE_S - 1, true, false },
		{ FLOW_ESTABLISHED, 135, IDLE_S + 1, true, true },
		{ FLOW_ESTABLISHED, 136, 7499, false, false }, /* no service: the default */
		{ FLOW_ESTABLISHED, 136, 7501, false, true },
		{ FLOW_CLIENT_FIN, 135, 3599, false, false },
		{ FLOW_CLIENT_FIN, 135, 3601, false, true },
		{ FLOW_MEMBER_FIN, 135, 3601, false, true },
		{ FLOW_CLOSING, 135, 9, false, false },
		{ FLOW_CLOSING, 135, 11, false, true },
		{ FLOW_RESET, 135, 1, false, false },
		{ FLOW_RESET, 135, 3, false, true },
	};
	const uint32_t nows[] = { 100, 0x80000000u, UINT32_MAX }; /* ticks wrap */

	(void)state;
	for (size_t n = 0; n < 6; n++) {
		/* In the second family the array has no VIP of the first. */
		plan->members[4].vip[FLOW_IPV4] = n % 2 ? (struct flow_ip){ 0 } : vip[FLOW_IPV4];
		for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
			struct flow_key key = { .vip = cases[i].outbound ? member[n % 2]
									 : vip[n % 2],
						.vip_port = htons(cases[i].port) };
			struct flow flow = { .state = (uint8_t)cases[i].state,
					     .last_seen = nows[n / 2] - cases[i].idle_s * S };

			if (sweep_flow_due(plan, &key, &flow, nows[n / 2], UINT32_MAX) !=
			    cases[i].due)
				fail_msg("case %zu at %u", i, nows[n / 2]);
			/* One that this node could not have seen moving is never due. */
			assert_false(sweep_flow_due(plan, &key, &flow, nows[n / 2], 1 * S));
		}
	}
}

/* Recorded at its SYN, and nothing came of it: that is known of what this node has seen itself. */
static void test_begun(void **state)
{
	struct flow_key key = { .vip = vip[0], .vip_port = htons(135) };
	struct flow flow = { .state = FLOW_ESTABLISHED, .flags = FLOW_BEGUN };
	const uint32_t now = 1000 * S;

	(void)state;
	flow.last_seen = now - 9 * S;
	assert_false(sweep_flow_due(plan, &key, &flow, now, UINT32_MAX));
	flow.last_seen = now - 11 * S;
	assert_true(sweep_flow_due(plan, &key, &flow, now, UINT32_MAX));
	assert_true(sweep_flow_due(plan, &key, &flow, now, 12 * S));
	/* Seen before it was promoted, and meanwhile the other one led. */
	flow.last_seen = now - 30 * S;
	assert_false(sweep_flow_due(plan, &key, &flow, now, 20 * S));
}

/* Who has never acknowledged, or not seen to, is not told of an end. */
static void test_proven(void **state)
{
	struct flow flow = { .state = FLOW_ESTABLISHED, .last_seen = 70 * S };
	const uint32_t now = 100 * S;

	(void)state;
	assert_true(sweep_flow_proven(&flow, now, UINT32_MAX));
	flow.flags = FLOW_BEGUN;
	assert_false(sweep_flow_proven(&flow, now, UINT32_MAX));
	assert_false(sweep_flow_proven(&flow, now, 31 * S));
	/* He may have acknowledged while the other one led. */
	assert_true(sweep_flow_proven(&flow, now, 30 * S));
	flow.flags = 0;
	flow.state = FLOW_CLAIMED;
	assert_false(sweep_flow_proven(&flow, now, UINT32_MAX));
}

/* Stamped by another processor an instant after we read the clock. */
static void test_future(void **state)
{
	struct flow_key key = { .vip = vip[0], .vip_port = htons(135) };
	struct flow flow = { .state = FLOW_RESET, .last_seen = 1010 };

	(void)state;
	assert_false(sweep_flow_due(plan, &key, &flow, 1000, UINT32_MAX));
}

static void test_pins(void **state)
{
	static const struct {
		uint32_t pool, flows, idle_s;
		bool due;
	} cases[] = {
		{ 77, 0, LINGER_S - 1, false },
		{ 77, 0, LINGER_S + 1, true },
		{ 77, 1, LINGER_S + 1, false }, /* while any flow lives */
		{ 78, 0, 0, true },             /* of a pool that is configured no longer */
		{ 78, 1, 100, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct pin_key key = { .pool_id = cases[i].pool };
		struct pin pin = { .flows = cases[i].flows,
				   .last_used = 1000000 * 3 - cases[i].idle_s * S };

		assert_int_equal(sweep_pin_due(plan, &key, &pin, 1000000 * 3, UINT32_MAX),
				 cases[i].due);
	}
}

/* Of a member that an operator wants to rest: one that another one can have. */
static void test_loose_pins(void **state)
{
	struct pin_key key = { .pool_id = 77 };
	static const Conf__Array array;
	static const Conf__Member conf;
	struct pin pin = { .member = 4 }, nowhere = { .member = FLOW_NO_MEMBER };

	(void)state;
	for (unsigned int m = 4; m <= 5; m++) {
		plan->member[m] = &conf;
		plan->array_of_member[m] = &array;
		plan->standing[5][m] = (struct standing){ .up = true, .weight = 1 };
	}
	plan->array_of_pool[5] = &array;
	assert_false(sweep_pin_loose(plan, &key, &pin));
	plan->duty[4] = PLAN_RESTS;
	assert_true(sweep_pin_loose(plan, &key, &pin));
	pin.flows = 1;
	assert_false(sweep_pin_loose(plan, &key, &pin));
	pin.flows = 0;
	plan->standing[5][5].up = false; /* nobody else is there */
	assert_false(sweep_pin_loose(plan, &key, &pin));
	assert_true(sweep_pin_loose(plan, &key, &nowhere));
	nowhere.flows = 1;
	assert_false(sweep_pin_loose(plan, &key, &nowhere));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flows),
		cmocka_unit_test(test_begun),
		cmocka_unit_test(test_proven),
		cmocka_unit_test(test_future),
		cmocka_unit_test(test_pins),
		cmocka_unit_test(test_loose_pins),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
