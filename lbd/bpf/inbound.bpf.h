/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From a client to a VIP.  A known flow goes to its member, on either node and whatever the lease
 * says.  A SYN is admitted by the owner alone and leaves only a handshake, which a flood may churn;
 * the ACK that proves that the client has seen our member's SYN-ACK makes the flow.  Everything
 * else goes where pin or Maglev say, for there it would have been sent by the node that had the
 * record.
 */
#ifndef CASPAIR_INBOUND_BPF_H
#define CASPAIR_INBOUND_BPF_H

#include "lbd/bpf/gate.bpf.h"
#include "lbd/bpf/doomed.bpf.h"
#include "lbd/bpf/limit.bpf.h"
#include "lbd/bpf/record.bpf.h"
#include "lbd/bpf/route.bpf.h"
#include "lbd/bpf/sight.bpf.h"
#include "lbd/bpf/track.bpf.h"

/* A flow to be recorded because of a packet of the client. */
static __always_inline struct flow inbound_flow(const struct packet *p, __u16 member)
{
	struct flow flow = {
		.member = member,
		.state = p->flags & TCP_FIN ? FLOW_CLIENT_FIN : FLOW_ESTABLISHED,
		.epoch = lease_epoch(),
		.created = p->now,
		.last_seen = p->now,
		.client_ack = bpf_ntohl(p->tcp->ack_seq),
		.client_seq = p->seq_end,
		.bytes_in = p->bytes,
	};

	hop_hear(&flow.hop, p);
	return flow;
}

/* The handshake is complete.  Without room it stays, and every later packet tries again. */
static __noinline void inbound_promote(const struct packet *p, const struct flow_key *key,
				       __u16 member, const struct flow_service *service)
{
	struct flow flow = inbound_flow(p, member);
	int err;

	if (service->flags & SERVICE_INSPECT)
		flow.flags = FLOW_UNREAD;
	err = record_make(key, &flow, pool_get(service->pool), RECORD_OWN);

	if (err == -EEXIST)
		return;
	if (err) {
		count_shared(COUNT_FLOWS_FULL);
		return;
	}
	count(COUNT_PROMOTED);
}

/*
 * Where a packet in mid-stream goes of which there is no record.  Both nodes say the same.  Not
 * static, as the next one: the verifier walks it once, and not in every way that leads here.
 */
__noinline __u16 inbound_derived(const struct flow_ip *client, const struct flow_service *service)
{
	const struct flow_pool *pool = service ? pool_get(service->pool) : NULL;
	__u16 member = FLOW_NO_MEMBER;

	if (!pool || !client)
		return FLOW_NO_MEMBER;
	if (pool->flags & POOL_AFFINITY)
		member = pin_choice(pool, client);
	return member == FLOW_NO_MEMBER ? pin_maglev(pool->base, client) : member;
}

/*
 * Where a SYN goes, and above INBOUND_BASE where the rest of its flow would be derived to.  The two
 * differ while tables are switched, and where a pin is not followed because its member is down.
 */
#define INBOUND_BASE 16

__noinline __u32 inbound_admitted(const struct flow_ip *client, const struct flow_service *service)
{
	const struct flow_pool *pool = service ? pool_get(service->pool) : NULL;
	__u32 pinned = FLOW_NO_MEMBER, member;

	if (!pool || !client)
		return FLOW_NO_MEMBER | FLOW_NO_MEMBER << INBOUND_BASE;
	if (pool->flags & POOL_AFFINITY)
		pinned = pin_choice(pool, client);
	if (pinned != FLOW_NO_MEMBER && pin_admits(pool, (__u16)pinned))
		return pinned | pinned << INBOUND_BASE;
	member = pin_maglev(pool->table, client);
	if (pinned == FLOW_NO_MEMBER)
		pinned = pool->base == pool->table ? member : pin_maglev(pool->base, client);
	return member | pinned << INBOUND_BASE;
}

