// SPDX-License-Identifier: BSD-2-Clause
#include "proto/addr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

_Static_assert(ADDR_TEXT == INET6_ADDRSTRLEN, "room for every address");
_Static_assert(ADDR_PORT_TEXT >= INET6_ADDRSTRLEN + sizeof("[]:65535") - 1 - 1, "room for a port");

/* The first bytes of an IPv4 address in the form of IPv6; RFC 4291, 2.5.5.2. */
static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

/* inet_pton() knows neither zones, prefix lengths, leading zeros nor short forms: exactly one form.
 */
bool addr_parse(struct addr *addr, const char *text)
{
	struct addr parsed = { 0 };

	if (inet_pton(AF_INET, text, parsed.bytes) == 1)
		parsed.family = 4;
	else if (inet_pton(AF_INET6, text, parsed.bytes) == 1)
		parsed.family = 6;
	else
		return false;
	if (parsed.family == 6 && memcmp(parsed.bytes, mapped, sizeof(mapped)) == 0)
		return false;
	*addr = parsed;
	return true;
}

bool addr_parse4(uint32_t *addr, const char *text)
{
	struct in_addr parsed;

	if (inet_pton(AF_INET, text, &parsed) != 1)
		return false;
	*addr = parsed.s_addr;
	return true;
}

struct addr addr_from4(uint32_t addr_be)
{
	struct addr addr = { .family = 4 };

	memcpy(addr.bytes, &addr_be, sizeof(addr_be));
	return addr;
}

const char *addr_print(char text[ADDR_TEXT], const struct addr *addr)
{
	switch (addr->family) {
	case 4:
		inet_ntop(AF_INET, addr->bytes, text, ADDR_TEXT);
		break;
	case 6:
		inet_ntop(AF_INET6, addr->bytes, text, ADDR_TEXT);
		break;
	default:
		snprintf(text, ADDR_TEXT, "none");
	}
	return text;
}

const char *addr_print4(char text[ADDR_TEXT], uint32_t addr_be)
{
	const struct in_addr addr = { .s_addr = addr_be };

	inet_ntop(AF_INET, &addr, text, ADDR_TEXT);
	return text;
}

/* IPv4 before IPv6, then as numbers in network order. */
int addr_compare(const struct addr *a, const struct addr *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

struct flow_ip addr_to_flow(const struct addr *addr)
{
	struct flow_ip ip = { 0 };

	if (addr->family == 6) {
		memcpy(ip.word, addr->bytes, sizeof(ip.word));
	} else if (addr->family == 4) {
		memcpy(ip.word, mapped, sizeof(mapped));
		memcpy(&ip.word[3], addr->bytes, sizeof(ip.word[3]));
	}
	return ip;
}

uint8_t addr_flow_family(const struct flow_ip *ip)
{
	if (flow_ip_is_none(ip))
		return 0;
	return flow_ip_family(ip) == FLOW_IPV4 ? 4 : 6;
}

struct addr addr_from_flow(const struct flow_ip *ip)
{
	struct addr addr = { .family = addr_flow_family(ip) };

	if (addr.family == 4)
		memcpy(addr.bytes, &ip->word[3], sizeof(ip->word[3]));
	else
		memcpy(addr.bytes, ip->word, sizeof(ip->word));
	return addr;
}

bool addr_parse_flow(struct flow_ip *ip, const char *text)
{
	struct addr addr;

	if (!addr_parse(&addr, text))
		return false;
	*ip = addr_to_flow(&addr);
	return true;
}

const char *addr_print_flow(char text[ADDR_TEXT], const struct flow_ip *ip)
{
	const struct addr addr = addr_from_flow(ip);

	return addr_print(text, &addr);
}

const char *addr_print_flow_port(char text[ADDR_PORT_TEXT], const struct flow_ip *ip,
				 uint16_t port_be)
{
	bool brackets = addr_flow_family(ip) == 6;
	char addr[ADDR_TEXT];

	snprintf(text, ADDR_PORT_TEXT, "%s%s%s:%u", brackets ? "[" : "", addr_print_flow(addr, ip),
		 brackets ? "]" : "", (unsigned int)ntohs(port_be));
	return text;
}

struct addr addr_virtual_router(uint8_t vrid)
{
	return (struct addr){
		6, { 0xfe, 0x80, [8] = 0x02, 0x00, 0x5e, 0xff, 0xfe, 0x00, 0x02, vrid }
	};
}
