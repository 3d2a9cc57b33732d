// SPDX-License-Identifier: BSD-2-Clause
/* JSON of messages of every shape, and the small pure parts that printing and suggesting rest on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conf/conf.h"
#include "conf/near.h"
#include "conf/utf8.h"
#include "conf/value.h"
#include "request.pb-c.h"
#include "sync.pb-c.h"

static void expect_json(const ProtobufCMessage *message, const char *expected)
{
	char *json = NULL;
	size_t size;
	FILE *out = open_memstream(&json, &size);

	conf_print_json(message, out);
	fclose(out);
	assert_string_equal(json, expected);
	free(json);
}

static void empty_and_absent(void **state)
{
	Cas__StatusRequest none = CAS__STATUS_REQUEST__INIT;
	Cas__SessionsRequest absent = CAS__SESSIONS_REQUEST__INIT;
	Cas__MembersReply list = CAS__MEMBERS_REPLY__INIT;

	(void)state;
	expect_json(&none.base, "{}");
	expect_json(&absent.base, "{}");
	expect_json(&list.base, "{\"member\":[]}");
}

static void numbers_and_words(void **state)
{
	Cas__NodeFacts facts = CAS__NODE_FACTS__INIT;
	Cas__SyncStatus sync = CAS__SYNC_STATUS__INIT;
	static const struct {
		double lag;
		const char *json;
	} lags[] = {
		{ 0.0, "0" },
		{ 0.25, "0.25" },
		{ 1.0 / 3, "0.333333" },
		{ 1e6, "1e+06" },
		{ -2.5, "-2.5" },
		{ 1234567.0, "1.23457e+06" },
		{ (double)1e308 * 10, "null" },
		{ 0.0 / 0.0, "null" },
	};

	(void)state;
	facts.has_epoch = true;
	facts.epoch = UINT64_MAX;
	facts.has_priority = true;
	facts.priority = UINT32_MAX;
	facts.has_lbd = true;
	facts.has_vrrpd = true;
	facts.vrrpd = true;
	facts.has_sync = true;
	facts.sync = CAS__SYNC_STATE__IN_SYNC;
	expect_json(&facts.base, "{\"epoch\":18446744073709551615,\"priority\":4294967295,"
				 "\"lbd\":false,\"vrrpd\":true,\"sync\":\"in-sync\"}");
	for (size_t i = 0; i < sizeof(lags) / sizeof(lags[0]); i++) {
		char expected[64];

		sync.has_lag_ms = true;
		sync.lag_ms = lags[i].lag;
		snprintf(expected, sizeof(expected), "{\"lag_ms\":%s,\"refused\":[],\"path\":[]}",
			 lags[i].json);
		expect_json(&sync.base, expected);
	}
}

/* A peer of a later version may send a state that has no name here. */
static void words_that_are_not_known(void **state)
{
	Cas__NodeFacts facts = CAS__NODE_FACTS__INIT;

	(void)state;
	facts.has_role = true;
	facts.role = (Cas__Role)99;
	expect_json(&facts.base, "{\"role\":99}");
}

static void strings(void **state)
{
	static const struct {
		const char *text, *json;
	} cases[] = {
		{ "", "" },
		{ "plain", "plain" },
		{ "\"\\/", "\\\"\\\\/" },
		{ "\b\f\n\r\t", "\\b\\f\\n\\r\\t" },
		{ "\x01\x1f\x7f", "\\u0001\\u001f\\u007f" },
		{ "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80" },
		{ "a\xffz", "a\\ufffdz" },
		{ "\xc0\xaf", "\\ufffd\\ufffd" },
		{ "\xed\xa0\x80", "\\ufffd\\ufffd\\ufffd" },
		{ "cut \xe2\x82", "cut \\ufffd\\ufffd" },
	};
	Cas__Message message = CAS__MESSAGE__INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[64], expected[128];

		snprintf(text, sizeof(text), "%s", cases[i].text);
		snprintf(expected, sizeof(expected), "{\"error\":\"%s\"}", cases[i].json);
		message.error = text;
		expect_json(&message.base, expected);
	}
}

static void nested_and_repeated(void **state)
{
	Cas__Message message = CAS__MESSAGE__INIT;
	Cas__StatusReply status = CAS__STATUS_REPLY__INIT;
	Cas__VrrpStatus vrrp = CAS__VRRP_STATUS__INIT;
	Cas__Counter first = CAS__COUNTER__INIT, second = CAS__COUNTER__INIT;
	Cas__Counter *counters[] = { &first, &second };
	char one[] = "ttl", two[] = "vrid", a[] = "10.0.0.1", b[] = "10.0.0.2";
	char *addresses[] = { a, b };

	(void)state;
	first.name = one;
	second.name = two;
	second.value = 7;
	vrrp.rejected = counters;
	vrrp.n_rejected = 2;
	vrrp.address = addresses;
	vrrp.n_address = 2;
	status.vrrp = &vrrp;
	message.status_reply = &status;
	expect_json(&message.base,
		    "{\"status_reply\":{\"vrrp\":{\"rejected\":[{\"name\":\"ttl\",\"value\":0},"
		    "{\"name\":\"vrid\",\"value\":7}],\"address\":[\"10.0.0.1\",\"10.0.0.2\"],\"witness\":[],"
		    "\"source\":[],\"way\":[],\"pending\":[]}}}");
}

