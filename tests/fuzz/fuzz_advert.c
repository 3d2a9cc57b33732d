/* SPDX-License-Identifier: BSD-2-Clause */
/* sources: proto/advert.c */
/* An IP packet as a raw socket delivers it.  What is read and written again says the same. */
#include <stdlib.h>
#include <string.h>

#include "proto/advert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length);

enum { IP = 20, VRID_AT = 21, CHECKSUM_AT = 26 };

static void check_identity(const struct advert *advert, const struct advert_expect *expect)
{
	static uint8_t packet[IP + ADVERT_MAX_BYTES];
	const size_t total = IP + advert_write(advert, packet + IP);
	static struct advert again;

	memset(packet, 0, IP);
	packet[0] = 0x45;
	packet[2] = (uint8_t)(total >> 8);
	packet[3] = (uint8_t)total;
	packet[8] = ADVERT_TTL;
	packet[9] = ADVERT_PROTOCOL;
	memcpy(packet + 12, &advert->source, 4);
	memcpy(packet + 16, &advert->destination, 4);
	if (advert_read(&again, packet, total, expect) != ADVERT_OK ||
	    again.priority != advert->priority || again.count != advert->count ||
	    again.interval_cs != advert->interval_cs ||
	    memcmp(again.address, advert->address, sizeof(again.address)))
		abort();
}

static void read_one(const uint8_t *packet, size_t length)
{
	const struct advert_expect expect = {
		.vrid = length > VRID_AT ? packet[VRID_AT] : 0,
		.own = 1,
	};
	static struct advert advert;

	if (advert_read(&advert, packet, length, &expect) == ADVERT_OK)
		check_identity(&advert, &expect);
}

/* Gives a packet without IP options the checksum that it should have, to get past that rung. */
static void mend_checksum(uint8_t *packet, size_t length)
{
	static uint8_t message[ADVERT_MAX_BYTES];
	static struct advert advert;
	size_t count;

	if (length < IP + 8)
		return;
	count = (length - IP - 8) / 4;
	if (count > ADVERT_MAX_ADDRESSES)
		return;
	advert = (struct advert){
		.vrid = packet[VRID_AT],
		.priority = packet[22],
		.count = (uint8_t)count,
		.interval_cs = (uint16_t)(packet[24] << 8 | packet[25]),
		.checksum = length % 2 ? ADVERT_RFC5798 : ADVERT_RFC9568,
	};
	memcpy(&advert.source, packet + 12, 4);
	memcpy(&advert.destination, packet + 16, 4);
	memcpy(advert.address, packet + IP + 8, 4 * count);
	advert_write(&advert, message);
	memcpy(packet + CHECKSUM_AT, message + 6, 2);
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
