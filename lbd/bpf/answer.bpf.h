/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * ICMP errors of our own making, for packets that do not go on: too big for the way out, or at the
 * end of their hops.  The packet itself becomes its error: cut down to what is quoted, a new header
 * in front, back to where it came from.  The address that was spoken to speaks.
 *
 * Whoever drops the packet only says so in it (refuse_...); the answer is made once, at the end of
 * the program, for changing the frame's size takes all pointers into it away.
 *
 * At most ANSWER_RATE a second about the packets of one array (RFC 1812, 4.3.2.8), whatever CPUs
 * they come to; what is above is a silent drop.  So who floods one array silences no other.
 */
#ifndef CASPAIR_ANSWER_BPF_H
#define CASPAIR_ANSWER_BPF_H

#include "lbd/bpf/config.bpf.h"
#include "lbd/bpf/count.bpf.h"
#include "lbd/bpf/nat.bpf.h"

#define ANSWER_RATE   1000
#define ANSWER_HOPS   64
#define ANSWER_QUOTED 8 /* bytes of TCP: ports and SEQ, by which the sender knows its own */

#define ICMP_UNREACHABLE   3 /* RFC 792 */
#define ICMP_FRAGMENTATION 4
#define ICMP_EXCEEDED      11
#define ICMP6_TOO_BIG      2 /* RFC 4443 */
#define ICMP6_EXCEEDED     3

/* RFC 792 and RFC 4443, 2.1; what `rest` is depends on the type. */
struct icmp_head {
	__u8 type;
	__u8 code;
	__sum16 check;
	__be32 rest;
};

enum answer_kind {
	ANSWER_NONE = 0,
	ANSWER_TOO_BIG,
	ANSWER_HOPS_OVER,
};

static __always_inline struct icmp_head answer_head(const struct packet *p)
{
	struct icmp_head head = {};
	int ipv4 = p->family == FLOW_IPV4;

	if (p->answer == ANSWER_HOPS_OVER) {
		head.type = ipv4 ? ICMP_EXCEEDED : ICMP6_EXCEEDED;
		return head;
	}
	head.type = ipv4 ? ICMP_UNREACHABLE : ICMP6_TOO_BIG;
	head.code = ipv4 ? ICMP_FRAGMENTATION : 0;
	head.rest = bpf_htonl(p->answer_mtu);
	return head;
}

/* An Ethernet header with as many tags as are followed. */
struct answer_link {
	__u8 bytes[sizeof(struct ethhdr) + PARSE_VLAN_TAGS * sizeof(struct vlan_tag)];
};

/* One answer, and a bucket of a second's worth of them. */
#define ANSWER_NS   (1000000000 / ANSWER_RATE)
#define ANSWER_FULL 1000000000

/* Of no array; the entry behind theirs. */
#define ANSWER_OTHERS FLOW_MAX_ARRAYS

/*
 * Takes one answer from an array's bucket; 0: it is empty.  Nobody fills the bucket: what is left in
 * it follows from when it will be full.  CPUs that look at once may take one each too many, which
 * the next ones then lack.
 */
static __always_inline int answer_may(__u32 array)
{
	struct answer_pace *pace = bpf_map_lookup_elem(&answer_paces, &array);
	__u64 now = bpf_ktime_get_ns(), full_ns;

	if (!pace)
		return 0;
	full_ns = pace->full_ns;
	if ((__s64)(full_ns - now) > ANSWER_FULL - ANSWER_NS)
		return 0;
	/* It has been full for long, and holds no more for that. */
	if ((__s64)(full_ns - now) < 0)
		__sync_val_compare_and_swap(&pace->full_ns, full_ns, now);
	__sync_fetch_and_add(&pace->full_ns, ANSWER_NS);
	return 1;
}

/* Whose packet it is that an error is about. */
static __noinline __u32 answer_array(const struct packet *p)
{
	const struct flow_role *role = role_find(p->roles, &p->dst);

	if (!role || role->kind != ROLE_VIP)
		role = role_find(p->roles, &p->src);
	if (!role || (role->kind != ROLE_VIP && role->kind != ROLE_MEMBER))
		return ANSWER_OTHERS;
	return role->port_table;
}

/* One's complement sum of words up to the end of the frame, at most `most` bytes; even in number.
 */
static __always_inline __u64 answer_sum(const void *at, const void *end, __u32 most)
{
	__u64 sum = 0;

	for (__u32 i = 0; i < most; i += 4) {
		const __u32 *word = at + i;

		if ((const void *)(word + 1) > end)
			break;
		sum += *word;
	}
	return sum;
}

/* Moves the Ethernet header to the new front, and turns it round. */
static __always_inline void *answer_ethernet(void *data, const void *end,
					     const struct answer_link *link, __u32 size)
{
	struct ethhdr *eth = data;

	barrier_var(size);
	if (size > sizeof(*link) || data + sizeof(*link) > end)
		return NULL;
	__builtin_memcpy(eth->h_dest, link->bytes + ETH_ALEN, ETH_ALEN);
	__builtin_memcpy(eth->h_source, link->bytes, ETH_ALEN);
	for (__u32 i = 2 * ETH_ALEN; i < sizeof(*link); i++)
		if (i < size)
			((__u8 *)data)[i] = link->bytes[i];
	return data + size;
}

