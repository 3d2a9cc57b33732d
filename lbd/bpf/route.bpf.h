/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where a packet leaves: the kernel's routes and neighbours by bpf_fib_lookup(), asked with the
 * addresses that the packet is going to have and before anything is rewritten.  Towards a client
 * whose neighbour entry is missing, the way its own packets came is known and as good.
 *
 * Always bpf_redirect(), also back out of the same interface: XDP_TX needs more of a veth's peer.
 */
#ifndef CASPAIR_ROUTE_BPF_H
#define CASPAIR_ROUTE_BPF_H

#include "lbd/bpf/event.bpf.h"
#include "lbd/bpf/nat.bpf.h"

#define FAMILY_INET 2 /* AF_INET; <sys/socket.h> is not for this compiler */

/* The last hop of a client's packets, copied from a flow or a handshake. */
struct hop {
	__u8 mac[6];
	__u8 known;
	__u8 pad;
	__u32 ifindex;
};

/* A BPF_FIB_LKUP_RET_ value, or a negative errno. */
static __always_inline long route_find(const struct packet *p, struct bpf_fib_lookup *fib,
				       __be32 from, __be32 to)
{
	__builtin_memset(fib, 0, sizeof(*fib));
	fib->family = FAMILY_INET;
	fib->tos = p->ip->tos;
	fib->l4_protocol = IPPROTO_TCP;
	fib->sport = p->tcp->source;
	fib->dport = p->tcp->dest;
	fib->tot_len = (__u16)p->bytes;
	fib->ipv4_src = from;
	fib->ipv4_dst = to;
	fib->ifindex = p->xdp->ingress_ifindex;
	return bpf_fib_lookup(p->xdp, fib, sizeof(*fib), 0);
}

/* Whether a result means that the packet is to go on, now or as soon as a neighbour is resolved. */
static __always_inline int route_leads_on(long found)
{
	return found == BPF_FIB_LKUP_RET_SUCCESS || found == BPF_FIB_LKUP_RET_NO_NEIGH ||
	       found == BPF_FIB_LKUP_RET_FRAG_NEEDED;
}

/* For every result but success: a counted drop, and for a neighbour a question to lbd. */
static __noinline int route_refuse(const struct packet *p, const struct bpf_fib_lookup *fib,
				   long found)
{
	if (found == BPF_FIB_LKUP_RET_FRAG_NEEDED)
		return drop(COUNT_DROP_TOO_BIG);
	if (found != BPF_FIB_LKUP_RET_NO_NEIGH)
		return drop(COUNT_DROP_NO_ROUTE);
	notice_neighbour(fib->ifindex, fib->ipv4_dst, p->now);
	return drop(COUNT_DROP_NEIGHBOUR);
}

static __always_inline int route_send(struct packet *p, const struct bpf_fib_lookup *fib)
{
	nat_hop(p);
	__builtin_memcpy(p->eth->h_dest, fib->dmac, sizeof(fib->dmac));
	__builtin_memcpy(p->eth->h_source, fib->smac, sizeof(fib->smac));
	return (int)bpf_redirect(fib->ifindex, 0);
}

/* Completes a result without a neighbour by the client's known last hop; 0 when that worked. */
static __always_inline int route_by_hop(struct bpf_fib_lookup *fib, const struct hop *hop)
{
	const struct link_mac *own;
	__u32 ifindex = hop->ifindex;

	if (!hop->known)
		return -1;
	own = bpf_map_lookup_elem(&link_macs, &ifindex);
	if (!own)
		return -1;
	fib->ifindex = ifindex;
	__builtin_memcpy(fib->dmac, hop->mac, sizeof(fib->dmac));
	__builtin_memcpy(fib->smac, own->mac, sizeof(fib->smac));
	return 0;
}

static __always_inline int route_to_member(struct packet *p, const struct flow_member *member)
{
	struct bpf_fib_lookup fib;
	long found = route_find(p, &fib, p->ip->saddr, member->addr);

	if (found != BPF_FIB_LKUP_RET_SUCCESS)
		return route_refuse(p, &fib, found);
	nat_address(p, &p->ip->daddr, member->addr);
	count(COUNT_FORWARDED_IN);
	return route_send(p, &fib);
}

/* With the result of route_find() from the VIP to the client. */
static __always_inline int route_to_client(struct packet *p, struct bpf_fib_lookup *fib, long found,
					   __be32 vip, const struct hop *hop)
{
	if (found == BPF_FIB_LKUP_RET_NO_NEIGH && route_by_hop(fib, hop) == 0)
		found = BPF_FIB_LKUP_RET_SUCCESS;
	if (found != BPF_FIB_LKUP_RET_SUCCESS)
		return route_refuse(p, fib, found);
	nat_address(p, &p->ip->saddr, vip);
	count(COUNT_FORWARDED_OUT);
	return route_send(p, fib);
}

/* Remembers the address under which a link of ours is spoken to. */
static __noinline void route_learn_link(const struct packet *p)
{
	__u32 ifindex = p->xdp->ingress_ifindex;
	struct link_mac own = {};
	const struct link_mac *known = bpf_map_lookup_elem(&link_macs, &ifindex);

	__builtin_memcpy(own.mac, p->eth->h_dest, sizeof(own.mac));
	if (own.mac[0] & 1) /* group address: says nothing about the link */
		return;
	if (!known || !mac_equal(known->mac, own.mac))
		bpf_map_update_elem(&link_macs, &ifindex, &own, BPF_ANY);
}

#endif
