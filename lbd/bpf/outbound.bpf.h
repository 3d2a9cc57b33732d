/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From a member.  Three things leave a member's service port: answers to clients, which get the
 * VIP's address back; answers to health checks of this node, which are the kernel's; and what
 * belongs to connections of the member's own address, see own.bpf.h.
 */
#ifndef CASPAIR_OUTBOUND_BPF_H
#define CASPAIR_OUTBOUND_BPF_H

#include "lbd/bpf/gate.bpf.h"
#include "lbd/bpf/own.bpf.h"
#include "lbd/bpf/record.bpf.h"
#include "lbd/bpf/route.bpf.h"
#include "lbd/bpf/track.bpf.h"

/* A flow to be recorded because of a packet of the member. */
static __always_inline struct flow outbound_flow(const struct packet *p, __u16 member)
{
	return (struct flow){
		.member = member,
		.state = p->flags & TCP_FIN ? FLOW_MEMBER_FIN : FLOW_ESTABLISHED,
		.flags = FLOW_PICKED_UP,
		.epoch = lease_epoch(),
		.created = p->now,
		.last_seen = p->now,
		/* What the member acknowledges is where the client has got to, and the reverse. */
		.client_ack = bpf_ntohl(p->tcp->seq),
		.client_seq = bpf_ntohl(p->tcp->ack_seq),
		.bytes_out = p->bytes,
	};
}

/* Records a session in mid-stream: members are trusted, and their answer proves the connection. */
static __noinline void outbound_pick_up(const struct packet *p, const struct flow_key *key,
					__u16 member, const struct flow_service *service)
{
	struct flow flow = outbound_flow(p, member);
	long err = record_make(key, &flow, pool_get(service->pool), RECORD_OWN);

	if (!err)
		count(COUNT_PICKED_UP);
	else if (err != -EEXIST)
		count_shared(COUNT_FLOWS_FULL);
}

/* Notes what the client's ACK must say, and where it came from; 1 when the handshake is known. */
static __always_inline int outbound_handshake(const struct packet *p, const struct flow_key *key,
					      __u16 member, struct hop *hop)
{
	struct handshake *handshake = bpf_map_lookup_elem(&handshakes, key);

	if (!handshake || handshake->member != member)
		return 0;
	if (p->flags & TCP_SYN) {
		handshake->expect_ack = bpf_ntohl(p->tcp->seq) + 1;
		handshake->flags |= HANDSHAKE_SYNACK;
	}
	__builtin_memcpy(hop->mac, handshake->hop_mac, sizeof(hop->mac));
	hop->ifindex = handshake->hop_ifindex;
	hop->known = 1;
	return 1;
}

/*
 * An answer to a client, with a record or without.  Where there is none, the route decides first:
 * what is for an address of our own, or what the kernel would not forward, answers a health check
 * of ours and must reach it as it is.  A member that got a packet of a session which another one
 * holds (it was derived before the record came) resets it: the client must not hear that.
 */
static __always_inline int outbound_reply(struct packet *p, const struct flow_key *key,
					  const struct flow_role *role,
					  const struct flow_service *service)
{
	struct flow *flow = bpf_map_lookup_elem(&flows, key);
	struct bpf_fib_lookup fib;
	struct hop hop = {};
	int handshake = 0, stray = 0;
	long found;

	if (flow && !member_is(flow->member, p->ip->saddr)) {
		flow = NULL;
		stray = p->flags & TCP_RST;
	}
	if (flow) {
		hop = track_hop_of(flow);
	} else {
		handshake = outbound_handshake(p, key, role->id, &hop);
		if (!handshake && own_from_member(p, key))
			return pass();
		if (stray)
			return drop(COUNT_DROP_STRAY_RESET);
	}
	found = route_find(p, &fib, key->vip, key->client);
	if (!flow && !handshake && !route_leads_on(found))
		return pass();
	if (p->ip->ttl <= 1)
		return drop(COUNT_DROP_TTL);
	if (flow)
		track_member(flow, p);
	else if (packet_confirms(p))
		outbound_pick_up(p, key, role->id, service);
	if (!flow && !handshake)
		count(COUNT_STATELESS_OUT);
	return route_to_client(p, &fib, found, key->vip, &hop);
}

static __always_inline int outbound_service(struct packet *p, const struct flow_role *role,
					    const struct flow_service *service)
{
	struct flow_key key = {
		.client = p->ip->daddr,
		.vip = service->vip,
		.client_port = p->tcp->dest,
		.vip_port = p->tcp->source,
		.proto = IPPROTO_TCP,
	};

	if (!packet_opens(p))
		return outbound_reply(p, &key, role, service);
	key.vip = p->ip->saddr;
	own_begin(p, &key, service);
	return pass();
}

static __always_inline int outbound(struct packet *p, const struct flow_role *role)
{
	const struct flow_service *service;

	/* A later fragment does not tell its port; it is of no use without the first. */
	if (p->ip->protocol != IPPROTO_TCP || packet_is_later_fragment(p))
		return pass();
	if (!member_is(role->id, p->ip->saddr))
		return pass();
	if (packet_tcp(p))
		return drop(COUNT_DROP_MALFORMED);
	service = service_find(role, p->tcp->source);
	if (!service)
		return pass();
	if (packet_is_fragment(p))
		return drop(COUNT_DROP_FRAGMENT);
	return outbound_service(p, role, service);
}

#endif
