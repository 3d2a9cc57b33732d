/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "proto/advert.h"

enum { IP = 20, PACKET = 60 + ADVERT_MAX_BYTES };

/* Offsets in a packet whose IP header has no options. */
enum {
	AT_TOTAL = 2,
	AT_FRAGMENT = 6,
	AT_TTL = 8,
	AT_PROTOCOL = 9,
	AT_TYPE = IP,
	AT_VRID,
	AT_PRIORITY,
	AT_COUNT,
	AT_INTERVAL,
	AT_CHECKSUM = IP + 6,
	AT_ADDRESS = IP + 8,
};

struct golden {
	const char *name;
	uint8_t packet[40];
	size_t length;
	struct advert advert; /* addresses in host order, turned by read_golden() */
};

static const struct golden golden[] = {
	{
		"keepalived 2.2.7, captured: two addresses, with pseudo-header",
		{ 0x45, 0xc0, 0x00, 0x24, 0x00, 0x01, 0x00, 0x00, 0xff, 0x70, 0x18, 0x95,
		  0xc0, 0x00, 0x02, 0x01, 0xe0, 0x00, 0x00, 0x12, 0x31, 0x33, 0xfe, 0x02,
		  0x00, 0x0a, 0xa9, 0x60, 0xc0, 0x00, 0x02, 0x64, 0xc0, 0x00, 0x02, 0x65 },
		36,
		{ 0xc0000201,
		  0xe0000012,
		  51,
		  254,
		  2,
		  10,
		  { 0xc0000264, 0xc0000265 },
		  ADVERT_RFC5798 },
	},
	{
		"one address, with pseudo-header",
		{ 0x45, 0xc0, 0x00, 0x20, 0x00, 0x01, 0x00, 0x00, 0xff, 0x70, 0x18,
		  0x99, 0xc0, 0x00, 0x02, 0x01, 0xe0, 0x00, 0x00, 0x12, 0x31, 0x33,
		  0xfe, 0x01, 0x00, 0x0a, 0x6b, 0xcb, 0xc0, 0x00, 0x02, 0x64 },
		32,
		{ 0xc0000201, 0xe0000012, 51, 254, 1, 10, { 0xc0000264 }, ADVERT_RFC5798 },
	},
	{
		"one address, message only",
		{ 0x45, 0xc0, 0x00, 0x20, 0x00, 0x01, 0x00, 0x00, 0xff, 0x70, 0x18,
		  0x99, 0xc0, 0x00, 0x02, 0x01, 0xe0, 0x00, 0x00, 0x12, 0x31, 0x33,
		  0xfe, 0x01, 0x00, 0x0a, 0x0e, 0x5c, 0xc0, 0x00, 0x02, 0x64 },
		32,
		{ 0xc0000201, 0xe0000012, 51, 254, 1, 10, { 0xc0000264 }, ADVERT_RFC9568 },
	},
	{
		"unicast release, longest interval, VRID 1",
		{ 0x45, 0xc0, 0x00, 0x24, 0x00, 0x01, 0x00, 0x00, 0xff, 0x70, 0xa6, 0xa6,
		  0x0a, 0x00, 0x00, 0x02, 0x0a, 0x00, 0x00, 0x01, 0x31, 0x01, 0x00, 0x02,
		  0x0f, 0xff, 0x96, 0x65, 0x0a, 0x00, 0x00, 0x0a, 0x0a, 0x01, 0x00, 0x0a },
		36,
		{ 0x0a000002,
		  0x0a000001,
		  1,
		  0,
		  2,
		  4095,
		  { 0x0a00000a, 0x0a01000a },
		  ADVERT_RFC5798 },
	},
	{
		"IP header with the router alert option",
		{ 0x46, 0xc0, 0x00, 0x24, 0x00, 0x01, 0x00, 0x00, 0xff, 0x70, 0x83, 0x90,
		  0xc0, 0x00, 0x02, 0x01, 0xe0, 0x00, 0x00, 0x12, 0x94, 0x04, 0x00, 0x00,
		  0x31, 0x33, 0xfd, 0x01, 0x00, 0x64, 0x0f, 0x02, 0xc0, 0x00, 0x02, 0x64 },
		36,
		{ 0xc0000201, 0xe0000012, 51, 253, 1, 100, { 0xc0000264 }, ADVERT_RFC9568 },
	},
};

