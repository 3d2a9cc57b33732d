// SPDX-License-Identifier: BSD-2-Clause
/* From acknowledged positions of the log to positions of the ring. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "syncd/marks.h"

static struct marks marks;

static int fresh(void **state)
{
	(void)state;
	marks = (struct marks){ 0 };
	return 0;
}

static void follows_the_log(void **state)
{
	(void)state;
	assert_false(marks_reach(&marks, 5));
	assert_false(marks.reached);
	marks_note(&marks, 1, 1000, 10);
	marks_note(&marks, 1, 2000, 20);
	assert_false(marks_reach(&marks, 9));
	assert_false(marks.reached);
	assert_true(marks_reach(&marks, 10));
	assert_int_equal(marks.at, 1000);
	assert_false(marks_reach(&marks, 19));
	assert_int_equal(marks.at, 1000);
	assert_true(marks_reach(&marks, 25));
	assert_int_equal(marks.at, 2000);
	assert_false(marks_reach(&marks, 25));
}

/* What was read and added nothing to the log is held by whoever holds what is there. */
static void nothing_logged(void **state)
{
	(void)state;
	marks_note(&marks, 1, 1000, 10);
	assert_true(marks_reach(&marks, 10));
	marks_note(&marks, 1, 1500, 10);
	assert_true(marks_reach(&marks, 10));
	assert_int_equal(marks.at, 1500);
}

/* Positions of another log mean nothing; what was reached in the tables stays true. */
static void another_history(void **state)
{
	(void)state;
	marks_note(&marks, 1, 1000, 1000000);
	marks_note(&marks, 1, 2000, 2000000);
	marks_note(&marks, 2, 2500, 3);
	assert_false(marks_reach(&marks, 2));
	assert_true(marks_reach(&marks, 3));
	assert_int_equal(marks.at, 2500);
	marks_note(&marks, 3, 2600, 0);
	assert_true(marks_reach(&marks, 0));
	assert_int_equal(marks.at, 2600);
}

static void other_tables(void **state)
{
	(void)state;
	marks_note(&marks, 1, 1000, 10);
	marks_reach(&marks, 10);
	marks_reset(&marks);
	assert_false(marks.reached);
	assert_false(marks_reach(&marks, 10));
	marks_note(&marks, 1, 64, 11);
	assert_true(marks_reach(&marks, 11));
	assert_int_equal(marks.at, 64);
}

/* Beside an array that forgets nothing: never ahead of what is acknowledged, and there in the end.
 */
static void never_too_early(void **state)
{
	static uint64_t logged[8192]; /* the log's end when the ring stood there */
	uint64_t at = 0, seq = 0, acked = 0, random = 1;

	(void)state;
	while (at < 8191) {
		random = random * 6364136223846793005ull + 1442695040888963407ull;
		seq += random >> 62;
		logged[++at] = seq;
		marks_note(&marks, 1, at, seq);
		/* Now and then it follows, by a little or by much more than there is room for. */
		if ((random >> 40) % 32)
			continue;
		acked += (random >> 48) % 200;
		if (acked > seq)
			acked = seq;
		marks_reach(&marks, acked);
		assert_true(!marks.reached || logged[marks.at] <= acked);
		assert_true(marks.count <= MARKS);
	}
	marks_reach(&marks, seq);
	assert_int_equal(marks.at, at);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(follows_the_log, fresh),
		cmocka_unit_test_setup(nothing_logged, fresh),
		cmocka_unit_test_setup(another_history, fresh),
		cmocka_unit_test_setup(other_tables, fresh),
		cmocka_unit_test_setup(never_too_early, fresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
