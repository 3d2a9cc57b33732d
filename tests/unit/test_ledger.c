// SPDX-License-Identifier: BSD-2-Clause
/* Totals of the pair: they only grow, whoever says what and in which order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "lbd/ledger.h"

static char array[] = "a", member[] = "m", stranger[] = "s";

static Cas__Count word(unsigned int node, char *name, uint64_t *value)
{
	Cas__Count count = CAS__COUNT__INIT;

	count.node = node;
	count.array = array;
	count.member = name;
	count.value = value;
	count.n_value = LEDGER_MEMBER_VALUES;
	return count;
}

static void what_has_come_is_added(void **state)
{
	struct ledger ledger = { .values = LEDGER_MEMBER_VALUES };
	struct ledger_row *row = ledger_add(&ledger, array, member);

	(void)state;
	ledger_read(row, 0, (uint64_t[LEDGER_MOST]){ 3, 100, 0, 0, 0 });
	ledger_read(row, 0, (uint64_t[LEDGER_MOST]){ 5, 150, 0, 0, 1 });
	assert_int_equal(ledger_total(row, LEDGER_CONNECTIONS), 5);
	assert_int_equal(ledger_total(row, LEDGER_BYTES_IN), 150);
	assert_int_equal(ledger_total(row, LEDGER_RESETS), 1);
	ledger_free(&ledger);
}

static void new_tables_begin_at_nothing(void **state)
{
	struct ledger ledger = { .values = LEDGER_MEMBER_VALUES };
	struct ledger_row *row = ledger_add(&ledger, array, member);

	(void)state;
	ledger_read(row, 1, (uint64_t[LEDGER_MOST]){ 500, 9, 9, 9, 9 });
	ledger_read(row, 1, (uint64_t[LEDGER_MOST]){ 2, 9, 9, 9, 9 });
	assert_int_equal(row->of[1][LEDGER_CONNECTIONS], 502);
	assert_int_equal(row->of[1][LEDGER_BYTES_IN], 9);
	ledger_free(&ledger);
}

/* Early, late and twice: as if each had been said once, and last. */
static void the_greater_word_is_the_later(void **state)
{
	uint64_t early[LEDGER_MEMBER_VALUES] = { 10, 1000 }, late[LEDGER_MEMBER_VALUES] = { 20, 3000 };
	Cas__Count first = word(2, member, early), second = word(2, member, late);
	struct ledger ledger = { .values = LEDGER_MEMBER_VALUES };
	struct ledger_row *row = ledger_add(&ledger, array, member);

	(void)state;
	ledger_read(row, 0, (uint64_t[LEDGER_MOST]){ 7, 0, 0, 0, 0 });
	assert_true(ledger_merge(&ledger, &second));
	assert_true(ledger_merge(&ledger, &first));
	assert_true(ledger_merge(&ledger, &second));
	assert_int_equal(ledger_total(row, LEDGER_CONNECTIONS), 27);
	assert_int_equal(ledger_total(row, LEDGER_BYTES_IN), 3000);
	ledger_free(&ledger);
}

/* A node that has lost its disk hears from its peer what it had counted, and goes on from there. */
static void a_node_learns_its_own(void **state)
{
	uint64_t own[LEDGER_MEMBER_VALUES] = { 100 };
	Cas__Count told = word(1, member, own);
	struct ledger ledger = { .values = LEDGER_MEMBER_VALUES };
	struct ledger_row *row = ledger_add(&ledger, array, member);

	(void)state;
	ledger_read(row, 0, (uint64_t[LEDGER_MOST]){ 1, 0, 0, 0, 0 });
	assert_true(ledger_merge(&ledger, &told));
	ledger_read(row, 0, (uint64_t[LEDGER_MOST]){ 4, 0, 0, 0, 0 });
	assert_int_equal(ledger_total(row, LEDGER_CONNECTIONS), 103);
	ledger_free(&ledger);
}

