// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

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
	uint8_t packet[40]; /* IPv4 */
	size_t length;
	const char *source, *destination;
	uint8_t vrid, priority, count;
	uint16_t interval_cs;
	const char *address[2];
	enum advert_checksum checksum;
	uint8_t version;
};

static const struct golden golden[] = {
	{ "keepalived 2.2.7, captured: two addresses, with pseudo-header",
	  { 0x45, 0xc0, 0x00, 0x24, 0x00, 0x01, 0x00, 0x00, 0xff, 0x70, 0x18, 0x95,
	    0xc0, 0x00, 0x02, 0x01, 0xe0, 0x00, 0x00, 0x12, 0x31, 0x33, 0xfe, 0x02,
	    0x00, 0x0a, 0xa9, 0x60, 0xc0, 0x00, 0x02, 0x64, 0xc0, 0x00, 0x02, 0x65 },
	  36,
	  "192.0.2.1",
	  "224.0.0.18",
	  51,
	  254,
	  2,
	  10,
	  { "192.0.2.100", "192.0.2.101" },
	  ADVERT_RFC5798,
	  3 },
	{ "one address, with pseudo-header",
	  { 0x45, 0xc0, 0x00, 0x20, 0x00, 0x01, 0x00, 0x00, 0xff, 0x70, 0x18,
	    0x99, 0xc0, 0x00, 0x02, 0x01, 0xe0, 0x00, 0x00, 0x12, 0x31, 0x33,
	    0xfe, 0x01, 0x00, 0x0a, 0x6b, 0xcb, 0xc0, 0x00, 0x02, 0x64 },
	  32,
	  "192.0.2.1",
	  "224.0.0.18",
	  51,
	  254,
	  1,
	  10,
	  { "192.0.2.100" },
	  ADVERT_RFC5798,
	  3 },
	{ "one address, message only",
	  { 0x45, 0xc0, 0x00, 0x20, 0x00, 0x01, 0x00, 0x00, 0xff, 0x70, 0x18,
	    0x99, 0xc0, 0x00, 0x02, 0x01, 0xe0, 0x00, 0x00, 0x12, 0x31, 0x33,
	    0xfe, 0x01, 0x00, 0x0a, 0x0e, 0x5c, 0xc0, 0x00, 0x02, 0x64 },
	  32,
	  "192.0.2.1",
	  "224.0.0.18",
	  51,
	  254,
	  1,
	  10,
	  { "192.0.2.100" },
	  ADVERT_RFC9568,
	  3 },
	{ "unicast release, longest interval, VRID 1",
	  { 0x45, 0xc0, 0x00, 0x24, 0x00, 0x01, 0x00, 0x00, 0xff, 0x70, 0xa6, 0xa6,
	    0x0a, 0x00, 0x00, 0x02, 0x0a, 0x00, 0x00, 0x01, 0x31, 0x01, 0x00, 0x02,
	    0x0f, 0xff, 0x96, 0x65, 0x0a, 0x00, 0x00, 0x0a, 0x0a, 0x01, 0x00, 0x0a },
	  36,
	  "10.0.0.2",
	  "10.0.0.1",
	  1,
	  0,
	  2,
	  4095,
	  { "10.0.0.10", "10.1.0.10" },
	  ADVERT_RFC5798,
	  3 },
	{ "IP header with the router alert option",
	  { 0x46, 0xc0, 0x00, 0x24, 0x00, 0x01, 0x00, 0x00, 0xff, 0x70, 0x83, 0x90,
	    0xc0, 0x00, 0x02, 0x01, 0xe0, 0x00, 0x00, 0x12, 0x94, 0x04, 0x00, 0x00,
	    0x31, 0x33, 0xfd, 0x01, 0x00, 0x64, 0x0f, 0x02, 0xc0, 0x00, 0x02, 0x64 },
	  36,
	  "192.0.2.1",
	  "224.0.0.18",
	  51,
	  253,
	  1,
	  100,
	  { "192.0.2.100" },
	  ADVERT_RFC9568,
	  3 },
	{ "keepalived 2.2.7, captured: version 2, 2 s",
	  { 0x45, 0xc0, 0x00, 0x28, 0x00, 0x01, 0x00, 0x00, 0xff, 0x70, 0x18, 0x91, 0xc0, 0x00,
	    0x02, 0x01, 0xe0, 0x00, 0x00, 0x12, 0x21, 0x34, 0xc8, 0x01, 0x00, 0x02, 0x54, 0x63,
	    0xc0, 0x00, 0x02, 0x64, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00 },
	  40,
	  "192.0.2.1",
	  "224.0.0.18",
	  52,
	  200,
	  1,
	  200,
	  { "192.0.2.100" },
	  ADVERT_RFC9568,
	  2 },
};

