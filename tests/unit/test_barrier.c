// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lbd/barrier.h"

enum { GENERATION = 7 };

#define SECOND 1000000000ull

static struct barrier barrier;
static struct barrier_sight sight;

static int fresh(void **state)
{
	(void)state;
	barrier = (struct barrier){ 0 };
	sight = (struct barrier_sight){ .now_ns = 100 * SECOND, .standby = true };
	return 0;
}

static enum barrier_step after(uint64_t ns)
{
	enum barrier_step step;

	sight.now_ns += ns;
	step = barrier_step(&barrier, &sight);
	if (step == BARRIER_TELL)
		barrier.generation = GENERATION;
	return step;
}

static void nothing_is_done_when_settled(void **state)
{
	(void)state;
	assert_int_equal(after(0), BARRIER_WAIT);
	assert_int_equal(after(100 * SECOND), BARRIER_WAIT);
	assert_false(barrier_reset(&barrier));
}

static void waits_for_quiet_then_for_the_standby(void **state)
{
	(void)state;
	barrier_changed(&barrier, &sight);
	assert_int_equal(after(0), BARRIER_WAIT);
	assert_int_equal(after(SECOND - 1), BARRIER_WAIT);
	assert_int_equal(after(1), BARRIER_TELL);
	assert_int_equal(after(BARRIER_PATIENCE_NS - 1), BARRIER_WAIT);
	barrier_passed(&barrier, GENERATION);
	assert_int_equal(after(0), BARRIER_SETTLE);
	assert_int_equal(after(0), BARRIER_WAIT);
	assert_int_equal(barrier.phase, BARRIER_SETTLED);
}

static void each_change_begins_the_quiet_anew(void **state)
{
	(void)state;
	barrier_changed(&barrier, &sight);
	assert_int_equal(after(SECOND / 2), BARRIER_WAIT);
	barrier_changed(&barrier, &sight);
	assert_int_equal(after(SECOND - 1), BARRIER_WAIT);
	assert_int_equal(after(1), BARRIER_TELL);
}

/* What the predecessor had no time to tell is found by the base alone, also if nobody listens. */
static void an_heir_keeps_the_base_for_its_minute(void **state)
{
	(void)state;
	sight.standby = false;
	sight.heir_ns = sight.now_ns + BARRIER_TAKEOVER_NS;
	assert_int_equal(after(20 * SECOND), BARRIER_WAIT);
	barrier_changed(&barrier, &sight);
	assert_int_equal(after(40 * SECOND - 1), BARRIER_WAIT);
	assert_int_equal(after(1), BARRIER_TELL);
	assert_int_equal(after(0), BARRIER_SETTLE);
	/* Afterwards nobody is waited for. */
	barrier_changed(&barrier, &sight);
	assert_int_equal(after(0), BARRIER_TELL);
}

/* Who was sent by the base, for want of room, has as long to complete as who came before. */
static void kept_choices_are_waited_for(void **state)
{
	(void)state;
	sight.kept = 5;
	barrier_changed(&barrier, &sight);
	sight.kept = 6;
	assert_int_equal(after(SECOND - 1), BARRIER_WAIT);
	assert_int_equal(after(SECOND - 1), BARRIER_WAIT);
	assert_int_equal(after(1), BARRIER_TELL);
}

static void other_generations_are_not_meant(void **state)
{
	(void)state;
	barrier_passed(&barrier, 0);
	barrier_changed(&barrier, &sight);
	barrier_passed(&barrier, 0);
	assert_int_equal(after(SECOND), BARRIER_TELL);
	barrier_passed(&barrier, GENERATION - 1);
	assert_int_equal(after(0), BARRIER_WAIT);
	barrier_passed(&barrier, GENERATION);
	assert_int_equal(after(0), BARRIER_SETTLE);
}

static void alone_there_is_no_wait(void **state)
{
	(void)state;
	sight.standby = false;
	barrier_changed(&barrier, &sight);
	assert_int_equal(after(0), BARRIER_TELL);
	assert_int_equal(after(0), BARRIER_SETTLE);
}