static void what_means_nothing_changes_nothing(void **state)
{
	uint64_t value[LEDGER_MEMBER_VALUES] = { 9, 9, 9, 9, 9 };
	Cas__Count nobody = word(0, member, value), third = word(3, member, value);
	Cas__Count other = word(1, stranger, value), empty = word(1, member, value);
	struct ledger ledger = { .values = LEDGER_MEMBER_VALUES };
	struct ledger_row *row = ledger_add(&ledger, array, member);
	char name[LEDGER_NAME + 1];

	(void)state;
	empty.n_value = 0;
	assert_false(ledger_merge(&ledger, &nobody));
	assert_false(ledger_merge(&ledger, &third));
	assert_false(ledger_merge(&ledger, &other));
	assert_false(ledger_merge(&ledger, &empty));
	assert_int_equal(ledger_total(row, LEDGER_CONNECTIONS), 0);
	memset(name, 'n', LEDGER_NAME);
	name[LEDGER_NAME] = '\0';
	assert_null(ledger_add(&ledger, array, name));
	assert_int_equal(ledger.count, 1);
	ledger_free(&ledger);
}

/* Of another release, which counts more, or less: what both count is merged. */
static void others_may_count_more_or_less(void **state)
{
	uint64_t value[LEDGER_MEMBER_VALUES + 1] = { 1, 2, 3, 4, 5, 6 }, none[LEDGER_MOST] = { 0 };
	Cas__Count longer = word(1, member, value), shorter = word(2, member, value);
	struct ledger ledger = { .values = LEDGER_MEMBER_VALUES };
	struct ledger_row *row = ledger_add(&ledger, array, member);

	(void)state;
	longer.n_value++;
	shorter.n_value = 2;
	assert_true(ledger_merge(&ledger, &longer));
	assert_true(ledger_merge(&ledger, &shorter));
	assert_int_equal(ledger_total(row, LEDGER_CONNECTIONS), 2);
	assert_int_equal(ledger_total(row, LEDGER_BYTES_IN), 4);
	assert_int_equal(ledger_total(row, LEDGER_RESETS), 5);
	assert_memory_equal(row->of[0] + LEDGER_MEMBER_VALUES, none,
			    sizeof(none) - LEDGER_MEMBER_VALUES * sizeof(*none));
	ledger_free(&ledger);
}

static void what_is_written_can_be_merged(void **state)
{
	struct ledger here = { .values = LEDGER_MEMBER_VALUES },
		      there = { .values = LEDGER_MEMBER_VALUES };
	struct ledger_row *row = ledger_add(&here, array, member), *copy;
	Cas__Count count;

	(void)state;
	copy = ledger_add(&there, array, member);
	ledger_read(row, 1, (uint64_t[LEDGER_MOST]){ 1, 2, 3, 4, 5 });
	ledger_write(&here, &count, row, 1);
	assert_int_equal(count.node, 2);
	assert_true(ledger_merge(&there, &count));
	assert_memory_equal(copy->of, row->of, sizeof(row->of));
	ledger_free(&here);
	ledger_free(&there);
}

static bool is_member(void *arg, const struct ledger_row *row)
{
	return !strcmp(row->name, arg);
}

static void who_is_gone_is_forgotten(void **state)
{
	struct ledger ledger = { .values = LEDGER_MEMBER_VALUES };

	(void)state;
	ledger_add(&ledger, array, stranger);
	ledger_read(ledger_add(&ledger, array, member), 0, (uint64_t[LEDGER_MOST]){ 6, 0, 0, 0, 0 });
	ledger_prune(&ledger, is_member, member);
	assert_int_equal(ledger.count, 1);
	assert_null(ledger_find(&ledger, array, stranger));
	assert_int_equal(ledger_total(ledger_find(&ledger, array, member), LEDGER_CONNECTIONS), 6);
	ledger_free(&ledger);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_has_come_is_added),
		cmocka_unit_test(new_tables_begin_at_nothing),
		cmocka_unit_test(the_greater_word_is_the_later),
		cmocka_unit_test(a_node_learns_its_own),
		cmocka_unit_test(what_means_nothing_changes_nothing),
		cmocka_unit_test(others_may_count_more_or_less),
		cmocka_unit_test(what_is_written_can_be_merged),
		cmocka_unit_test(who_is_gone_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
