// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "lbd/latency.h"

static void nothing_counted_says_nothing(void **state)
{
	static const struct flow_histogram empty;
	struct latency latency;

	(void)state;
	assert_false(latency_read(&latency, &empty));
}

static void one_time_is_every_quantile(void **state)
{
	/* 3 us: at least 2, below 4. */
	static const struct flow_histogram one = { .bucket[2] = 1, .sum_us = 3 };
	struct latency latency;

	(void)state;
	assert_true(latency_read(&latency, &one));
	assert_int_equal(latency.count, 1);
	assert_int_equal(latency.mean_us, 3);
	assert_int_equal(latency.p50_us, 4);
	assert_int_equal(latency.p90_us, 4);
	assert_int_equal(latency.p99_us, 4);
}

static void quantiles_are_told_apart(void **state)
{
	static const struct flow_histogram three = { .bucket = { [5] = 50, [8] = 40, [12] = 10 },
						     .sum_us = 30000 };
	struct latency latency;

	(void)state;
	assert_true(latency_read(&latency, &three));
	assert_int_equal(latency.count, 100);
	assert_int_equal(latency.mean_us, 300);
	assert_int_equal(latency.p50_us, 32);
	assert_int_equal(latency.p90_us, 256);
	assert_int_equal(latency.p99_us, 4096);
}

static void one_more_moves_the_median(void **state)
{
	static const struct flow_histogram odd = { .bucket = { [5] = 50, [8] = 51 } };
	struct latency latency;

	(void)state;
	assert_true(latency_read(&latency, &odd));
	assert_int_equal(latency.p50_us, 256);
}

static void what_is_longer_is_in_the_last(void **state)
{
	static const struct flow_histogram last = { .bucket[FLOW_BUCKETS - 1] = 7 };
	struct latency latency;

	(void)state;
	assert_true(latency_read(&latency, &last));
	assert_int_equal(latency.p50_us, UINT64_C(1) << (FLOW_BUCKETS - 1));
}

static void one_more_falls_into_its_bucket(void **state)
{
	struct flow_histogram histogram = { 0 };

	(void)state;
	latency_add(&histogram, 0);
	latency_add(&histogram, 1);
	latency_add(&histogram, 3);
	latency_add(&histogram, 4);
	latency_add(&histogram, UINT32_MAX);
	assert_int_equal(histogram.bucket[0], 1);
	assert_int_equal(histogram.bucket[1], 1);
	assert_int_equal(histogram.bucket[2], 1);
	assert_int_equal(histogram.bucket[3], 1);
	assert_int_equal(histogram.bucket[FLOW_BUCKETS - 1], 1);
	assert_int_equal(histogram.sum_us, 8ull + UINT32_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_counted_says_nothing),
		cmocka_unit_test(one_time_is_every_quantile),
		cmocka_unit_test(quantiles_are_told_apart),
		cmocka_unit_test(one_more_moves_the_median),
		cmocka_unit_test(what_is_longer_is_in_the_last),
		cmocka_unit_test(one_more_falls_into_its_bucket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
