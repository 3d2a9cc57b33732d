// SPDX-License-Identifier: BSD-2-Clause
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vrrp/inquiry.h"

static struct inquiry_question question_of(const char *const *text, size_t count)
{
	struct inquiry_question question = { .count = count };

	for (size_t i = 0; i < count; i++)
		assert_true(addr_parse(&question.addr[i], text[i]));
	return question;
}

static void await_answer(struct inquiry *inquiry, struct inquiry_answer *answer)
{
	struct pollfd wait = { .fd = inquiry->fd, .events = POLLIN };

	assert_int_equal(poll(&wait, 1, 10000), 1);
	assert_true(inquiry_take(inquiry, answer));
}

/* Addresses of this host are no neighbours. */
static const char *const own[] = { "127.0.0.1", "::1" };

static void each_question_has_one_answer(void **unused)
{
	struct inquiry_question question = question_of(own, 2);
	struct inquiry_answer answer;
	struct inquiry inquiry;

	(void)unused;
	assert_int_equal(inquiry_open(&inquiry), 0);
	for (int i = 0; i < 2; i++) {
		assert_false(inquiry_take(&inquiry, &answer));
		assert_true(inquiry_ask(&inquiry, &question));
		await_answer(&inquiry, &answer);
		assert_int_equal(answer.count, 2);
		for (size_t j = 0; j < answer.count; j++) {
			assert_memory_equal(&answer.finding[j].addr, &question.addr[j],
					    sizeof(struct addr));
			assert_int_equal(answer.finding[j].ifindex, 0);
			assert_int_equal(answer.finding[j].seen_ns, 0);
			assert_false(answer.finding[j].reachable);
		}
	}
	assert_false(inquiry_take(&inquiry, &answer));
	inquiry_close(&inquiry);
}

static void nobody_need_be_asked(void **unused)
{
	struct inquiry_question question = question_of(own, 0);
	struct inquiry_answer answer;
	struct inquiry inquiry;

	(void)unused;
	assert_int_equal(inquiry_open(&inquiry), 0);
	assert_true(inquiry_ask(&inquiry, &question));
	await_answer(&inquiry, &answer);
	assert_int_equal(answer.count, 0);
	inquiry_close(&inquiry);
}

static void a_question_that_runs_ends_with_it(void **unused)
{
	struct inquiry_question question = question_of(own, 2);
	struct inquiry inquiry;

	(void)unused;
	assert_int_equal(inquiry_open(&inquiry), 0);
	assert_true(inquiry_ask(&inquiry, &question));
	inquiry_close(&inquiry);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_question_has_one_answer),
		cmocka_unit_test(nobody_need_be_asked),
		cmocka_unit_test(a_question_that_runs_ends_with_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