enum { GOLDEN = sizeof(golden) / sizeof(golden[0]), GOLDEN_V2 = GOLDEN - 1 };

/* keepalived 2.2.7, captured: the message, the rest of it in golden6(). */
static const uint8_t message6[] = {
	0x31, 0x33, 0xfe, 0x02, 0x00, 0x0a, 0x44, 0xbf, 0xfe, 0x80, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x02, 0x00, 0x5e, 0xff, 0xfe, 0x00, 0x02, 0x33, 0x20, 0x01, 0x0d, 0xb8,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x64,
};

static struct addr address(const char *text)
{
	struct addr addr;

	assert_true(addr_parse(&addr, text));
	return addr;
}

static struct advert expected(const struct golden *row)
{
	struct advert advert = {
		.source = address(row->source),
		.destination = address(row->destination),
		.version = row->version,
		.vrid = row->vrid,
		.priority = row->priority,
		.count = row->count,
		.interval_cs = row->interval_cs,
		.checksum = row->checksum,
	};

	for (size_t i = 0; i < row->count; i++)
		advert.address[i] = address(row->address[i]);
	return advert;
}

static struct advert golden6(void)
{
	return (struct advert){
		.source = address("fe80::1"),
		.destination = address("ff02::12"),
		.version = 3,
		.vrid = 51,
		.priority = 254,
		.count = 2,
		.interval_cs = 10,
		.checksum = ADVERT_RFC5798,
		.address = { address("fe80::200:5eff:fe00:233"), address("2001:db8::64") },
	};
}

static void assert_same(const struct advert *a, const struct advert *b)
{
	assert_int_equal(addr_compare(&a->source, &b->source), 0);
	assert_int_equal(addr_compare(&a->destination, &b->destination), 0);
	assert_int_equal(a->version, b->version);
	assert_int_equal(a->vrid, b->vrid);
	assert_int_equal(a->priority, b->priority);
	assert_int_equal(a->count, b->count);
	assert_int_equal(a->interval_cs, b->interval_cs);
	assert_memory_equal(a->address, b->address, sizeof(a->address));
	assert_int_equal(a->checksum, b->checksum);
}

static struct advert_expect anybody(uint8_t vrid)
{
	return (struct advert_expect){
		.version = 3,
		.vrid = vrid,
		.ttl_min = ADVERT_TTL,
		.own = address("10.9.9.9"),
	};
}

static struct advert_expect suiting(const struct advert *advert)
{
	struct advert_expect expect = anybody(advert->vrid);

	expect.version = advert->version;
	expect.unicast = addr_compare(&advert->destination,
				      &(const struct addr){ 4, { 224, 0, 0, 18 } }) != 0 &&
			 advert->destination.bytes[0] != 0xff;
	expect.peer = advert->source;
	expect.interval_cs = advert->interval_cs;
	return expect;
}

