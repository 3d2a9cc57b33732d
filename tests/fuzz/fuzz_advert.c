// SPDX-License-Identifier: BSD-2-Clause
/* sources: proto/advert.c proto/addr.c */
/*
 * An IPv4 packet as a raw socket delivers it, or an IPv6 packet whose header is what the kernel
 * tells of it.  What is read and written again says the same.
 */
#include <stdlib.h>
#include <string.h>

#include "proto/advert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length);

enum { IP = 20, IP6 = 40 };

static struct addr address6(const uint8_t *bytes)
{
	struct addr addr = { .family = 6 };

	memcpy(addr.bytes, bytes, sizeof(addr.bytes));
	return addr;
}

static enum advert_verdict unwrap(struct advert_envelope *envelope, const uint8_t *packet,
				  size_t length)
{
	if (length < IP6 || packet[0] >> 4 != 6)
		return advert_unwrap(envelope, packet, length);
	*envelope = (struct advert_envelope){
		.source = address6(packet + 8),
		.destination = address6(packet + 24),
		.ttl = packet[7],
		.message = packet + IP6,
		.length = length - IP6,
	};
	return ADVERT_OK;
}

/* Suits as much of the packet as can be suited. */
static struct advert_expect suiting(const struct advert_envelope *envelope)
{
	const uint8_t *message = envelope->message;
	struct advert_expect expect = {
		.version = 3,
		.ttl_min = ADVERT_TTL,
		.peer = envelope->source,
	};

	if (envelope->length < 8)
		return expect;
	expect.version = message[0] >> 4 == 2 ? 2 : 3;
	expect.vrid = message[1];
	expect.interval_cs = (uint16_t)(message[5] * 100);
	expect.unicast = envelope->source.family == 4 ? envelope->destination.bytes[0] >> 4 != 0xe
						      : envelope->destination.bytes[0] != 0xff;
	return expect;
}

static void check_identity(const struct advert *advert, const struct advert_expect *expect)
{
	static uint8_t message[ADVERT_MAX_BYTES];
	static struct advert again;
	const struct advert_envelope envelope = {
		.source = advert->source,
		.destination = advert->destination,
		.ttl = ADVERT_TTL,
		.message = message,
		.length = advert_write(advert, message),
	};

	if (advert_read(&again, &envelope, expect) != ADVERT_OK ||
	    again.priority != advert->priority || again.count != advert->count ||
	    again.interval_cs != advert->interval_cs || again.version != advert->version ||
	    memcmp(again.address, advert->address, sizeof(again.address)))
		abort();
}

static void read_one(const uint8_t *packet, size_t length)
{
	struct advert_envelope envelope;
	static struct advert advert;
	struct advert_expect expect;

	if (unwrap(&envelope, packet, length) != ADVERT_OK)
		return;
	expect = suiting(&envelope);
	if (advert_read(&advert, &envelope, &expect) == ADVERT_OK)
		check_identity(&advert, &expect);
}

/* Gives a whole message the checksum that it should have, to get past that rung. */
static void mend_checksum(uint8_t *packet, size_t length)
{
	static uint8_t message[ADVERT_MAX_BYTES];
	struct advert_envelope envelope;
	static struct advert advert;
	size_t bytes, at, count;

	if (unwrap(&envelope, packet, length) != ADVERT_OK || envelope.length < 8)
		return;
	at = (size_t)(envelope.message - packet);
	bytes = envelope.source.family == 6 ? 16 : 4;
	advert = (struct advert){
		.source = envelope.source,
		.destination = envelope.destination,
		.version = packet[at] >> 4 == 2 ? 2 : 3,
		.vrid = packet[at + 1],
		.priority = packet[at + 2],
		.count = packet[at + 3],
		.interval_cs = (uint16_t)(packet[at + 4] << 8 | packet[at + 5]),
		.checksum = length % 2 ? ADVERT_RFC5798 : ADVERT_RFC9568,
	};
	if (advert.version == 2)
		advert.interval_cs = (uint16_t)(packet[at + 5] * 100);
	count = (envelope.length - 8) / bytes;
	for (size_t i = 0; i < advert.count && i < count; i++)
		memcpy(advert.address[i].bytes, packet + at + 8 + i * bytes, bytes);
	if (advert_write(&advert, message) == envelope.length)
		memcpy(packet + at, message, envelope.length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
	uint8_t *packet = malloc(length ? length : 1);

	if (!packet)
		return 0;
	memcpy(packet, data, length);
	read_one(packet, length);
	mend_checksum(packet, length);
	read_one(packet, length);
	free(packet);
	return 0;
}