/* Of one CPU in a second: a flood of SYNs in a switch is not to fill the table. */
#define EXACT_RATE 4096

static __always_inline int exact_may(const struct packet *p)
{
	struct answer_pace *pace;
	__u32 zero = 0, second = p->now / FLOW_TICKS_PER_SECOND;

	pace = bpf_map_lookup_elem(&exact_paces, &zero);
	if (!pace)
		return 0;
	if (pace->second != second) {
		pace->second = second;
		pace->count = 0;
	}
	return pace->count++ < EXACT_RATE;
}

/*
 * Records a flow at its SYN, because the peer would derive another member: so the record is with
 * the peer, or on its way to it, before the client can have an answer.  0 when that was done.
 */
static __noinline int inbound_exact(const struct packet *p, const struct flow_key *key,
				    const struct flow_service *service, __u16 member)
{
	struct flow flow = inbound_flow(p, member);
	int err;

	if (!exact_may(p))
		return -EBUSY;
	flow.flags = FLOW_BEGUN;
	if (service->flags & SERVICE_INSPECT)
		flow.flags |= FLOW_UNREAD;
	err = record_make(key, &flow, pool_get(service->pool), RECORD_OWN);
	if (err)
		return err;
	count(COUNT_ADMITTED);
	count(COUNT_EXACT);
	return 0;
}

/* Admits a SYN; like the next one, returns the member's slot. */
static __noinline __u16 inbound_begin(const struct packet *p, const struct flow_key *key,
				      const struct flow_service *service, __u16 member)
{
	struct handshake handshake = {
		.member = member,
		.started = p->now,
		.mode = service->mode,
	};

	if (handshake.member == FLOW_NO_MEMBER)
		return FLOW_NO_MEMBER;
	hop_hear(&handshake.hop, p);
	sight_syn(p, &handshake);
	bpf_map_update_elem(&handshakes, key, &handshake, BPF_ANY);
	count(COUNT_ADMITTED);
	return handshake.member;
}

/*
 * In mid-stream without a record.  The choice is kept as a handshake's is: should pins or members
 * change before the member has answered here and made it a flow, the session stays where it is.
 */
static __noinline __u16 inbound_derive(const struct packet *p, const struct flow_key *key,
				       const struct flow_service *service)
{
	struct handshake kept = {
		.member = inbound_derived(&key->client, service),
		.started = p->now,
		.mode = service->mode,
	};

	count(COUNT_DERIVED);
	if (kept.member == FLOW_NO_MEMBER || !packet_confirms(p))
		return kept.member;
	hop_hear(&kept.hop, p);
	bpf_map_update_elem(&handshakes, key, &kept, BPF_ANY);
	return kept.member;
}

static __noinline __u16 inbound_unknown(const struct packet *p, const struct flow_key *key,
					const struct flow_service *service)
{
	struct handshake *handshake = bpf_map_lookup_elem(&handshakes, key);
	__u16 member;

	/* Also when its member is no longer there. */
	if (!handshake || !member_get(handshake->member))
		return inbound_derive(p, key, service);
	/* The handshake may be gone afterwards. */
	member = handshake->member;
	if (handshake->flags & HANDSHAKE_SYNACK && packet_confirms(p) &&
	    bpf_ntohl(p->tcp->ack_seq) == handshake->expect_ack) {
		sight_proof(p, handshake);
		inbound_promote(p, key, member, service);
	}
	return member;
}

/*
 * A SYN that may pass.  A node that has let go keeps nothing of it: who follows sees the ACK, or
 * picks the flow up when its member answers.  The record of an ended flow is the follower's to
 * remove; its ACK goes by that record.
 */
