/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/advert.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <string.h>

enum {
	IP_HEADER = 20,
	MESSAGE_HEADER = 8,
	VERSION_TYPE = 3 << 4 | 1,
	INTERVAL_MASK = 0x0fff, /* the four bits above are reserved and ignored, RFC 9568, 5.2.6 */
	FRAGMENT_MASK = 0x3fff, /* more fragments, offset */
};

const char *const advert_verdict_names[ADVERT_VERDICTS] = {
	[ADVERT_OK] = "ok",
	[ADVERT_SHORT] = "short",
	[ADVERT_BAD_IP] = "bad_ip",
	[ADVERT_BAD_TTL] = "bad_ttl",
	[ADVERT_BAD_VERSION] = "bad_version",
	[ADVERT_BAD_TYPE] = "bad_type",
	[ADVERT_OTHER_VRID] = "other_vrid",
	[ADVERT_BAD_LENGTH] = "bad_length",
	[ADVERT_NO_ADDRESS] = "no_address",
	[ADVERT_NO_INTERVAL] = "no_interval",
	[ADVERT_BAD_CHECKSUM] = "bad_checksum",
	[ADVERT_OWN] = "own",
	[ADVERT_STRANGER] = "stranger",
};

/* The IP packet, once it is known to hold one; message[0 .. length) lies within it. */
struct envelope {
	uint32_t source, destination; /* network order */
	const uint8_t *message;
	size_t length;
	uint8_t ttl;
};

static uint16_t get16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static uint32_t get32_be(const uint8_t *bytes)
{
	uint32_t value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

static void put16(uint8_t *bytes, unsigned int value)
{
	bytes[0] = (uint8_t)(value >> 8);
	bytes[1] = (uint8_t)value;
}

/* Sum of 16-bit words, RFC 1071; `length` is even in every use. */
static uint32_t sum_words(uint32_t sum, const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i + 1 < length; i += 2)
		sum += get16(bytes + i);
	return sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* 0xffff over a message whose checksum is right. */
static uint16_t sum_message(enum advert_checksum dialect, const struct envelope *envelope)
{
	uint32_t sum = 0;

	if (dialect == ADVERT_RFC5798) { /* pseudo-header as for UDP, RFC 768 */
		const uint32_t source = ntohl(envelope->source);
		const uint32_t destination = ntohl(envelope->destination);

		sum += (source >> 16) + (source & 0xffff);
		sum += (destination >> 16) + (destination & 0xffff);
		sum += ADVERT_PROTOCOL + (uint32_t)envelope->length;
	}
	return fold(sum_words(sum, envelope->message, envelope->length));
}

/* No field behind a header is read before the lengths of both headers are known to be there. */
static enum advert_verdict open_envelope(struct envelope *envelope, const uint8_t *packet,
					 size_t length)
{
	size_t header, total;

	if (length < IP_HEADER)
		return ADVERT_SHORT;
	header = (size_t)(packet[0] & 0x0f) * 4;
	total = get16(packet + 2);
	if (packet[0] >> 4 != 4 || header < IP_HEADER || packet[9] != ADVERT_PROTOCOL)
		return ADVERT_BAD_IP;
	/* The kernel hands over whole packets; a fragment here is not one of its making. */
	if (total > length || total < header || (get16(packet + 6) & FRAGMENT_MASK))
		return ADVERT_BAD_IP;
	if (total - header < MESSAGE_HEADER)
		return ADVERT_SHORT;
	*envelope = (struct envelope){
		.source = get32_be(packet + 12),
		.destination = get32_be(packet + 16),
		.message = packet + header,
		.length = total - header,
		.ttl = packet[8],
	};
	return ADVERT_OK;
}

static enum advert_verdict check_fields(const struct envelope *envelope, uint8_t vrid)
{
	const uint8_t *message = envelope->message;

	if (envelope->ttl != ADVERT_TTL)
		return ADVERT_BAD_TTL;
	if (message[0] >> 4 != VERSION_TYPE >> 4)
		return ADVERT_BAD_VERSION;
	if (message[0] != VERSION_TYPE)
		return ADVERT_BAD_TYPE;
	if (message[1] != vrid)
		return ADVERT_OTHER_VRID;
	if (envelope->length != MESSAGE_HEADER + 4 * (size_t)message[3])
		return ADVERT_BAD_LENGTH;
	if (message[3] == 0)
		return ADVERT_NO_ADDRESS;
	/* A zero interval would make a standby fire at once: erratum 8301. */
	if ((get16(message + 4) & INTERVAL_MASK) == 0)
		return ADVERT_NO_INTERVAL;
	return ADVERT_OK;
}

/* The dialect is not announced; both are tried, the more common one first. */
static bool find_dialect(enum advert_checksum *dialect, const struct envelope *envelope)
{
	*dialect = ADVERT_RFC5798;
	if (sum_message(*dialect, envelope) == 0xffff)
		return true;
	*dialect = ADVERT_RFC9568;
	return sum_message(*dialect, envelope) == 0xffff;
}

enum advert_verdict advert_read(struct advert *advert, const uint8_t *packet, size_t length,
				const struct advert_expect *expect)
{
	enum advert_checksum dialect;
	enum advert_verdict verdict;
	struct envelope envelope;

	verdict = open_envelope(&envelope, packet, length);
	if (verdict == ADVERT_OK)
		verdict = check_fields(&envelope, expect->vrid);
	if (verdict != ADVERT_OK)
		return verdict;
	if (!find_dialect(&dialect, &envelope))
		return ADVERT_BAD_CHECKSUM;
	if (envelope.source == expect->own)
		return ADVERT_OWN;
	if (expect->peer && envelope.source != expect->peer)
		return ADVERT_STRANGER;

	*advert = (struct advert){
		.source = envelope.source,
		.destination = envelope.destination,
		.vrid = envelope.message[1],
		.priority = envelope.message[2],
		.count = envelope.message[3],
		.interval_cs = get16(envelope.message + 4) & INTERVAL_MASK,
		.checksum = dialect,
	};
	memcpy(advert->address, envelope.message + MESSAGE_HEADER, 4 * (size_t)advert->count);
	return ADVERT_OK;
}

size_t advert_write(const struct advert *advert, uint8_t *message)
{
	const struct envelope envelope = {
		.source = advert->source,
		.destination = advert->destination,
		.message = message,
		.length = MESSAGE_HEADER + 4 * (size_t)advert->count,
	};

	message[0] = VERSION_TYPE;
	message[1] = advert->vrid;
	message[2] = advert->priority;
	message[3] = advert->count;
	put16(message + 4, advert->interval_cs & INTERVAL_MASK);
	put16(message + 6, 0);
	memcpy(message + MESSAGE_HEADER, advert->address, 4 * (size_t)advert->count);
	put16(message + 6, 0xffffu ^ sum_message(advert->checksum, &envelope));
	return envelope.length;
}
