/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * ICMP errors about packets of sessions, from routers on the way or from the ends themselves.  Each
 * end knows the session under other addresses than the packet that the error quotes, so both the
 * header and the quotation are rewritten; without that, path MTU discovery would fail in both
 * directions.
 *
 *	about a member's packet (quotes VIP -> client):	to the member
 *	about a client's packet (quotes client -> member):	to the client, from the VIP
 *	the same in SNAT (quotes source -> member):	to the client, from the VIP
 *
 * A member that is spoken to from a source hears of routers from there too: it may know no way to
 * them, and would then disbelieve what they say.
 *
 * The quoted TCP checksum is left alone: it is rarely within the quotation, and nobody reads it.
 */
#ifndef CASPAIR_ICMP_BPF_H
#define CASPAIR_ICMP_BPF_H

#include "lbd/bpf/inbound.bpf.h"
#include "lbd/bpf/outbound.bpf.h"

#define ICMP_PARAMETER   12
#define ICMP6_FIRST_INFO 128 /* below: errors; RFC 4443, 2.1 */

/* What of TCP is quoted for sure. */
struct quote_ports {
	__be16 src, dst;
	__be32 seq;
};

/* The packet that an error is about. */
struct quote {
	void *l3;
	struct quote_ports *ports;
	struct flow_key key; /* client's view, if the error goes the way that was asked for */
};

enum quote_way {
	QUOTE_OF_MEMBER = 0, /* VIP -> client */
	QUOTE_OF_CLIENT,     /* client, or source -> member, as it was rewritten here */
};

/* In place of a verdict: no error about a session of this kind. */
#define ICMP_NOT_OURS (-1)

static __always_inline int icmp_is_error(const struct packet *p, const struct icmp_head *icmp)
{
	if (p->family == FLOW_IPV6)
		return icmp->type < ICMP6_FIRST_INFO;
	return icmp->type == ICMP_UNREACHABLE || icmp->type == ICMP_EXCEEDED ||
	       icmp->type == ICMP_PARAMETER;
}

/* The two addresses, and where the ports must be; NULL: not TCP, or not the beginning of it. */
static __always_inline void *quote_ipv4(const struct packet *p, const struct quote *quote,
					struct flow_ip *src, struct flow_ip *dst)
{
	struct iphdr *ip = quote->l3;

	if ((void *)(ip + 1) > p->end || ip->version != 4 || ip->ihl < 5 ||
	    ip->protocol != IPPROTO_TCP || ip->frag_off & bpf_htons(IP_FRAGMENT_OFFSET))
		return NULL;
	*src = flow_ip4(ip->saddr);
	*dst = flow_ip4(ip->daddr);
	return (void *)ip + ip->ihl * 4;
}

static __always_inline void *quote_ipv6(const struct packet *p, const struct quote *quote,
					struct flow_ip *src, struct flow_ip *dst)
{
	struct ipv6hdr *ip = quote->l3;

	if ((void *)(ip + 1) > p->end || ip->version != 6 || ip->nexthdr != IPPROTO_TCP)
		return NULL;
	__builtin_memcpy(src, &ip->saddr, sizeof(*src));
	__builtin_memcpy(dst, &ip->daddr, sizeof(*dst));
	return ip + 1;
}

/* -1: no error about a TCP segment, not enough of it, or not for who sent that segment. */
static __noinline int icmp_quote(const struct packet *p, struct quote *quote, int way)
{
	const struct icmp_head *icmp = packet_payload(p);
	struct flow_key *key = &quote->key;
	struct flow_ip *src = way == QUOTE_OF_MEMBER ? &key->vip : &key->client;
	struct flow_ip *dst = way == QUOTE_OF_MEMBER ? &key->client : &key->vip;
	struct quote_ports *ports;

	if (!icmp || (void *)(icmp + 1) > p->end || p->fragment || !icmp_is_error(p, icmp))
		return -1;
	quote->l3 = (void *)(icmp + 1);
	ports = p->family == FLOW_IPV4 ? quote_ipv4(p, quote, src, dst)
				       : quote_ipv6(p, quote, src, dst);
	if (!ports || (void *)(ports + 1) > p->end || !flow_ip_equal(src, &p->dst))
		return -1;
	quote->ports = ports;
	key->client_port = way == QUOTE_OF_MEMBER ? ports->dst : ports->src;
	key->vip_port = way == QUOTE_OF_MEMBER ? ports->src : ports->dst;
	return 0;
}

/*
 * The address in the header and the one in the quotation that are the same, become another.  In
 * IPv4 the sum of the ICMP message does not change: what the quoted address adds, the quoted
 * header's own checksum takes away.
 */
