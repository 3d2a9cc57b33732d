// SPDX-License-Identifier: BSD-2-Clause
/* What is kept of the times of RPC checks (lbd/rpc_time.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lbd/rpc_time.h"

static uint64_t total(const struct flow_histogram *histogram)
{
	uint64_t sum = 0;

	for (int i = 0; i < FLOW_BUCKETS; i++)
		sum += histogram->bucket[i];
	return sum;
}

static void only_good_checks_of_rpc_count(void **state)
{
	static struct rpc_time times[FLOW_MAX_MEMBERS];
	struct health_target target = { .member = 3, .kind = HEALTH_RPC, .last = HEALTH_OK };

	(void)state;
	target.trace.step_us[HEALTH_STEP_CONNECT] = 300;
	target.trace.step_us[HEALTH_STEP_BIND] = RPC_TIME_SLOW_US - 1;
	rpc_time_add(times, &target);
	target.trace.step_us[HEALTH_STEP_BIND] = RPC_TIME_SLOW_US;
	rpc_time_add(times, &target);
	assert_int_equal(total(&times[3].bind), 2);
	assert_int_equal(times[3].connect.sum_us, 600);
	assert_int_equal(times[3].slow, 1);
	target.last = HEALTH_HUNG;
	rpc_time_add(times, &target);
	target.last = HEALTH_OK;
	target.kind = HEALTH_TCP;
	rpc_time_add(times, &target);
	target.kind = HEALTH_RPC;
	target.member = FLOW_NO_MEMBER;
	rpc_time_add(times, &target);
	assert_int_equal(total(&times[3].bind), 2);
}

static void another_member_begins_afresh(void **state)
{
	static struct rpc_time times[FLOW_MAX_MEMBERS];
	struct plan *old = plan_new(), *plan = plan_new();

	(void)state;
	assert_non_null(old);
	assert_non_null(plan);
	times[1].slow = times[2].slow = 7;
	old->members[1].addr[FLOW_IPV4] = plan->members[1].addr[FLOW_IPV4] = flow_ip4(1);
	old->members[2].addr[FLOW_IPV4] = flow_ip4(2);
	plan->members[2].addr[FLOW_IPV4] = flow_ip4(3);
	rpc_time_replan(times, old, plan);
	assert_int_equal(times[1].slow, 7);
	assert_int_equal(times[2].slow, 0);
	plan_free(old);
	plan_free(plan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_good_checks_of_rpc_count),
		cmocka_unit_test(another_member_begins_afresh),
	};

	return cmocka_run_group_tests_name("rpc_time", tests, NULL, NULL);
}
