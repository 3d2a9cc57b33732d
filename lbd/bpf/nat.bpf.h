/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Rewriting of addresses and of the TTL, with checksums brought up to date from the difference
 * alone (RFC 1624, equation 3).  So a packet that was damaged before it came here stays
 * recognizably so.
 */
#ifndef CASPAIR_NAT_BPF_H
#define CASPAIR_NAT_BPF_H

#include "lbd/bpf/parse.bpf.h"

/* HC' = ~(~HC + ~m + m'); in one's complement 32-bit words may be summed like 16-bit ones. */
static __always_inline __u64 checksum_open(__u16 check)
{
	return (__u16)~check;
}

static __always_inline __u64 checksum_change(__u64 sum, __u32 from, __u32 to)
{
	return sum + (__u32)~from + to;
}

static __always_inline __u16 checksum_close(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)~sum;
}

static __always_inline __u16 checksum_replace(__u16 check, __u32 from, __u32 to)
{
	return checksum_close(checksum_change(checksum_open(check), from, to));
}

/* Either address of an IPv4 header; the caller sees to what else has it in its sum. */
static __always_inline void nat_ipv4(struct iphdr *ip, __be32 *field, __be32 to)
{
	ip->check = checksum_replace(ip->check, *field, to);
	*field = to;
}

/* Either address of an IPv6 header; what a checksum that covers it is to be changed by. */
static __always_inline __u64 nat_ipv6(__be32 *field, const struct flow_ip *to)
{
	__u64 change = 0;

	for (int i = 0; i < 4; i++) {
		change = checksum_change(change, field[i], to->word[i]);
		field[i] = to->word[i];
	}
	return change;
}

static __always_inline void checksum_add(__sum16 *check, __u64 change)
{
	*check = checksum_close(checksum_open(*check) + change);
}

/* 32 bits of it, which mean the same. */
static __always_inline __u32 checksum_sum(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	return (__u32)(sum + (sum >> 32));
}

/* The checksum of a segment whose addresses have changed, one or both. */
static __always_inline void nat_tcp(struct packet *p, __u64 change)
{
	if (!HOOK_TC) {
		checksum_add(&p->tcp->check, change);
		return;
	}
	p->change = checksum_sum(p->change + change);
}

/* What was put off: nothing may be read of the frame afterwards. */
static __always_inline void nat_finish(struct packet *p)
{
	__u32 offset;

	if (!p->change && !p->change_ports)
		return;
	offset = (__u32)((void *)p->tcp - (void *)p->eth) +
		 __builtin_offsetof(struct tcphdr, check);
	if (p->change_ports)
		hook_checksum_ports(p->ctx, offset, p->change_ports);
	hook_checksum(p->ctx, offset, p->change, p->family == FLOW_IPV6);
}

/* Either address of a TCP segment's IPv4 header. */
static __always_inline void nat_segment(struct packet *p, __be32 *field, __be32 to)
{
	nat_tcp(p, checksum_change(0, *field, to));
	nat_ipv4(packet_ip4(p), field, to);
}

/*
 * The IPv6 header of a packet that has one.  Asked again, because the verifier of Linux 6.1 does
 * not remember what a byte on the stack (the family) says of a pointer.
 */
static __always_inline struct ipv6hdr *nat_ip6(const struct packet *p)
{
	struct ipv6hdr *ip = packet_ip6(p);

	return (void *)(ip + 1) > p->end ? NULL : ip;
}

/* `to` is of the packet's family. */
static __always_inline void nat_source(struct packet *p, const struct flow_ip *to)
{
	struct ipv6hdr *ip;

	if (p->family == FLOW_IPV4)
		nat_segment(p, &packet_ip4(p)->saddr, to->word[3]);
	else if ((ip = nat_ip6(p)))
		nat_tcp(p, nat_ipv6(ip->saddr.in6_u.u6_addr32, to));
}

static __always_inline void nat_destination(struct packet *p, const struct flow_ip *to)
{
	struct ipv6hdr *ip;

	if (p->family == FLOW_IPV4)
		nat_segment(p, &packet_ip4(p)->daddr, to->word[3]);
	else if ((ip = nat_ip6(p)))
		nat_tcp(p, nat_ipv6(ip->daddr.in6_u.u6_addr32, to));
}

static __always_inline void nat_port(struct packet *p, __be16 *field, __be16 to)
{
	__u64 change = checksum_change(0, *field, to);

	if (HOOK_TC)
		p->change_ports = checksum_sum(p->change_ports + change);
	else
		checksum_add(&p->tcp->check, change);
	*field = to;
}

/* One hop less to live; the caller has seen to it that there is one. */
static __always_inline void nat_hop(struct packet *p)
{
	struct iphdr *ip = packet_ip4(p);
	__u8 hops = p->hops;

	if (p->family == FLOW_IPV6) {
		packet_ip6(p)->hop_limit = hops - 1;
		return;
	}
	ip->ttl = hops - 1;
	ip->check = checksum_replace(ip->check, bpf_htons((__u16)(hops << 8)),
				     bpf_htons((__u16)((hops - 1) << 8)));
}

#endif