enum { GOLDEN = sizeof(golden) / sizeof(golden[0]) };

static void swap_addresses(struct advert *advert)
{
	advert->source = htonl(advert->source);
	advert->destination = htonl(advert->destination);
	for (size_t i = 0; i < ADVERT_MAX_ADDRESSES; i++)
		advert->address[i] = htonl(advert->address[i]);
}

static void assert_same(const struct advert *a, const struct advert *b)
{
	assert_int_equal(a->source, b->source);
	assert_int_equal(a->destination, b->destination);
	assert_int_equal(a->vrid, b->vrid);
	assert_int_equal(a->priority, b->priority);
	assert_int_equal(a->count, b->count);
	assert_int_equal(a->interval_cs, b->interval_cs);
	assert_memory_equal(a->address, b->address, sizeof(a->address));
	assert_int_equal(a->checksum, b->checksum);
}

static struct advert_expect anybody(uint8_t vrid)
{
	return (struct advert_expect){ .vrid = vrid, .own = htonl(0x0a090909) };
}

/* The buffer is exactly as long as the packet, so that a sanitizer sees a read beyond it. */
static enum advert_verdict read_exact(struct advert *advert, const uint8_t *packet, size_t length,
				      const struct advert_expect *expect)
{
	uint8_t *exact = malloc(length ? length : 1);
	enum advert_verdict verdict;

	assert_non_null(exact);
	memcpy(exact, packet, length);
	verdict = advert_read(advert, exact, length, expect);
	free(exact);
	return verdict;
}

static void golden_packets_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < GOLDEN; i++) {
		struct advert expected = golden[i].advert, advert;
		const struct advert_expect expect = anybody(expected.vrid);

		swap_addresses(&expected);
		assert_int_equal(read_exact(&advert, golden[i].packet, golden[i].length, &expect),
				 ADVERT_OK);
		assert_same(&advert, &expected);
	}
}

static void golden_packets_are_written(void **state)
{
	uint8_t message[ADVERT_MAX_BYTES];

	(void)state;
	for (size_t i = 0; i < GOLDEN; i++) {
		const size_t header = (golden[i].packet[0] & 0x0fu) * 4;
		struct advert advert = golden[i].advert;

		swap_addresses(&advert);
		assert_int_equal(advert_write(&advert, message), golden[i].length - header);
		assert_memory_equal(message, golden[i].packet + header, golden[i].length - header);
	}
}

/* Each rung, in the order of the ladder: the first wrong thing names the packet. */
static const struct rung {
	size_t at;
	uint8_t value;
	enum advert_verdict verdict;
} rungs[] = {
	{ 0, 0x65, ADVERT_BAD_IP },           /* version 6 */
	{ 0, 0x44, ADVERT_BAD_IP },           /* header of 16 bytes */
	{ 0, 0x4f, ADVERT_BAD_IP },           /* header longer than the packet */
	{ 0, 0x47, ADVERT_SHORT },            /* options leave 4 bytes of message */
	{ AT_TOTAL + 1, 33, ADVERT_BAD_IP },  /* longer than what arrived */
	{ AT_TOTAL + 1, 19, ADVERT_BAD_IP },  /* shorter than the header */
	{ AT_TOTAL + 1, 20, ADVERT_SHORT },   /* empty message */
	{ AT_TOTAL + 1, 27, ADVERT_SHORT },   /* message without its last byte */
	{ AT_FRAGMENT, 0x20, ADVERT_BAD_IP }, /* more fragments */
	{ AT_FRAGMENT + 1, 1, ADVERT_BAD_IP },
	{ AT_FRAGMENT, 0x40, ADVERT_OK }, /* don't fragment is no offence */
	{ AT_PROTOCOL, 17, ADVERT_BAD_IP },
	{ AT_TTL, 254, ADVERT_BAD_TTL },
	{ AT_TTL, 0, ADVERT_BAD_TTL },
	{ AT_TYPE, 0x21, ADVERT_BAD_VERSION },
	{ AT_TYPE, 0x41, ADVERT_BAD_VERSION },
	{ AT_TYPE, 0x30, ADVERT_BAD_TYPE },
	{ AT_TYPE, 0x32, ADVERT_BAD_TYPE },
	{ AT_VRID, 52, ADVERT_OTHER_VRID },
	{ AT_VRID, 0, ADVERT_OTHER_VRID },
	{ AT_COUNT, 2, ADVERT_BAD_LENGTH },
	{ AT_COUNT, 255, ADVERT_BAD_LENGTH },
	{ AT_COUNT, 0, ADVERT_BAD_LENGTH },
	{ AT_TOTAL + 1, 31, ADVERT_BAD_LENGTH },
	{ AT_INTERVAL + 1, 0, ADVERT_NO_INTERVAL },
	{ AT_PRIORITY, 253, ADVERT_BAD_CHECKSUM },
	{ AT_CHECKSUM, 0, ADVERT_BAD_CHECKSUM },
	{ AT_ADDRESS + 3, 0x65, ADVERT_BAD_CHECKSUM },
};

