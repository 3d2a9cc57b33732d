/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where a packet leaves: the kernel's routes and neighbours by bpf_fib_lookup(), asked with the
 * addresses that the packet is going to have and before anything is rewritten.  The answer is kept,
 * with the member or with the flow, and asked for again when it is old (see struct flow_hop).
 * Towards a client whose neighbour entry is missing, the way its own packets came is as good.
 *
 * Always bpf_redirect(), also back out of the same interface: XDP_TX needs more of a veth's peer.
 */
#ifndef CASPAIR_ROUTE_BPF_H
#define CASPAIR_ROUTE_BPF_H

#include "lbd/bpf/answer.bpf.h"
#include "lbd/bpf/event.bpf.h"
#include "lbd/bpf/gate.bpf.h"
#include "lbd/bpf/nat.bpf.h"

/* <sys/socket.h> is not for this compiler. */
#define FAMILY_INET  2
#define FAMILY_INET6 10

/* A BPF_FIB_LKUP_RET_ value, or a negative errno.  What it found is in *fib. */
static __noinline long route_find(const struct packet *p, struct bpf_fib_lookup *fib,
				  const struct flow_ip *from, const struct flow_ip *to)
{
	__builtin_memset(fib, 0, sizeof(*fib));
	fib->l4_protocol = p->protocol;
	if (p->tcp) {
		fib->sport = p->tcp->source;
		fib->dport = p->tcp->dest;
	}
	fib->tot_len = (__u16)packet_largest(p);
	fib->ifindex = p->ingress;
	if (p->family == FLOW_IPV4) {
		fib->family = FAMILY_INET;
		fib->tos = packet_ip4(p)->tos;
		fib->ipv4_src = from->word[3];
		fib->ipv4_dst = to->word[3];
	} else {
		fib->family = FAMILY_INET6;
		fib->flowinfo = *(const __be32 *)p->l3 & bpf_htonl(0x0fffffff);
		__builtin_memcpy(fib->ipv6_src, from, sizeof(*from));
		__builtin_memcpy(fib->ipv6_dst, to, sizeof(*to));
	}
	return bpf_fib_lookup(p->ctx, fib, sizeof(*fib), 0);
}

/* Whether a result means that the packet is to go on, now or as soon as a neighbour is resolved. */
static __always_inline int route_leads_on(long found)
{
	return found == BPF_FIB_LKUP_RET_SUCCESS || found == BPF_FIB_LKUP_RET_NO_NEIGH ||
	       found == BPF_FIB_LKUP_RET_FRAG_NEEDED;
}

/* Asks lbd to resolve the next hop that a lookup named without its link-layer address. */
static __noinline void route_ask_neighbour(const struct bpf_fib_lookup *fib, __u32 now)
{
	struct next_hop next = { .ifindex = fib->ifindex };

	/* The gateway of an IPv4 route may have an IPv6 address (RFC 8950). */
	if (fib->family == FAMILY_INET)
		next.addr = flow_ip4(fib->ipv4_dst);
	else
		__builtin_memcpy(&next.addr, fib->ipv6_dst, sizeof(next.addr));
	notice_neighbour(&next, now);
}

/*
 * For every result but success: a counted drop, and for a neighbour a question to lbd.  `vip` is
 * who speaks to the sender, if he is told.
 */
static __always_inline int route_refuse(struct packet *p, const struct bpf_fib_lookup *fib,
					long found, const struct flow_ip *vip)
{
	if (found == BPF_FIB_LKUP_RET_FRAG_NEEDED)
		return refuse_too_big(p, vip, fib->mtu_result);
	if (found != BPF_FIB_LKUP_RET_NO_NEIGH)
		return drop(COUNT_DROP_NO_ROUTE);
	route_ask_neighbour(fib, p->now);
	return drop(COUNT_DROP_NEIGHBOUR);
}

/* Whether what was found earlier still goes without asking. */
static __always_inline int hop_holds(const struct flow_hop *hop, const struct packet *p)
{
	return hop->ifindex && hop->routes == p->control->routes &&
	       ticks_since(p->now, hop->checked) < FLOW_HOP_TICKS;
}

/*
 * Another CPU may read the entry meanwhile.  Its own fields are written only when they differ, and
 * then one frame may go astray, as it does in any change of a route.
 */
static __always_inline void hop_keep(struct flow_hop *hop, const struct packet *p,
				     const struct bpf_fib_lookup *fib)
{
	if (!mac_equal(hop->to, fib->dmac))
		__builtin_memcpy(hop->to, fib->dmac, sizeof(hop->to));
	if (!mac_equal(hop->from, fib->smac))
		__builtin_memcpy(hop->from, fib->smac, sizeof(hop->from));
	if (hop->ifindex != fib->ifindex)
		hop->ifindex = fib->ifindex;
	/* The kernel has put it where the length was. */
	hop->mtu = fib->mtu_result;
	hop->routes = p->control->routes;
	hop->checked = p->now;
}

