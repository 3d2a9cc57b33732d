// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include <arpa/inet.h>

#include "lbd/maglev.h"

enum { MANY = 64 };

static struct flow_maglev table, other;

static struct maglev_member member_at(unsigned int i, uint32_t weight)
{
	return (struct maglev_member){ flow_ip4(htonl(0x0a1e0000u + 20 + i)), weight, (uint16_t)i };
}

static void fill_list(struct maglev_member *list, size_t count, uint32_t weight)
{
	for (unsigned int i = 0; i < count; i++)
		list[i] = member_at(i, weight);
}

static uint32_t entries(const struct flow_maglev *in, uint16_t slot)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < FLOW_MAGLEV_SIZE; i++)
		count += in->member[i] == slot;
	return count;
}

static void test_empty(void **state)
{
	struct maglev_member idle = member_at(0, 0);

	(void)state;
	assert_int_equal(maglev_fill(&table, NULL, 0), 0);
	assert_int_equal(entries(&table, FLOW_NO_MEMBER), FLOW_MAGLEV_SIZE);
	assert_int_equal(maglev_fill(&table, &idle, 1), 0);
	assert_int_equal(entries(&table, FLOW_NO_MEMBER), FLOW_MAGLEV_SIZE);
}

static void test_single(void **state)
{
	struct maglev_member one = member_at(7, 3);

	(void)state;
	assert_int_equal(maglev_fill(&table, &one, 1), 1);
	assert_int_equal(entries(&table, 7), FLOW_MAGLEV_SIZE);
}

/* The last entry pads; it must never be a member. */
static void test_padding(void **state)
{
	struct maglev_member one = member_at(7, 3);

	(void)state;
	memset(&table, 0, sizeof(table));
	maglev_fill(&table, &one, 1);
	assert_int_equal(table.member[FLOW_MAGLEV_SIZE], FLOW_NO_MEMBER);
}

static void test_balance(void **state)
{
	static const size_t counts[] = { 2, 3, 5, 10, MANY };
	struct maglev_member list[MANY];

	(void)state;
	for (size_t c = 0; c < sizeof(counts) / sizeof(*counts); c++) {
		double fair = (double)FLOW_MAGLEV_SIZE / (double)counts[c];

		fill_list(list, counts[c], 10);
		maglev_fill(&table, list, counts[c]);
		for (uint16_t i = 0; i < counts[c]; i++) {
			double share = entries(&table, i) / fair;

			assert_true(share > 0.99 && share < 1.01);
		}
	}
}

static void test_weights(void **state)
{
	static const uint32_t cases[][3] = {
		{ 10, 10, 5 }, { 1, 100, 1 }, { 1, 2, 3 }, { 256, 1, 255 }, { 0, 7, 7 },
	};

	(void)state;
	for (size_t c = 0; c < sizeof(cases) / sizeof(*cases); c++) {
		struct maglev_member list[3];
		double total = 0;

		for (unsigned int i = 0; i < 3; i++) {
			list[i] = member_at(i, cases[c][i]);
			total += cases[c][i];
		}
		maglev_fill(&table, list, 3);
		for (uint16_t i = 0; i < 3; i++) {
			double want = cases[c][i] / total * FLOW_MAGLEV_SIZE;
			double got = entries(&table, i);

			/* within 1 %, or within one round where that is less than an entry */
			assert_true(got - want < 0.01 * want + 2 && want - got < 0.01 * want + 2);
		}
	}
}

/* A linear congruence: enough to shuffle, the same in each run. */
static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

/* Two nodes: members in another order and in other slots.  The addresses must agree entry by entry.
 */
static void test_order_and_slots_do_not_matter(void **state)
{
	struct maglev_member list[MANY], shuffled[MANY];
	struct flow_ip addr_of[512];
	uint32_t seed = 1;

	(void)state;
	for (unsigned int i = 0; i < MANY; i++)
		list[i] = member_at(i, 1 + i % 7);
	memcpy(shuffled, list, sizeof(list));
	for (unsigned int i = MANY - 1; i; i--) {
		unsigned int j = next_random(&seed) % (i + 1);
		struct maglev_member swap = shuffled[i];

		shuffled[i] = shuffled[j];
		shuffled[j] = swap;
	}
	for (unsigned int i = 0; i < MANY; i++) {
		shuffled[i].slot = (uint16_t)(500 - i);
		addr_of[500 - i] = shuffled[i].addr;
	}
	maglev_fill(&table, list, MANY);
	maglev_fill(&other, shuffled, MANY);
	for (uint32_t i = 0; i < FLOW_MAGLEV_SIZE; i++)
		assert_true(flow_ip_equal(&list[table.member[i]].addr, &addr_of[other.member[i]]));
}

/* Removal of one of ten: whoever was at another member mostly stays there. */
static void test_disruption(void **state)
{
	struct maglev_member list[10];
	uint32_t moved = 0, gone = 0;

	(void)state;
	fill_list(list, 10, 10);
	maglev_fill(&table, list, 10);
	list[4].weight = 0;
	maglev_fill(&other, list, 10);
	for (uint32_t i = 0; i < FLOW_MAGLEV_SIZE; i++) {
		gone += table.member[i] == 4;
		moved += table.member[i] != 4 && table.member[i] != other.member[i];
	}
	assert_true(gone > 0);
	assert_int_equal(entries(&other, 4), 0);
	assert_true(moved < FLOW_MAGLEV_SIZE / 50); /* 2 %; a plain modulo would move 90 % */
}

/*
 * The table is part of what two nodes of different versions have to agree on: a change of the
 * permutation has to be noticed.  FNV-1a over the addresses.
 */
static void test_golden(void **state)
{
	struct maglev_member list[3];
	uint32_t hash = 2166136261u;

	(void)state;
	fill_list(list, 3, 10);
	list[2].weight = 5;
	list[1].addr = (struct flow_ip){ { htonl(0x20010db8), 0, htonl(7), htonl(21) } };
	maglev_fill(&table, list, 3);
	for (uint32_t i = 0; i < FLOW_MAGLEV_SIZE; i++)
		hash = (hash ^ table.member[i]) * 16777619u;
	assert_int_equal(hash, 0xd0729838u);
}

static double fill_ms(size_t count)
{
	struct maglev_member list[MANY];
	struct timespec from, to;

	fill_list(list, count, 10);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
	maglev_fill(&table, list, count);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
	return (double)(to.tv_sec - from.tv_sec) * 1e3 + (double)(to.tv_nsec - from.tv_nsec) / 1e6;
}

/* Wide enough for a sanitizer build on a busy machine; normally 2 ms. */
static void test_speed(void **state)
{
	double best = 1e9;

	(void)state;
	for (int i = 0; i < 5; i++) {
		double took = fill_ms(MANY);

		best = took < best ? took : best;
	}
	print_message("%d members: %.2f ms\n", MANY, best);
	assert_true(best < 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_single),
		cmocka_unit_test(test_padding),
		cmocka_unit_test(test_balance),
		cmocka_unit_test(test_weights),
		cmocka_unit_test(test_order_and_slots_do_not_matter),
		cmocka_unit_test(test_disruption),
		cmocka_unit_test(test_golden),
		cmocka_unit_test(test_speed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
