/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From bytes to headers.  One function a header; each checks that what it names lies inside the
 * frame before anybody reads it.
 */
#ifndef CASPAIR_PARSE_BPF_H
#define CASPAIR_PARSE_BPF_H

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <bpf/bpf_endian.h>

#include "lbd/bpf/clock.bpf.h"
#include "lbd/bpf/maps.bpf.h"

#define IP_MORE_FRAGMENTS  0x2000
#define IP_FRAGMENT_OFFSET 0x1fff

enum tcp_flags {
	TCP_FIN = 0x01,
	TCP_SYN = 0x02,
	TCP_RST = 0x04,
	TCP_ACK = 0x10,
};

/* A frame on its way through; headers are set by the function that checked them. */
struct packet {
	struct xdp_md *xdp;
	struct ethhdr *eth;
	struct iphdr *ip;
	struct tcphdr *tcp;
	const struct flow_role_table *roles;
	__u32 now;     /* ticks */
	__u32 bytes;   /* IP total length; set with tcp, as are the next two */
	__u32 seq_end; /* SEQ after this segment: payload, SYN and FIN count */
	__u8 flags;    /* enum tcp_flags */
};

/* Three loads a side; Ethernet addresses lie on even offsets in every structure here. */
typedef __u16 __attribute__((may_alias)) mac_word;

static __always_inline int mac_equal(const __u8 *a, const __u8 *b)
{
	const mac_word *x = (const mac_word *)a, *y = (const mac_word *)b;

	return !((x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2]));
}

static __always_inline void *packet_end(const struct packet *p)
{
	return (void *)(long)p->xdp->data_end;
}

static __always_inline int packet_ethernet(struct packet *p)
{
	p->eth = (void *)(long)p->xdp->data;
	return (void *)(p->eth + 1) > packet_end(p) ? -1 : 0;
}

static __always_inline int packet_ip(struct packet *p)
{
	p->ip = (void *)(p->eth + 1);
	if ((void *)(p->ip + 1) > packet_end(p))
		return -1;
	return p->ip->version != 4 || p->ip->ihl < 5 ? -1 : 0;
}

static __always_inline int packet_is_fragment(const struct packet *p)
{
	return p->ip->frag_off & bpf_htons(IP_MORE_FRAGMENTS | IP_FRAGMENT_OFFSET) ? 1 : 0;
}

static __always_inline int packet_is_later_fragment(const struct packet *p)
{
	return p->ip->frag_off & bpf_htons(IP_FRAGMENT_OFFSET) ? 1 : 0;
}

/* Whether the frame holds as many bytes as the IP header says; XDP may see only its first page. */
static __always_inline int packet_is_whole(const struct packet *p, __u32 bytes)
{
	if ((void *)p->ip + bytes <= packet_end(p))
		return 1;
	return bpf_xdp_get_buff_len(p->xdp) >= sizeof(struct ethhdr) + bytes;
}

/* The TCP header of a packet that is no later fragment.  -1: no segment that a host would send. */
static __always_inline int packet_tcp(struct packet *p)
{
	__u32 ip_bytes = p->ip->ihl * 4;
	__u32 headers;

	p->tcp = (void *)p->ip + ip_bytes;
	if ((void *)(p->tcp + 1) > packet_end(p))
		return -1;
	p->bytes = bpf_ntohs(p->ip->tot_len);
	headers = ip_bytes + p->tcp->doff * 4;
	if (p->tcp->doff < 5 || headers > p->bytes || !packet_is_whole(p, p->bytes))
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
