// SPDX-License-Identifier: BSD-2-Clause
/* What canaries say, hear and count, byte by byte and line by line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "conf/pairctl/canary.h"
#include "conf/pairctl/canary_talk.h"
#include "conf/pairctl/canary_tally.h"

#include <string.h>

enum { M = CANARY_MORE, A = CANARY_ANSWERED, W = CANARY_WRONG };

/* All at once and byte by byte come to the same. */
static enum canary_heard hear_both(struct canary_talk *talk, const char *bytes, size_t length)
{
	struct canary_talk slow = *talk;
	enum canary_heard at_once = canary_hear(talk, (const uint8_t *)bytes, length);
	enum canary_heard heard = CANARY_MORE;

	for (size_t i = 0; i < length && heard == CANARY_MORE; i++)
		heard = canary_hear(&slow, (const uint8_t *)bytes + i, 1);
	assert_int_equal(heard, at_once);
	return at_once;
}

static void test_mail(void **state)
{
	static const struct {
		enum canary_kind kind;
		const char *greeting;
		int greeted;
		const char *answer;
		int heard;
	} lines[] = {
		{ CANARY_SMTP, "220 cas1 ESMTP\r\n", A, "250 2.0.0 OK\r\n", A },
		{ CANARY_SMTP, "220-cas1\r\n220 ESMTP\r\n", A, "250 2.0.0 O", M },
		{ CANARY_SMTP, "220-cas1\r\n", M, "220 now\r\n", A },
		{ CANARY_SMTP, "554 no\r\n", W, "", M },
		{ CANARY_SMTP, "220 cas1\r\n", A, "421 closing\r\n", W },
		{ CANARY_IMAP, "* OK ready\r\n", A, "* 3 EXISTS\r\nc OK done\r\n", A },
		{ CANARY_IMAP, "* OK ready\r\n", A, "* 3 EXISTS\r\n", M },
		{ CANARY_IMAP, "* OK ready\r\n", A, "* BYE\r\n", W },
		{ CANARY_IMAP, "* BYE\r\n", W, "", M },
		{ CANARY_IMAP, "* OK\r\n", A, "c BAD what\r\n", W },
		{ CANARY_POP3, "+OK hi\r\n", A, "+OK list\r\nUSER\r\n.\r\n", A },
		{ CANARY_POP3, "+OK hi\r\n", A, "+OK list\r\nUSER\r\n..\r\n", M },
		{ CANARY_POP3, "+OK hi\r\n", A, "-ERR what\r\n", A },
		{ CANARY_POP3, "-ERR busy\r\n", W, "", M },
		{ CANARY_TCP, "anything\n", M, "\xff", M },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct canary_talk talk;

		canary_talk_init(&talk, lines[i].kind);
		if ((int)hear_both(&talk, lines[i].greeting, strlen(lines[i].greeting)) !=
		    lines[i].greeted)
			fail_msg("greeting of case %zu", i);
		if ((int)hear_both(&talk, lines[i].answer, strlen(lines[i].answer)) !=
		    lines[i].heard)
			fail_msg("answer of case %zu", i);
	}
}

/* A fragment of the server for that call: header, and zeros up to its length. */
static const char *fragment(char out[256], uint8_t type, uint8_t flags, uint8_t call,
			    uint8_t length)
{
	memset(out, 0, 256);
	memcpy(out, (const uint8_t[]){ 5, 0, type, flags, 0x10, 0, 0, 0, length, 0 }, 10);
	out[12] = (char)call;
	return out;
}

static void test_rpc(void **state)
{
	struct canary_talk talk, bound;
	uint8_t out[CANARY_REQUEST];
	char bytes[256];

	(void)state;
	canary_talk_init(&talk, CANARY_RPC);
	assert_int_equal(canary_ask(&talk, out), 72);
	assert_int_equal(out[2], 11);
	assert_int_equal(out[12], 1);
	assert_int_equal(hear_both(&talk, fragment(bytes, 12, 3, 1, 60), 60), A);
	assert_int_equal(canary_ask(&talk, out), 84);
	assert_int_equal(out[12], 2);
	assert_int_equal(out[22], 2); /* ept_lookup */
	bound = talk;
	assert_int_equal(hear_both(&talk, fragment(bytes, 2, 3, 2, 64), 64), A);
	talk = bound;
	assert_int_equal(hear_both(&talk, fragment(bytes, 2, 1, 2, 64), 64), M);
	assert_int_equal(hear_both(&talk, fragment(bytes, 2, 2, 2, 16), 16), A);
	talk = bound;
	assert_int_equal(hear_both(&talk, fragment(bytes, 2, 3, 2, 64), 63), M);
	talk = bound; /* the answer to another question; a fault; a length that cannot be */
	assert_int_equal(hear_both(&talk, fragment(bytes, 2, 3, 1, 64), 64), W);
	talk = bound;
	assert_int_equal(hear_both(&talk, fragment(bytes, 3, 3, 2, 32), 32), W);
	talk = bound;
	assert_int_equal(hear_both(&talk, fragment(bytes, 2, 3, 2, 15), 16), W);
	talk = bound;
	assert_int_equal(hear_both(&talk, "HTTP/1.1 400 Bad Request", 24), W);
}