static __always_inline int icmp_ipv4(struct packet *p, const struct quote *quote, int outward,
				     __be32 to)
{
	struct iphdr *ip = packet_ip4(p), *quoted = quote->l3;

	if ((void *)(quoted + 1) > p->end)
		return -1;
	nat_ipv4(ip, outward ? &ip->saddr : &ip->daddr, to);
	nat_ipv4(quoted, outward ? &quoted->daddr : &quoted->saddr, to);
	return 0;
}

static __always_inline int icmp_ipv6(struct packet *p, const struct quote *quote, int outward,
				     const struct flow_ip *to)
{
	struct ipv6hdr *ip = packet_ip6(p), *quoted = quote->l3;
	struct icmp_head *icmp = packet_payload(p);
	__u64 change;

	if (!icmp || (void *)(icmp + 1) > p->end || (void *)(quoted + 1) > p->end)
		return -1;
	change = nat_ipv6((outward ? &ip->saddr : &ip->daddr)->in6_u.u6_addr32, to);
	change += nat_ipv6((outward ? &quoted->daddr : &quoted->saddr)->in6_u.u6_addr32, to);
	checksum_add(&icmp->check, change);
	return 0;
}

static __noinline int icmp_send(struct packet *p, const struct quote *quote, int outward,
				const struct flow_ip *to, const struct flow_hop *hop)
{
	int err = p->family == FLOW_IPV4 ? icmp_ipv4(p, quote, outward, to->word[3])
					 : icmp_ipv6(p, quote, outward, to);

	if (err)
		return drop(COUNT_DROP_MALFORMED);
	count(outward ? COUNT_ICMP_OUT : COUNT_ICMP_IN);
	return route_send(p, hop);
}

/* One by one, by a call: four of them unrolled would take half of the stack. */
static __noinline __u64 icmp_address(__be32 *field, const struct flow_ip *to)
{
	return nat_ipv6(field, to);
}

/* Who is quoted to have sent the packet is told, by whom he sent it to; what the sum changes by. */
static __always_inline int icmp_ends(struct packet *p, const struct quote *quote,
				     const struct flow_ip *from, const struct flow_ip *to,
				     __u64 *change)
{
	struct ipv6hdr *ip6, *quoted6 = quote->l3;
	struct iphdr *ip, *quoted = quote->l3;

	if (p->family == FLOW_IPV4) {
		if ((void *)(quoted + 1) > p->end)
			return -1;
		ip = packet_ip4(p);
		nat_ipv4(ip, &ip->saddr, to->word[3]);
		nat_ipv4(ip, &ip->daddr, from->word[3]);
		nat_ipv4(quoted, &quoted->saddr, from->word[3]);
		nat_ipv4(quoted, &quoted->daddr, to->word[3]);
		return 0;
	}
	ip6 = nat_ip6(p);
	if (!ip6 || (void *)(quoted6 + 1) > p->end)
		return -1;
	*change = icmp_address(ip6->saddr.in6_u.u6_addr32, to) +
		  icmp_address(ip6->daddr.in6_u.u6_addr32, from) +
		  icmp_address(quoted6->saddr.in6_u.u6_addr32, from) +
		  icmp_address(quoted6->daddr.in6_u.u6_addr32, to);
	return 0;
}

/*
 * The same about a session that has a source: both of its addresses are others there, and a port.
 * `view` is how the one that is told knows it.
 */
static __noinline int icmp_send_sourced(struct packet *p, const struct quote *quote, int outward,
					const struct flow_key *view, const struct flow_hop *hop)
{
	const struct flow_ip *from = outward ? &view->client : &view->vip;
	const struct flow_ip *to = outward ? &view->vip : &view->client;
	__be16 from_port = outward ? view->client_port : view->vip_port;
	__be16 to_port = outward ? view->vip_port : view->client_port;
	struct icmp_head *icmp = packet_payload(p);
	struct quote_ports *ports = quote->ports;
	__u64 change = 0;

	if (!icmp || (void *)(icmp + 1) > p->end || (void *)(ports + 1) > p->end ||
	    icmp_ends(p, quote, from, to, &change))
		return drop(COUNT_DROP_MALFORMED);
	change = checksum_change(change, ports->src, from_port);
	change = checksum_change(change, ports->dst, to_port);
	ports->src = from_port;
	ports->dst = to_port;
	checksum_add(&icmp->check, change);
	count(outward ? COUNT_ICMP_OUT : COUNT_ICMP_IN);
	return route_send(p, hop);
}

/* How a session goes, or would by derivation. */
static __always_inline struct way icmp_way(const struct flow_key *key,
					   const struct flow_service *service)
{
	const struct handshake *handshake;
	const struct flow *flow = flow_find(key);
	struct way way = { .mode = service->mode };

	if (flow)
		return way_of(flow);
	handshake = bpf_map_lookup_elem(&handshakes, key);
	if (handshake)
		return inbound_way(handshake);
	way.member = inbound_derived(&key->client, service);
	return way;
}

