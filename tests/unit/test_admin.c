// SPDX-License-Identifier: BSD-2-Clause
/* What operators want of members, when it takes effect, and how it comes through disk and log. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "lbd/admin.h"

#define S      1000000000ull
#define UP     CAS__ADMIN_STATE__WORD__UP
#define DRAIN  CAS__ADMIN_STATE__WORD__DRAIN
#define AWAY   CAS__ADMIN_STATE__WORD__MAINTENANCE
#define UNUSED __attribute__((unused))

static char array[] = "mel", cas1[] = "cas1", ops[] = "ops", patch[] = "patch";
static const struct admin_time noon = { 100 * S, 1700000000000 };

static Cas__AdminState word_of(Cas__AdminState__Word word)
{
	Cas__AdminState state = CAS__ADMIN_STATE__INIT;

	state.array = array;
	state.member = cas1;
	state.word = word;
	state.owner = ops;
	state.reason = patch;
	state.uid = 1000;
	state.since_ms = noon.unix_ms;
	return state;
}

static struct admin_wish wish_of(Cas__AdminState__Word word, int64_t left_s, uint64_t spread_s)
{
	Cas__AdminState state = word_of(word);
	struct admin_wish wish;

	state.has_left_ms = left_s >= 0;
	state.left_ms = left_s * 1000;
	state.spread_ms = spread_s * 1000;
	assert_true(admin_read(&wish, &state, &noon));
	return wish;
}

static void test_list(void **state UNUSED)
{
	struct admin admin = { 0 };
	struct admin_wish one = wish_of(DRAIN, -1, 0), other = one, up = wish_of(UP, -1, 0);

	strcpy(other.member, "cas2");
	assert_null(admin_find(&admin, "mel", "cas1"));
	assert_int_equal(admin_put(&admin, &up), 0);
	assert_int_equal(admin.count, 0);
	assert_int_equal(admin_put(&admin, &one), 0);
	assert_int_equal(admin_put(&admin, &other), 0);
	one.word = AWAY;
	assert_int_equal(admin_put(&admin, &one), 0);
	assert_int_equal(admin.count, 2);
	assert_int_equal(admin_find(&admin, "mel", "cas1")->word, AWAY);
	assert_int_equal(admin_find(&admin, "mel", "cas2")->word, DRAIN);
	assert_null(admin_find(&admin, "syd", "cas2"));
	assert_int_equal(admin_put(&admin, &up), 0);
	assert_null(admin_find(&admin, "mel", "cas1"));
	assert_non_null(admin_find(&admin, "mel", "cas2"));
	admin_free(&admin);
}

static void test_when(void **state UNUSED)
{
	const struct admin_wish drain = wish_of(DRAIN, -1, 0), soon = wish_of(DRAIN, 60, 0),
				slow = wish_of(DRAIN, 60, 100), away = wish_of(AWAY, -1, 0);
	const struct {
		const struct admin_wish *wish;
		uint64_t at_s;
		enum plan_duty duty;
		double share;
	} rows[] = {
		{ NULL, 0, PLAN_SERVES, 0 },        { &drain, 0, PLAN_RESTS, 0 },
		{ &drain, 9999999, PLAN_RESTS, 0 }, { &soon, 59, PLAN_RESTS, 0 },
		{ &soon, 60, PLAN_AWAY, 1 },        { &slow, 59, PLAN_RESTS, 0 },
		{ &slow, 60, PLAN_RESTS, 0 },       { &slow, 85, PLAN_RESTS, 0.25 },
		{ &slow, 159, PLAN_RESTS, 0.99 },   { &slow, 160, PLAN_AWAY, 1 },
		{ &away, 0, PLAN_AWAY, 1 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		uint64_t now = noon.now_ns + rows[i].at_s * S;
		double share = (double)admin_share(rows[i].wish, now) / UINT32_MAX;

		if (admin_duty(rows[i].wish, now) != rows[i].duty)
			fail_msg("row %zu: duty", i);
		if (share < rows[i].share - 1e-6 || share > rows[i].share + 1e-6)
			fail_msg("row %zu: share %f", i, share);
	}
}

/* Written by one clock and read by another, before, in and after the spread. */
static void test_ways(void **state UNUSED)
{
	const struct admin_wish slow = wish_of(DRAIN, 60, 100);

	for (int disk = 0; disk < 2; disk++) {
		for (uint64_t at_s = 0; at_s < 200; at_s += 20) {
			/* The reader has booted since: its clock begins anew; a peer's date
			 * differs. */
			struct admin_time then = { noon.now_ns + at_s * S,
						   noon.unix_ms + at_s * 1000 };
			struct admin_time here = { 5 * S, disk ? then.unix_ms : 42 };
			struct admin_wish back;
			Cas__AdminState text;

			admin_write(&text, &slow, &then, disk);
			assert_true(admin_read(&back, &text, &here));
			assert_string_equal(back.owner, "ops");
			assert_string_equal(back.reason, "patch");
			assert_int_equal(back.uid, 1000);
			assert_int_equal(back.since_ms, noon.unix_ms);
			for (uint64_t more = 0; more < 200; more += 10) {
				assert_int_equal(admin_duty(&back, here.now_ns + more * S),
						 admin_duty(&slow, then.now_ns + more * S));
				assert_int_equal(admin_share(&back, here.now_ns + more * S) >> 8,
						 admin_share(&slow, then.now_ns + more * S) >> 8);
			}
		}
	}
}

