// SPDX-License-Identifier: BSD-2-Clause
/*
 * The RPC codec, against a conversation recorded from Samba's endpoint
 * mapper, and against all that can be made of it by cutting and bending.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>

#include "lbd/check/dce.h"
#include "tests/unit/dce_recorded.h"

struct message {
	const uint8_t *bytes;
	size_t length;
};
#define MESSAGE(array)                                                                             \
	{                                                                                          \
		array, sizeof(array)                                                               \
	}
static const struct message answers[] = {
	MESSAGE(bind_ack), MESSAGE(map_answer), MESSAGE(bind_reject),
	MESSAGE(bind_nak), MESSAGE(fault),      MESSAGE(not_registered),
};
enum { ANSWERS = sizeof(answers) / sizeof(answers[0]) };

static struct rpcif emsmdb_interface(void)
{
	struct rpcif found[RPCIF_PER_WORD];

	assert_int_equal(rpcif_parse(found, "rpc-client-access"), 1);
	return found[0];
}

static void test_requests(void **state)
{
	struct rpcif emsmdb = emsmdb_interface();
	uint8_t out[DCE_REQUEST_MAX];

	(void)state;
	assert_int_equal(dce_write_bind(out, DCE_BIND, 1, 0, &dce_mapper), sizeof(bind_mapper));
	assert_memory_equal(out, bind_mapper, sizeof(bind_mapper));
	assert_int_equal(dce_write_map(out, 2, &emsmdb), sizeof(map_emsmdb));
	assert_memory_equal(out, map_emsmdb, sizeof(map_emsmdb));
	dce_write_bind(out, DCE_ALTER, 9, 2, &emsmdb);
	assert_int_equal(out[2], DCE_ALTER);
	assert_int_equal(out[28], 2); /* context */
	assert_memory_equal(out + 0x30, ((uint8_t[]){ 0, 0, 0x51, 0 }), 4);
}

/* A copy of the exact size, so that a read beyond it is seen. */
static uint8_t *copy_of(const uint8_t *bytes, size_t length)
{
	uint8_t *copy = malloc(length ? length : 1);

	assert_non_null(copy);
	memcpy(copy, bytes, length);
	return copy;
}

struct bend {
	const uint8_t *bytes;
	size_t length, at;
	uint8_t value;
	enum dce_answer answer;
};

