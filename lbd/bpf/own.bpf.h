/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Connections of a member's own address and not of the VIP: those that it begins, because the range
 * of the RPC services is the range of ephemeral ports too, and those of who speaks to the member
 * itself, as monitoring does.  They are known by their SYN, the kernel forwards them, and nothing
 * of them is rewritten.  A key has the member's own address in the VIP's place.
 *
 * Like those of clients they are handshakes first, so that a flood of SYNs churns only those.
 */
#ifndef CASPAIR_OWN_BPF_H
#define CASPAIR_OWN_BPF_H

#include "lbd/bpf/gate.bpf.h"
#include "lbd/bpf/record.bpf.h"
#include "lbd/bpf/route.bpf.h"
#include "lbd/bpf/track.bpf.h"

static __always_inline void own_forget_ended(const struct flow_key *key, __u32 now)
{
	const struct flow *before = flow_find(key);

	if (before && track_has_ended(before))
		record_remove(key, before, now, RECORD_OWN);
}

/* Nor may a session through the VIP that had these ports claim the answers. */
static __always_inline void own_forget(const struct packet *p, const struct flow_key *own,
				       const struct flow_service *service)
{
	struct flow_key key = *own;

	own_forget_ended(own, p->now);
	key.vip = service->vip[p->family & 1];
	own_forget_ended(&key, p->now);
}

static __always_inline void own_note(const struct flow_key *own, __u32 now)
{
	struct handshake handshake = {
		.member = FLOW_NO_MEMBER,
		.flags = HANDSHAKE_OUTBOUND,
		.started = now,
	};

	bpf_map_update_elem(&handshakes, own, &handshake, BPF_ANY);
}

/* A packet begins such a connection, or shows that there is one. */
static __noinline void own_begin(const struct packet *p, const struct flow_key *own,
				 const struct flow_service *service)
{
	own_forget(p, own, service);
	own_note(own, p->now);
}

/* With the client's numbers, whichever side the packet is of. */
static __noinline void own_promote(struct packet *p, const struct flow_key *own, __u32 client_ack,
				   __u32 client_seq)
{
	const struct way way = { .member = FLOW_NO_MEMBER };
	int of_member = flow_ip_equal(&p->src, &own->vip);
	struct flow *flow = record_draft(p, own, &way, COUNT_PROMOTED);

	if (!flow)
		return;
	flow->state = FLOW_ESTABLISHED;
	flow->flags = FLOW_OUTBOUND;
	flow->client_ack = client_ack;
	flow->client_seq = client_seq;
	if (p->flags & TCP_FIN)
		flow->state = of_member ? FLOW_MEMBER_FIN : FLOW_CLIENT_FIN;
	if (of_member)
		flow->bytes_out = p->bytes;
	else
		flow->bytes_in = p->bytes;
}

/*
 * Whether a packet of the member belongs to such a connection; it is tracked if so.  The key is the
 * one of an answer to a client, and differs in the address alone.
 */
static __always_inline int own_from_member(struct packet *p, const struct flow_key *key)
{
	struct flow_key own = *key;
	struct handshake *handshake;
	struct flow *flow;

	own.vip = p->src;
	flow = flow_find(&own);
	if (flow) {
		track_member(flow, &own, p);
		return 1;
	}
	handshake = bpf_map_lookup_elem(&handshakes, &own);
	if (!handshake)
		return 0;
	if (p->flags & TCP_SYN) {
		handshake->expect_ack = bpf_ntohl(p->tcp->seq) + 1;
		handshake->flags |= HANDSHAKE_SYNACK;
	} else if (packet_confirms(p)) {
		own_promote(p, &own, bpf_ntohl(p->tcp->seq), bpf_ntohl(p->tcp->ack_seq));
	}
	return 1;
}

/*
 * Whether the kernel forwards a packet to another link.  A port that also hears what is not for us
 * shows us what the peer has rewritten; that looks the same, and must not be taken for it.
 */
static __noinline int own_is_forwarded(const struct packet *p)
{
	struct bpf_fib_lookup fib;
	long found = route_find(p, &fib, &p->src, &p->dst);

	if (found != BPF_FIB_LKUP_RET_SUCCESS && found != BPF_FIB_LKUP_RET_NO_NEIGH)
		return 0;
	return fib.ifindex != packet_ingress(p);
}

/* No flow is known: also after a takeover that came before its record. */
static __always_inline void own_unknown(struct packet *p, const struct flow_key *own,
					const struct flow_service *service)
{
	const struct handshake *handshake = bpf_map_lookup_elem(&handshakes, own);
	__u32 ack = bpf_ntohl(p->tcp->ack_seq);

	if (!handshake || packet_opens(p)) {
		if (own_is_forwarded(p))
			own_begin(p, own, service);
		return;
	}
	if (handshake->flags & HANDSHAKE_SYNACK && ack == handshake->expect_ack)
		own_promote(p, own, ack, p->seq_end);
}

/* A packet to a member's own address; what becomes of it is not decided here. */
static __noinline void own_to_member(struct packet *p, const struct flow_role *role)
{
	struct flow_key own = {
		.client = p->src,
		.vip = p->dst,
	};
	const struct flow_service *service;
	struct flow *flow;

	if (p->protocol != IPPROTO_TCP || p->fragment || packet_tcp(p))
		return;
	service = service_find(role, p->tcp->dest);
	if (!service)
		return;
	own.client_port = p->tcp->source;
	own.vip_port = p->tcp->dest;
	flow = flow_find(&own);
	if (flow && !(packet_opens(p) && track_has_ended(flow)))
		track_client(flow, &own, p);
	else if (packet_opens(p) || packet_confirms(p))
		own_unknown(p, &own, service);
}

#endif
