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
	fib->ifindex = packet_ingress(p);
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

/*
 * Asks lbd to resolve the next hop that a lookup named without its link-layer address.  Not static:
 * the verifier walks it once.
 */
__noinline int route_ask_neighbour(const struct bpf_fib_lookup *fib, __u32 now)
{
	struct next_hop next = {};

	if (!fib)
		return 0;
	next.ifindex = fib->ifindex;
	/* The gateway of an IPv4 route may have an IPv6 address (RFC 8950). */
	if (fib->family == FAMILY_INET)
		next.addr = flow_ip4(fib->ipv4_dst);
	else
		__builtin_memcpy(&next.addr, fib->ipv6_dst, sizeof(next.addr));
	notice_neighbour(&next, now);
	return 0;
}

/* Whether a lookup led to its destination itself.  A gateway may be of IPv6 (RFC 8950). */
static __noinline int route_ends_at(const struct bpf_fib_lookup *fib, const struct flow_ip *to)
{
	const struct flow_ip *next = (const struct flow_ip *)fib->ipv6_dst;

	if (flow_ip_family(to) == FLOW_IPV4)
		return fib->family == FAMILY_INET && fib->ipv4_dst == to->word[3];
	return fib->family == FAMILY_INET6 && flow_ip_equal(next, to);
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
	if (hop->ifindex == packet_ingress(p) && mac_equal(hop->to, p->eth->h_source) &&
	    mac_equal(hop->from, p->eth->h_dest))
		return;
	__builtin_memcpy(hop->to, p->eth->h_source, sizeof(hop->to));
	__builtin_memcpy(hop->from, p->eth->h_dest, sizeof(hop->from));
	hop->ifindex = packet_ingress(p);
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

/*
 * Whether a client whose packet came in by the member's link is on link there: the member would
 * answer him directly, and he would not know that address.
 */
static __noinline int route_same_link(const struct packet *p, __u16 slot)
{
	__u32 index = FLOW_FAMILIES * (__u32)slot + p->family;
	const struct flow_hop *hop = bpf_map_lookup_elem(&hops, &index);
	const struct flow_member *member = member_get(slot);
	struct bpf_fib_lookup fib;
	__u32 link;

	if (!hop || !member)
		return 0;
	link = hop->ifindex;
	if (!link && route_leads_on(route_find(p, &fib, &p->src, &member->addr[p->family & 1])))
		link = fib.ifindex;
	if (link != packet_ingress(p))
		return 0;
	if (!route_leads_on(route_find(p, &fib, &p->dst, &p->src)) || fib.ifindex != link)
		return 0;
	return route_ends_at(&fib, &p->src);
}

/* Whether the way to a member leads over a gateway: that would route a frame for the VIP back. */
static __noinline int route_is_indirect(const struct packet *p, const struct flow_ip *addr)
{
	struct bpf_fib_lookup fib;

	return route_leads_on(route_find(p, &fib, &p->src, addr)) && !route_ends_at(&fib, addr);
}

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
static __always_inline int route_for_member(struct packet *p, const struct way *way,
					    const struct flow_ip *addr, struct flow_hop **hop)
{
	int direct = way->mode == MODE_DSR;
	__u32 index = FLOW_FAMILIES * (__u32)way->member + p->family +
		      (direct ? FLOW_HOPS_DIRECT : 0);
	int verdict;

	*hop = bpf_map_lookup_elem(&hops, &index);
	if (!*hop)
		return drop(COUNT_DROP_NO_MEMBER);
	if (!hop_holds(*hop, p)) {
		if (direct && route_is_indirect(p, addr))
			return drop(COUNT_DROP_INDIRECT);
		verdict = route_ask_member(p, *hop, addr);
		if (verdict != ROUTE_FOUND)
			return verdict;
	}
	return hop_too_small(*hop, p) ? refuse_too_big(p, &p->dst, (*hop)->mtu) : ROUTE_FOUND;
}

/*
 * The addresses of a packet in the modes that are not NAT.  In DSR the frame alone is new.  It
 * costs a hop all the same: a member that lacks the VIP but forwards would send it back to us, and
 * round it would go.
 */
static __noinline int route_rewrite(struct packet *p, const struct way *way,
				    const struct flow_ip *addr)
{
	const struct flow_source *source;

	if (way->mode == MODE_DSR)
		return 0;
	source = source_get(way->source);
	if (!source)
		return -1;
	nat_source(p, &source->addr);
	nat_port(p, &p->tcp->source, way->source_port);
	nat_destination(p, addr);
	return 0;
}

static __always_inline int route_to_member(struct packet *p, const struct way *way,
					   const struct flow_member *member)
{
	const struct flow_ip *addr = &member->addr[p->family & 1];
	struct flow_hop *hop;
	int verdict = route_for_member(p, way, addr, &hop);

	if (verdict != ROUTE_FOUND)
		return verdict;
	if (way->mode == MODE_NAT)
		nat_destination(p, addr);
	else if (route_rewrite(p, way, addr))
		return drop(COUNT_DROP_UNSOURCED);
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
