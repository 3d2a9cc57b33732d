// SPDX-License-Identifier: BSD-2-Clause
/* Which packets of strict services wait, until when, and what becomes of those that cannot. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "lbd/hold.h"

#define MS 1000000ull

static struct hold hold;
static uint64_t sent[FLOW_HELD + 16];
static size_t sends;

static void on_send(void *arg, struct flow_held *packet)
{
	assert_ptr_equal(arg, &sends);
	sent[sends++] = packet->position;
}

static int take(uint64_t position, int require, uint64_t now)
{
	struct flow_held packet = { .position = position,
				    .length = 74,
				    .require = (uint8_t)require };

	return hold_take(&hold, &packet, now, on_send, &sends);
}

static void sift(uint64_t position, uint64_t now)
{
	const struct hold_sight sight = { .now_ns = now, .position = position, .certain = true };

	hold_sift(&hold, &sight, on_send, &sends);
}

static int fresh(void **state)
{
	(void)state;
	sends = 0;
	return hold_open(&hold);
}

static int done(void **state)
{
	(void)state;
	hold_close(&hold);
	return 0;
}

static void goes_when_followed(void **state)
{
	(void)state;
	take(100, 0, 0);
	take(200, 1, 0);
	take(150, 0, 0);
	sift(99, MS);
	assert_int_equal(sends, 0);
	assert_int_equal(hold.waiting, 3);
	sift(150, 2 * MS);
	assert_int_equal(sends, 2);
	assert_int_equal(sent[0], 100);
	assert_int_equal(sent[1], 150);
	sift(200, 3 * MS);
	assert_int_equal(sends, 3);
	assert_int_equal(hold.waiting, 0);
	assert_int_equal(hold.until_ns, 0);
	assert_int_equal(hold.counts.released, 3);
	assert_int_equal(hold.counts.taken, 3);
}

/* The kernel counts bytes of a ring for as long as it runs; the numbers may begin anew. */
static void positions_wrap(void **state)
{
	(void)state;
	take(UINT64_MAX - 7, 1, 0);
	take(8, 1, 0);
	sift(UINT64_MAX - 7, MS);
	assert_int_equal(sends, 1);
	sift(8, MS);
	assert_int_equal(sends, 2);
}

static void prefer_goes_in_time(void **state)
{
	(void)state;
	take(100, 0, 5 * MS);
	take(100, 0, 6 * MS);
	assert_int_equal(hold.until_ns, 5 * MS + HOLD_PREFER_NS);
	sift(0, 5 * MS + HOLD_PREFER_NS - 1);
	assert_int_equal(sends, 0);
	sift(0, 5 * MS + HOLD_PREFER_NS);
	assert_int_equal(sends, 1);
	assert_int_equal(hold.until_ns, 6 * MS + HOLD_PREFER_NS);
	assert_int_equal(hold.counts.timed_out, 1);
	assert_int_equal(hold.counts.dropped, 0);
}

static void require_never_does(void **state)
{
	(void)state;
	take(100, 1, 0);
	sift(0, HOLD_REQUIRE_NS - 1);
	assert_int_equal(hold.waiting, 1);
	sift(0, HOLD_REQUIRE_NS);
	assert_int_equal(hold.waiting, 0);
	assert_int_equal(sends, 0);
	assert_int_equal(hold.counts.timed_out, 1);
	assert_int_equal(hold.counts.dropped, 1);
}

static void nobody_to_wait_for(void **state)
{
	const struct hold_sight sight = { .now_ns = MS, .alone = true };

	(void)state;
	take(100, 0, 0);
	take(100, 1, 0);
	hold_sift(&hold, &sight, on_send, &sends);
	assert_int_equal(sends, 2);
	assert_int_equal(hold.counts.alone, 2);
	assert_int_equal(hold.waiting, 0);
}

/* A position says nothing while it is not known which events are missing below it. */
static void a_loss_makes_it_uncertain(void **state)
{
	const struct hold_sight sight = { .now_ns = MS, .position = 1000 };

	(void)state;
	take(100, 1, 0);
	hold_sift(&hold, &sight, on_send, &sends);
	assert_int_equal(sends, 0);
	assert_int_equal(hold.waiting, 1);
}

static void no_room(void **state)
{
	(void)state;
	for (size_t i = 0; i < FLOW_HELD; i++)
		take(100 + i, 1, 0);
	assert_int_equal(sends, 0);
	take(9000, 0, 0);
	assert_int_equal(sends, 1);
	assert_int_equal(sent[0], 9000);
	take(9001, 1, 0);
	assert_int_equal(sends, 1);
	assert_int_equal(hold.counts.overflow, 2);
	assert_int_equal(hold.counts.dropped, 1);
	assert_int_equal(hold.waiting, FLOW_HELD);
	sift(100 + FLOW_HELD, MS);
	assert_int_equal(sends, 1 + FLOW_HELD);
	for (size_t i = 0; i < FLOW_HELD; i++)
		assert_int_equal(sent[1 + i], 100 + i);
}

static void no_packet(void **state)
{
	struct flow_held packet = { .length = 13 };

	(void)state;
	assert_int_equal(hold_take(&hold, &packet, 0, on_send, &sends), -EINVAL);
	packet.length = FLOW_HELD_FRAME + 1;
	assert_int_equal(hold_take(&hold, &packet, 0, on_send, &sends), -EINVAL);
	assert_int_equal(hold.counts.taken, 0);
	assert_int_equal(hold.waiting, 0);
}

static void at_the_end(void **state)
{
	(void)state;
	take(100, 0, 0);
	take(101, 1, 0);
	hold_empty(&hold, on_send, &sends);
	assert_int_equal(sends, 1);
	assert_int_equal(sent[0], 100);
	assert_int_equal(hold.counts.dropped, 1);
	assert_int_equal(hold.waiting, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(goes_when_followed, fresh, done),
		cmocka_unit_test_setup_teardown(positions_wrap, fresh, done),
		cmocka_unit_test_setup_teardown(prefer_goes_in_time, fresh, done),
		cmocka_unit_test_setup_teardown(require_never_does, fresh, done),
		cmocka_unit_test_setup_teardown(nobody_to_wait_for, fresh, done),
		cmocka_unit_test_setup_teardown(a_loss_makes_it_uncertain, fresh, done),
		cmocka_unit_test_setup_teardown(no_room, fresh, done),
		cmocka_unit_test_setup_teardown(no_packet, fresh, done),
		cmocka_unit_test_setup_teardown(at_the_end, fresh, done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