static void test_bind_answers(void **state)
{
	static const struct bend cases[] = {
		{ bind_ack, sizeof(bind_ack), 0, 5, DCE_YES },
		{ bind_reject, sizeof(bind_reject), 0, 5, DCE_NO_SUCH_INTERFACE },
		{ bind_reject, sizeof(bind_reject), 34, 3, DCE_BUSY },     /* local limit */
		{ bind_reject, sizeof(bind_reject), 34, 2, DCE_NONSENSE }, /* transfer syntax */
		{ bind_reject, sizeof(bind_reject), 32, 1, DCE_NONSENSE }, /* user */
		{ bind_nak, sizeof(bind_nak), 0, 5, DCE_NONSENSE },
		{ bind_nak, sizeof(bind_nak), 16, 1, DCE_BUSY },
		{ bind_nak, sizeof(bind_nak), 16, 2, DCE_BUSY },
		{ bind_nak, sizeof(bind_nak), 16, 4, DCE_NONSENSE },
		{ bind_ack, sizeof(bind_ack), 0, 4, DCE_NONSENSE },    /* version */
		{ bind_ack, sizeof(bind_ack), 2, 15, DCE_NONSENSE },   /* to another question */
		{ bind_ack, sizeof(bind_ack), 3, 1, DCE_NONSENSE },    /* not the last fragment */
		{ bind_ack, sizeof(bind_ack), 4, 0, DCE_NONSENSE },    /* big-endian */
		{ bind_ack, sizeof(bind_ack), 8, 61, DCE_NONSENSE },   /* longer than it is */
		{ bind_ack, sizeof(bind_ack), 10, 4, DCE_NONSENSE },   /* signed */
		{ bind_ack, sizeof(bind_ack), 12, 2, DCE_NONSENSE },   /* another call */
		{ bind_ack, sizeof(bind_ack), 24, 255, DCE_NONSENSE }, /* address beyond the end */
		{ bind_ack, sizeof(bind_ack), 32, 2, DCE_NONSENSE },   /* two results to one */
		{ bind_ack, sizeof(bind_ack), 32, 0, DCE_NONSENSE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint8_t *bytes = copy_of(cases[i].bytes, cases[i].length);

		bytes[cases[i].at] = cases[i].value;
		if (dce_read_bind(bytes, cases[i].length, DCE_BIND, 1) != cases[i].answer)
			fail_msg("case %zu", i);
		free(bytes);
	}
}

/* A server that is too busy for a call says so by a fault of its own (C706, appendix E). */
static void test_too_busy(void **state)
{
	uint8_t *bytes = copy_of(fault, sizeof(fault));
	struct rpcif emsmdb = emsmdb_interface();
	uint16_t port;

	(void)state;
	memcpy(bytes + 24, (const uint8_t[]){ 0x14, 0x00, 0x01, 0x1c }, 4);
	assert_int_equal(dce_read_map(bytes, sizeof(fault), 2, &emsmdb, &port), DCE_BUSY);
	free(bytes);
}

static void test_map_answers(void **state)
{
	static const struct bend cases[] = {
		{ map_answer, sizeof(map_answer), 0, 5, DCE_YES },
		{ not_registered, sizeof(not_registered), 0, 5, DCE_NOT_REGISTERED },
		{ not_registered, sizeof(not_registered), 60, 5, DCE_NONSENSE },
		{ fault, sizeof(fault), 0, 5, DCE_DENIED },
		{ fault, sizeof(fault), 24, 6, DCE_NONSENSE },
		{ map_answer, sizeof(map_answer), 12, 3, DCE_NONSENSE },   /* another call */
		{ map_answer, sizeof(map_answer), 0x2c, 2, DCE_NONSENSE }, /* count, actual */
		{ map_answer, sizeof(map_answer), 0x30, 0, DCE_NONSENSE }, /* more than most */
		{ map_answer, sizeof(map_answer), 0x34, 1, DCE_NONSENSE }, /* offset */
		{ map_answer, sizeof(map_answer), 0x38, 255, DCE_NONSENSE },
		{ map_answer, sizeof(map_answer), 0x40, 0x4a, DCE_NONSENSE }, /* two lengths */
		{ map_answer, sizeof(map_answer), 0x48, 3, DCE_NONSENSE },    /* floors */
		{ map_answer, sizeof(map_answer), 0x4a, 0xff, DCE_NONSENSE }, /* left side */
		{ map_answer, sizeof(map_answer), 0x4a, 10, DCE_NONSENSE },
		{ map_answer, sizeof(map_answer), 0x4d, 9, DCE_NOT_REGISTERED }, /* UUID */
		{ map_answer, sizeof(map_answer), 0x5d, 7, DCE_NOT_REGISTERED }, /* major */
		{ map_answer, sizeof(map_answer), 0x61, 7, DCE_YES },            /* minor */
		{ map_answer, sizeof(map_answer), 0x85, 8, DCE_NOT_REGISTERED }, /* UDP */
		{ map_answer, sizeof(map_answer), 0x86, 1, DCE_NOT_REGISTERED },
		{ map_answer, sizeof(map_answer), 0x88, 3, DCE_BAD_PORT }, /* 0x0360 */
		{ map_answer, sizeof(map_answer), 0x88, 4, DCE_YES },      /* 0x0460 */
		{ map_answer, sizeof(map_answer), 0x94, 5, DCE_DENIED },   /* status */
		{ map_answer, sizeof(map_answer), 0x94, 6, DCE_NONSENSE },
	};
	struct rpcif emsmdb = emsmdb_interface();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint8_t *bytes = copy_of(cases[i].bytes, cases[i].length);
		uint16_t port = 0;

		bytes[cases[i].at] = cases[i].value;
		if (dce_read_map(bytes, cases[i].length, 2, &emsmdb, &port) != cases[i].answer)
			fail_msg("case %zu", i);
		if (cases[i].answer == DCE_YES && cases[i].at != 0x88)
			assert_int_equal(port, 60000);
		free(bytes);
	}
}