/* The buffer is exactly as long as the packet, so that a sanitizer sees a read beyond it. */
static enum advert_verdict read_exact(struct advert *advert, const uint8_t *packet, size_t length,
				      const struct advert_expect *expect)
{
	uint8_t *exact = malloc(length ? length : 1);
	struct advert_envelope envelope;
	enum advert_verdict verdict;

	assert_non_null(exact);
	memcpy(exact, packet, length);
	verdict = advert_unwrap(&envelope, exact, length);
	if (verdict == ADVERT_OK)
		verdict = advert_read(advert, &envelope, expect);
	free(exact);
	return verdict;
}

/* The same for a message as an IPv6 socket delivers it. */
static enum advert_verdict read_exact6(struct advert *advert, const uint8_t *message, size_t length,
				       const struct advert_expect *expect)
{
	uint8_t *exact = malloc(length ? length : 1);
	const struct advert_envelope envelope = {
		.source = address("fe80::1"),
		.destination = address("ff02::12"),
		.ttl = ADVERT_TTL,
		.message = exact,
		.length = length,
	};
	enum advert_verdict verdict;

	assert_non_null(exact);
	memcpy(exact, message, length);
	verdict = advert_read(advert, &envelope, expect);
	free(exact);
	return verdict;
}

static void golden_packets_are_read(void **state)
{
	struct advert_expect expect;
	struct advert advert, right;

	(void)state;
	for (size_t i = 0; i < GOLDEN; i++) {
		right = expected(&golden[i]);
		expect = suiting(&right);
		assert_int_equal(read_exact(&advert, golden[i].packet, golden[i].length, &expect),
				 ADVERT_OK);
		assert_same(&advert, &right);
	}
	right = golden6();
	expect = suiting(&right);
	assert_int_equal(read_exact6(&advert, message6, sizeof(message6), &expect), ADVERT_OK);
	assert_same(&advert, &right);
}

static void golden_packets_are_written(void **state)
{
	uint8_t message[ADVERT_MAX_BYTES];
	struct advert advert;

	(void)state;
	for (size_t i = 0; i < GOLDEN; i++) {
		const size_t header = (golden[i].packet[0] & 0x0fu) * 4;

		advert = expected(&golden[i]);
		assert_int_equal(advert_write(&advert, message), golden[i].length - header);
		assert_memory_equal(message, golden[i].packet + header, golden[i].length - header);
	}
	/* Over IPv6 there is one form, whatever is asked for. */
	advert = golden6();
	advert.checksum = ADVERT_RFC9568;
	assert_int_equal(advert_write(&advert, message), sizeof(message6));
	assert_memory_equal(message, message6, sizeof(message6));
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
	static const struct {
		const char *name, *own, *peer; /* a peer: unicast */
		enum advert_verdict verdict;
	} cases[] = {
		{ "own", "10.0.0.2", NULL, ADVERT_OWN },
		{ "own and peer", "10.0.0.2", "10.0.0.2", ADVERT_OWN },
		{ "peer", "10.0.0.1", "10.0.0.2", ADVERT_OK },
		{ "not the peer", "10.0.0.1", "10.0.0.3", ADVERT_STRANGER },
		{ "unicast to an instance of the group", "10.0.0.1", NULL, ADVERT_BAD_DESTINATION },
	};
	const struct golden *unicast = &golden[3], *multicast = &golden[1];
	struct advert_expect expect;
	struct advert advert;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		expect = anybody(unicast->vrid);
		expect.own = address(cases[i].own);
		expect.unicast = cases[i].peer;
		if (cases[i].peer)
			expect.peer = address(cases[i].peer);
		if (read_exact(&advert, unicast->packet, unicast->length, &expect) !=
		    cases[i].verdict)
			fail_msg("%s", cases[i].name);
	}
	expect = anybody(multicast->vrid);
	expect.unicast = true;
	expect.peer = address(multicast->source);
	assert_int_equal(read_exact(&advert, multicast->packet, multicast->length, &expect),
			 ADVERT_BAD_DESTINATION);
}

