// SPDX-License-Identifier: BSD-2-Clause
/* Who has been silent for how long (lbd/idle.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lbd/idle.h"

static struct idle_client session(uint32_t client, uint32_t idle_s)
{
	return (struct idle_client){ .client = flow_ip4(client),
				     .idle_s = idle_s,
				     .timeout_s = 10000 };
}

static void ages(void **state)
{
	(void)state;
	assert_int_equal(idle_age(1000, 1000), 0);
	assert_int_equal(idle_age(1000, 1010), 0);
	assert_int_equal(idle_age(954 * 60, 0), 60);
	/* The counter has begun anew. */
	assert_int_equal(idle_age(954 * 30, UINT32_MAX - 954 * 30), 60);
	assert_int_equal(idle_age(UINT32_MAX - 65536, 0), 4503530);
}

static void sums(void **state)
{
	static const uint32_t idle_s[] = { 0, 59, 60, 7499, 7500, 7999, 8000, 10000 };
	struct idle idle = { 0 };
	struct idle_list list = { .count = 0 };

	(void)state;
	for (uint32_t i = 0; i < 8; i++) {
		struct idle_client one = session(i, idle_s[i]);

		idle_add(&idle, &list, &one);
	}
	assert_int_equal(idle.sessions, 8);
	assert_int_equal(idle.bucket[0], 2);
	assert_int_equal(idle.bucket[1], 1);
	assert_int_equal(idle.bucket[4], 1);
	assert_int_equal(idle.bucket[5], 4);
	assert_int_equal(idle.near, 2);
	assert_int_equal(idle.longest_s, 10000);
	assert_int_equal(list.count, 8);
	assert_int_equal(list.client[0].idle_s, 10000);
	assert_int_equal(list.client[7].idle_s, 0);
}

/* A client has one line, that of its most silent session. */
static void one_line_a_client(void **state)
{
	struct idle idle = { 0 };
	struct idle_list list = { .count = 0 };
	struct idle_client one = session(1, 100), other = session(2, 200);

	(void)state;
	idle_add(&idle, &list, &one);
	idle_add(&idle, &list, &other);
	one.idle_s = 300;
	idle_add(&idle, &list, &one);
	one.idle_s = 50;
	idle_add(&idle, &list, &one);
	assert_int_equal(idle.sessions, 4);
	assert_int_equal(list.count, 2);
	assert_int_equal(list.client[0].idle_s, 300);
	assert_int_equal(list.client[1].idle_s, 200);
	one.service = 1; /* another service has a line of its own */
	idle_add(&idle, &list, &one);
	assert_int_equal(list.count, 3);
}

static void a_full_list_keeps_the_nearest(void **state)
{
	struct idle idle = { 0 };
	struct idle_list list = { .count = 0 };

	(void)state;
	for (uint32_t i = 0; i < 3 * IDLE_LISTED; i++) {
		/* 7 shares no factor with the number: every age comes once, in no order. */
		struct idle_client one = session(i, 100 * (i * 7 % (3 * IDLE_LISTED)));

		idle_add(&idle, &list, &one);
	}
	assert_int_equal(list.count, IDLE_LISTED);
	for (uint32_t i = 0; i < IDLE_LISTED; i++)
		assert_int_equal(list.client[i].idle_s, 100 * (3 * IDLE_LISTED - 1 - i));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ages),
		cmocka_unit_test(sums),
		cmocka_unit_test(one_line_a_client),
		cmocka_unit_test(a_full_list_keeps_the_nearest),
	};

	return cmocka_run_group_tests_name("idle", tests, NULL, NULL);
}