static void bytes_and_columns(void **state)
{
	Sync__AttachRequest attach = SYNC__ATTACH_REQUEST__INIT;
	Sync__Records records = SYNC__RECORDS__INIT;
	uint8_t digest[] = { 0x00, 0x1f, 0xff };
	uint32_t kinds[] = { 1, UINT32_MAX };

	(void)state;
	attach.config_digest = (ProtobufCBinaryData){ sizeof(digest), digest };
	attach.has_layout = true;
	attach.layout = 1;
	expect_json(&attach.base, "{\"config_digest\":\"001fff\",\"layout\":1}");
	records.kind = kinds;
	records.n_kind = 2;
	expect_json(&records.base,
		    "{\"kind\":[1,4294967295],\"client\":[],\"vip\":[],\"ports\":[],\"member\":[],"
		    "\"idle\":[],\"client_ack\":[],\"client_seq\":[],\"age\":[],\"source\":[]}");
}

static void durations(void **state)
{
	static const struct {
		uint32_t ms;
		const char *text;
	} cases[] = {
		{ 0, "0s" },
		{ 1, "1ms" },
		{ 1500, "1500ms" },
		{ 60000, "1min" },
		{ 90000, "90s" },
		{ 7500000, "125min" },
		{ 3600000, "1h" },
		{ 86400000, "24h" },
		{ 172800000, "2d" },
		{ 129600000, "36h" },
		{ UINT32_MAX, "4294967295ms" },
	};
	char text[VALUE_DURATION];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(value_duration(text, cases[i].ms), cases[i].text);
}

static void near_misses(void **state)
{
	static const struct {
		const char *word, *candidate;
		bool near;
	} cases[] = {
		{ "adress", "address", true },
		{ "affinty-group", "affinity-group", true },
		{ "intreval", "interval", true },
		{ "exchange-2001", "exchange-2010", true },
		{ "prot", "port", true },
		{ "vird", "vrid", true },
		{ "use", "us", true },
		{ "x", "use", false },
		{ "a", "b", false },
		{ "up", "ip", false },
		{ "gateway", "interface", false },
		{ "", "use", false },
		{ "averyveryveryverylongwordthatnobodywouldeverhavemeanttype", "type", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct near near = { .word = cases[i].word };

		near_try(&near, cases[i].candidate);
		if ((near.best[0] != '\0') != cases[i].near)
			fail_msg("%s and %s", cases[i].word, cases[i].candidate);
	}
}

static void the_nearest_wins(void **state)
{
	struct near near = { .word = "rcp-epm" };
	char text[NEAR_TEXT];

	(void)state;
	assert_string_equal(near_text(text, &near), "");
	near_try(&near, "rcp-amp");
	near_try(&near, "rpc-epm");
	near_try(&near, "rcp-app");
	assert_string_equal(near_text(text, &near), "; did you mean \"rpc-epm\"?");
}

/* Against the definition: all code points there are, written by the book. */
static void every_code_point(void **state)
{
	(void)state;
	for (uint32_t point = 0; point < 0x110100; point++) {
		bool good = point < 0x110000 && (point < 0xd800 || point > 0xdfff);
		char text[4];
		size_t length = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
		static const unsigned int lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
		uint32_t decoded = 0;

		for (size_t i = 0; i < length; i++)
			text[i] = (char)(0x80 | (point >> (6 * (length - 1 - i)) & 0x3f));
		text[0] = (char)(lead[length] | point >> (6 * (length - 1)));
		assert_int_equal(utf8_decode(text, text + length, &decoded), good ? length : 0);
		if (good)
			assert_int_equal(decoded, point);
		if (length > 1)
			assert_int_equal(utf8_decode(text, text + length - 1, &decoded), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_and_absent),
		cmocka_unit_test(numbers_and_words),
		cmocka_unit_test(words_that_are_not_known),
		cmocka_unit_test(strings),
		cmocka_unit_test(nested_and_repeated),
		cmocka_unit_test(bytes_and_columns),
		cmocka_unit_test(durations),
		cmocka_unit_test(near_misses),
		cmocka_unit_test(the_nearest_wins),
		cmocka_unit_test(every_code_point),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
