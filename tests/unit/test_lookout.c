// SPDX-License-Identifier: BSD-2-Clause
/* How many silent rounds are enough, and for whom. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "vrrp/lookout.h"

static const struct lookout_view standby = { .channel = true, .peer_whole = true };
static const struct lookout_view leads = { true, true, true };
static const struct lookout_view both_dark = { true, true, false };
static const struct lookout_view dark_alone = { true, false, false };

/* Rounds until the verdict, each but the last begun at once; 0: none in thirty. */
static unsigned int rounds(struct lookout *lookout, enum lookout_round round,
			   const struct lookout_view *view)
{
	for (unsigned int i = 1; i <= 30; i++) {
		struct lookout_verdict verdict = lookout_round(lookout, round, view);

		assert_false(lookout_whole(lookout));
		assert_false((verdict.lan || verdict.side) && verdict.again);
		if (verdict.lan || verdict.side) {
			assert_int_equal(verdict.lan, round == LOOKOUT_SILENT);
			return i;
		}
	}
	return 0;
}

static unsigned int rounds_of(enum lookout_round round, const struct lookout_view *view)
{
	struct lookout lookout = { 0 };

	return rounds(&lookout, round, view);
}

/* The peer must have noticed a witness that has died for both before anybody lets go for it. */
static void silence_is_judged_by_what_follows(void **unused)
{
	(void)unused;
	assert_int_equal(rounds_of(LOOKOUT_SILENT, &standby), 8);
	assert_int_equal(rounds_of(LOOKOUT_SILENT, &leads), 8);
	assert_int_equal(rounds_of(LOOKOUT_SILENT, &dark_alone), 15);
	assert_int_equal(rounds_of(LOOKOUT_SILENT, &both_dark), 0);
}

/* One interface is nothing to a standby, nor where there is nobody better. */
static void one_side_counts_for_the_active_node(void **unused)
{
	(void)unused;
	assert_int_equal(rounds_of(LOOKOUT_PARTLY, &leads), 8);
	assert_int_equal(rounds_of(LOOKOUT_PARTLY, &standby), 0);
	assert_int_equal(rounds_of(LOOKOUT_PARTLY, &dark_alone), 0);
	assert_int_equal(rounds_of(LOOKOUT_PARTLY, &both_dark), 0);
}

static void who_is_asked_decides_at_once(void **unused)
{
	struct lookout lookout = { 0 };

	(void)unused;
	lookout_asked(&lookout);
	assert_int_equal(rounds(&lookout, LOOKOUT_SILENT, &leads), 1);
	lookout = (struct lookout){ 0 };
	lookout_asked(&lookout);
	assert_int_equal(rounds(&lookout, LOOKOUT_PARTLY, &leads), 1);
	/* One question, one round. */
	lookout = (struct lookout){ 0 };
	lookout_asked(&lookout);
	assert_false(lookout_round(&lookout, LOOKOUT_ANSWERS, &leads).lan);
	assert_int_equal(rounds(&lookout, LOOKOUT_SILENT, &leads), 8);
	/* Not in favour of a peer that has no witness either. */
	lookout = (struct lookout){ 0 };
	lookout_asked(&lookout);
	assert_int_equal(rounds(&lookout, LOOKOUT_SILENT, &both_dark), 0);
	/* And what ends for both, but not in one instant, is judged anew. */
	assert_int_equal(rounds(&lookout, LOOKOUT_SILENT, &leads), 8);
	lookout_round(&lookout, LOOKOUT_SILENT, &both_dark);
	assert_int_equal(rounds(&lookout, LOOKOUT_SILENT, &dark_alone), 6);
}

static void an_answer_begins_anew(void **unused)
{
	struct lookout lookout = { 0 };

	(void)unused;
	for (int i = 0; i < 50; i++) {
		assert_true(lookout_round(&lookout, LOOKOUT_SILENT, &leads).again);
		if (i % 7 == 6)
			assert_false(lookout_round(&lookout, LOOKOUT_ANSWERS, &leads).again);
	}
	lookout_round(&lookout, LOOKOUT_UNKNOWN, &leads);
	assert_true(lookout_whole(&lookout));
	assert_int_equal(rounds(&lookout, LOOKOUT_SILENT, &leads), 8);
}

/* All silent after one side was: the one that is left is asked as often as ever. */
static void a_side_is_no_whole(void **unused)
{
	struct lookout lookout = { 0 };

	(void)unused;
	assert_int_equal(rounds(&lookout, LOOKOUT_PARTLY, &leads), 8);
	assert_int_equal(rounds(&lookout, LOOKOUT_SILENT, &leads), 8);
}

static void sleep_is_no_silence(void **unused)
{
	struct lookout lookout = { 0 };

	(void)unused;
	for (int i = 0; i < 7; i++)
		lookout_round(&lookout, LOOKOUT_SILENT, &leads);
	lookout_asked(&lookout);
	lookout_overslept(&lookout);
	assert_int_equal(rounds(&lookout, LOOKOUT_SILENT, &leads), 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(silence_is_judged_by_what_follows),
		cmocka_unit_test(one_side_counts_for_the_active_node),
		cmocka_unit_test(who_is_asked_decides_at_once),
		cmocka_unit_test(an_answer_begins_anew),
		cmocka_unit_test(a_side_is_no_whole),
		cmocka_unit_test(sleep_is_no_silence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