static void test_bind_refused(void **state)
{
	struct canary_talk talk;
	uint8_t out[CANARY_REQUEST];
	char bytes[256];

	(void)state;
	canary_talk_init(&talk, CANARY_RPC);
	canary_ask(&talk, out);
	assert_int_equal(hear_both(&talk, fragment(bytes, 13, 3, 1, 24), 24), W);
}

static void test_tally(void **state)
{
	struct canary_tally tally;
	struct canary_line line;

	(void)state;
	canary_tally_init(&tally, 100);
	canary_connected(&tally, 100.1);
	canary_connected(&tally, 100.4);
	canary_answered(&tally, 0.02);
	canary_answered(&tally, 0.01);
	line = canary_tally_take(&tally, 100.5, 0);
	assert_float_equal(line.gap_ms, 300, 0.01);
	assert_float_equal(line.stall_ms, 20, 0.01);
	assert_int_equal(line.answers, 2);
	assert_int_equal(line.connects, 2);
	/* The worst is of one line; who still waits counts, and so does a gap that still lasts. */
	line = canary_tally_take(&tally, 100.9, 0.7);
	assert_float_equal(line.gap_ms, 500, 0.01);
	assert_float_equal(line.stall_ms, 700, 0.01);
	assert_int_equal(line.answers, 2);
}

static void test_line(void **state)
{
	static const char *const bad[] = {
		"",
		"open",
		"{}",
		"{\"open\":5}",
		"{\"open\":x,\"lost\":0,\"answers\":1,\"stall_ms\":1,\"connects\":1,\"refused\":0,"
		"\"gap_ms\":1}",
		"{\"open\":-5,\"lost\":0,\"answers\":1,\"stall_ms\":1,\"connects\":1,\"refused\":0,"
		"\"gap_ms\":1}",
		"{\"open\":5,\"lost\":99999999999,\"answers\":1,\"stall_ms\":1,\"connects\":1,"
		"\"refused\":0,\"gap_ms\":1}",
		"{\"open\":5,\"lost\":0,\"answers\":1,\"stall_ms\":1,\"connects\":1,\"refused\":0}",
	};
	struct canary_line line;

	(void)state;
	assert_true(canary_line_read("{\"schema\":1,\"time_ms\":7,\"open\":50,\"lost\":2,"
				     "\"answers\":1234,\"stall_ms\":12.5,\"connects\":99,"
				     "\"refused\":3,\"gap_ms\":101.25,\"why\":\"open lost\"}",
				     &line));
	assert_int_equal(line.open, 50);
	assert_int_equal(line.lost, 2);
	assert_int_equal(line.answers, 1234);
	assert_int_equal(line.connects, 99);
	assert_int_equal(line.refused, 3);
	assert_float_equal(line.stall_ms, 12.5, 0.001);
	assert_float_equal(line.gap_ms, 101.25, 0.001);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (canary_line_read(bad[i], &line))
			fail_msg("case %zu", i);
}

static void test_target(void **state)
{
	static const char *const bad[] = { "",          "host",       "host:",    ":25",
					   "host:0",    "host:65536", "host:25x", "2001::1:25",
					   "[2001::1]", "[]:1" };
	struct canary_target target;

	(void)state;
	assert_true(canary_target_read("10.20.0.10:135", &target));
	assert_string_equal(target.host, "10.20.0.10");
	assert_int_equal(target.port, 135);
	assert_int_equal(canary_kind_of_port(target.port), CANARY_RPC);
	assert_true(canary_target_read("[2001:db8::10]:25", &target));
	assert_string_equal(target.host, "2001:db8::10");
	assert_int_equal(canary_kind_of_port(target.port), CANARY_SMTP);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (canary_target_read(bad[i], &target))
			fail_msg("%s", bad[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mail),         cmocka_unit_test(test_rpc),
		cmocka_unit_test(test_bind_refused), cmocka_unit_test(test_tally),
		cmocka_unit_test(test_line),         cmocka_unit_test(test_target),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