/* What is to be said, to whom, and what it is made of. */
struct answer {
	struct flow_ip from, to;
	struct icmp_head icmp;
	__u32 ingress; /* of the frame, and the way back */
	__u32 link;    /* bytes of the Ethernet header with its tags */
	__u32 quoted;  /* bytes of the packet that come back, its IP header included */
	__u32 family;
};

static __always_inline int answer_ipv4(const struct answer *answer, struct iphdr *ip, void *end)
{
	struct icmp_head *icmp = (void *)(ip + 1);

	if ((void *)(icmp + 1) > end)
		return -1;
	*icmp = answer->icmp;
	icmp->check = checksum_close(answer_sum(icmp, end, sizeof(*icmp) + 60 + ANSWER_QUOTED));
	*ip = (struct iphdr){
		.version = 4,
		.ihl = sizeof(*ip) / 4,
		.tos = 0xc0, /* internetwork control; RFC 1812, 4.3.2.5 */
		.tot_len = bpf_htons((__u16)(sizeof(*ip) + sizeof(*icmp) + answer->quoted)),
		.ttl = ANSWER_HOPS,
		.protocol = IPPROTO_ICMP,
		.saddr = answer->from.word[3],
		.daddr = answer->to.word[3],
	};
	ip->check = checksum_close(answer_sum(ip, ip + 1, sizeof(*ip)));
	return 0;
}

static __always_inline int answer_ipv6(const struct answer *answer, struct ipv6hdr *ip, void *end)
{
	struct icmp_head *icmp = (void *)(ip + 1);
	__u16 bytes = (__u16)(sizeof(*icmp) + answer->quoted);
	__u64 sum;

	if ((void *)(icmp + 1) > end)
		return -1;
	*icmp = answer->icmp;
	__builtin_memset(ip, 0, sizeof(*ip));
	ip->version = 6;
	ip->payload_len = bpf_htons(bytes);
	ip->nexthdr = IPPROTO_ICMPV6;
	ip->hop_limit = ANSWER_HOPS;
	__builtin_memcpy(&ip->saddr, &answer->from, sizeof(answer->from));
	__builtin_memcpy(&ip->daddr, &answer->to, sizeof(answer->to));
	/* The pseudo-header of RFC 8200, 8.1, and all that follows. */
	sum = answer_sum(&ip->saddr, ip + 1, 2 * sizeof(answer->from));
	sum += bpf_htonl(bytes) + (__u64)bpf_htonl(IPPROTO_ICMPV6);
	sum += answer_sum(icmp, end, sizeof(*icmp) + sizeof(*ip) + ANSWER_QUOTED);
	icmp->check = checksum_close(sum);
	return 0;
}

/*
 * Turns the frame into the answer; what it was before is gone.  1 when it is on its way.  Not
 * static: so it is verified once by itself, and not again for every way that leads here.
 */
__noinline int answer_send(hook_frame *frame, struct answer *answer)
{
	void *data = hook_data(frame), *end = hook_end(frame);
	struct answer_link link;
	__u32 head;

	if (!answer || data + sizeof(link) > end)
		return 0;
	head = answer->family == FLOW_IPV4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);
	__builtin_memcpy(&link, data, sizeof(link));
	if (hook_resize(frame, answer->link + answer->quoted, head + sizeof(struct icmp_head)))
		return 0;
	end = hook_end(frame);
	data = answer_ethernet(hook_data(frame), end, &link, answer->link);
	if (!data)
		return 0;
	if (answer->family == FLOW_IPV4 ? answer_ipv4(answer, data, end)
					: answer_ipv6(answer, data, end))
		return 0;
	return hook_redirect(answer->ingress) == XDP_REDIRECT;
}

/* For the end of the program: makes the answer that was decided on; the verdict on the packet. */
static __noinline int answer_packet(const struct packet *p)
{
	struct answer answer = {
		.from = p->answer_by,
		.to = p->src,
		.icmp = answer_head(p),
		.ingress = packet_ingress(p),
		.link = (__u32)(p->l3 - (void *)p->eth),
		.quoted = p->l3_size + ANSWER_QUOTED,
		.family = p->family,
	};

	/* Least of all about an error; RFC 1122, 3.2.2. */
	if (p->protocol != IPPROTO_TCP)
		return XDP_DROP;
	/* A quotation with extension headers would be longer than the sum above reaches. */
	if (p->family == FLOW_IPV6 && p->l3_size != sizeof(struct ipv6hdr))
		return XDP_DROP;
	if (!answer_may(answer_array(p)))
		return XDP_DROP;
	count(COUNT_ANSWERED);
	return answer_send(p->ctx, &answer) ? XDP_REDIRECT : XDP_DROP;
}

/* `by` was spoken to, or speaks for the member that was; the way out takes no more than `mtu`. */
static __always_inline int refuse_too_big(struct packet *p, const struct flow_ip *by, __u16 mtu)
{
	p->answer = ANSWER_TOO_BIG;
	p->answer_by = *by;
	p->answer_mtu = mtu;
	return drop(COUNT_DROP_TOO_BIG);
}

static __always_inline int refuse_hops(struct packet *p, const struct flow_ip *by)
{
	p->answer = ANSWER_HOPS_OVER;
	p->answer_by = *by;
	return drop(COUNT_DROP_TTL);
}

#endif
