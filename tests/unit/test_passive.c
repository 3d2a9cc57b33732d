// SPDX-License-Identifier: BSD-2-Clause
/* What clients meet, as far as it hurries a check. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "lbd/passive.h"

enum { M1, M2, TARGETS = 4 };

static struct health_target target[TARGETS];
static struct health health = { .target = target, .count = TARGETS };
static struct flow_member_stats stats[FLOW_MAX_MEMBERS];

/* Two checks of m1, of which one has a passive one beside it; the same of m2. */
static int set_up(void **state)
{
	(void)state;
	memset(stats, 0, sizeof(stats));
	memset(target, 0, sizeof(target));
	for (size_t i = 0; i < TARGETS; i++) {
		target[i].member = i / 2 ? M2 : M1;
		target[i].rule = (struct health_rule){
			.fall = 3, .rise = 2, .interval_ms = 1000, .timeout_ms = 500
		};
		target[i].rule.silent_syns = i % 2 ? 5 : 0;
		target[i].up = target[i].confirmed = true;
	}
	return 0;
}

static int next(void)
{
	size_t from = 0;

	return passive_next(&health, stats, &from);
}

static void silent(unsigned int member, uint64_t syns, uint32_t more)
{
	stats[member].silent = syns;
	stats[member].silent_more = more;
}

static void test_wanted(void **state)
{
	(void)state;
	assert_true(passive_wanted(&health));
	target[1].rule.silent_syns = target[3].rule.silent_syns = 0;
	assert_false(passive_wanted(&health));
	silent(M1, 100, 50);
	assert_int_equal(next(), -1);
}

static void test_row(void **state)
{
	(void)state;
	silent(M1, 4, 3);
	assert_int_equal(next(), -1);
	silent(M1, 50, 0); /* one client only */
	assert_int_equal(next(), -1);
	silent(M1, 5, 1);
	assert_int_equal(next(), 1);
	assert_int_equal(next(), -1); /* once */
	silent(M2, 5, 1);
	assert_int_equal(next(), 3);
}

static void test_all_in_one_look(void **state)
{
	size_t from = 0;

	(void)state;
	silent(M1, 9, 1);
	silent(M2, 9, 1);
	assert_int_equal(passive_next(&health, stats, &from), 1);
	assert_int_equal(passive_next(&health, stats, &from), 3);
	assert_int_equal(passive_next(&health, stats, &from), -1);
}

static void test_one_failure_decides(void **state)
{
	(void)state;
	assert_false(health_result(&target[1], HEALTH_TIMEOUT, 1, 1));
	assert_true(target[1].up);
	assert_false(health_result(&target[1], HEALTH_OK, 1, 2));
	silent(M1, 5, 1);
	assert_int_equal(next(), 1);
	assert_true(health_result(&target[1], HEALTH_TIMEOUT, 1, 3));
	assert_false(target[1].up);
	assert_int_equal(next(), -1); /* nothing to hurry for */
	/* Back by its probes, as always. */
	health_result(&target[1], HEALTH_OK, 1, 4);
	assert_false(target[1].up);
	assert_true(health_result(&target[1], HEALTH_OK, 1, 5));
}

/* It answers probes, and not the clients: probed again after each row, and not all the time. */
static void test_passes_all_the_same(void **state)
{
	(void)state;
	silent(M1, 7, 2);
	assert_int_equal(next(), 1);
	assert_false(health_result(&target[1], HEALTH_OK, 1, 1));
	assert_int_equal(next(), -1);
	silent(M1, 11, 2);
	assert_int_equal(next(), -1);
	silent(M1, 12, 2);
	assert_int_equal(next(), 1);
	assert_false(health_result(&target[1], HEALTH_OK, 1, 2));
	/* It has answered somebody, and then another row. */
	silent(M1, 1, 0);
	assert_int_equal(next(), -1);
	silent(M1, 5, 1);
	assert_int_equal(next(), 1);
	/* Neither reason to go nor to come. */
	assert_false(health_result(&target[1], HEALTH_FAULT, 1, 3));
	assert_true(target[1].up);
}

/* Who refuses is asked again and again, but each failure is one. */
static void test_refusals(void **state)
{
	(void)state;
	stats[M1].refusals = 1000; /* before anybody looked */
	assert_int_equal(next(), -1);
	stats[M1].refusals += 4;
	assert_int_equal(next(), -1);
	stats[M1].refusals += 1;
	assert_int_equal(next(), 1);
	assert_false(target[1].suspected);
	assert_int_equal(next(), -1);
	for (uint64_t failures = 1; failures < 3; failures++) {
		assert_false(health_result(&target[1], HEALTH_REFUSED, 1, failures));
		stats[M1].refusals += 5;
		assert_int_equal(next(), 1);
	}
	assert_true(health_result(&target[1], HEALTH_REFUSED, 1, 3));
	assert_false(target[1].up);
	stats[M1].refusals += 100;
	assert_int_equal(next(), -1); /* nothing to hurry for */
	stats[M1].refusals = 2;       /* the counters are new */
	target[1].up = true;
	assert_int_equal(next(), -1);
	stats[M1].refusals = 7;
	assert_int_equal(next(), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_wanted, set_up),
		cmocka_unit_test_setup(test_row, set_up),
		cmocka_unit_test_setup(test_all_in_one_look, set_up),
		cmocka_unit_test_setup(test_one_failure_decides, set_up),
		cmocka_unit_test_setup(test_passes_all_the_same, set_up),
		cmocka_unit_test_setup(test_refusals, set_up),
	};

	return cmocka_run_group_tests_name("passive", tests, NULL, NULL);
}