static void test_same(void **state UNUSED)
{
	struct admin_wish one = wish_of(DRAIN, 60, 10), other = one;

	assert_true(admin_same(&one, &other));
	other.deadline_ns += 3 * (int64_t)S; /* a slow log */
	assert_true(admin_same(&one, &other));
	other.deadline_ns += 30 * (int64_t)S;
	assert_false(admin_same(&one, &other));
	other = one;
	other.since_ms++;
	assert_false(admin_same(&one, &other));
	other = wish_of(AWAY, -1, 0);
	assert_false(admin_same(&one, &other));
	one = other;
	one.deadline_ns = 0;
	assert_true(admin_same(&one, &other));
}

/* The peer and the disk may say anything. */
static void test_nonsense(void **state UNUSED)
{
	static char huge[500], empty[] = "", bad[] = "a\nb\x7f", wide[ADMIN_OWNER + 4];
	Cas__AdminState text = word_of(DRAIN);
	struct admin_wish wish;

	memset(huge, 'x', sizeof(huge) - 1);
	text.array = empty;
	assert_false(admin_read(&wish, &text, &noon));
	text.array = huge;
	assert_false(admin_read(&wish, &text, &noon));
	text = word_of((Cas__AdminState__Word)7);
	assert_false(admin_read(&wish, &text, &noon));
	text = word_of(DRAIN);
	text.owner = bad;
	text.reason = huge;
	assert_true(admin_read(&wish, &text, &noon));
	assert_string_equal(wish.owner, "a?b?");
	assert_int_equal(strlen(wish.reason), ADMIN_REASON - 1);
	/* Never half a character. */
	memset(wide, 'x', ADMIN_OWNER - 2);
	strcpy(wide + ADMIN_OWNER - 2, "\xc3\xa4");
	text.owner = wide;
	assert_true(admin_read(&wish, &text, &noon));
	assert_int_equal(strlen(wish.owner), ADMIN_OWNER - 2);
	text.owner = NULL;
	text.has_left_ms = 1;
	text.left_ms = INT64_MIN;
	text.spread_ms = UINT64_MAX;
	assert_true(admin_read(&wish, &text, &noon));
	assert_string_equal(wish.owner, "");
	admin_share(&wish, UINT64_MAX / 2);
	text.left_ms = INT64_MAX;
	assert_true(admin_read(&wish, &text, &noon));
	assert_int_equal(admin_duty(&wish, noon.now_ns), PLAN_RESTS);
	text.has_deadline_ms = 1;
	text.deadline_ms = UINT64_MAX;
	assert_true(admin_read(&wish, &text, &noon));
	text.deadline_ms = 0;
	text.spread_ms = 0;
	assert_true(admin_read(&wish, &text, &noon));
	assert_int_equal(admin_duty(&wish, noon.now_ns), PLAN_AWAY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_list),     cmocka_unit_test(test_when),
		cmocka_unit_test(test_ways),     cmocka_unit_test(test_same),
		cmocka_unit_test(test_nonsense),
	};

	return cmocka_run_group_tests_name("admin", tests, NULL, NULL);
}
