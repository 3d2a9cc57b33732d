// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "syncd/journal.h"
#include "syncd/keyset.h"

enum { SIZE = 16 };
#define MS 1000000ull

static void append(struct journal *journal, size_t count, uint64_t now)
{
	struct flow_event event = { .kind = EVENT_FLOW_PUT };

	for (size_t i = 0; i < count; i++) {
		event.pool_id = (uint32_t)journal->head + 1; /* says where it stands */
		journal_append(journal, &event, now);
	}
}

static void positions_start_at_one(void **state)
{
	struct journal journal;
	struct flow_event out[SIZE];

	(void)state;
	assert_int_equal(journal_open(&journal, SIZE), 0);
	assert_true(journal_holds(&journal, 0));
	assert_false(journal_holds(&journal, 1));
	assert_int_equal(journal_read(&journal, 0, out, SIZE), 0);
	append(&journal, 3, 0);
	assert_int_equal(journal.head, 3);
	assert_int_equal(journal_read(&journal, 0, out, SIZE), 3);
	assert_int_equal(out[0].pool_id, 1);
	assert_int_equal(journal_read(&journal, 2, out, SIZE), 1);
	assert_int_equal(out[0].pool_id, 3);
	assert_int_equal(journal_read(&journal, 3, out, SIZE), 0);
	journal_close(&journal);
}

/* head, a position, whether all after it is still there */
static void held_until_overwritten(void **state)
{
	static const struct {
		size_t appended;
		uint64_t seq;
		int held;
	} rows[] = {
		{ SIZE, 0, 1 },
		{ SIZE + 1, 0, 0 },
		{ SIZE + 1, 1, 1 },
		{ 5 * SIZE, 4 * SIZE, 1 },
		{ 5 * SIZE, 4 * SIZE - 1, 0 },
		{ 5, 5, 1 },
		{ 5, 6, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct journal journal;

		assert_int_equal(journal_open(&journal, SIZE), 0);
		append(&journal, rows[i].appended, 0);
		assert_int_equal(journal_holds(&journal, rows[i].seq), rows[i].held);
		journal_close(&journal);
	}
}

static void reading_wraps(void **state)
{
	struct journal journal;
	struct flow_event out[SIZE];

	(void)state;
	assert_int_equal(journal_open(&journal, SIZE), 0);
	append(&journal, SIZE + 7, 0);
	assert_int_equal(journal_read(&journal, 7, out, SIZE), SIZE);
	for (size_t i = 0; i < SIZE; i++)
		assert_int_equal(out[i].pool_id, 8 + i);
	assert_int_equal(journal_read(&journal, 7, out, 3), 3);
	assert_int_equal(out[2].pool_id, 10);
	journal_close(&journal);
}

static void age_of_the_first_unread(void **state)
{
	struct journal journal;

	(void)state;
	assert_int_equal(journal_open(&journal, SIZE), 0);
	assert_int_equal(journal_age(&journal, 0, 50 * MS), 0);
	for (uint64_t t = 10; t <= 100; t += 10)
		append(&journal, 1, t * MS);
	assert_int_equal(journal_age(&journal, 10, 200 * MS), 0);
	assert_int_equal(journal_age(&journal, 9, 200 * MS), 100 * MS);
	assert_int_equal(journal_age(&journal, 0, 200 * MS), 190 * MS);
	journal_close(&journal);
}

/* More marks than are kept: an age may only come out too small by what was forgotten, never 0. */
static void age_survives_many_marks(void **state)
{
	struct journal journal;

	(void)state;
	assert_int_equal(journal_open(&journal, 4096), 0);
	for (uint64_t t = 1; t <= 1000; t++)
		append(&journal, 1, t * 10 * MS);
	assert_true(journal_age(&journal, 0, 10000 * MS) >= (JOURNAL_MARKS - 1) * 10 * MS);
	assert_int_equal(journal_age(&journal, 999, 10000 * MS), 0 * MS);
	assert_true(journal_age(&journal, 990, 10010 * MS) == 100 * MS);
	journal_close(&journal);
}

static void reset_begins_anew(void **state)
{
	struct journal journal;

	(void)state;
	assert_int_equal(journal_open(&journal, SIZE), 0);
	append(&journal, 40, 5 * MS);
	journal_reset(&journal);
	assert_int_equal(journal.head, 0);
	assert_true(journal_holds(&journal, 0));
	append(&journal, 1, 900 * MS);
	assert_int_equal(journal_age(&journal, 0, 901 * MS), MS);
	journal_close(&journal);
}

static struct flow_key key_of(uint32_t i)
{
	struct flow_key key = { .client = flow_ip4(i * 2654435761u),
				.vip = flow_ip4(7),
				.client_port = (uint16_t)i };

	return key;
}

/* Room that was asked for is enough, too little is no harm, and no key is lost by asking. */
static void keyset_takes_room_beforehand(void **state)
{
	struct flow_key key = { 0 };
	struct keyset set;
	size_t size;

	(void)state;
	keyset_init(&set, 0x1234);
	key.client.word[0] = 1;
	assert_int_equal(keyset_add(&set, &key), 0);
	keyset_reserve(&set, 10000);
	size = set.size;
	assert_true(size >= 20000);
	for (uint32_t i = 1; i <= 10000; i++) {
		key.client.word[0] = i;
		assert_int_equal(keyset_add(&set, &key), 0);
	}
	assert_int_equal(set.size, size);
	keyset_reserve(&set, 10);
	assert_int_equal(set.size, size);
	for (uint32_t i = 1; i < 20000; i++) {
		key.client.word[0] = i;
		assert_int_equal(keyset_has(&set, &key), i <= 10000);
	}
	keyset_clear(&set);
}

static void keyset_knows_what_was_added(void **state)
{
	struct keyset set;
	struct flow_key key = key_of(1);

	(void)state;
	keyset_init(&set, 0x1234);
	assert_false(keyset_has(&set, &key));
	for (uint32_t i = 0; i < 50000; i += 2) {
		key = key_of(i);
		assert_int_equal(keyset_add(&set, &key), 0);
		assert_int_equal(keyset_add(&set, &key), 0);
	}
	assert_int_equal(set.used, 25000);
	for (uint32_t i = 0; i < 50000; i++) {
		key = key_of(i);
		assert_int_equal(keyset_has(&set, &key), i % 2 == 0);
	}
	keyset_clear(&set);
	key = key_of(0);
	assert_false(keyset_has(&set, &key));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(positions_start_at_one),
		cmocka_unit_test(held_until_overwritten),
		cmocka_unit_test(reading_wraps),
		cmocka_unit_test(age_of_the_first_unread),
		cmocka_unit_test(age_survives_many_marks),
		cmocka_unit_test(reset_begins_anew),
		cmocka_unit_test(keyset_knows_what_was_added),
		cmocka_unit_test(keyset_takes_room_beforehand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
