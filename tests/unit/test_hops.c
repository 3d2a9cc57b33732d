// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <arpa/inet.h>

#include "lbd/hops.h"

static struct hops hops;
static uint32_t now; /* seconds; a round each */

static const struct hop router = { .addr = { { 0, 0, FLOW_IP_MAPPED, 0x0100000a } }, .ifindex = 2 };

static int setup(void **state)
{
	(void)state;
	memset(&hops, 0, sizeof(hops));
	hops_begin(&hops, ++now);
	return 0;
}

/* Every third is of the other family. */
static struct flow_ip client(uint32_t number)
{
	struct flow_ip ip = flow_ip4(htonl(0x0a140000 + number));

	if (number % 3 == 0) {
		ip.word[0] = htonl(0x20010db8);
		ip.word[2] = 0;
	}
	return ip;
}

static void see(uint32_t number)
{
	struct flow_ip ip = client(number);

	hops_client(&hops, &ip);
}

/* What lbd/warm.c does with the list; every route leads to `hop`.  How many hops were new. */
static size_t answer(const struct hop *hop)
{
	size_t fresh = 0;

	while (hops.asks)
		fresh += hops_learn(&hops, &hops.ask[--hops.asks], hop);
	return fresh;
}

static size_t answer_on_link(void)
{
	size_t fresh = 0;

	while (hops.asks) {
		struct hop hop = { .addr = hops.ask[--hops.asks], .ifindex = 2 };

		fresh += hops_learn(&hops, &hop.addr, &hop);
	}
	return fresh;
}

static size_t held(void)
{
	size_t count = 0;

	for (size_t i = 0; i < HOPS_MAX; i++)
		count += hops.hop[i].ifindex != 0;
	return count;
}

static void rounds(uint32_t count, uint32_t number)
{
	while (count--) {
		hops_begin(&hops, ++now);
		see(number);
	}
}

static void test_wanted(void **state)
{
	static const struct {
		uint8_t state, flags;
		uint32_t ifindex; /* of its hop */
		bool wanted;
	} cases[] = {
		{ FLOW_ESTABLISHED, FLOW_REPLICA, 0, true },
		{ FLOW_ESTABLISHED, FLOW_PICKED_UP, 0, true },
		{ FLOW_CLIENT_FIN, FLOW_REPLICA, 0, true },
		{ FLOW_MEMBER_FIN, FLOW_REPLICA, 0, true },
		{ FLOW_ESTABLISHED, 0, 3, false },
		{ FLOW_ESTABLISHED, FLOW_OUTBOUND | FLOW_REPLICA, 0, false },
		{ FLOW_CLOSING, FLOW_REPLICA, 0, false },
		{ FLOW_RESET, FLOW_REPLICA, 0, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct flow flow = { .state = cases[i].state,
				     .flags = cases[i].flags,
				     .hop.ifindex = cases[i].ifindex };

		assert_int_equal(hops_wanted(&flow), cases[i].wanted);
	}
}

static void test_one_router(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 100; i++)
		see(i);
	assert_int_equal(hops.asks, 100);
	assert_int_equal(answer(&router), 1);
	assert_int_equal(held(), 1);
}

static void test_client_is_asked_for_once(void **state)
{
	(void)state;
	see(1);
	see(1);
	assert_int_equal(hops.asks, 1);
	answer(&router);
	see(1);
	rounds(1, 1);
	assert_int_equal(hops.asks, 0);
	assert_int_equal(held(), 1);
}

static void test_client_without_a_route_is_asked_for_once(void **state)
{
	(void)state;
	see(1);
	assert_int_equal(answer(NULL), 0);
	rounds(HOPS_ROUTE_AGE - 1, 1);
	assert_int_equal(hops.asks, 0);
	assert_int_equal(held(), 0);
	assert_false(hops.full);
}

static void test_route_is_looked_up_again(void **state)
{
	static const struct hop other = { .addr = { { 0x80fe, 0, 0, 1 } }, .ifindex = 3 };

	(void)state;
	see(1);
	answer(&router);
	rounds(HOPS_ROUTE_AGE - 1, 1);
	assert_int_equal(hops.asks, 0);
	rounds(1, 1);
	assert_int_equal(hops.asks, 1);
	assert_int_equal(answer(&other), 1);
	rounds(2, 1);
	assert_int_equal(held(), 1);
	assert_true(flow_ip_equal(&hops.hop[1].addr, &other.addr));
}

