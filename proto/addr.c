/* SPDX-License-Identifier: BSD-2-Clause */
#include "proto/addr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

_Static_assert(ADDR_TEXT == INET6_ADDRSTRLEN, "room for every address");
_Static_assert(ADDR_PORT_TEXT >= INET_ADDRSTRLEN + sizeof(":65535") - 1, "room for a port");

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

const char *addr_print4_port(char text[ADDR_PORT_TEXT], uint32_t addr_be, uint16_t port_be)
{
	char addr[ADDR_TEXT];

	snprintf(text, ADDR_PORT_TEXT, "%s:%u", addr_print4(addr, addr_be),
		 (unsigned int)ntohs(port_be));
	return text;
}

/* IPv4 before IPv6, then as numbers in network order. */
int addr_compare(const struct addr *a, const struct addr *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}
