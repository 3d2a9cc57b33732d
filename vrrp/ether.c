// SPDX-License-Identifier: BSD-2-Clause
#include "vrrp/ether.h"

#include <string.h>

enum { ETHER_HEADER = 14, IP4_HEADER = 20, IP6_HEADER = 40 };

static uint16_t sum_header(const uint8_t header[IP4_HEADER])
{
	uint32_t sum = 0;

	for (size_t i = 0; i < IP4_HEADER; i += 2)
		sum += (uint32_t)(header[i] << 8 | header[i + 1]);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static size_t write_header4(uint8_t *header, const struct addr *from, const struct addr *to,
			    size_t length)
{
	const size_t total = IP4_HEADER + length;
	uint16_t sum;

	memset(header, 0, IP4_HEADER);
	header[0] = 0x45;
	header[1] = ETHER_TOS;
	header[2] = (uint8_t)(total >> 8);
	header[3] = (uint8_t)total;
	header[6] = 0x40; /* don't fragment: no identification is needed, RFC 6864 */
	header[8] = ADVERT_TTL;
	header[9] = ADVERT_PROTOCOL;
	memcpy(header + 12, from->bytes, 4);
	memcpy(header + 16, to->bytes, 4);
	sum = sum_header(header);
	header[10] = (uint8_t)(sum >> 8);
	header[11] = (uint8_t)sum;
	return IP4_HEADER;
}

static size_t write_header6(uint8_t *header, const struct addr *from, const struct addr *to,
			    size_t length)
{
	memset(header, 0, IP6_HEADER);
	header[0] = 0x60 | ETHER_TOS >> 4;
	header[4] = (uint8_t)(length >> 8);
	header[5] = (uint8_t)length;
	header[6] = ADVERT_PROTOCOL;
	header[7] = ADVERT_TTL;
	memcpy(header + 8, from->bytes, 16);
	memcpy(header + 24, to->bytes, 16);
	return IP6_HEADER;
}

/* RFC 1112, 6.4 and RFC 2464, 7. */
static void group_mac(uint8_t mac[6], const struct addr *group)
{
	static const uint8_t prefix4[] = { 0x01, 0x00, 0x5e }, prefix6[] = { 0x33, 0x33 };

	if (group->family == 4) {
		memcpy(mac, prefix4, 3);
		memcpy(mac + 3, group->bytes + 1, 3);
		mac[3] &= 0x7f;
		return;
	}
	memcpy(mac, prefix6, 2);
	memcpy(mac + 2, group->bytes + 12, 4);
}

size_t ether_wrap(uint8_t frame[ETHER_MAX_BYTES], const struct ether_advert *advert,
		  const uint8_t *message, size_t length)
{
	const struct addr *from = &advert->from, *to = &advert->to;
	size_t at = ETHER_HEADER;

	group_mac(frame, to);
	memcpy(frame + 6, advert->mac, 6);
	frame[12] = from->family == 6 ? 0x86 : 0x08;
	frame[13] = from->family == 6 ? 0xdd : 0x00;
	if (from->family == 6)
		at += write_header6(frame + at, from, to, length);
	else
		at += write_header4(frame + at, from, to, length);
	memcpy(frame + at, message, length);
	return at + length;
}
