/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Rewriting of addresses and of the TTL, with checksums brought up to date from the difference
 * alone (RFC 1624, equation 3).  So a packet that was damaged before it came here stays
 * recognizably so. Ports are never changed.
 */
#ifndef CASPAIR_NAT_BPF_H
#define CASPAIR_NAT_BPF_H

#include "lbd/bpf/parse.bpf.h"

/* HC' = ~(~HC + ~m + m'); in one's complement 32-bit words may be summed like 16-bit ones. */
static __always_inline __u16 checksum_replace(__u16 check, __u32 from, __u32 to)
{
	__u64 sum = (__u64)(__u16)~check + (__u32)~from + to;

	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)~sum;
}

/* For either address of the IP header; both checksums cover it. */
static __always_inline void nat_address(struct packet *p, __be32 *field, __be32 to)
{
	__be32 from = *field;

	*field = to;
	p->ip->check = checksum_replace(p->ip->check, from, to);
	p->tcp->check = checksum_replace(p->tcp->check, from, to);
}

static __always_inline void nat_hop(struct packet *p)
{
	__u8 ttl = p->ip->ttl;

	p->ip->ttl = ttl - 1;
	p->ip->check = checksum_replace(p->ip->check, bpf_htons((__u16)(ttl << 8)),
					bpf_htons((__u16)((ttl - 1) << 8)));
}

#endif
