// SPDX-License-Identifier: BSD-2-Clause
/* What a member is sent to be asked for a VIP, and what is taken for its answer. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "lbd/syn.h"

enum { V4 = 40, V6 = 60, PROTOCOL4 = 9, PROTOCOL6 = 6 };

/* 10.20.0.11:40000 to 10.20.0.10:7000, the sums by another program. */
static const uint8_t syn4[V4] = {
	0x45, 0,  0,  40, 0,    0,    0x40, 0,    64,   6,    0x26, 0x94, 10, 20,
	0,    11, 10, 20, 0,    10,   0x9c, 0x40, 0x1b, 0x58, 1,    2,    3,  4,
	0,    0,  0,  0,  0x50, 0x02, 4,    0,    0xdc, 0x07, 0,    0,
};

static struct syn example(enum flow_family family)
{
	struct syn syn = {
		.from = flow_ip4(inet_addr("10.20.0.11")),
		.to = flow_ip4(inet_addr("10.20.0.10")),
		.from_port = 40000,
		.to_port = 7000,
		.seq = 0x01020304,
		.flags = SYN_FLAGS_OPEN,
	};

	if (family == FLOW_IPV6) {
		inet_pton(AF_INET6, "2001:db8:20::11", &syn.from);
		inet_pton(AF_INET6, "2001:db8:20::10", &syn.to);
	}
	return syn;
}

/* The sum over what a checksum covers is all ones when it is right; RFC 1071. */
static uint16_t folded(const uint8_t *bytes, size_t length, uint32_t begin)
{
	for (size_t i = 0; i < length; i++)
		begin += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
	while (begin >> 16)
		begin = (begin & 0xffff) + (begin >> 16);
	return (uint16_t)begin;
}

static void test_ipv4(void **state)
{
	uint8_t packet[SYN_PACKET_MAX];
	struct syn syn = example(FLOW_IPV4);

	(void)state;
	assert_int_equal(syn_write(packet, &syn), V4);
	assert_int_equal(folded(packet, 20, 0), 0xffff);
	assert_int_equal(folded(packet + 12, V4 - 12, 6 + 20), 0xffff);
	assert_memory_equal(packet, syn4, V4);
}

static void test_ipv6(void **state)
{
	uint8_t packet[SYN_PACKET_MAX];
	struct syn syn = example(FLOW_IPV6);

	(void)state;
	assert_int_equal(syn_write(packet, &syn), V6);
	assert_int_equal(packet[0], 0x60);
	assert_int_equal(packet[PROTOCOL6], 6);
	assert_int_equal(folded(packet + 8, V6 - 8, 6 + 20), 0xffff);
}

/* What was written is read, and nothing that is shorter. */
static void test_both_ways(void **state)
{
	(void)state;
	for (enum flow_family f = FLOW_IPV4; f < FLOW_FAMILIES; f++) {
		uint8_t packet[SYN_PACKET_MAX], *copy;
		struct syn syn = example(f), read;
		size_t length;

		syn.ack = 0xfffefdfc;
		syn.flags = SYN_FLAGS_OPEN | SYN_FLAGS_ACK;
		length = syn_write(packet, &syn);
		assert_true(syn_read(&read, packet, length));
		assert_true(flow_ip_equal(&read.from, &syn.from));
		assert_true(flow_ip_equal(&read.to, &syn.to));
		assert_int_equal(read.from_port, syn.from_port);
		assert_int_equal(read.to_port, syn.to_port);
		assert_int_equal(read.seq, syn.seq);
		assert_int_equal(read.ack, syn.ack);
		assert_int_equal(read.flags, syn.flags);
		for (size_t cut = 0; cut < length; cut++) {
			/* Of its very size, so that a sanitizer sees who reads on. */
			copy = malloc(cut ? cut : 1);
			assert_non_null(copy);
			memcpy(copy, packet, cut);
			assert_false(syn_read(&read, copy, cut));
			free(copy);
		}
	}
}

/* A Windows SYN-ACK has options, and may have some of IPv4 before them. */
static void test_options(void **state)
{
	uint8_t packet[V4 + 8] = { 0 };
	struct syn read;

	(void)state;
	memcpy(packet, syn4, 20);
	packet[0] = 0x46;
	memcpy(packet + 24, syn4 + 20, 20);
	packet[24 + 12] = 0x60;
	assert_true(syn_read(&read, packet, sizeof(packet)));
	assert_int_equal(read.to_port, 7000);
	assert_false(syn_read(&read, packet, 43)); /* the options are no part of TCP */
}

static void test_others(void **state)
{
	static const struct {
		size_t at;
		uint8_t byte;
	} changes[] = {
		{ 0, 0x55 },       /* no such version */
		{ 0, 0x44 },       /* a header too short to be one */
		{ 0, 0x4f },       /* one longer than the packet */
		{ PROTOCOL4, 17 }, /* UDP */
		{ 6, 0x20 },       /* the first fragment */
		{ 7, 1 },          /* a later one */
	};
	uint8_t packet[SYN_PACKET_MAX];
	struct syn syn = example(FLOW_IPV6), read;

	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		memcpy(packet, syn4, V4);
		packet[changes[i].at] = changes[i].byte;
		assert_false(syn_read(&read, packet, V4));
	}
	syn_write(packet, &syn);
	packet[PROTOCOL6] = 0; /* hop-by-hop options */
	assert_false(syn_read(&read, packet, V6));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ipv4),      cmocka_unit_test(test_ipv6),
		cmocka_unit_test(test_both_ways), cmocka_unit_test(test_options),
		cmocka_unit_test(test_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