static void a_standby_that_leaves_is_not_waited_for(void **state)
{
	(void)state;
	barrier_changed(&barrier, &sight);
	assert_int_equal(after(0), BARRIER_WAIT);
	sight.standby = false;
	assert_int_equal(after(0), BARRIER_TELL);
	sight.standby = true;
	assert_int_equal(after(0), BARRIER_WAIT);
	sight.standby = false;
	assert_int_equal(after(0), BARRIER_SETTLE);
}

static void a_change_meanwhile_is_another_switch(void **state)
{
	(void)state;
	barrier_changed(&barrier, &sight);
	assert_int_equal(after(SECOND), BARRIER_TELL);
	barrier_changed(&barrier, &sight);
	barrier_passed(&barrier, GENERATION);
	assert_int_equal(after(SECOND), BARRIER_SETTLE);
	assert_int_equal(barrier.phase, BARRIER_OPEN);
	assert_int_equal(after(SECOND - 1), BARRIER_WAIT);
	assert_int_equal(after(1), BARRIER_TELL);
}

static void no_acknowledgement_is_given_up(void **state)
{
	(void)state;
	barrier_changed(&barrier, &sight);
	assert_int_equal(after(SECOND), BARRIER_TELL);
	assert_int_equal(after(BARRIER_PATIENCE_NS - 1), BARRIER_WAIT);
	assert_int_equal(after(1), BARRIER_GIVE_UP);
	assert_int_equal(after(0), BARRIER_WAIT);
	barrier_passed(&barrier, GENERATION);
	assert_int_equal(after(0), BARRIER_WAIT);
}

static void no_quiet_is_given_up(void **state)
{
	(void)state;
	barrier_changed(&barrier, &sight);
	for (unsigned int i = 0; i < 7; i++) {
		assert_int_equal(after(SECOND / 2), BARRIER_WAIT);
		barrier_changed(&barrier, &sight);
	}
	assert_int_equal(after(SECOND / 2), BARRIER_TELL);
	barrier_passed(&barrier, GENERATION);
	assert_int_equal(after(0), BARRIER_GIVE_UP);
}

static void a_promoted_node_keeps_its_base(void **state)
{
	(void)state;
	sight.standby = false;
	barrier_inherited(&barrier, &sight);
	assert_int_equal(after(BARRIER_TAKEOVER_NS / 2), BARRIER_WAIT);
	barrier_changed(&barrier, &sight);
	assert_int_equal(after(BARRIER_TAKEOVER_NS / 2 - 1), BARRIER_WAIT);
	assert_int_equal(after(1), BARRIER_TELL);
	assert_int_equal(after(0), BARRIER_SETTLE);
}

static void a_reset_tells_what_it_cut_short(void **state)
{
	(void)state;
	barrier_changed(&barrier, &sight);
	assert_true(barrier_reset(&barrier));
	assert_int_equal(after(SECOND), BARRIER_WAIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(nothing_is_done_when_settled, fresh),
		cmocka_unit_test_setup(waits_for_quiet_then_for_the_standby, fresh),
		cmocka_unit_test_setup(each_change_begins_the_quiet_anew, fresh),
		cmocka_unit_test_setup(an_heir_keeps_the_base_for_its_minute, fresh),
		cmocka_unit_test_setup(kept_choices_are_waited_for, fresh),
		cmocka_unit_test_setup(other_generations_are_not_meant, fresh),
		cmocka_unit_test_setup(alone_there_is_no_wait, fresh),
		cmocka_unit_test_setup(a_standby_that_leaves_is_not_waited_for, fresh),
		cmocka_unit_test_setup(a_change_meanwhile_is_another_switch, fresh),
		cmocka_unit_test_setup(no_acknowledgement_is_given_up, fresh),
		cmocka_unit_test_setup(no_quiet_is_given_up, fresh),
		cmocka_unit_test_setup(a_promoted_node_keeps_its_base, fresh),
		cmocka_unit_test_setup(a_reset_tells_what_it_cut_short, fresh),
	};

	return cmocka_run_group_tests_name("barrier", tests, NULL, NULL);
}
