// SPDX-License-Identifier: BSD-2-Clause
#include "lbd/checksum.h"

#include <stdbool.h>
#include <string.h>

#include <linux/if_ether.h>
#include <netinet/in.h>

enum {
	VLAN_TAG = 4,
	IPV4_HEADER = 20,
	IPV4_PROTOCOL = 9,
	IPV4_ADDRESSES = 12,
	IPV6_HEADER = 40,
	IPV6_NEXT = 6,
	IPV6_ADDRESSES = 8,
	TCP_HEADER = 20,
	TCP_CHECKSUM = 16,
};

/* Where a segment and the addresses of its pseudo header lie. */
struct segment {
	uint8_t *tcp;
	size_t length;
	const uint8_t *addresses;
	size_t addresses_length;
};

static uint16_t word(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static uint64_t sum(const uint8_t *bytes, size_t length)
{
	uint64_t total = 0;

	for (size_t i = 0; i + 1 < length; i += 2)
		total += word(bytes + i);
	return length % 2 ? total + (uint64_t)(bytes[length - 1] << 8) : total;
}

static uint16_t fold(uint64_t total)
{
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return (uint16_t)total;
}

/* The packet's own length counts: a short frame is padded. */
static bool find_ipv4(uint8_t *ip, size_t left, struct segment *segment)
{
	size_t header, total;

	if (left < IPV4_HEADER || ip[0] >> 4 != 4 || ip[IPV4_PROTOCOL] != IPPROTO_TCP)
		return false;
	header = (ip[0] & 15) * 4u;
	total = word(ip + 2);
	if (header < IPV4_HEADER || total > left || total < header + TCP_HEADER)
		return false;
	*segment = (struct segment){ ip + header, total - header, ip + IPV4_ADDRESSES,
				     2 * sizeof(struct in_addr) };
	return true;
}

/* Without extension headers: SYN-ACKs have none. */
static bool find_ipv6(uint8_t *ip, size_t left, struct segment *segment)
{
	size_t length;

	if (left < IPV6_HEADER || ip[0] >> 4 != 6 || ip[IPV6_NEXT] != IPPROTO_TCP)
		return false;
	length = word(ip + 4);
	if (length > left - IPV6_HEADER || length < TCP_HEADER)
		return false;
	*segment = (struct segment){ ip + IPV6_HEADER, length, ip + IPV6_ADDRESSES,
				     2 * sizeof(struct in6_addr) };
	return true;
}

static bool find(uint8_t *frame, size_t length, struct segment *segment)
{
	size_t at = ETH_HLEN;
	uint16_t type;

	if (length < ETH_HLEN)
		return false;
	type = word(frame + ETH_HLEN - 2);
	for (; (type == ETH_P_8021Q || type == ETH_P_8021AD) && length >= at + VLAN_TAG;
	     at += VLAN_TAG)
		type = word(frame + at + 2);
	if (type == ETH_P_IP)
		return find_ipv4(frame + at, length - at, segment);
	return type == ETH_P_IPV6 && find_ipv6(frame + at, length - at, segment);
}

void checksum_complete(uint8_t *frame, size_t length)
{
	struct segment s;
	uint8_t *field;
	uint16_t pseudo, stands, check;

	if (!find(frame, length, &s))
		return;
	field = s.tcp + TCP_CHECKSUM;
	stands = word(field);
	pseudo = fold(sum(s.addresses, s.addresses_length) + IPPROTO_TCP + s.length);
	/* Both are nothing, in one's complement. */
	if (stands % 0xffff != pseudo % 0xffff)
		return;
	/* What stands there is the pseudo header's part of the sum. */
	check = (uint16_t)~fold(sum(s.tcp, s.length));
	field[0] = (uint8_t)(check >> 8);
	field[1] = (uint8_t)check;
}