/* Only unicast crosses routers, and only when it is told to. */
static void how_far_it_came(void **state)
{
	const struct golden *row = &golden[3];
	const struct advert right = expected(row);
	struct advert_expect expect = suiting(&right);
	uint8_t packet[sizeof(row->packet)];
	struct advert advert;

	(void)state;
	memcpy(packet, row->packet, sizeof(packet));
	for (unsigned int ttl = 0; ttl <= 255; ttl++) {
		packet[AT_TTL] = (uint8_t)ttl;
		expect.ttl_min = 253;
		assert_int_equal(read_exact(&advert, packet, row->length, &expect),
				 ttl < 253 ? ADVERT_BAD_TTL : ADVERT_OK);
		expect.ttl_min = ADVERT_TTL;
		assert_int_equal(read_exact(&advert, packet, row->length, &expect),
				 ttl < 255 ? ADVERT_BAD_TTL : ADVERT_OK);
	}
}

/* Version 2: no authentication, eight bytes for it all the same, whole seconds as agreed. */
static void rungs_of_version_2(void **state)
{
	static const struct rung rows[] = {
		{ AT_TYPE, 0x31, ADVERT_BAD_VERSION },
		{ AT_TYPE, 0x22, ADVERT_BAD_TYPE },
		{ AT_INTERVAL, 1, ADVERT_BAD_AUTH },
		{ AT_INTERVAL, 2, ADVERT_BAD_AUTH },
		{ AT_TOTAL + 1, 32, ADVERT_BAD_LENGTH },
		{ AT_COUNT, 3, ADVERT_BAD_LENGTH },
		{ AT_INTERVAL + 1, 0, ADVERT_NO_INTERVAL },
		{ AT_INTERVAL + 1, 3, ADVERT_BAD_CHECKSUM },
		{ 39, 1, ADVERT_BAD_CHECKSUM },
	};
	const struct golden *base = &golden[GOLDEN_V2];
	const struct advert right = expected(base);
	struct advert_expect expect = suiting(&right);
	uint8_t packet[sizeof(base->packet)];
	struct advert advert;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memcpy(packet, base->packet, sizeof(packet));
		packet[rows[i].at] = rows[i].value;
		if (read_exact(&advert, packet, base->length, &expect) != rows[i].verdict)
			fail_msg("rung %zu, %s", i, advert_verdict_names[rows[i].verdict]);
	}
	expect.interval_cs = 100;
	assert_int_equal(read_exact(&advert, base->packet, base->length, &expect),
			 ADVERT_OTHER_INTERVAL);
}

/* IPv6: each of its own rungs; a message-only sum is no second form there. */
static void rungs_of_ipv6(void **state)
{
	const struct advert right = golden6();
	struct advert_expect expect = suiting(&right);
	uint8_t message[ADVERT_MAX_BYTES];
	struct advert advert, wrong;
	size_t length;

	(void)state;
	for (length = 0; length < sizeof(message6); length++)
		assert_int_equal(read_exact6(&advert, message6, length, &expect),
				 length < 8 ? ADVERT_SHORT : ADVERT_BAD_LENGTH);
	for (size_t bit = 0; bit < 8 * sizeof(message6); bit++) {
		memcpy(message, message6, sizeof(message6));
		message[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_not_equal(read_exact6(&advert, message, sizeof(message6), &expect),
				     ADVERT_OK);
	}
	wrong = right;
	wrong.address[0] = address("2001:db8::1");
	length = advert_write(&wrong, message);
	assert_int_equal(read_exact6(&advert, message, length, &expect), ADVERT_NOT_LINK_LOCAL);
	wrong = right;
	wrong.address[0] = address("febf::1");
	length = advert_write(&wrong, message);
	assert_int_equal(read_exact6(&advert, message, length, &expect), ADVERT_OK);
	wrong.source = address("fe80::2");
	length = advert_write(&wrong, message);
	assert_int_equal(read_exact6(&advert, message, length, &expect), ADVERT_BAD_CHECKSUM);
	wrong = right;
	wrong.version = 2;
	length = advert_write(&wrong, message);
	expect.version = 2;
	assert_int_equal(read_exact6(&advert, message, length, &expect), ADVERT_BAD_VERSION);
	expect.version = 3;
	expect.own = address("fe80::1");
	assert_int_equal(read_exact6(&advert, message6, sizeof(message6), &expect), ADVERT_OWN);
	/* The sum of the message alone, as version 3 over IPv4 may have it. */
	expect = suiting(&right);
	memcpy(message, message6, sizeof(message6));
	message[6] = message[7] = 0;
	length = 0;
	for (size_t i = 0; i < sizeof(message6); i += 2)
		length += (size_t)(message[i] << 8 | message[i + 1]);
	while (length >> 16)
		length = (length & 0xffff) + (length >> 16);
	message[6] = (uint8_t) ~(length >> 8);
	message[7] = (uint8_t)~length;
	assert_int_equal(read_exact6(&advert, message, sizeof(message6), &expect),
			 ADVERT_BAD_CHECKSUM);
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
	memcpy(packet + 12, advert->source.bytes, 4);
	memcpy(packet + 16, advert->destination.bytes, 4);
	memset(packet + total, 0xa5, padding);
	return total + padding;
}

static uint32_t next_random(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*seed >> 32);
}

