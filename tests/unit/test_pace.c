// SPDX-License-Identifier: BSD-2-Clause
/* Orders to end flows go in the order of clients and at their pace; time is handed in. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "lbd/pace.h"
#include "proto/flow_event.h"

#define NS     1000000000ull
#define UNUSED __attribute__((unused))

static struct pace pace;

static struct flow_key key_of(uint32_t client, uint16_t port)
{
	return (struct flow_key){ .client = flow_ip4(client),
				  .vip = flow_ip4(1),
				  .client_port = port };
}

static int set_up(void **state UNUSED)
{
	memset(&pace, 0, sizeof(pace));
	return 0;
}

static int tear_down(void **state UNUSED)
{
	pace_free(&pace);
	return 0;
}

static void gather(uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		struct flow_key key = key_of(i % 100, (uint16_t)(i / 100));

		assert_true(pace_gather(&pace, &key, RESET_MEMBER));
	}
}

/* How many go in `ns` when asked each `step`. */
static uint32_t go_for(uint64_t *now, uint64_t ns, uint64_t step)
{
	const struct pace_order *order;
	uint32_t sum = 0;

	for (uint64_t end = *now + ns; *now < end; *now += step)
		sum += pace_take(&pace, *now, 1024, &order);
	return sum;
}

static void test_pace_is_kept(void **state UNUSED)
{
	static const uint32_t rates[] = { 1, 10, 500, 1234, 5000 };
	static const uint64_t steps[] = { NS / 1000, NS / 100, NS / 7, NS };

	for (size_t r = 0; r < sizeof(rates) / sizeof(*rates); r++)
		for (size_t s = 0; s < 2; s++) {
			uint64_t now = 77 * NS;
			uint32_t sent;

			pace_clear(&pace);
			pace_rate(&pace, rates[r]);
			gather(PACE_ORDERS);
			assert_int_equal(pace_go(&pace, now), PACE_ORDERS);
			sent = go_for(&now, 3 * NS, steps[s]);
			assert_in_range(sent, 3 * rates[r] - rates[r] / 50 - 1,
					3 * rates[r] + rates[r] / 50 + 2);
		}
}

/* Asked too seldom, it is slower, never faster. */
static void test_a_stall_is_no_burst(void **state UNUSED)
{
	const struct pace_order *order;
	uint64_t now = NS;

	pace_rate(&pace, 500);
	gather(5000);
	pace_go(&pace, now);
	assert_in_range(pace_take(&pace, now + 1000 * NS, 1024, &order), 1, 11);
	assert_in_range(pace_take(&pace, now + 1001 * NS, 1024, &order), 1, 11);
	/* Nor does a clock that jumps back give anything. */
	assert_in_range(pace_take(&pace, now, 1024, &order), 0, 1);
}

static void test_a_batch_is_bounded(void **state UNUSED)
{
	const struct pace_order *order;

	pace_rate(&pace, 100000);
	gather(5000);
	pace_go(&pace, NS);
	assert_int_equal(pace_take(&pace, 2 * NS, 1024, &order), 1024);
}

static void test_clients_stay_together(void **state UNUSED)
{
	const struct pace_order *order;
	uint64_t now = NS;
	uint32_t seen = 0, turns = 0, last = ~0u;

	pace_rate(&pace, 1000);
	gather(5000);
	pace_go(&pace, now);
	while (pace.going) {
		uint32_t count = pace_take(&pace, now += NS / 100, 1024, &order);

		for (uint32_t i = 0; i < count; i++) {
			turns += order[i].key.client.word[3] != last;
			last = order[i].key.client.word[3];
		}
		seen += count;
	}
	assert_int_equal(seen, 5000);
	assert_int_equal(turns, 100);
	assert_in_range(now, 5 * NS, 6 * NS);
}

static void test_nothing_is_gathered_while_some_go(void **state UNUSED)
{
	struct flow_key key = key_of(1, 1);
	const struct pace_order *order;

	pace_rate(&pace, 10);
	gather(2);
	/* Nor does anything go before the walk is over. */
	assert_int_equal(pace_take(&pace, 9 * NS, 1024, &order), 0);
	assert_int_equal(pace_go(&pace, 9 * NS), 2);
	assert_false(pace_gather(&pace, &key, RESET_MEMBER));
	assert_int_equal(pace_go(&pace, 9 * NS), 0);
	assert_int_equal(pace_take(&pace, 10 * NS, 1024, &order), 1);
	assert_int_equal(pace_take(&pace, 11 * NS, 1024, &order), 1);
	assert_true(pace_gather(&pace, &key, RESET_MEMBER));
}

static void test_room_ends(void **state UNUSED)
{
	struct flow_key key = key_of(1, 1);

	pace_rate(&pace, 10);
	gather(PACE_ORDERS);
	assert_false(pace_gather(&pace, &key, RESET_MEMBER));
}

static void test_refund(void **state UNUSED)
{
	const struct pace_order *order;

	pace_rate(&pace, 100);
	gather(1000);
	pace_go(&pace, NS);
	assert_int_equal(pace_take(&pace, NS, 1024, &order), 1);
	pace_refund(&pace, 1);
	assert_int_equal(pace_take(&pace, NS, 1024, &order), 1);
	assert_int_equal(pace_take(&pace, NS, 1024, &order), 0);
}

static void test_no_rate_takes_nothing(void **state UNUSED)
{
	struct flow_key key = key_of(1, 1);

	assert_false(pace_gather(&pace, &key, RESET_MEMBER));
	pace_rate(&pace, 10);
	assert_true(pace_gather(&pace, &key, RESET_MEMBER));
	pace_rate(&pace, 0);
	assert_int_equal(pace_go(&pace, NS), 0);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(test_pace_is_kept),
		CASE(test_a_stall_is_no_burst),
		CASE(test_a_batch_is_bounded),
		CASE(test_clients_stay_together),
		CASE(test_nothing_is_gathered_while_some_go),
		CASE(test_room_ends),
		CASE(test_refund),
		CASE(test_no_rate_takes_nothing),
	};

	return cmocka_run_group_tests_name("pace", tests, NULL, NULL);
}
