/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From bytes to headers.  One function a header; each checks that what it names lies inside the
 * frame before anybody reads it.
 */
#ifndef CASPAIR_PARSE_BPF_H
#define CASPAIR_PARSE_BPF_H

#include "lbd/bpf/clock.bpf.h"
#include "lbd/bpf/hook.bpf.h"
#include "lbd/bpf/maps.bpf.h"

#define IP_MORE_FRAGMENTS  0x2000
#define IP_FRAGMENT_OFFSET 0x1fff
#define IP6_FRAGMENT_BITS  0xfff9 /* offset and M flag; RFC 8200, 4.5 */

#define PARSE_VLAN_TAGS  2 /* a customer's inside a provider's; IEEE 802.1ad */
#define PARSE_EXTENSIONS 4 /* of IPv6, followed before the transport header */
#define PARSE_L3_MAX     (40 + PARSE_EXTENSIONS * 2048)

enum tcp_flags {
	TCP_FIN = 0x01,
	TCP_SYN = 0x02,
	TCP_RST = 0x04,
	TCP_ACK = 0x10,
};

enum packet_fragment {
	FRAGMENT_NONE = 0,
	FRAGMENT_FIRST,
	FRAGMENT_LATER, /* has no transport header */
};

/* A frame on its way through; what is behind `l3` is set by the function that checked it. */
struct packet {
	hook_frame *ctx;
	void *end;
	struct ethhdr *eth;
	void *l3; /* struct iphdr or struct ipv6hdr, by family */
	struct tcphdr *tcp;
	const struct flow_control *control;
	const struct flow_role_table *roles;
	struct flow_ip src, dst;
	__u32 now;     /* ticks */
	__u32 l3_size; /* of the IP header with its options or extensions */
	__u32 bytes;   /* of the IP packet, by its header */
	__u32 seq_end; /* SEQ after this segment: payload, SYN and FIN count */
	__u32 change;  /* of addresses, to be added to the TCP checksum at the end; tc alone */
	__u32 change_ports; /* the same of its ports */
	__be16 type;   /* of what follows the tags */
	__be16 unread; /* of an inspected service: the client's port; see census.bpf.h */
	__u8 family;   /* enum flow_family */
	__u8 protocol;
	__u8 hops;      /* TTL, or hop limit */
	__u8 fragment;  /* enum packet_fragment */
	__u8 flags;     /* enum tcp_flags */
	__u8 back : 1;  /* to a floating address and of no service; see back.bpf.h */
	__u8 draft : 1; /* makes a flow; see record_draft() */
	__u8 array;     /* number of the VIP's, set where a VIP was found */
	__u8 refuse;    /* 0, or its sender gets a reset: counted so, see refuse.bpf.h */
	__u8 strict;    /* 0, or what it is to a flow recorded at its SYN; see strict.bpf.h */

	/* What the sender of a packet that is dropped shall hear; see answer.bpf.h. */
	__u8 answer;              /* enum answer_kind */
	__u16 answer_mtu;         /* of ANSWER_TOO_BIG */
	struct flow_ip answer_by; /* who speaks */
};

/* IEEE 802.1Q, behind the tag's own type. */
struct vlan_tag {
	__be16 id;
	__be16 type;
};

/* What all IPv6 extension headers begin with that are followed here; RFC 8200, 4. */
struct ipv6_extension {
	__u8 next;
	__u8 length; /* in units of 8 bytes behind the first 8; a fragment header has none */
	__be16 fragment;
	__u8 rest[4];
};

/* Three loads a side; Ethernet addresses lie on even offsets in every structure here. */
typedef __u16 __attribute__((may_alias)) mac_word;

static __always_inline int mac_equal(const __u8 *a, const __u8 *b)
{
	const mac_word *x = (const mac_word *)a, *y = (const mac_word *)b;

	return !((x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2]));
}

/* 00-00-5E-00-01 or -02 and a VRID: the address of a virtual router; RFC 9568, 7.3. */
static __always_inline int mac_is_virtual(const __u8 *mac)
{
	const mac_word *word = (const mac_word *)mac;

	return !word[0] && word[1] == bpf_htons(0x5e00) && (mac[4] == 1 || mac[4] == 2);
}

/* A TCP packet may be from a member to a source; that is looked at once, see back.bpf.h. */
static __always_inline int back_later(struct packet *p)
{
	p->back = 1;
	return XDP_PASS;
}

/* The interface that it came by. */
static __always_inline __u32 packet_ingress(const struct packet *p)
{
	return hook_ingress(p->ctx);
}

static __always_inline struct iphdr *packet_ip4(const struct packet *p)
{
	return p->l3;
}

static __always_inline struct ipv6hdr *packet_ip6(const struct packet *p)
{
	return p->l3;
}

/* The Ethernet header and its VLAN tags, which stay on the packet. */
static __always_inline int packet_ethernet(struct packet *p, void *data)
{
	p->eth = data;
	p->l3 = p->eth + 1;
	if (p->l3 > p->end)
		return -1;
	p->type = p->eth->h_proto;
	for (int i = 0; i < PARSE_VLAN_TAGS; i++) {
		const struct vlan_tag *tag = p->l3;

		if (p->type != bpf_htons(ETH_P_8021Q) && p->type != bpf_htons(ETH_P_8021AD))
			return 0;
		p->l3 += sizeof(*tag);
		if (p->l3 > p->end)
			return -1;
		p->type = tag->type;
	}
	return 0;
}