/* Where the client's packets come from: as good as a route where there is no neighbour. */
static __always_inline void hop_hear(struct flow_hop *hop, const struct packet *p)
{
	if (p->eth->h_dest[0] & 1) /* group address: says nothing about the link */
		return;
	if (hop->ifindex == p->ingress && mac_equal(hop->to, p->eth->h_source) &&
	    mac_equal(hop->from, p->eth->h_dest))
		return;
	__builtin_memcpy(hop->to, p->eth->h_source, sizeof(hop->to));
	__builtin_memcpy(hop->from, p->eth->h_dest, sizeof(hop->from));
	hop->ifindex = p->ingress;
	hop->mtu = 0;
	hop->routes = p->control->routes - 1; /* heard, not looked up: to be asked for at once */
}

/* The last step, by a hop that holds. */
static __always_inline int route_send(struct packet *p, const struct flow_hop *hop)
{
	nat_hop(p);
	__builtin_memcpy(p->eth->h_dest, hop->to, sizeof(hop->to));
	__builtin_memcpy(p->eth->h_source, hop->from, sizeof(hop->from));
	return hook_redirect(hop->ifindex);
}

static __always_inline int hop_too_small(const struct flow_hop *hop, const struct packet *p)
{
	return hop->mtu && p->bytes > hop->mtu && packet_largest(p) > hop->mtu;
}

/* What is said of a hop that was made good, in place of a verdict. */
#define ROUTE_FOUND (-1)

/* Makes a member's hop good: ROUTE_FOUND, or the verdict on a packet that has no way. */
static __noinline int route_ask_member(struct packet *p, struct flow_hop *hop,
				       const struct flow_ip *addr)
{
	struct bpf_fib_lookup fib;
	long found = route_find(p, &fib, &p->src, addr);

	if (found != BPF_FIB_LKUP_RET_SUCCESS)
		return route_refuse(p, &fib, found, &p->dst);
	hop_keep(hop, p, &fib);
	return ROUTE_FOUND;
}

/* ROUTE_FOUND and a hop that is good, or a verdict. */
static __always_inline int route_for_member(struct packet *p, __u16 slot,
					    const struct flow_ip *addr, struct flow_hop **hop)
{
	__u32 index = FLOW_FAMILIES * (__u32)slot + p->family;
	int verdict;

	*hop = bpf_map_lookup_elem(&hops, &index);
	if (!*hop)
		return drop(COUNT_DROP_NO_MEMBER);
	if (!hop_holds(*hop, p)) {
		verdict = route_ask_member(p, *hop, addr);
		if (verdict != ROUTE_FOUND)
			return verdict;
	}
	return hop_too_small(*hop, p) ? refuse_too_big(p, &p->dst, (*hop)->mtu) : ROUTE_FOUND;
}

static __always_inline int route_to_member(struct packet *p, __u16 slot,
					   const struct flow_member *member)
{
	const struct flow_ip *addr = &member->addr[p->family & 1];
	struct flow_hop *hop;
	int verdict = route_for_member(p, slot, addr, &hop);

	if (verdict != ROUTE_FOUND)
		return verdict;
	nat_destination(p, addr);
	count(COUNT_FORWARDED_IN);
	return route_send(p, hop);
}

/* A hop that was only heard, and not as the virtual router that another node is by now. */
static __always_inline int hop_serves(const struct flow_hop *hop)
{
	return hop->ifindex && !(mac_is_virtual(hop->from) && lease_silent());
}

/*
 * Makes the hop towards a client good: ROUTE_FOUND, or a verdict.  A hop that was only heard serves
 * where the kernel knows the link but not the neighbour, and the neighbour is asked for once the
 * connection is proven: not for each SYN of a flood.  What the kernel would not forward is its own
 * business if `unproven`: no record says that this is an answer to a client.
 */
static __noinline int route_ask_client(struct packet *p, struct flow_hop *hop,
				       const struct flow_key *key, int unproven)
{
	struct bpf_fib_lookup fib;
	long found = route_find(p, &fib, &key->vip, &key->client);

	if (unproven && !route_leads_on(found))
		return pass();
	if (found == BPF_FIB_LKUP_RET_SUCCESS)
		hop_keep(hop, p, &fib);
	else if (found != BPF_FIB_LKUP_RET_NO_NEIGH || !hop_serves(hop))
		return route_refuse(p, &fib, found, &key->vip);
	else if (packet_confirms(p)) /* or every answer would look for its route anew */
		route_ask_neighbour(&fib, p->now);
	return ROUTE_FOUND;
}

/* By a hop that is good. */
static __always_inline int route_to_client(struct packet *p, const struct flow_hop *hop,
					   const struct flow_ip *vip)
{
	if (hop_too_small(hop, p))
		return refuse_too_big(p, vip, hop->mtu);
	nat_source(p, vip);
	count(COUNT_FORWARDED_OUT);
	return route_send(p, hop);
}

#endif
