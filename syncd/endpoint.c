// SPDX-License-Identifier: BSD-2-Clause
#include "syncd/endpoint.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/sock_diag.h>
#include <net/if.h>
#include <string.h>

enum {
	HOPS = 255,
	SOURCE4 = 12, /* where the source address is in an IP header */
	SOURCE6 = 8,
};

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

/* Four bytes of the IP header against four of the address: the next instruction if they agree. */
static struct sock_filter *expect(struct sock_filter *at, uint32_t offset, const void *bytes,
				  unsigned int to_refusal)
{
	uint32_t word;

	memcpy(&word, bytes, sizeof(word));
	*at++ = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
					     (uint32_t)SKF_NET_OFF + offset);
	*at++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ntohl(word), 0,
					     (uint8_t)to_refusal);
	return at;
}

int endpoint_only_from(const union endpoint *end, int fd)
{
	const uint8_t *address = is6(end) ? end->in6.sin6_addr.s6_addr
					  : (const uint8_t *)&end->in4.sin_addr;
	const uint32_t source = is6(end) ? SOURCE6 : SOURCE4;
	const unsigned int words = is6(end) ? 4 : 1;
	struct sock_filter code[2 * 4 + 2], *at = code;
	struct sock_fprog program = { .filter = code };

	for (unsigned int i = 0; i < words; i++)
		at = expect(at, source + 4 * i, address + 4 * (size_t)i, 2 * (words - 1 - i) + 1);
	*at++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, UINT32_MAX);
	*at++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0);
	program.len = (unsigned short)(at - code);
	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0)
		return -errno;
	return 0;
}

uint32_t endpoint_dropped(int listener)
{
	uint32_t info[SK_MEMINFO_VARS] = { 0 };
	socklen_t length = sizeof(info);

	if (getsockopt(listener, SOL_SOCKET, SO_MEMINFO, info, &length) < 0)
		return 0;
	return info[SK_MEMINFO_DROPS];
}