static __always_inline __u16 inbound_open(const struct packet *p, const struct flow_key *key,
					  const struct flow_service *service,
					  const struct flow *ended)
{
	__u32 choice = inbound_admitted(&key->client, service);
	__u16 member = (__u16)choice, derived = (__u16)(choice >> INBOUND_BASE);

	if (!lease_admits()) {
		count(COUNT_DERIVED);
		return ended ? ended->member : member;
	}
	if (ended)
		record_remove(key, ended, p->now, RECORD_OWN);
	if (member == derived || member == FLOW_NO_MEMBER)
		return inbound_begin(p, key, service, member);
	if (!inbound_exact(p, key, service, member))
		return member;
	count(COUNT_EXACT_KEPT);
	return inbound_begin(p, key, service, derived);
}

/*
 * A packet that is not forwarded though its port is one of a service: the port is closed now, its
 * source has begun enough, or in mid-stream the service wants no guesses.  1: it is dropped, or
 * answered.  Only the owner says so, for it has the records if anybody has.
 */
static __noinline int inbound_refused(struct packet *p, const struct flow_key *key,
				      const struct flow_service *service,
				      const struct flow_role *vip)
{
	if (!lease_admits())
		return 0;
	if (service_closed(vip, key->vip_port)) {
		refuse_stranger(p, COUNT_ANSWERED_CLOSED);
		return 1;
	}
	if (packet_opens(p))
		return limit_refuses(p, key, service);
	if (!(service->flags & (SERVICE_UNKNOWN_RESET | SERVICE_UNKNOWN_DROP)) ||
	    bpf_map_lookup_elem(&handshakes, key))
		return 0;
	if (service->flags & SERVICE_UNKNOWN_RESET)
		refuse_stranger(p, COUNT_ANSWERED_UNKNOWN);
	else
		count(COUNT_DROP_UNKNOWN);
	return 1;
}

static __always_inline int inbound_service(struct packet *p, const struct flow_service *service,
					   const struct flow_role *vip)
{
	struct flow_key key = {
		.client = p->src,
		.vip = p->dst,
		.client_port = p->tcp->source,
		.vip_port = p->tcp->dest,
	};
	struct flow *flow = bpf_map_lookup_elem(&flows, &key);
	const struct flow_member *member;
	__u16 slot;

	if ((!flow || (packet_opens(p) && track_has_ended(flow))) &&
	    inbound_refused(p, &key, service, vip))
		return XDP_DROP;
	/* The ports of a connection that has ended may be used again at once. */
	if (packet_opens(p) && (!flow || track_has_ended(flow))) {
		if (!lease_admits() && !lease_leaving())
			return drop(COUNT_DROP_NOT_OWNER);
		slot = inbound_open(p, &key, service, flow);
	} else if (flow) {
		if (flow->flags & FLOW_UNREAD)
			p->unread = key.client_port;
		if (!(flow->flags & FLOW_DOOMED))
			track_client(flow, &key, p);
		else if (doomed_client(flow, p))
			return XDP_DROP;
		slot = flow->member;
	} else {
		if (service->flags & SERVICE_INSPECT)
			p->unread = key.client_port;
		slot = inbound_unknown(p, &key, service);
	}
	member = member_get(slot);
	return member ? route_to_member(p, slot, member) : drop(COUNT_DROP_NO_MEMBER);
}

static __always_inline int inbound(struct packet *p, const struct flow_role *vip)
{
	const struct flow_service *service;

	/* Also of a port that is no service: later fragments do not tell. */
	if (p->fragment && p->protocol == IPPROTO_TCP)
		return drop(COUNT_DROP_FRAGMENT);
	if (extension_is_followed(p->protocol) && p->family == FLOW_IPV6)
		return drop(COUNT_DROP_EXTENSION);
	if (p->protocol != IPPROTO_TCP)
		return own(p);
	if (packet_tcp(p))
		return drop(COUNT_DROP_MALFORMED);
	service = service_find(vip, p->tcp->dest);
	if (!service)
		return own(p);
	if (p->hops <= 1)
		return refuse_hops(p, &p->dst);
	p->array = (__u8)vip->id;
	return inbound_service(p, service, vip);
}

#endif