static struct addr random_address(uint8_t family, uint64_t *seed)
{
	struct addr addr = { .family = family };

	for (size_t i = 0; i < (family == 6 ? 16 : 4); i++)
		addr.bytes[i] = (uint8_t)next_random(seed);
	return addr;
}

static void random_advert(struct advert *advert, uint8_t family, uint64_t *seed)
{
	const bool v2 = family == 4 && next_random(seed) % 4 == 0;

	*advert = (struct advert){
		.source = random_address(family, seed),
		.destination = advert_group(family),
		.version = v2 ? 2 : 3,
		.vrid = (uint8_t)next_random(seed),
		.priority = (uint8_t)next_random(seed),
		.count = (uint8_t)(1 + next_random(seed) % ADVERT_MAX_ADDRESSES),
		.interval_cs = (uint16_t)(1 + next_random(seed) % 4095),
		.checksum = next_random(seed) % 2 || family == 6 ? ADVERT_RFC5798 : ADVERT_RFC9568,
	};
	if (v2) {
		advert->interval_cs = (uint16_t)(100 * (1 + next_random(seed) % 255));
		advert->checksum = ADVERT_RFC9568;
	}
	for (size_t i = 0; i < advert->count; i++)
		advert->address[i] = random_address(family, seed);
	if (family == 6)
		advert->address[0] = address("fe80::12");
}

static void what_is_written_is_read(void **state)
{
	uint64_t seed = 1;

	(void)state;
	for (unsigned int i = 0; i < 10000; i++) {
		struct advert_expect expect;
		struct advert advert, back;
		uint8_t packet[PACKET + 8];
		size_t length;

		random_advert(&advert, i % 2 ? 4 : 6, &seed);
		expect = suiting(&advert);
		if (i % 2) {
			length = wrap(packet, &advert, i % 11, i % 8);
			assert_int_equal(read_exact(&back, packet, length, &expect), ADVERT_OK);
		} else {
			advert.source = address("fe80::1");
			length = advert_write(&advert, packet);
			assert_int_equal(read_exact6(&back, packet, length, &expect), ADVERT_OK);
		}
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
		cmocka_unit_test(how_far_it_came),
		cmocka_unit_test(rungs_of_version_2),
		cmocka_unit_test(rungs_of_ipv6),
		cmocka_unit_test(padding_and_reserved_bits_are_ignored),
		cmocka_unit_test(reserved_bits_are_no_interval),
		cmocka_unit_test(every_length),
		cmocka_unit_test(every_bit_counts),
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(every_verdict_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
