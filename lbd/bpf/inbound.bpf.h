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

#include "lbd/bpf/claim.bpf.h"
#include "lbd/bpf/gate.bpf.h"
#include "lbd/bpf/doomed.bpf.h"
#include "lbd/bpf/limit.bpf.h"
#include "lbd/bpf/record.bpf.h"
#include "lbd/bpf/route.bpf.h"
#include "lbd/bpf/sight.bpf.h"
#include "lbd/bpf/strict.bpf.h"
#include "lbd/bpf/track.bpf.h"

/* The handshake is complete. */
static __always_inline void inbound_promote(struct packet *p, const struct flow_key *key,
					    const struct flow_service *service,
					    const struct way *way)
{
	__u8 begun = way->mode == MODE_DSR ? FLOW_CLAIMED : FLOW_ESTABLISHED;
	struct flow *flow = record_draft(p, key, way, COUNT_PROMOTED);

	if (!flow)
		return;
	flow->state = p->flags & TCP_FIN ? FLOW_CLIENT_FIN : begun;
	flow->flags = service->flags & SERVICE_INSPECT ? FLOW_UNREAD : 0;
	flow->client_ack = bpf_ntohl(p->tcp->ack_seq);
	flow->client_seq = p->seq_end;
	flow->bytes_in = p->bytes;
	hop_hear(&flow->hop, p);
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

/*
 * Of one CPU in a second: a flood of SYNs is not to fill the table, nor to take all ports of the
 * sources, which unfinished handshakes without a record give back at once.
 */
#define EXACT_RATE         4096
#define EXACT_RATE_SOURCES 256

/* Not static, as the next one: the verifier walks it once. */
__noinline int exact_may(__u32 now, __u32 rate)
{
	struct exact_pace *pace;
	__u32 zero = 0, second = now / FLOW_TICKS_PER_SECOND;

	pace = bpf_map_lookup_elem(&exact_paces, &zero);
	if (!pace)
		return 0;
	if (pace->second != second) {
		pace->second = second;
		pace->count = 0;
	}
	return pace->count++ < rate;
}

/* Whether a SYN of a service with these flags is recorded because that is strict. */
__noinline int exact_strict(__u32 flags, __u32 now, __u32 source)
{
	if (!(flags & SERVICE_STRICT))
		return 0;
	return exact_may(now,
			 source && !(flags & SERVICE_REQUIRE) ? EXACT_RATE_SOURCES : EXACT_RATE);
}

/*
 * Records a flow at its SYN, because the peer would derive another member, or because the service
 * is strict: so the record is with the peer, or on its way to it, before the client can have an
 * answer.  0 when that was done.
 */
static __noinline int inbound_exact(struct packet *p, const struct flow_key *key,
				    const struct flow_service *service, const struct way *way)
{
	int strict = service->flags & SERVICE_STRICT;
	struct flow *flow = record_draft(p, key, way, strict ? COUNT_STRICT : COUNT_EXACT);

	if (!flow)
		return -ENOENT;
	p->draft = 0; /* at once, for the answer matters */
	flow->state = way->mode == MODE_DSR ? FLOW_CLAIMED : FLOW_ESTABLISHED;
	flow->flags = FLOW_BEGUN;
	if (service->flags & SERVICE_INSPECT)
		flow->flags |= FLOW_UNREAD;
	flow->client_seq = p->seq_end; /* he has acknowledged nothing, whatever the field holds */
	flow->bytes_in = p->bytes;
	hop_hear(&flow->hop, p);
	return record_commit();
}

/* What a packet is dropped for; 0, which is no drop's counter: it is not. */
#define INBOUND_GOES_ON 0

/* The same, counted of the service too. */
static __always_inline __u32 inbound_lost(const struct flow_service *service,
					  enum flow_service_counter as, __u32 counter)
{
	count_service(service->number, as);
	return counter;
}

static __always_inline struct way inbound_way(const struct handshake *handshake)
{
	return (struct way){
		.member = handshake->member,
		.mode = handshake->mode,
		.source = handshake->source,
		.source_port = handshake->source_port,
	};
}

/* In mode NAT: whether the member would answer past us. */
static __always_inline int inbound_passed_by(const struct packet *p,
					     const struct flow_service *service, __u16 member)
{
	return service->sources[p->family & 1] && route_same_link(p, member);
}

/*
 * Finds a SYN's source: in mode SNAT, and where the member would answer past us.  A SYN that is
 * sent again keeps what it had, for the member has seen that.
 */
static __noinline __u32 inbound_source(const struct packet *p, const struct flow_key *key,
				       const struct flow_service *service, struct way *way)
{
	const struct handshake *before;

	if (way->mode == MODE_NAT && !inbound_passed_by(p, service, way->member))
		return INBOUND_GOES_ON;
	way->mode = MODE_SNAT;
	before = bpf_map_lookup_elem(&handshakes, key);
	if (before && before->source && before->member == way->member) {
		way->source = before->source;
		way->source_port = before->source_port;
		if (source_holds(key, way))
			return INBOUND_GOES_ON;
	}
	return source_give(key, service, way) ? COUNT_DROP_NO_SOURCE : INBOUND_GOES_ON;
}

/* Keeps what a SYN shows: what follows must fit it. */
static __noinline void inbound_handshake(const struct packet *p, const struct flow_key *key,
					 const struct way *way)
{
	struct handshake handshake = {
		.member = way->member,
		.mode = way->mode,
		.source = way->source,
		.source_port = way->source_port,
		.started = p->now,
	};

	hop_hear(&handshake.hop, p);
	/* In DSR no answer is seen. */
	if (way->mode == MODE_DSR)
		handshake.expect_ack = p->seq_end;
	else
		sight_syn(&p->src, &handshake);
	bpf_map_update_elem(&handshakes, key, &handshake, BPF_ANY);
}

/*
 * Admits a SYN to way->member.  Like the next ones, fills the way, or says what the packet is
 * dropped for.  What has a source cannot be derived in any case.
 */
static __noinline __u32 inbound_begin(struct packet *p, const struct flow_key *key,
				      const struct flow_service *service, struct way *way,
				      __u16 derived)
{
	__u32 refused;

	way->mode = service->mode;
	if (way->member != derived && way->mode != MODE_SNAT && !exact_may(p->now, EXACT_RATE)) {
		count(COUNT_EXACT_KEPT);
		way->member = derived;
	}
	if (way->member == FLOW_NO_MEMBER)
		return inbound_lost(service, SERVICE_NO_MEMBER, COUNT_DROP_NO_MEMBER);
	refused = way->mode == MODE_DSR ? INBOUND_GOES_ON : inbound_source(p, key, service, way);
	if (refused)
		return inbound_lost(service, SERVICE_NO_SOURCE, refused);
	count(COUNT_ADMITTED);
	count_service(service->number, SERVICE_REQUESTS);
	if ((exact_strict(service->flags, p->now, way->source) ||
	     (!way->source && way->member != derived)) &&
	    !inbound_exact(p, key, service, way)) {
		strict_note(service->flags);
		p->strict = STRICT_BEGUN;
		return INBOUND_GOES_ON;
	}
	refused = strict_unrecorded(service->flags);
	if (refused)
		return inbound_lost(service, SERVICE_WITHHELD, refused);
	if (!way->source && way->member != derived) {
		count(COUNT_EXACT_KEPT);
		way->member = derived;
	}
	inbound_handshake(p, key, way);
	return INBOUND_GOES_ON;
}

/*
 * In mid-stream without a record.  The choice is kept as a handshake's is: should pins or members
 * change before the member has answered here and made it a flow, the session stays where it is.
 * A source cannot be derived; without it a member's reset would not be one to the client.
 */
static __noinline __u32 inbound_derive(const struct packet *p, const struct flow_key *key,
				       const struct flow_service *service, struct way *way)
{
	struct handshake kept = { .started = p->now, .mode = service->mode };

	if (service->mode == MODE_SNAT)
		return inbound_lost(service, SERVICE_UNKNOWN, COUNT_DROP_UNSOURCED);
	kept.member = inbound_derived(&key->client, service);
	way->member = kept.member;
	way->mode = kept.mode;
	if (kept.mode == MODE_NAT && inbound_passed_by(p, service, kept.member))
		return inbound_lost(service, SERVICE_UNKNOWN, COUNT_DROP_UNSOURCED);
	count(COUNT_DERIVED);
	if (kept.member == FLOW_NO_MEMBER)
		return inbound_lost(service, SERVICE_NO_MEMBER, COUNT_DROP_NO_MEMBER);
	if (!packet_confirms(p))
		return INBOUND_GOES_ON;
	if (kept.mode == MODE_DSR)
		kept.expect_ack = p->seq_end;
	hop_hear(&kept.hop, p);
	bpf_map_update_elem(&handshakes, key, &kept, BPF_ANY);
	return INBOUND_GOES_ON;
}

/* Whether a packet shows that its handshake is complete. */
static __always_inline int inbound_completes(const struct packet *p,
					     const struct handshake *handshake)
{
	if (handshake->mode == MODE_DSR)
		return claim_follows(p, handshake);
	return handshake->flags & HANDSHAKE_SYNACK && packet_confirms(p) &&
	       bpf_ntohl(p->tcp->ack_seq) == handshake->expect_ack;
}

static __noinline __u32 inbound_unknown(struct packet *p, const struct flow_key *key,
					const struct flow_service *service, struct way *way)
{
	struct handshake *handshake = bpf_map_lookup_elem(&handshakes, key);

	/* Also when its member is no longer there.  An old one is another connection's of these
	 * ports. */
	if (!handshake || ticks_since(p->now, handshake->started) > FLOW_HANDSHAKE_TICKS ||
	    !member_get(handshake->member))
		return inbound_derive(p, key, service, way);
	/* The handshake may be gone afterwards. */
	*way = inbound_way(handshake);
	if (inbound_completes(p, handshake)) {
		sight_proof(&p->src, p->array, handshake);
		inbound_promote(p, key, service, way);
	} else if (way->source && !source_holds(key, way)) {
		return inbound_lost(service, SERVICE_UNKNOWN, COUNT_DROP_UNSOURCED);
	}
	return INBOUND_GOES_ON;
}

/*
 * A SYN that may pass.  A node that has let go keeps nothing of it: who follows sees the ACK, or
 * picks the flow up when its member answers.  The record of an ended flow is the follower's to
 * remove; its ACK goes by that record.
 */
static __always_inline __u32 inbound_open(struct packet *p, const struct flow_key *key,
					  const struct flow_service *service, struct flow *ended,
					  struct way *way)
{
	__u32 choice = inbound_admitted(&key->client, service);

	way->member = (__u16)choice;
	way->mode = service->mode;
	if (lease_admits()) {
		if (ended) {
			record_settle(key, ended);
			record_remove(key, ended, p->now, RECORD_OWN);
		}
		return inbound_begin(p, key, service, way, (__u16)(choice >> INBOUND_BASE));
	}
	/* Sources are given by who keeps them. */
	if (!ended && service->mode == MODE_SNAT)
		return inbound_lost(service, SERVICE_NOT_OWNER, COUNT_DROP_NOT_OWNER);
	count(COUNT_DERIVED);
	if (ended)
		*way = way_of(ended);
	return INBOUND_GOES_ON;
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
		count_service(service->number, SERVICE_CLOSED);
		refuse_stranger(p, COUNT_ANSWERED_CLOSED);
		return 1;
	}
	if (packet_opens(p))
		return limit_refuses(p, key, service);
	if (!(service->flags & (SERVICE_UNKNOWN_RESET | SERVICE_UNKNOWN_DROP)) ||
	    bpf_map_lookup_elem(&handshakes, key))
		return 0;
	count_service(service->number, SERVICE_UNKNOWN);
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
	struct flow *flow = flow_find_near(&key);
	const struct flow_member *member;
	__u32 refused = INBOUND_GOES_ON;
	struct way way = {};

	if (flow && flow->flags & FLOW_DOOMED && doomed_by_another(p, &key, flow))
		flow = NULL;
	if ((!flow || (packet_opens(p) && track_has_ended(flow))) &&
	    inbound_refused(p, &key, service, vip))
		return XDP_DROP;
	/* The ports of a connection that has ended may be used again at once. */
	if (packet_opens(p) && (!flow || track_has_ended(flow))) {
		if (!lease_admits() && !lease_leaving())
			return drop(inbound_lost(service, SERVICE_NOT_OWNER, COUNT_DROP_NOT_OWNER));
		refused = inbound_open(p, &key, service, flow, &way);
	} else if (flow) {
		if (flow->flags & FLOW_UNREAD)
			p->unread = key.client_port;
		if (strict_concerns(flow))
			strict_ask(p, &key, STRICT_CLIENT);
		if (flow->state == FLOW_CLAIMED)
			claim_check(p, &key, flow);
		if (!(flow->flags & FLOW_DOOMED))
			track_client(flow, &key, p);
		else if (doomed_client(flow, p))
			return XDP_DROP;
		way = way_of(flow);
	} else {
		if (service->flags & SERVICE_INSPECT)
			p->unread = key.client_port;
		refused = inbound_unknown(p, &key, service, &way);
	}
	/* Who owns would have the record if anybody had. */
	if (refused == COUNT_DROP_UNSOURCED && lease_admits())
		return refuse_stranger(p, COUNT_DROP_UNSOURCED);
	if (refused)
		return drop(refused);
	member = member_get(way.member);
	return member ? route_to_member(p, &way, member) : drop(COUNT_DROP_NO_MEMBER);
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
		return gate_own();
	if (packet_tcp(p))
		return drop(COUNT_DROP_MALFORMED);
	service = service_find(vip, p->tcp->dest);
	if (!service)
		return back_later(p);
	if (p->hops <= 1)
		return refuse_hops(p, &p->dst);
	p->array = (__u8)vip->id;
	return inbound_service(p, service, vip);
}

#endif
