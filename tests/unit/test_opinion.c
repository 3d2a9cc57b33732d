// SPDX-License-Identifier: BSD-2-Clause
/* What the peer has against verdicts: heard, believed for a while, and moot when we come round. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "conf/log.h"
#include "lbd/opinion.h"

static const uint64_t second = 1000000000;
static char lab[] = "lab", m1[] = "m1", m2[] = "m2", rpc[] = "rpc", refused[] = "tcp 135 refused";

static Cas__Opinion word_on(char *member, bool up)
{
	Cas__Opinion word = CAS__OPINION__INIT;

	word.array = lab;
	word.member = member;
	word.pool = rpc;
	word.up = up;
	word.check = refused;
	return word;
}

static void hear(struct opinions *opinions, Cas__Opinion **list, size_t count, uint64_t now)
{
	Cas__Opinions words = CAS__OPINIONS__INIT;

	words.opinion = list;
	words.n_opinion = count;
	opinions_hear(opinions, &words, now);
}

static const struct opinion *against(const struct opinions *opinions, const char *member, bool up,
				     uint64_t now)
{
	struct opinion verdict = { .array = "lab", .pool = "rpc", .up = up };

	strcpy(verdict.member, member);
	return opinions_find(opinions, &verdict, now);
}

static void test_heard(void **state)
{
	struct opinions opinions = { .count = 0 };
	Cas__Opinion first = word_on(m1, false), second_one = word_on(m2, true);
	Cas__Opinion *list[] = { &first, &second_one };

	(void)state;
	assert_null(against(&opinions, "m1", true, 100 * second));
	hear(&opinions, list, 2, 100 * second);
	assert_string_equal(against(&opinions, "m1", true, 101 * second)->check, refused);
	assert_non_null(against(&opinions, "m2", false, 101 * second));
	assert_null(against(&opinions, "m1", false, 101 * second)); /* we have come round */
	assert_null(against(&opinions, "m3", true, 101 * second));
	hear(&opinions, list + 1, 1, 102 * second);
	assert_null(against(&opinions, "m1", true, 102 * second));
	assert_non_null(against(&opinions, "m2", false, 102 * second));
	hear(&opinions, NULL, 0, 103 * second);
	assert_null(against(&opinions, "m2", false, 103 * second));
}

/* The peer may have died with its opinions. */
static void test_believed_for_a_while(void **state)
{
	struct opinions opinions = { .count = 0 };
	Cas__Opinion word = word_on(m1, false), *list[] = { &word };

	(void)state;
	hear(&opinions, list, 1, 100 * second);
	assert_non_null(against(&opinions, "m1", true, 110 * second));
	assert_null(against(&opinions, "m1", true, 111 * second));
}

/* More than there is room for, and longer: cut, not overrun. */
static void test_too_much(void **state)
{
	struct opinions opinions = { .count = 0 };
	char name[2 * OPINION_NAME];
	Cas__Opinion word = word_on(name, false), *list[2 * OPINIONS];

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	for (size_t i = 0; i < 2 * OPINIONS; i++)
		list[i] = &word;
	hear(&opinions, list, 2 * OPINIONS, second);
	assert_int_equal(opinions.count, OPINIONS);
	assert_int_equal(strlen(opinions.heard[OPINIONS - 1].member), OPINION_NAME - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_heard),
		cmocka_unit_test(test_believed_for_a_while),
		cmocka_unit_test(test_too_much),
	};

	log_open("test", LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
