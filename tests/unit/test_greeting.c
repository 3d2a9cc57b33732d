// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "lbd/check/greeting.h"

static const struct {
	enum health_kind kind;
	const char *text;
	enum health_outcome outcome;
} cases[] = {
	{ HEALTH_SMTP, "220 cas1.example.com Microsoft ESMTP MAIL Service ready\r\n", HEALTH_OK },
	{ HEALTH_SMTP, "220\r\n", HEALTH_OK },
	{ HEALTH_SMTP, "220-one\r\n220-two\r\n220 three\r\n", HEALTH_OK },
	{ HEALTH_SMTP, "220-one\r\n", HEALTH_UNKNOWN },
	{ HEALTH_SMTP, "220-one\r\n554 three\r\n", HEALTH_UNWILLING },
	{ HEALTH_SMTP, "220 no end", HEALTH_UNKNOWN },
	{ HEALTH_SMTP, "421 4.3.2 Service not available\r\n", HEALTH_UNWILLING },
	{ HEALTH_SMTP, "554 no\n", HEALTH_UNWILLING },
	{ HEALTH_SMTP, "2200\r\n", HEALTH_UNWILLING },
	{ HEALTH_SMTP, "\r\n", HEALTH_UNWILLING },
	{ HEALTH_SMTP, "* OK\r\n", HEALTH_UNWILLING },
	{ HEALTH_IMAP, "* OK The Microsoft Exchange IMAP4 service is ready.\r\n", HEALTH_OK },
	{ HEALTH_IMAP, "* ok\n", HEALTH_OK },
	{ HEALTH_IMAP, "* PREAUTH hello\r\n", HEALTH_OK },
	{ HEALTH_IMAP, "* BYE too many\r\n", HEALTH_UNWILLING },
	{ HEALTH_IMAP, "* OKAY\r\n", HEALTH_UNWILLING },
	{ HEALTH_POP3, "+OK The Microsoft Exchange POP3 service is ready.\r\n", HEALTH_OK },
	{ HEALTH_POP3, "+OK\r\n", HEALTH_OK },
	{ HEALTH_POP3, "-ERR busy\r\n", HEALTH_UNWILLING },
	{ HEALTH_POP3, "+O\r\n", HEALTH_UNWILLING },
	{ HEALTH_POP3, "HTTP/1.1 400 Bad Request\r\n", HEALTH_UNWILLING },
	{ HEALTH_TCP, "220 no greeting of its own\r\n", HEALTH_UNWILLING },
};

/* Each greeting in pieces of each size. */
static void test_greetings(void **state)
{
	(void)state;
	for (size_t c = 0; c < sizeof(cases) / sizeof(*cases); c++) {
		const uint8_t *text = (const uint8_t *)cases[c].text;
		size_t length = strlen(cases[c].text);

		for (size_t step = 1; step <= length; step++) {
			enum health_outcome outcome = HEALTH_UNKNOWN;
			struct greeting greeting;

			greeting_begin(&greeting, cases[c].kind);
			for (size_t at = 0; at < length && outcome == HEALTH_UNKNOWN; at += step)
				outcome = greeting_input(&greeting, text + at,
							 length - at < step ? length - at : step);
			if (outcome != cases[c].outcome)
				fail_msg("case %zu in pieces of %zu", c, step);
		}
	}
}

static void test_limits(void **state)
{
	static const uint8_t much[GREETING_LINE + 1];
	struct greeting greeting;

	(void)state;
	greeting_begin(&greeting, HEALTH_SMTP);
	assert_int_equal(greeting_input(&greeting, much, GREETING_LINE), HEALTH_UNKNOWN);
	assert_int_equal(greeting_input(&greeting, much, 1), HEALTH_UNWILLING);
	greeting_begin(&greeting, HEALTH_SMTP);
	for (int i = 1; i < GREETING_LINES; i++)
		assert_int_equal(greeting_input(&greeting, (const uint8_t *)"220-\n", 5),
				 HEALTH_UNKNOWN);
	assert_int_equal(greeting_input(&greeting, (const uint8_t *)"220-\n", 5), HEALTH_UNWILLING);
	greeting_begin(&greeting, HEALTH_POP3);
	assert_int_equal(greeting_input(&greeting, NULL, 0), HEALTH_REFUSED);
}

static void test_farewell(void **state)
{
	(void)state;
	assert_string_equal(greeting_farewell(HEALTH_SMTP), "QUIT\r\n");
	assert_string_equal(greeting_farewell(HEALTH_POP3), "QUIT\r\n");
	assert_string_equal(greeting_farewell(HEALTH_IMAP), "a LOGOUT\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_greetings),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_farewell),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
