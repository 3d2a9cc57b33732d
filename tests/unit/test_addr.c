// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <string.h>

#include "proto/addr.h"

static const struct {
	const char *text;
	uint8_t family;
	const char *printed; /* NULL: as it was written */
} good[] = {
	{ "10.0.0.1", 4, NULL },
	{ "0.0.0.0", 4, NULL },
	{ "255.255.255.255", 4, NULL },
	{ "::", 6, NULL },
	{ "fe80::1", 6, NULL },
	{ "2001:DB8:0:0:1::1", 6, "2001:db8::1:0:0:1" },
	{ "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", 6,
	  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
};

static const char *const bad[] = {
	"",           " 10.0.0.1",       "10.0.0.1 ",  "10.0.0.1\n", "10.0.0",        "10.0.0.1.2",
	"10.0.0.256", "10.0.0.01",       "10.0.0.0x1", "10.0.0.-1",  "10.0.0.1/32",   "10.0.0.1:80",
	"10",         "[::1]",           "fe80::1%lo", "::1::",      "1:2:3:4:5:6:7", "g::",
	"node-a",     "::ffff:10.0.0.1",
};

static void parses_and_prints(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		const char *expected = good[i].printed ? good[i].printed : good[i].text;
		char text[ADDR_TEXT];
		struct addr addr;

		memset(&addr, 0xff, sizeof(addr));
		assert_true(addr_parse(&addr, good[i].text));
		assert_int_equal(addr.family, good[i].family);
		assert_string_equal(addr_print(text, &addr), expected);
	}
}

static void refuses_everything_else(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const struct addr before = { 4, { 1, 2, 3, 4 } };
		struct addr addr = before;
		uint32_t addr4 = 7;

		assert_false(addr_parse(&addr, bad[i]));
		assert_memory_equal(&addr, &before, sizeof(addr));
		assert_false(addr_parse4(&addr4, bad[i]));
		assert_int_equal(addr4, 7);
	}
}

/* An IPv4 address leaves the other twelve bytes zero, whatever was there. */
static void bytes_beyond_the_family_are_zero(void **state)
{
	const uint8_t zero[12] = { 0 };
	struct addr addr;

	(void)state;
	memset(&addr, 0xff, sizeof(addr));
	assert_true(addr_parse(&addr, "10.0.0.1"));
	assert_memory_equal(addr.bytes + 4, zero, sizeof(zero));
}

static void ipv4_in_network_order(void **state)
{
	char text[ADDR_TEXT];
	uint32_t addr;

	(void)state;
	assert_true(addr_parse4(&addr, "10.1.2.3"));
	assert_int_equal(addr, htonl(0x0a010203));
	assert_false(addr_parse4(&addr, "::1"));
	assert_string_equal(addr_print4(text, addr), "10.1.2.3");
}

/* To the tables' form and back: the same address; with a port, it can be told from the port. */
static void tables_form(void **state)
{
	static const struct {
		const char *text, *with_port;
		uint8_t family;
	} cases[] = {
		{ "10.1.2.3", "10.1.2.3:80", 4 },
		{ "0.0.0.0", "0.0.0.0:80", 4 },
		{ "255.255.255.255", "255.255.255.255:80", 4 },
		{ "2001:db8::1", "[2001:db8::1]:80", 6 },
		{ "fe80::ffff:a01:203", "[fe80::ffff:a01:203]:80", 6 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[ADDR_PORT_TEXT];
		struct addr addr, back;
		struct flow_ip ip, parsed;

		assert_true(addr_parse(&addr, cases[i].text));
		assert_true(addr_parse_flow(&parsed, cases[i].text));
		ip = addr_to_flow(&addr);
		back = addr_from_flow(&ip);
		assert_memory_equal(&ip, &parsed, sizeof(ip));
		assert_memory_equal(&back, &addr, sizeof(addr));
		assert_int_equal(addr_flow_family(&ip), cases[i].family);
		assert_string_equal(addr_print_flow(text, &ip), cases[i].text);
		assert_string_equal(addr_print_flow_port(text, &ip, htons(80)), cases[i].with_port);
	}
}

static void no_address_is_none_in_tables(void **state)
{
	const struct flow_ip none = { 0 };
	struct addr addr = addr_from_flow(&none), zero = { 0 };
	struct flow_ip ip = addr_to_flow(&zero);
	char text[ADDR_TEXT];

	(void)state;
	assert_int_equal(addr.family, 0);
	assert_true(flow_ip_is_none(&ip));
	assert_string_equal(addr_print_flow(text, &none), "none");
	ip = flow_ip4(htonl(1));
	assert_false(addr_parse_flow(&ip, "10.0.0"));
	assert_int_equal(ip.word[3], htonl(1));
}

static void no_address_has_a_name(void **state)
{
	const struct addr none = { 0 };
	char text[ADDR_TEXT];

	(void)state;
	assert_string_equal(addr_print(text, &none), "none");
}

/* Ascending; each is compared with each. */
static void order_is_total(void **state)
{
	static const char *const ascending[] = {
		"0.0.0.1", "10.0.0.2", "10.0.0.10", "10.0.1.0", "128.0.0.0", "255.255.255.255",
		"::",      "::1",      "fe80::1",   "fe80::2",  "ff02::12",
	};
	const size_t count = sizeof(ascending) / sizeof(ascending[0]);

	(void)state;
	for (size_t i = 0; i < count * count; i++) {
		const size_t left = i / count, right = i % count;
		struct addr a, b;
		int order;

		assert_true(addr_parse(&a, ascending[left]));
		assert_true(addr_parse(&b, ascending[right]));
		order = addr_compare(&a, &b);
		assert_int_equal((order > 0) - (order < 0), (left > right) - (left < right));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_and_prints),
		cmocka_unit_test(refuses_everything_else),
		cmocka_unit_test(bytes_beyond_the_family_are_zero),
		cmocka_unit_test(ipv4_in_network_order),
		cmocka_unit_test(tables_form),
		cmocka_unit_test(no_address_is_none_in_tables),
		cmocka_unit_test(no_address_has_a_name),
		cmocka_unit_test(order_is_total),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