/* Each answer cut at each length, with its length field as it was and as it is now. */
static void test_cut(void **state)
{
	struct rpcif emsmdb = emsmdb_interface();
	uint16_t port;

	(void)state;
	for (size_t a = 0; a < ANSWERS; a++) {
		for (size_t length = 0; length < answers[a].length; length++) {
			uint8_t *bytes = copy_of(answers[a].bytes, length);
			size_t call = answers[a].bytes[12];

			assert_true(dce_length(bytes, length) >= 0);
			assert_int_equal(dce_read_bind(bytes, length, DCE_BIND, 1), DCE_NONSENSE);
			assert_int_equal(dce_read_map(bytes, length, 2, &emsmdb, &port),
					 DCE_NONSENSE);
			if (length > 9)
				bytes[8] = (uint8_t)length;
			/* A reject says all in its first fields, a nak too. */
			if (call == 2)
				dce_read_map(bytes, length, 2, &emsmdb, &port);
			else if (a == 0)
				assert_int_equal(dce_read_bind(bytes, length, DCE_BIND, 1),
						 DCE_NONSENSE);
			free(bytes);
		}
	}
}

static void test_length(void **state)
{
	static const struct {
		uint8_t bytes[10];
		size_t length;
		int expected;
	} cases[] = {
		{ { 5, 0, 12, 3, 0x10, 0, 0, 0, 60, 0 }, 10, 60 },
		{ { 5, 0, 12, 3, 0x10, 0, 0, 0, 60, 0 }, 9, 0 },
		{ { 5 }, 1, 0 },
		{ { 0 }, 0, 0 },
		{ { 4 }, 1, -EPROTO },
		{ { 5, 2 }, 2, -EPROTO },
		{ { 5, 0, 12, 3, 0 }, 5, -EPROTO },
		{ { 5, 0, 12, 3, 0x10, 0, 0, 0, 15, 0 }, 10, -EPROTO },
		{ { 5, 0, 12, 3, 0x10, 0, 0, 0, 0, 8 }, 10, 2048 },
		{ { 5, 0, 12, 3, 0x10, 0, 0, 0, 1, 8 }, 10, -EPROTO },
		{ { 'H', 'T', 'T', 'P' }, 4, -EPROTO },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		if (dce_length(cases[i].bytes, cases[i].length) != cases[i].expected)
			fail_msg("case %zu", i);
}

static void test_names(void **state)
{
	static const struct {
		const char *word;
		size_t count;
		const char *printed;
	} cases[] = {
		{ "rpc-client-access", 1, "emsmdb" },
		{ "address-book", 2, "nspi" },
		{ "12345778-1234-abcd-ef00-0123456789ac", 1,
		  "12345778-1234-abcd-ef00-0123456789ac/1.0" },
		{ "12345778-1234-ABCD-EF00-0123456789AC/7.65535", 1,
		  "12345778-1234-abcd-ef00-0123456789ac/7.65535" },
		{ "a4f1db00-ca47-1067-b31f-00dd010662da/0.81", 1, "emsmdb" },
		{ "a4f1db00-ca47-1067-b31f-00dd010662da/1", 1,
		  "a4f1db00-ca47-1067-b31f-00dd010662da/1.0" },
		{ "12345778-1234-abcd-ef00-0123456789ac/", 0, "" },
		{ "12345778-1234-abcd-ef00-0123456789ac/65536", 0, "" },
		{ "12345778-1234-abcd-ef00-0123456789ac/1.", 0, "" },
		{ "12345778-1234-abcd-ef00-0123456789ac/1.0.0", 0, "" },
		{ "12345778-1234-abcd-ef00-0123456789acd", 0, "" },
		{ "12345778-1234-abcd-ef00-0123456789a", 0, "" },
		{ "12345778+1234-abcd-ef00-0123456789ac", 0, "" },
		{ "rpc", 0, "" },
		{ "", 0, "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct rpcif found[RPCIF_PER_WORD];
		char text[RPCIF_TEXT];

		if (rpcif_parse(found, cases[i].word) != cases[i].count)
			fail_msg("case %zu", i);
		if (cases[i].count)
			assert_string_equal(rpcif_print(text, &found[0]), cases[i].printed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests),    cmocka_unit_test(test_bind_answers),
		cmocka_unit_test(test_map_answers), cmocka_unit_test(test_too_busy),
		cmocka_unit_test(test_cut),         cmocka_unit_test(test_length),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
