// SPDX-License-Identifier: BSD-2-Clause
#include "proto/advert.h"

#include <string.h>

enum {
	IP_HEADER = 20,
	MESSAGE_HEADER = 8,
	AUTH_DATA = 8, /* of version 2, also without authentication; RFC 3768, 5.3.10 */
	TYPE_ADVERT = 1,
	CS_PER_SECOND = 100,
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
	[ADVERT_BAD_AUTH] = "bad_auth",
	[ADVERT_BAD_LENGTH] = "bad_length",
	[ADVERT_NO_ADDRESS] = "no_address",
	[ADVERT_NO_INTERVAL] = "no_interval",
	[ADVERT_BAD_CHECKSUM] = "bad_checksum",
	[ADVERT_OWN] = "own",
	[ADVERT_STRANGER] = "stranger",
	[ADVERT_BAD_DESTINATION] = "bad_destination",
	[ADVERT_NOT_LINK_LOCAL] = "not_link_local",
	[ADVERT_OTHER_INTERVAL] = "other_interval",
};

static uint16_t get16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static void put16(uint8_t *bytes, unsigned int value)
{
	bytes[0] = (uint8_t)(value >> 8);
	bytes[1] = (uint8_t)value;
}

static size_t address_bytes(uint8_t family)
{
	return family == 6 ? 16 : 4;
}

static struct addr get_address(uint8_t family, const uint8_t *bytes)
{
	struct addr addr = { .family = family };

	memcpy(addr.bytes, bytes, address_bytes(family));
	return addr;
}

static bool is_multicast(const struct addr *addr)
{
	return addr->family == 6 ? addr->bytes[0] == 0xff : addr->bytes[0] >> 4 == 0xe;
}

/* fe80::/10 */
static bool is_link_local(const uint8_t *bytes)
{
	return bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80;
}

struct addr advert_group(uint8_t family)
{
	static const struct addr groups[] = {
		{ 4, { 224, 0, 0, 18 } },
		{ 6, { 0xff, 0x02, [15] = 0x12 } },
	};

