/* SPDX-License-Identifier: BSD-2-Clause */
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
	{ "::ffff:10.0.0.1", 6, NULL },
	{ "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", 6,
	  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
};

static const char *const bad[] = {
	"",           " 10.0.0.1", "10.0.0.1 ",  "10.0.0.1\n", "10.0.0",        "10.0.0.1.2",
	"10.0.0.256", "10.0.0.01", "10.0.0.0x1", "10.0.0.-1",  "10.0.0.1/32",   "10.0.0.1:80",
	"10",         "[::1]",     "fe80::1%lo", "::1::",      "1:2:3:4:5:6:7", "g::",
	"node-a",
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
	char text[ADDR_PORT_TEXT];
	uint32_t addr;

	(void)state;
	assert_true(addr_parse4(&addr, "10.1.2.3"));
	assert_int_equal(addr, htonl(0x0a010203));
	assert_false(addr_parse4(&addr, "::1"));
	assert_string_equal(addr_print4(text, addr), "10.1.2.3");
	assert_string_equal(addr_print4_port(text, addr, htons(80)), "10.1.2.3:80");
	assert_string_equal(addr_print4_port(text, 0xffffffff, 0xffff), "255.255.255.255:65535");
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
		cmocka_unit_test(no_address_has_a_name),
		cmocka_unit_test(order_is_total),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
