/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Exact resets in answer to a packet: what it acknowledges is the very SEQ that its sender accepts
 * (RFC 9293, 3.10.7; RFC 5961, 3.2).  The packet itself becomes the answer: cut down to its
 * headers, turned round, and sent back out of the interface it came in by, tags and all.
 *
 * Whoever decides on an answer only says so in the packet (refuse()); it is made once, at the end
 * of the program, for changing the frame's size takes all pointers into it away.
 */
#ifndef CASPAIR_REFUSE_BPF_H
#define CASPAIR_REFUSE_BPF_H

#include "lbd/bpf/answer.bpf.h"
#include "lbd/bpf/count.bpf.h"
#include "lbd/bpf/nat.bpf.h"

#define REFUSE_HOPS 64

#define IP_DONT_FRAGMENT 0x4000

/* A segment without payload and options. */
struct segment {
	struct flow_ip from, to;
	__be16 from_port, to_port;
	__u32 seq, ack;
	__u8 flags; /* enum tcp_flags */
	__u8 family;
	__u8 pad[2];
};

/* One's complement sum of `size` bytes, a multiple of four and known to the compiler. */
static __always_inline __u64 segment_sum(const void *at, __u32 size)
{
	const __u32 *word = at;
	__u64 sum = 0;

	for (__u32 i = 0; i < size / 4; i++)
		sum += word[i];
	return sum;
}

/* Its checksum needs the sum of the pseudo-header's addresses. */
static __always_inline void segment_tcp(struct tcphdr *tcp, const struct segment *s, __u64 sum)
{
	__builtin_memset(tcp, 0, sizeof(*tcp));
	tcp->source = s->from_port;
	tcp->dest = s->to_port;
	tcp->seq = bpf_htonl(s->seq);
	tcp->ack_seq = bpf_htonl(s->ack);
	tcp->doff = sizeof(*tcp) / 4;
	((__u8 *)tcp)[13] = s->flags;
	sum += bpf_htonl(sizeof(*tcp)) + (__u64)bpf_htonl(IPPROTO_TCP);
	tcp->check = checksum_close(sum + segment_sum(tcp, sizeof(*tcp)));
}

static __always_inline int segment_ipv4(struct iphdr *ip, const void *end, const struct segment *s)
{
	struct tcphdr *tcp = (void *)(ip + 1);

	if ((void *)(tcp + 1) > end)
		return -1;
	__builtin_memset(ip, 0, sizeof(*ip));
	ip->version = 4;
	ip->ihl = sizeof(*ip) / 4;
	ip->tot_len = bpf_htons(sizeof(*ip) + sizeof(*tcp));
	ip->frag_off = bpf_htons(IP_DONT_FRAGMENT);
	ip->ttl = REFUSE_HOPS;
	ip->protocol = IPPROTO_TCP;
	ip->saddr = s->from.word[3];
	ip->daddr = s->to.word[3];
	ip->check = checksum_close(segment_sum(ip, sizeof(*ip)));
	segment_tcp(tcp, s, (__u64)ip->saddr + ip->daddr);
	return 0;
}

static __always_inline int segment_ipv6(struct ipv6hdr *ip, const void *end,
					const struct segment *s)
{
	struct tcphdr *tcp = (void *)(ip + 1);

	if ((void *)(tcp + 1) > end)
		return -1;
	__builtin_memset(ip, 0, sizeof(*ip));
	ip->version = 6;
	ip->payload_len = bpf_htons(sizeof(*tcp));
	ip->nexthdr = IPPROTO_TCP;
	ip->hop_limit = REFUSE_HOPS;
	__builtin_memcpy(&ip->saddr, &s->from, sizeof(s->from));
	__builtin_memcpy(&ip->daddr, &s->to, sizeof(s->to));
	segment_tcp(tcp, s, segment_sum(&ip->saddr, 2 * sizeof(s->from)));
	return 0;
}

/* Writes the headers at l3; -1: they do not fit. */
static __always_inline int segment_write(void *l3, const void *end, const struct segment *s)
{
	return s->family == FLOW_IPV4 ? segment_ipv4(l3, end, s) : segment_ipv6(l3, end, s);
}

static __always_inline __u32 segment_size(__u8 family)
{
	return sizeof(struct tcphdr) +
	       (family == FLOW_IPV4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr));
}

static __always_inline void refuse_turn(struct ethhdr *eth)
{
	__u8 mac[ETH_ALEN];

	__builtin_memcpy(mac, eth->h_source, ETH_ALEN);
	__builtin_memcpy(eth->h_source, eth->h_dest, ETH_ALEN);
	__builtin_memcpy(eth->h_dest, mac, ETH_ALEN);
}

/*
 * Cuts the frame down and writes the segment behind `link` bytes of Ethernet header and tags.  Not
 * static: so it is verified once by itself, and not again for every way that leads here.
 */
__noinline int refuse_write(hook_frame *frame, const struct segment *s, __u32 link)
{
	void *data, *end;

	if (!s || hook_resize(frame, link + segment_size(s->family), 0))
		return -1;
	data = hook_data(frame);
	end = hook_end(frame);
	barrier_var(link);
	if (link > sizeof(struct ethhdr) + PARSE_VLAN_TAGS * sizeof(struct vlan_tag) ||
	    data + sizeof(struct ethhdr) > end)
		return -1;
	if (segment_write(data + link, end, s))
		return -1;
	refuse_turn(data);
	return 0;
}

/* For the end of the program: makes the answer that was decided on; the verdict on the packet. */
static __noinline int refuse_packet(struct packet *p)
{
	__u32 link = (__u32)(p->l3 - (void *)p->eth);
	struct segment answer = {
		.from = p->dst,
		.to = p->src,
		.flags = TCP_RST,
		.family = p->family,
	};

	/* Known to be so where the decision fell, but not to the verifier. */
	if (!p->tcp || (void *)(p->tcp + 1) > p->end)
		return drop(COUNT_DROP_NO_ANSWER);
	answer.from_port = p->tcp->dest;
	answer.to_port = p->tcp->source;
	/* RFC 9293, 3.10.7.1. */
	if (p->flags & TCP_ACK) {
		answer.seq = bpf_ntohl(p->tcp->ack_seq);
	} else {
		answer.ack = p->seq_end;
		answer.flags |= TCP_ACK;
	}
	if (p->eth->h_dest[0] & 1 || refuse_write(p->ctx, &answer, link))
		return drop(COUNT_DROP_NO_ANSWER);
	count(p->refuse);
	return hook_redirect(packet_ingress(p));
}

/* Decides that the packet's sender gets a reset, counted so.  Never to a reset. */
static __always_inline int refuse(struct packet *p, __u8 counter)
{
	if (p->flags & TCP_RST)
		return drop(COUNT_DROP_UNKNOWN);
	p->refuse = counter;
	return XDP_DROP;
}

/* The same for packets to a VIP of which there is no record, which anybody can send. */
static __noinline int refuse_stranger(struct packet *p, __u8 counter)
{
	return answer_may(p->array) ? refuse(p, counter) : drop(COUNT_DROP_ANSWER_RATE);
}

#endif