static void test_unused_is_forgotten(void **state)
{
	(void)state;
	see(1);
	answer(&router);
	hops_begin(&hops, ++now); /* seen in the round before this one */
	assert_int_equal(held(), 1);
	hops_begin(&hops, ++now);
	assert_int_equal(held(), 0);
	/* And so is the client: its index may mean another hop by now. */
	see(1);
	assert_int_equal(hops.asks, 1);
	assert_int_equal(answer(&router), 1);
}

static void test_look_ups_are_bounded(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 3 * HOPS_ASKS; i++)
		see(i);
	assert_int_equal(hops.asks, HOPS_ASKS);
	answer(&router);
	/* Who was left out has its turn, whoever was first. */
	hops_begin(&hops, ++now);
	for (uint32_t i = 0; i < 3 * HOPS_ASKS; i++)
		see(i);
	assert_int_equal(hops.asks, HOPS_ASKS);
	for (size_t i = 0; i < hops.asks; i++)
		assert_true(ntohl(hops.ask[i].word[3]) >= 0x0a140000 + HOPS_ASKS / 2);
}

static void test_hops_are_bounded(void **state)
{
	(void)state;
	for (uint32_t from = 0; from < HOPS_MAX + 100; from += HOPS_ASKS) {
		for (uint32_t i = from; i < from + HOPS_ASKS; i++)
			see(i);
		answer_on_link();
	}
	assert_int_equal(held(), HOPS_MAX);
	assert_true(hops.full);
	hops_begin(&hops, ++now);
	assert_false(hops.full);
}

static void test_each_hop_has_its_turn(void **state)
{
	size_t turns[10] = { 0 };
	uint32_t last = now;

	(void)state;
	for (uint32_t i = 0; i < 10; i++)
		see(i);
	assert_int_equal(answer_on_link(), 10);
	/* Whether a round takes a second or five. */
	while (now - last < 10 * HOPS_REFRESH) {
		now += (now - last) / HOPS_REFRESH % 5;
		hops_begin(&hops, ++now);
		for (uint32_t i = 0; i < 10; i++)
			see(i);
		answer_on_link();
		for (size_t i = 0; i < HOPS_MAX; i++)
			if (hops_due(&hops, i))
				turns[i]++;
	}
	for (size_t i = 0; i < 10; i++)
		assert_in_range(turns[i], 9, 12);
}

static void test_change_of_links(void **state)
{
	(void)state;
	see(1);
	answer(&router);
	hops_forget(&hops);
	assert_int_equal(held(), 0);
	hops_begin(&hops, ++now);
	see(1);
	assert_int_equal(hops.asks, 1);
	assert_int_equal(answer(&router), 1);
}

/* Also when it comes between the question and the answer. */
static void test_change_of_links_meanwhile(void **state)
{
	(void)state;
	see(1);
	hops_forget(&hops);
	assert_int_equal(answer(&router), 1);
	rounds(1, 1);
	assert_int_equal(hops.asks, 1);
	assert_int_equal(answer(&router), 0);
	rounds(1, 1);
	assert_int_equal(hops.asks, 0);
	assert_int_equal(held(), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_wanted, setup),
		cmocka_unit_test_setup(test_one_router, setup),
		cmocka_unit_test_setup(test_client_is_asked_for_once, setup),
		cmocka_unit_test_setup(test_client_without_a_route_is_asked_for_once, setup),
		cmocka_unit_test_setup(test_route_is_looked_up_again, setup),
		cmocka_unit_test_setup(test_unused_is_forgotten, setup),
		cmocka_unit_test_setup(test_look_ups_are_bounded, setup),
		cmocka_unit_test_setup(test_hops_are_bounded, setup),
		cmocka_unit_test_setup(test_each_hop_has_its_turn, setup),
		cmocka_unit_test_setup(test_change_of_links, setup),
		cmocka_unit_test_setup(test_change_of_links_meanwhile, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
