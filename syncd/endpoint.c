/* SPDX-License-Identifier: BSD-2-Clause */
#include "syncd/endpoint.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <string.h>

enum { HOPS = 255 };

bool endpoint_parse(union endpoint *end, const char *text, uint16_t port, const char *interface)
{
	struct addr addr;

	memset(end, 0, sizeof(*end));
	if (!addr_parse(&addr, text))
		return false;
	if (addr.family == 4) {
		end->in4.sin_family = AF_INET;
		end->in4.sin_port = htons(port);
		memcpy(&end->in4.sin_addr, addr.bytes, sizeof(end->in4.sin_addr));
		return true;
	}
	end->in6.sin6_family = AF_INET6;
	end->in6.sin6_port = htons(port);
	memcpy(&end->in6.sin6_addr, addr.bytes, sizeof(end->in6.sin6_addr));
	if (!IN6_IS_ADDR_LINKLOCAL(&end->in6.sin6_addr))
		return true;
	end->in6.sin6_scope_id = if_nametoindex(interface);
	return end->in6.sin6_scope_id != 0;
}

static bool is6(const union endpoint *end)
{
	return end->any.sa_family == AF_INET6;
}

const char *endpoint_print(char text[ADDR_TEXT], const union endpoint *end)
{
	const void *addr = is6(end) ? (const void *)&end->in6.sin6_addr : &end->in4.sin_addr;

	return inet_ntop(end->any.sa_family, addr, text, ADDR_TEXT);
}

uint16_t endpoint_port(const union endpoint *end)
{
	return ntohs(is6(end) ? end->in6.sin6_port : end->in4.sin_port);
}

socklen_t endpoint_length(const union endpoint *end)
{
	return is6(end) ? sizeof(end->in6) : sizeof(end->in4);
}

bool endpoint_same_host(const union endpoint *a, const union endpoint *b)
{
	if (a->any.sa_family != b->any.sa_family)
		return false;
	if (!is6(a))
		return a->in4.sin_addr.s_addr == b->in4.sin_addr.s_addr;
	return IN6_ARE_ADDR_EQUAL(&a->in6.sin6_addr, &b->in6.sin6_addr) &&
	       a->in6.sin6_scope_id == b->in6.sin6_scope_id;
}

bool endpoint_same(const union endpoint *a, const union endpoint *b)
{
	return endpoint_same_host(a, b) && endpoint_port(a) == endpoint_port(b);
}

int endpoint_one_hop(const union endpoint *end, int fd)
{
	const int level = is6(end) ? IPPROTO_IPV6 : IPPROTO_IP;
	const int ours = is6(end) ? IPV6_UNICAST_HOPS : IP_TTL;
	const int theirs = is6(end) ? IPV6_MINHOPCOUNT : IP_MINTTL;
	const int hops = HOPS;

	if (setsockopt(fd, level, ours, &hops, sizeof(hops)) < 0 ||
	    setsockopt(fd, level, theirs, &hops, sizeof(hops)) < 0)
		return -errno;
	return 0;
}
