/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From a member to a source: it takes that for the client.  A source may be a gateway or a VIP too,
 * so this is asked at the end of the program of all that is to an address of ours and of no
 * service.  What no connection is known of is the kernel's.
 */
#ifndef CASPAIR_BACK_BPF_H
#define CASPAIR_BACK_BPF_H

#include "lbd/bpf/doomed.bpf.h"
#include "lbd/bpf/outbound.bpf.h"
#include "lbd/bpf/source.bpf.h"

static __noinline int back_send(struct packet *p, const struct flow_key *key, struct flow_hop *hop)
{
	int verdict = hop_holds(hop, p) ? ROUTE_FOUND : route_ask_client(p, hop, key, 0);

	/* The member hears of it from whom it has spoken to. */
	p->answer_by = p->dst;
	if (verdict != ROUTE_FOUND)
		return verdict;
	if (hop_too_small(hop, p))
		return refuse_too_big(p, &p->dst, hop->mtu);
	nat_destination(p, &key->client);
	nat_port(p, &p->tcp->dest, key->client_port);
	return route_to_client(p, hop, &key->vip);
}

static __noinline int back_handshake(struct packet *p, const struct flow_key *key)
{
	struct handshake *handshake = bpf_map_lookup_elem(&handshakes, key);
	struct way way = { .mode = MODE_SNAT };

	if (!handshake || !handshake->source || handshake->source_port != p->tcp->dest)
		return gate_own();
	sight_answer(p->flags, handshake);
	way.member = handshake->member;
	way.source = handshake->source;
	way.source_port = handshake->source_port;
	if (p->flags & TCP_SYN) {
		handshake->expect_ack = bpf_ntohl(p->tcp->seq) + 1;
		handshake->flags |= HANDSHAKE_SYNACK;
	} else if (packet_confirms(p)) {
		outbound_pick_up(p, key, &way, &handshake->hop);
	}
	return back_send(p, key, &handshake->hop);
}

/* A TCP segment whose header has been read. */
static __noinline int back_segment(struct packet *p)
{
	struct flow_key key = {
		.client = p->dst,
		.vip = p->src,
		.client_port = p->tcp->dest,
		.vip_port = p->tcp->source,
	};
	struct flow *flow;

	if (source_client(&key))
		return gate_own();
	if (p->hops <= 1)
		return refuse_hops(p, &p->dst);
	flow = flow_find(&key);
	if (!flow)
		return back_handshake(p, &key);
	if (!flow->source || flow->source_port != p->tcp->dest)
		return gate_own();
	if (!(flow->flags & FLOW_DOOMED))
		track_member(flow, &key, p);
	else if (doomed_answers(p))
		return XDP_DROP;
	if (strict_concerns(flow))
		strict_ask(p, &key, STRICT_MEMBER);
	return back_send(p, &key, &flow->hop);
}

/* Of a packet for which back_later() was said. */
static __always_inline int back(struct packet *p)
{
	/* Answers to probes of ours are among those; fragments of them are too. */
	if (p->fragment || packet_tcp(p))
		return gate_own();
	return back_segment(p);
}

#endif
