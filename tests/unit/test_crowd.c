// SPDX-License-Identifier: BSD-2-Clause
/* Which pins give way in a table that is nearly full. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "lbd/crowd.h"

#define UNUSED __attribute__((unused))

enum { ROOM = 1600, LINGER = 6400 };

static struct crowd crowd;

static int set_up(void **state UNUSED)
{
	memset(&crowd, 0, sizeof(crowd));
	return 0;
}

/* A walk over `count` pins, of which the n-th has rested for n * `step` ticks; how many go. */
static uint32_t walk(uint32_t count, uint32_t step, uint32_t *youngest)
{
	uint32_t gone = 0;

	for (uint32_t n = 0; n < count; n++) {
		if (!crowd_yields(&crowd, n * step, LINGER))
			continue;
		if (!gone++ && youngest)
			*youngest = n * step;
	}
	return gone;
}

static void test_room_is_left(void **state UNUSED)
{
	assert_int_equal(walk(1500, 4, NULL), 0);
	assert_int_equal(crowd_walked(&crowd, 1500, ROOM), 0);
	assert_int_equal(walk(1500, 4, NULL), 0);
}

static void test_the_longest_rested_go(void **state UNUSED)
{
	uint32_t youngest = 0;

	walk(1600, 4, NULL);
	assert_int_equal(crowd_walked(&crowd, 1600, ROOM), 200);
	assert_int_equal(walk(1600, 4, &youngest), 200);
	/* All are of the oldest 64ths of their timeout that hold so many. */
	assert_in_range(youngest, LINGER - 900, LINGER - 800);
	/* There is room again: the next walk takes none. */
	assert_int_equal(crowd_walked(&crowd, 1400, ROOM), 0);
	assert_int_equal(walk(1400, 4, NULL), 0);
}

/* A flood came at once: they are alike, and no more of them go than must. */
static void test_all_of_one_age(void **state UNUSED)
{
	walk(1600, 0, NULL);
	assert_int_equal(crowd_walked(&crowd, 1600, ROOM), 200);
	assert_int_equal(walk(1600, 0, NULL), 200);
}

/* Most have flows, and stay: all that rest go, and the table is still nearly full. */
static void test_few_rest(void **state UNUSED)
{
	walk(50, 4, NULL);
	assert_int_equal(crowd_walked(&crowd, 1600, ROOM), 50);
	assert_int_equal(walk(50, 4, NULL), 50);
	assert_int_equal(crowd_walked(&crowd, 1550, ROOM), 0);
}

/* What is over its timeout is swept anyway, and counts as the oldest; so does what has none. */
static void test_beyond_the_timeout(void **state UNUSED)
{
	assert_false(crowd_yields(&crowd, UINT32_MAX, LINGER));
	assert_false(crowd_yields(&crowd, 0, 0));
	assert_false(crowd_yields(&crowd, UINT32_MAX, UINT32_MAX));
	assert_int_equal(crowd.resting[CROWD_AGES - 1], 3);
	assert_int_equal(crowd_walked(&crowd, ROOM, ROOM), 3);
	assert_true(crowd_yields(&crowd, LINGER, LINGER));
}

static void test_a_small_table(void **state UNUSED)
{
	assert_false(crowd_yields(&crowd, 1, LINGER));
	assert_int_equal(crowd_walked(&crowd, 1, 1), 0);
	assert_int_equal(crowd_walked(&crowd, 0, 0), 0);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup(test, set_up)
	const struct CMUnitTest tests[] = {
		CASE(test_room_is_left),       CASE(test_the_longest_rested_go),
		CASE(test_all_of_one_age),     CASE(test_few_rest),
		CASE(test_beyond_the_timeout), CASE(test_a_small_table),
	};

	return cmocka_run_group_tests_name("crowd", tests, NULL, NULL);
}