/* About what a member has sent to a source. */
static __noinline int icmp_to_sourced(struct packet *p, const struct quote *quote,
				      const struct way *way, const struct flow_hop *hop)
{
	struct flow_key view = {};

	if (source_view(&view, &quote->key, way))
		return drop(COUNT_DROP_UNSOURCED);
	return icmp_send_sourced(p, quote, 0, &view, hop);
}

/* To a VIP: about a member's packet, or not of its services. */
static __noinline int icmp_inbound(struct packet *p, const struct flow_role *vip)
{
	const struct flow_service *service;
	const struct flow_member *member;
	struct quote quote = {};
	struct flow_hop *hop;
	struct way way;
	int verdict;

	if (icmp_quote(p, &quote, QUOTE_OF_MEMBER))
		return ICMP_NOT_OURS;
	service = service_find(vip, quote.key.vip_port);
	if (!service)
		return ICMP_NOT_OURS;
	if (p->hops <= 1)
		return drop(COUNT_DROP_TTL);
	way = icmp_way(&quote.key, service);
	member = member_get(way.member);
	if (!member)
		return drop(COUNT_DROP_NO_MEMBER);
	verdict = route_for_member(p, &way, &member->addr[p->family & 1], &hop);
	if (verdict != ROUTE_FOUND)
		return verdict;
	/* In DSR the member is who has sent what is quoted, and from the VIP. */
	if (way.mode == MODE_DSR) {
		count(COUNT_ICMP_IN);
		return route_send(p, hop);
	}
	if (way.mode == MODE_SNAT)
		return icmp_to_sourced(p, &quote, &way, hop);
	return icmp_send(p, &quote, 0, &member->addr[p->family & 1], hop);
}

/* The service of the VIP that a packet to a member's port was sent to by a client. */
static __always_inline const struct flow_service *icmp_service(const struct packet *p,
							       const struct flow_key *key)
{
	const struct flow_role *role = role_find(p->roles, &key->vip);

	if (!role || role->kind != ROLE_MEMBER || !member_is(role->id, &key->vip))
		return NULL;
	return service_find(role, key->vip_port);
}

/*
 * Past us, to somebody: about a client's packet to a member as it was rewritten here, or none of
 * ours.  A session of the member's own address is not rewritten, and a probe of our own is not
 * forwarded: route_ask_client() knows.
 */
static __noinline int icmp_outbound(struct packet *p)
{
	const struct flow_service *service;
	struct flow_hop hop = {};
	struct quote quote = {};
	int verdict;

	if (icmp_quote(p, &quote, QUOTE_OF_CLIENT))
		return pass();
	service = icmp_service(p, &quote.key);
	if (!service || flow_ip_is_none(&service->vip[p->family & 1]) || flow_find(&quote.key))
		return pass();
	quote.key.vip = service->vip[p->family & 1];
	if (p->hops <= 1)
		return drop(COUNT_DROP_TTL);
	verdict = route_ask_client(p, &hop, &quote.key, 1);
	if (verdict != ROUTE_FOUND)
		return verdict;
	return icmp_send(p, &quote, 1, &quote.key.vip, &hop);
}

/* Of a client of whom there is a record, whose hop that is. */
static __noinline int icmp_known(struct packet *p, const struct quote *quote, struct flow_hop *hop)
{
	int verdict;

	if (p->hops <= 1)
		return drop(COUNT_DROP_TTL);
	verdict = hop_holds(hop, p) ? ROUTE_FOUND : route_ask_client(p, hop, &quote->key, 0);
	if (verdict != ROUTE_FOUND)
		return verdict;
	return icmp_send_sourced(p, quote, 1, &quote->key, hop);
}

/*
 * To an address of ours that may be a source: about a client's packet as its member was sent it, or
 * the kernel's.
 */
static __noinline int icmp_back(struct packet *p)
{
	struct handshake *handshake;
	struct quote quote = {};
	struct flow *flow;

	if (icmp_quote(p, &quote, QUOTE_OF_CLIENT) || source_client(&quote.key))
		return gate_own();
	flow = flow_find(&quote.key);
	if (flow)
		return icmp_known(p, &quote, &flow->hop);
	handshake = bpf_map_lookup_elem(&handshakes, &quote.key);
	return handshake ? icmp_known(p, &quote, &handshake->hop) : gate_own();
}

/* Any ICMP message; `to` is what its destination means to us. */
static __always_inline int icmp(struct packet *p, const struct flow_role *to)
{
	int verdict = ICMP_NOT_OURS;

	if (!to || to->kind == ROLE_MEMBER)
		return icmp_outbound(p);
	/* A VIP may be a source, too. */
	if (to->kind == ROLE_VIP)
		verdict = icmp_inbound(p, to);
	return verdict == ICMP_NOT_OURS ? icmp_back(p) : verdict;
}

#endif