static void every_rung_of_the_ladder(void **state)
{
	const struct advert_expect expect = anybody(51);
	const struct golden *base = &golden[1];

	(void)state;
	for (size_t i = 0; i < sizeof(rungs) / sizeof(rungs[0]); i++) {
		struct advert advert, before;
		uint8_t packet[sizeof(base->packet)];

		memset(&advert, 0x5a, sizeof(advert));
		before = advert;
		memcpy(packet, base->packet, sizeof(packet));
		packet[rungs[i].at] = rungs[i].value;
		if (read_exact(&advert, packet, base->length, &expect) != rungs[i].verdict)
			fail_msg("rung %zu, %s", i, advert_verdict_names[rungs[i].verdict]);
		if (rungs[i].verdict != ADVERT_OK)
			assert_memory_equal(&advert, &before, sizeof(advert));
	}
}

/* A zero count can only be told from a wrong length when nothing follows. */
static void no_address(void **state)
{
	const struct advert_expect expect = anybody(51);
	uint8_t packet[28];
	struct advert advert;

	(void)state;
	memcpy(packet, golden[1].packet, sizeof(packet));
	packet[AT_TOTAL + 1] = sizeof(packet);
	packet[AT_COUNT] = 0;
	assert_int_equal(read_exact(&advert, packet, sizeof(packet), &expect), ADVERT_NO_ADDRESS);
}

static void who_sent_it(void **state)
{
	const uint32_t sender = htonl(0xc0000201), other = htonl(0xc0000202);
	static const char *const cases[] = { "own", "own and peer", "peer", "not the peer" };
	const struct {
		uint32_t own, peer;
		enum advert_verdict verdict;
	} expected[] = {
		{ sender, 0, ADVERT_OWN },
		{ sender, sender, ADVERT_OWN },
		{ other, sender, ADVERT_OK },
		{ other, other, ADVERT_STRANGER },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		const struct advert_expect expect = { 51, expected[i].own, expected[i].peer };
		struct advert advert;

		if (read_exact(&advert, golden[1].packet, golden[1].length, &expect) !=
		    expected[i].verdict)
			fail_msg("%s", cases[i]);
	}
}

/* Ethernet pads short frames; RFC 9568, 5.2.6: reserved bits are ignored (but summed). */
static void padding_and_reserved_bits_are_ignored(void **state)
{
	const struct advert_expect expect = anybody(51);
	uint8_t packet[46];
	struct advert advert;

	(void)state;
	memset(packet, 0xee, sizeof(packet));
	memcpy(packet, golden[1].packet, golden[1].length);
	assert_int_equal(read_exact(&advert, packet, sizeof(packet), &expect), ADVERT_OK);
	packet[AT_INTERVAL] |= 0xf0;
	assert_int_equal(read_exact(&advert, packet, sizeof(packet), &expect), ADVERT_BAD_CHECKSUM);
	packet[AT_CHECKSUM] = (uint8_t)(packet[AT_CHECKSUM] - 0xf0); /* 0x6b: borrows */
	packet[AT_CHECKSUM + 1]--;
	assert_int_equal(read_exact(&advert, packet, sizeof(packet), &expect), ADVERT_OK);
	assert_int_equal(advert.interval_cs, 10);
}