static __always_inline int packet_ipv4(struct packet *p)
{
	const struct iphdr *ip = p->l3;
	__u16 fragment;

	if ((void *)(ip + 1) > p->end || ip->version != 4 || ip->ihl < 5)
		return -1;
	fragment = bpf_ntohs(ip->frag_off);
	p->family = FLOW_IPV4;
	p->src = flow_ip4(ip->saddr);
	p->dst = flow_ip4(ip->daddr);
	p->l3_size = ip->ihl * 4;
	p->bytes = bpf_ntohs(ip->tot_len);
	p->protocol = ip->protocol;
	p->hops = ip->ttl;
	if (fragment & IP_FRAGMENT_OFFSET)
		p->fragment = FRAGMENT_LATER;
	else if (fragment & IP_MORE_FRAGMENTS)
		p->fragment = FRAGMENT_FIRST;
	return 0;
}

static __always_inline int extension_is_followed(__u8 next)
{
	return next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING || next == IPPROTO_DSTOPTS ||
	       next == IPPROTO_FRAGMENT;
}

/* What follows the IP header; NULL when that is not there.  Of its length nothing is known. */
static __always_inline void *packet_payload(const struct packet *p)
{
	__u32 size = p->l3_size;

	/* The verifier has forgotten where the number came from. */
	barrier_var(size);
	return size > PARSE_L3_MAX ? NULL : p->l3 + size;
}

/* Steps over one extension header; -1: it is not whole. */
static __always_inline int packet_extension(struct packet *p)
{
	const struct ipv6_extension *extension = packet_payload(p);
	__u16 fragment;

	if (!extension || (void *)(extension + 1) > p->end)
		return -1;
	if (p->protocol != IPPROTO_FRAGMENT) {
		p->protocol = extension->next;
		p->l3_size += 8 + extension->length * 8;
		return 0;
	}
	fragment = bpf_ntohs(extension->fragment) & IP6_FRAGMENT_BITS;
	if (fragment & ~1)
		p->fragment = FRAGMENT_LATER;
	else if (fragment)
		p->fragment = FRAGMENT_FIRST;
	p->protocol = extension->next;
	p->l3_size += sizeof(*extension);
	return 0;
}

/* Not inlined: hardly any packet has them.  What lies behind a later fragment's is payload. */
static __noinline int packet_extensions(struct packet *p)
{
	for (int i = 0; i < PARSE_EXTENSIONS; i++) {
		if (!extension_is_followed(p->protocol) || p->fragment == FRAGMENT_LATER)
			return 0;
		if (packet_extension(p))
			return -1;
	}
	return 0;
}

static __always_inline int packet_ipv6(struct packet *p)
{
	const struct ipv6hdr *ip = p->l3;

	if ((void *)(ip + 1) > p->end || ip->version != 6)
		return -1;
	p->family = FLOW_IPV6;
	__builtin_memcpy(&p->src, &ip->saddr, sizeof(p->src));
	__builtin_memcpy(&p->dst, &ip->daddr, sizeof(p->dst));
	p->l3_size = sizeof(*ip);
	p->bytes = sizeof(*ip) + bpf_ntohs(ip->payload_len);
	p->protocol = ip->nexthdr;
	p->hops = ip->hop_limit;
	/* An IPv4 address in a header of IPv6 would find what belongs to IPv4. */
	if (flow_ip_family(&p->src) != FLOW_IPV6 || flow_ip_family(&p->dst) != FLOW_IPV6)
		return -1;
	return extension_is_followed(p->protocol) ? packet_extensions(p) : 0;
}

static __always_inline int packet_ip(struct packet *p)
{
	if (p->type == bpf_htons(ETH_P_IP))
		return packet_ipv4(p);
	if (p->type == bpf_htons(ETH_P_IPV6))
		return packet_ipv6(p);
	return -1;
}

/*
 * Whether the frame holds as many bytes as the IP header says.  `end` may be the end of its first
 * page; only then is the kernel asked, for it takes its time.
 */
static __always_inline int packet_is_whole(const struct packet *p)
{
	__u32 bytes = (__u32)(p->l3 - (void *)p->eth) + p->bytes;

	return (__u32)(p->end - (void *)p->eth) >= bytes || hook_length(p->ctx) >= bytes;
}

/* Bytes of the longest packet that goes out for this one: less, if it is to be cut up. */
static __always_inline __u32 packet_largest(const struct packet *p)
{
	__u32 payload = hook_gso(p->ctx);

	if (!payload || !p->tcp || (void *)(p->tcp + 1) > p->end)
		return p->bytes;
	return p->l3_size + p->tcp->doff * 4 + payload;
}

/* The TCP header of a packet that is no later fragment.  -1: no segment that a host would send. */
static __always_inline int packet_tcp(struct packet *p)
{
	__u32 headers;

	p->tcp = packet_payload(p);
	if (!p->tcp || (void *)(p->tcp + 1) > p->end)
		return -1;
	headers = p->l3_size + p->tcp->doff * 4;
	if (p->tcp->doff < 5 || headers > p->bytes || !packet_is_whole(p))
		return -1;
	p->flags = ((const __u8 *)p->tcp)[13];
	if (p->flags & TCP_SYN && p->flags & (TCP_FIN | TCP_RST))
		return -1;
	p->seq_end = bpf_ntohl(p->tcp->seq) + p->bytes - headers;
	if (p->flags & (TCP_SYN | TCP_FIN))
		p->seq_end++;
	return 0;
}

/* The first segment of a connection. */
static __always_inline int packet_opens(const struct packet *p)
{
	return (p->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
}

/* A segment that only an end of a connection that exists sends on purpose. */
static __always_inline int packet_confirms(const struct packet *p)
{
	return (p->flags & (TCP_SYN | TCP_RST | TCP_ACK)) == TCP_ACK;
}

#endif