	return groups[family == 6];
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
static uint16_t sum_message(enum advert_checksum dialect, const struct advert_envelope *envelope)
{
	const size_t bytes = address_bytes(envelope->source.family);
	uint32_t sum = 0;

	/* As for UDP: RFC 768, and RFC 8200 8.1 whose wider fields add the same words. */
	if (dialect == ADVERT_RFC5798) {
		sum = sum_words(sum, envelope->source.bytes, bytes);
		sum = sum_words(sum, envelope->destination.bytes, bytes);
		sum += ADVERT_PROTOCOL + (uint32_t)envelope->length;
	}
	return fold(sum_words(sum, envelope->message, envelope->length));
}

/* No field behind a header is read before the lengths of both headers are known to be there. */
enum advert_verdict advert_unwrap(struct advert_envelope *envelope, const uint8_t *packet,
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
	*envelope = (struct advert_envelope){
		.source = get_address(4, packet + 12),
		.destination = get_address(4, packet + 16),
		.message = packet + header,
		.length = total - header,
		.ttl = packet[8],
	};
	return ADVERT_OK;
}

static uint16_t read_interval(const uint8_t *message)
{
	if (message[0] >> 4 == 2)
		return (uint16_t)(message[5] * CS_PER_SECOND);
	return get16(message + 4) & INTERVAL_MASK;
}

static enum advert_verdict check_fields(const struct advert_envelope *envelope,
					const struct advert_expect *expect)
{
	const uint8_t *message = envelope->message;
	const size_t trailer = expect->version == 2 ? AUTH_DATA : 0;

	if (envelope->length < MESSAGE_HEADER)
		return ADVERT_SHORT;
	if (envelope->ttl < expect->ttl_min)
		return ADVERT_BAD_TTL;
	if (message[0] >> 4 != expect->version ||
	    (expect->version == 2 && envelope->source.family == 6))
		return ADVERT_BAD_VERSION;
	if ((message[0] & 0x0f) != TYPE_ADVERT)
		return ADVERT_BAD_TYPE;
	if (message[1] != expect->vrid)
		return ADVERT_OTHER_VRID;
	if (expect->version == 2 && message[4] != 0)
		return ADVERT_BAD_AUTH;
	if (envelope->length !=
	    MESSAGE_HEADER + trailer + message[3] * address_bytes(envelope->source.family))
		return ADVERT_BAD_LENGTH;
	if (message[3] == 0)
		return ADVERT_NO_ADDRESS;
	/* A zero interval would make a standby fire at once: erratum 8301. */
	if (read_interval(message) == 0)
		return ADVERT_NO_INTERVAL;
	return ADVERT_OK;
}

/* The dialect is not announced; where there are two, the more common one is tried first. */
static bool find_dialect(enum advert_checksum *dialect, const struct advert_envelope *envelope)
{
	const bool v2 = envelope->message[0] >> 4 == 2;

	*dialect = v2 ? ADVERT_RFC9568 : ADVERT_RFC5798;
	if (sum_message(*dialect, envelope) == 0xffff)
		return true;
	*dialect = ADVERT_RFC9568;
	return !v2 && envelope->source.family == 4 && sum_message(*dialect, envelope) == 0xffff;
}

static enum advert_verdict check_origin(const struct advert_envelope *envelope,
					const struct advert_expect *expect)
{
	const uint8_t *message = envelope->message;

	if (addr_compare(&envelope->source, &expect->own) == 0)
		return ADVERT_OWN;
	if (expect->unicast && addr_compare(&envelope->source, &expect->peer) != 0)
		return ADVERT_STRANGER;
	if (is_multicast(&envelope->destination) == expect->unicast)
		return ADVERT_BAD_DESTINATION;
	if (envelope->source.family == 6 && !is_link_local(message + MESSAGE_HEADER))
		return ADVERT_NOT_LINK_LOCAL;
	if (expect->version == 2 && read_interval(message) != expect->interval_cs)
		return ADVERT_OTHER_INTERVAL;
	return ADVERT_OK;
}

enum advert_verdict advert_read(struct advert *advert, const struct advert_envelope *envelope,
				const struct advert_expect *expect)
{
	const uint8_t family = envelope->source.family;
	const uint8_t *message = envelope->message;
	enum advert_checksum dialect;
	enum advert_verdict verdict;

	verdict = check_fields(envelope, expect);
	if (verdict != ADVERT_OK)
		return verdict;
	if (!find_dialect(&dialect, envelope))
		return ADVERT_BAD_CHECKSUM;
	verdict = check_origin(envelope, expect);
	if (verdict != ADVERT_OK)
		return verdict;

	*advert = (struct advert){
		.source = envelope->source,
		.destination = envelope->destination,
		.version = expect->version,
		.vrid = message[1],
		.priority = message[2],
		.count = message[3],
		.interval_cs = read_interval(message),
		.checksum = dialect,
	};
	for (size_t i = 0; i < advert->count; i++)
		advert->address[i] = get_address(family, message + MESSAGE_HEADER +
								 i * address_bytes(family));
	return ADVERT_OK;
}

size_t advert_write(const struct advert *advert, uint8_t *message)
{
	const size_t bytes = address_bytes(advert->source.family);
	const bool v2 = advert->version == 2;
	const struct advert_envelope envelope = {
		.source = advert->source,
		.destination = advert->destination,
		.message = message,
		.length = MESSAGE_HEADER + bytes * advert->count + (v2 ? AUTH_DATA : 0),
	};
	enum advert_checksum dialect = advert->checksum;

	message[0] = (uint8_t)(advert->version << 4 | TYPE_ADVERT);
	message[1] = advert->vrid;
	message[2] = advert->priority;
	message[3] = advert->count;
	put16(message + 4, v2 ? advert->interval_cs / CS_PER_SECOND
			      : advert->interval_cs & (unsigned int)INTERVAL_MASK);
	put16(message + 6, 0);
	for (size_t i = 0; i < advert->count; i++)
		memcpy(message + MESSAGE_HEADER + i * bytes, advert->address[i].bytes, bytes);
	if (v2)
		memset(message + envelope.length - AUTH_DATA, 0, AUTH_DATA);
	if (v2 || bytes == 16)
		dialect = v2 ? ADVERT_RFC9568 : ADVERT_RFC5798;
	put16(message + 6, 0xffffu ^ sum_message(dialect, &envelope));
	return envelope.length;
}