/* Set reserved bits do not make an interval of zero a long one. */
static void reserved_bits_are_no_interval(void **state)
{
	const struct advert_expect expect = anybody(51);
	uint8_t packet[sizeof(golden[1].packet)];
	struct advert advert;

	(void)state;
	memcpy(packet, golden[1].packet, sizeof(packet));
	packet[AT_INTERVAL] = 0xf0;
	packet[AT_INTERVAL + 1] = 0;
	assert_int_equal(read_exact(&advert, packet, golden[1].length, &expect),
			 ADVERT_NO_INTERVAL);
}

static void every_length(void **state)
{
	const struct advert_expect expect = anybody(51);
	const size_t whole = golden[1].length;
	uint8_t packet[61] = { 0 };
	struct advert advert;

	(void)state;
	memcpy(packet, golden[1].packet, whole);
	for (size_t length = 0; length < sizeof(packet); length++) {
		const enum advert_verdict expected = length < IP      ? ADVERT_SHORT
						     : length < whole ? ADVERT_BAD_IP
								      : ADVERT_OK;

		assert_int_equal(read_exact(&advert, packet, length, &expect), expected);
	}
}

/* One's complement sums see every single-bit change, in both dialects. */
static void every_bit_counts(void **state)
{
	(void)state;
	for (size_t i = 1; i <= 2; i++) {
		const struct advert_expect expect = anybody(51);

		for (size_t bit = IP * 8; bit < golden[i].length * 8; bit++) {
			uint8_t packet[sizeof(golden[i].packet)];
			struct advert advert;

			memcpy(packet, golden[i].packet, sizeof(packet));
			packet[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_int_not_equal(read_exact(&advert, packet, golden[i].length, &expect),
					     ADVERT_OK);
		}
	}
}

static size_t wrap(uint8_t *packet, const struct advert *advert, size_t options, size_t padding)
{
	const size_t header = IP + 4 * options;
	const size_t total = header + advert_write(advert, packet + header);

	memset(packet, 0, header);
	packet[0] = (uint8_t)(0x40 | header / 4);
	packet[2] = (uint8_t)(total >> 8);
	packet[3] = (uint8_t)total;
	packet[AT_TTL] = ADVERT_TTL;
	packet[AT_PROTOCOL] = ADVERT_PROTOCOL;
	memcpy(packet + 12, &advert->source, 4);
	memcpy(packet + 16, &advert->destination, 4);
	memset(packet + total, 0xa5, padding);
	return total + padding;
}

static uint32_t next_random(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*seed >> 32);
}

static void random_advert(struct advert *advert, uint64_t *seed)
{
	*advert = (struct advert){
		.source = next_random(seed),
		.destination = next_random(seed),
		.vrid = (uint8_t)next_random(seed),
		.priority = (uint8_t)next_random(seed),
		.count = (uint8_t)(1 + next_random(seed) % ADVERT_MAX_ADDRESSES),
		.interval_cs = (uint16_t)(1 + next_random(seed) % 4095),
		.checksum = next_random(seed) % 2 ? ADVERT_RFC5798 : ADVERT_RFC9568,
	};
	for (size_t i = 0; i < advert->count; i++)
		advert->address[i] = next_random(seed);
}

static void what_is_written_is_read(void **state)
{
	uint64_t seed = 1;

	(void)state;
	for (unsigned int i = 0; i < 20000; i++) {
		struct advert_expect expect;
		struct advert advert, back;
		uint8_t packet[PACKET + 8];
		size_t length;

		random_advert(&advert, &seed);
		expect = (struct advert_expect){ advert.vrid, ~advert.source,
						 i % 2 ? advert.source : 0 };
		length = wrap(packet, &advert, i % 11, i % 8);
		assert_int_equal(read_exact(&back, packet, length, &expect), ADVERT_OK);
		assert_same(&back, &advert);
	}
}

static void every_verdict_has_a_name(void **state)
{
	(void)state;
	for (size_t i = 0; i < ADVERT_VERDICTS; i++)
		assert_non_null(advert_verdict_names[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden_packets_are_read),
		cmocka_unit_test(golden_packets_are_written),
		cmocka_unit_test(every_rung_of_the_ladder),
		cmocka_unit_test(no_address),
		cmocka_unit_test(who_sent_it),
		cmocka_unit_test(padding_and_reserved_bits_are_ignored),
		cmocka_unit_test(reserved_bits_are_no_interval),
		cmocka_unit_test(every_length),
		cmocka_unit_test(every_bit_counts),
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(every_verdict_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
