/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * An address as the tables hold it, in network byte order.  Both compilers read this file.
 */
#ifndef CASPAIR_FLOW_IP_H
#define CASPAIR_FLOW_IP_H

#include <linux/types.h>

/* An IPv6 address, or an IPv4 one as ::ffff:a.b.c.d (RFC 4291, 2.5.5.2).  All zero: none. */
struct flow_ip {
	__be32 word[4];
};

/* Index of what exists once for each family. */
enum flow_family { FLOW_IPV4 = 0, FLOW_IPV6, FLOW_FAMILIES };

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define FLOW_IP_MAPPED 0xffff0000u
#else
#define FLOW_IP_MAPPED 0x0000ffffu
#endif

static inline struct flow_ip flow_ip4(__be32 addr)
{
	return (struct flow_ip){ .word = { 0, 0, FLOW_IP_MAPPED, addr } };
}

/* The bits in which any two words differ. */
static inline __u32 flow_ip_differ(const struct flow_ip *a, const struct flow_ip *b)
{
	return (a->word[0] ^ b->word[0]) | (a->word[1] ^ b->word[1]) | (a->word[2] ^ b->word[2]) |
	       (a->word[3] ^ b->word[3]);
}

static inline int flow_ip_equal(const struct flow_ip *a, const struct flow_ip *b)
{
	return !flow_ip_differ(a, b);
}

static inline int flow_ip_is_none(const struct flow_ip *ip)
{
	return !(ip->word[0] | ip->word[1] | ip->word[2] | ip->word[3]);
}

static inline enum flow_family flow_ip_family(const struct flow_ip *ip)
{
	return ip->word[0] | ip->word[1] | (ip->word[2] ^ FLOW_IP_MAPPED) ? FLOW_IPV6 : FLOW_IPV4;
}

#endif
