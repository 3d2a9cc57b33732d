// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "syncd/trail.h"

enum { RECORDS = 8 };

static struct trail *new_trail(void)
{
	struct trail *trail = calloc(1, trail_bytes(RECORDS));

	assert_false(trail_open(trail, RECORDS, 1, "boot"));
	return trail;
}

static uint64_t where(const struct trail *trail)
{
	struct trail_facts facts;

	trail_read(trail, &facts);
	return facts.have.seq;
}

static void write_at(struct trail *trail, uint64_t seq)
{
	struct trail_facts facts;

	memset(&facts, 0, sizeof(facts));
	facts.have.seq = seq;
	trail_write(trail, &facts);
}

/* Of another node, boot, size or layout: empty, whatever was in there. */
static void only_its_own_is_taken(void **state)
{
	struct trail *trail = new_trail();

	(void)state;
	write_at(trail, 7);
	assert_true(trail_open(trail, RECORDS, 1, "boot"));
	assert_int_equal(where(trail), 7);
	assert_false(trail_open(trail, RECORDS, 2, "boot"));
	assert_int_equal(where(trail), 0);
	write_at(trail, 7);
	assert_false(trail_open(trail, RECORDS, 2, "another"));
	assert_int_equal(where(trail), 0);
	write_at(trail, 7);
	trail->header.layout++;
	assert_false(trail_open(trail, RECORDS, 2, "another"));
	assert_int_equal(where(trail), 0);
	write_at(trail, 7);
	assert_false(trail_open(trail, RECORDS / 2, 2, "another"));
	assert_int_equal(where(trail), 0);
	free(trail);
}

/* Killed between any two stores: what counts is what was written before. */
static void half_written_facts_do_not_count(void **state)
{
	struct trail *trail = new_trail();

	(void)state;
	assert_int_equal(where(trail), 0);
	for (uint64_t seq = 1; seq < 6; seq++) {
		struct trail before;

		before = *trail;
		write_at(trail, seq);
		assert_int_equal(where(trail), seq);
		for (unsigned int i = 0; i < 2; i++) {
			uint64_t stamp = trail->place[i].stamp;

			if (stamp == before.place[i].stamp)
				continue;
			trail->place[i].stamp = 0;
			assert_int_equal(where(trail), seq - 1);
			trail->place[i].stamp = stamp;
		}
	}
	write_at(trail, 5);
	assert_int_equal(where(trail), 5);
	free(trail);
}

/* The record after the head may have been begun, over the oldest one. */
static void the_floor_is_above_what_is_overwritten(void **state)
{
	struct trail *trail = new_trail();
	struct flow_event event = { .kind = EVENT_FLOW_PUT };

	(void)state;
	for (uint32_t n = 1; n < 3 * RECORDS; n++) {
		event.pool_id = n;
		trail_append(trail, &event);
		assert_int_equal(trail->head, n);
		trail->record[(n + 1) & (RECORDS - 1)].pool_id = 0;
		assert_int_equal(trail_floor(trail), n < RECORDS ? 0 : n - RECORDS + 1);
		for (uint64_t seq = trail_floor(trail) + 1; seq <= n; seq++)
			assert_int_equal(trail->record[seq & (RECORDS - 1)].pool_id, seq);
	}
	trail_reset(trail);
	assert_int_equal(trail->head, 0);
	assert_int_equal(trail_floor(trail), 0);
	free(trail);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_its_own_is_taken),
		cmocka_unit_test(half_written_facts_do_not_count),
		cmocka_unit_test(the_floor_is_above_what_is_overwritten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
