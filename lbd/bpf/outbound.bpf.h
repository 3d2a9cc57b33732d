/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From a member.  Three things leave a member's service port: answers to clients, which get the
 * VIP's address back; answers to health checks of this node, which are the kernel's; and what
 * belongs to connections of the member's own address, see own.bpf.h.
 */
#ifndef CASPAIR_OUTBOUND_BPF_H
#define CASPAIR_OUTBOUND_BPF_H

#include "lbd/bpf/doomed.bpf.h"
#include "lbd/bpf/gate.bpf.h"
#include "lbd/bpf/own.bpf.h"
#include "lbd/bpf/record.bpf.h"
#include "lbd/bpf/route.bpf.h"
#include "lbd/bpf/sight.bpf.h"
#include "lbd/bpf/strict.bpf.h"
#include "lbd/bpf/track.bpf.h"

/* What a member says of a session that this node has not with it. */
enum outbound_doubt {
	OUTBOUND_STRAY = 1,  /* a RST, and another member has it */
	OUTBOUND_UNTOLD = 2, /* a SYN-ACK of a strict service */
};

/* Records a session in mid-stream: members are trusted, and their answer proves the connection. */
static __noinline void outbound_pick_up(struct packet *p, const struct flow_key *key,
					const struct way *way, const struct flow_hop *hop)
{
	struct flow *flow = record_draft(p, key, way, COUNT_PICKED_UP);

	if (!flow)
		return;
	flow->state = p->flags & TCP_FIN ? FLOW_MEMBER_FIN : FLOW_ESTABLISHED;
	flow->flags = FLOW_PICKED_UP;
	/* What the member acknowledges is where the client has got to, and the reverse. */
	flow->client_ack = bpf_ntohl(p->tcp->seq);
	flow->client_seq = bpf_ntohl(p->tcp->ack_seq);
	flow->bytes_out = p->bytes;
	flow->hop = *hop;
}

/* The handshake that a member answers; what the client's ACK must say is noted. */
static __always_inline struct handshake *
outbound_handshake(const struct packet *p, const struct flow_key *key, __u16 member)
{
	struct handshake *handshake = bpf_map_lookup_elem(&handshakes, key);

	if (!handshake || handshake->member != member || handshake->mode != MODE_NAT)
		return NULL;
	sight_answer(p->flags, handshake);
	if (p->flags & TCP_SYN) {
		handshake->expect_ack = bpf_ntohl(p->tcp->seq) + 1;
		handshake->flags |= HANDSHAKE_SYNACK;
	}
	return handshake;
}

/* An answer of which there is a record, whose hop that is. */
static __always_inline int outbound_known(struct packet *p, const struct flow_key *key,
					  struct flow_hop *hop)
{
	int verdict;

	if (!hop_holds(hop, p)) {
		verdict = route_ask_client(p, hop, key, 0);
		if (verdict != ROUTE_FOUND)
			return verdict;
	}
	return route_to_client(p, hop, &key->vip);
}

/*
 * An answer of which there is none.  The route decides first: what is for an address of our own, or
 * what the kernel would not forward, answers a health check of ours and must reach it as it is.
 */
static __always_inline int outbound_stateless(struct packet *p, const struct flow_key *key,
					      __u16 member, int doubt)
{
	struct way way = { .member = member };
	struct flow_hop hop = {};
	int verdict = route_ask_client(p, &hop, key, 1);

	if (verdict == XDP_PASS)
		return verdict;
	if (doubt & OUTBOUND_UNTOLD)
		return drop(COUNT_STRICT_AGAIN);
	if (p->hops <= 1)
		return refuse_hops(p, &key->vip);
	if (packet_confirms(p))
		outbound_pick_up(p, key, &way, &hop);
	count(COUNT_STATELESS_OUT);
	return verdict == ROUTE_FOUND ? route_to_client(p, &hop, &key->vip) : verdict;
}

/*
 * A member that got a packet of a session which another one holds (it was derived before the record
 * came) resets it: the client must not hear that.  Nor the SYN-ACK of a strict service for a SYN that
 * the other node took and had no time to tell of: it would make the client believe in a connection
 * that nobody knows.  It sends its SYN once more.
 */
static __noinline int outbound_unknown(struct packet *p, const struct flow_key *key, __u16 member,
				       int doubt, int mode)
{
	struct handshake *handshake = outbound_handshake(p, key, member);
	struct way way = { .member = member };

	if (!handshake && own_from_member(p, key))
		return pass();
	/* In the other modes members answer from or to another address. */
	if (!handshake && mode != MODE_NAT)
		return pass();
	if (!handshake && doubt & OUTBOUND_STRAY)
		return drop(COUNT_DROP_STRAY_RESET);
	if (!handshake)
		return outbound_stateless(p, key, member, doubt);
	if (p->hops <= 1)
		return refuse_hops(p, &key->vip);
	if (packet_confirms(p))
		outbound_pick_up(p, key, &way, &handshake->hop);
	return outbound_known(p, key, &handshake->hop);
}

static __always_inline int outbound_untold(const struct packet *p,
					   const struct flow_service *service)
{
	return service->flags & SERVICE_STRICT && p->flags & TCP_SYN ? OUTBOUND_UNTOLD : 0;
}

static __always_inline int outbound_reply(struct packet *p, const struct flow_key *key,
					  const struct flow_role *role,
					  const struct flow_service *service)
{
	struct flow *flow = flow_find_near(key);

	if (flow && flow->flags & FLOW_DOOMED && doomed_by_another(p, key, flow))
		flow = NULL;
	if (!flow)
		return outbound_unknown(p, key, role->id, outbound_untold(p, service),
					service->mode);
	if (flow->mode != MODE_NAT)
		return pass();
	if (!member_is(flow->member, &p->src))
		return outbound_unknown(p, key, role->id, p->flags & TCP_RST ? OUTBOUND_STRAY : 0,
					MODE_NAT);
	if (p->hops <= 1)
		return refuse_hops(p, &key->vip);
	if (!(flow->flags & FLOW_DOOMED))
		track_member(flow, key, p);
	else if (doomed_answers(p))
		return XDP_DROP;
	if (strict_concerns(flow))
		strict_ask(p, key, STRICT_MEMBER);
	return outbound_known(p, key, &flow->hop);
}

static __always_inline int outbound_service(struct packet *p, const struct flow_role *role,
					    const struct flow_service *service)
{
	struct flow_key key = {
		.client = p->dst,
		.vip = service->vip[p->family & 1],
		.client_port = p->tcp->dest,
		.vip_port = p->tcp->source,
	};

	/* Of a family that the array has no VIP of. */
	if (flow_ip_is_none(&key.vip))
		return pass();
	if (!packet_opens(p))
		return outbound_reply(p, &key, role, service);
	key.vip = p->src;
	own_begin(p, &key, service);
	return pass();
}

static __always_inline int outbound(struct packet *p, const struct flow_role *role)
{
	const struct flow_service *service;

	/* A later fragment does not tell its port; it is of no use without the first. */
	if (p->protocol != IPPROTO_TCP || p->fragment == FRAGMENT_LATER)
		return pass();
	if (!member_is(role->id, &p->src))
		return pass();
	if (packet_tcp(p))
		return drop(COUNT_DROP_MALFORMED);
	service = service_find(role, p->tcp->source);
	if (!service)
		return pass();
	if (p->fragment)
		return drop(COUNT_DROP_FRAGMENT);
	return outbound_service(p, role, service);
}

#endif
