/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Ending a flow: orders of lbd become resets to both ends, with the numbers on record.  A program
 * of type tc, run by BPF_PROG_TEST_RUN: bpf_clone_redirect() then sends for real, on any driver,
 * and needs no right that lbd does not have anyway.  Each run carries out the next order of the
 * inbox; the frame it is given is the paper to write on, of the orders' family and size.
 *
 * Behind each reset follows a keepalive probe, an empty segment one byte behind.  An end that has
 * accepted the reset answers the probe with a reset of its own; one that has not, for the number
 * was old or the reset got lost, answers with an ACK, which names the right number and gets the
 * reset that fits (doomed.bpf.h).  So the most silent client hears of its end.
 */
#ifndef CASPAIR_RESET_BPF_H
#define CASPAIR_RESET_BPF_H

#include "lbd/bpf/doomed.bpf.h"
#include "lbd/bpf/record.bpf.h"
#include "lbd/bpf/route.bpf.h"
#include "lbd/bpf/sweep.bpf.h"
#include "lbd/bpf/track.bpf.h"

/* Not inlined: what the lookup needs is off the stack when the frame is written. */
static __noinline long reset_find(struct __sk_buff *skb, struct flow_hop *hop,
				  const struct segment *s, const struct flow_ip *via)
{
	struct bpf_fib_lookup fib = {
		.family = s->family == FLOW_IPV4 ? FAMILY_INET : FAMILY_INET6,
		.l4_protocol = IPPROTO_TCP,
		.sport = s->from_port,
		.dport = s->to_port,
		.ifindex = skb->ifindex,
	};
	long found;

	__builtin_memcpy(fib.ipv6_src, &s->from, sizeof(s->from));
	__builtin_memcpy(fib.ipv6_dst, via, sizeof(*via));
	if (s->family == FLOW_IPV4) {
		fib.ipv4_src = s->from.word[3];
		fib.ipv4_dst = via->word[3];
	}
	found = bpf_fib_lookup(skb, &fib, sizeof(fib), 0);
	if (found == BPF_FIB_LKUP_RET_SUCCESS) {
		hop->ifindex = fib.ifindex;
		__builtin_memcpy(hop->to, fib.dmac, sizeof(hop->to));
		__builtin_memcpy(hop->from, fib.smac, sizeof(hop->from));
	} else if (found == BPF_FIB_LKUP_RET_NO_NEIGH) {
		route_ask_neighbour(&fib, ticks_call());
	}
	return found;
}

/* Fills the hop towards `via`: 0, or -1 where there is no way.  One that was heard may do. */
static __always_inline int reset_route(struct __sk_buff *skb, struct flow_hop *hop,
				       const struct segment *s, const struct flow_ip *via)
{
	long found = reset_find(skb, hop, s, via);

	if (found == BPF_FIB_LKUP_RET_SUCCESS)
		return 0;
	return found == BPF_FIB_LKUP_RET_NO_NEIGH && hop->ifindex ? 0 : -1;
}

static __noinline int reset_write(struct __sk_buff *skb, const struct flow_hop *hop,
				  const struct segment *s)
{
	struct ethhdr *eth = (void *)(long)skb->data;
	void *end = (void *)(long)skb->data_end;

	if ((void *)(eth + 1) > end || segment_write(eth + 1, end, s))
		return -1;
	__builtin_memcpy(eth->h_dest, hop->to, sizeof(hop->to));
	__builtin_memcpy(eth->h_source, hop->from, sizeof(hop->from));
	return bpf_clone_redirect(skb, hop->ifindex, 0) ? -1 : 0;
}

/* The reset and its probe.  `seq` is the next byte that is expected there, `ack` what it sent. */
static __noinline void reset_tell(struct __sk_buff *skb, struct flow_hop *hop, struct segment *s,
				  const struct flow_ip *via)
{
	__u32 ack = s->ack;

	if (reset_route(skb, hop, s, via)) {
		count_shared(COUNT_RESET_UNSENT);
		return;
	}
	s->flags = TCP_RST;
	s->ack = 0;
	if (reset_write(skb, hop, s)) {
		count_shared(COUNT_RESET_UNSENT);
		return;
	}
	s->flags = TCP_ACK;
	s->ack = ack;
	s->seq--;
	reset_write(skb, hop, s);
}

static __noinline void reset_tell_client(struct __sk_buff *skb, const struct flow_key *key,
					 const struct flow *flow)
{
	struct flow_hop hop = flow->hop;
	struct segment s = {
		.from = key->vip,
		.to = key->client,
		.from_port = key->vip_port,
		.to_port = key->client_port,
		.seq = flow->client_ack,
		.ack = flow->client_seq,
		.family = flow_ip_family(&key->client),
	};

	reset_tell(skb, &hop, &s, &key->client);
}

static __noinline void reset_tell_member(struct __sk_buff *skb, const struct flow_key *key,
					 const struct flow *flow)
{
	const struct flow_member *member = member_get(flow->member);
	const struct flow_source *source = flow->source ? source_get(flow->source) : NULL;
	struct flow_hop hop = {};
	struct segment s = {
		.from = key->client,
		.from_port = key->client_port,
		.to_port = key->vip_port,
		.seq = flow->client_seq,
		.ack = flow->client_ack,
		.family = flow_ip_family(&key->client),
	};
	struct flow_ip via;

	if (!member)
		return;
	via = member->addr[s.family & 1];
	s.to = flow->mode == MODE_DSR ? key->vip : via;
	if (source) {
		s.from = source->addr;
		s.from_port = flow->source_port;
	}
	reset_tell(skb, &hop, &s, &via);
}

/*
 * The client's next connection is to go elsewhere, and with it the whole group.  While others of
 * its flows still wait for their end, the pin stays for their count's sake and points nowhere: the
 * client may be back before them, and its member may be up, if it is being drained.
 */
static __noinline void reset_unpin(const struct flow_key *key, __u32 pool_id, __u16 member,
				   __u32 now)
{
	struct pin_key pin_key = { .client = key->client, .pool_id = pool_id };
	struct pin *pin = bpf_map_lookup_elem(&pins, &pin_key);
	struct pin last;

	if (!pin || (pin->member != member && pin->member != FLOW_NO_MEMBER))
		return;
	if (pin->flows) {
		pin->member = FLOW_NO_MEMBER;
		return;
	}
	last = *pin;
	last.member = member;
	if (pin_remove(&pin_key) == 0)
		event_pin(EVENT_PIN_DEL, &pin_key, &last, lease_epoch(), now);
}

static __noinline void reset_count(const struct flow_key *key)
{
	struct flow_service_stats *stats = record_counts(key);

	count_shared(COUNT_RESET_FLOWS);
	if (stats)
		__sync_fetch_and_add(&stats->count[SERVICE_RESET], 1);
}

/* Marks the flow, so that its pin no longer counts it and the peer knows. */
static __noinline void reset_doom(const struct flow_key *key, struct flow *flow, int reason,
				  __u32 now)
{
	__u32 pool_id = record_doom(key, flow, now);

	flow->last_seen = now;
	flow->flags &= ~FLOW_REPLICA; /* it is this node that has ended it */
	event_flow(EVENT_FLOW_PUT, key, flow, flow->state, now);
	if (pool_id && reason == RESET_MEMBER)
		reset_unpin(key, pool_id, flow->member, now);
}

/* Whether an order still holds: a packet may have come since it was given. */
static __always_inline int reset_holds(const struct flow_key *key, const struct flow *flow,
				       int reason, __u32 now)
{
	if (flow->flags & FLOW_OUTBOUND)
		return 0;
	if (reason == RESET_AGAIN)
		return (flow->flags & (FLOW_DOOMED | FLOW_HEARD)) == FLOW_DOOMED;
	if (track_has_ended(flow))
		return 0;
	return reason != RESET_IDLE ||
	       sweep_idle(now, flow->last_seen) > sweep_timeout(key, flow, now);
}

/* One order; 1 when it was carried out. */
static __noinline int reset_flow(struct __sk_buff *skb, const struct flow_key *key, int reason)
{
	struct flow *flow = flow_find(key);
	__u32 now = ticks_call();

	if (!flow || !reset_holds(key, flow, reason, now))
		return 0;
	if (reason != RESET_AGAIN) {
		reset_doom(key, flow, reason, now);
		reset_count(key);
	}
	if (reason == RESET_IDLE)
		count_shared(COUNT_EXPIRED_IDLE);
	reset_tell_client(skb, key, flow);
	reset_tell_member(skb, key, flow);
	return 1;
}

/* The order at cb[0], which moves on.  Its `state` becomes 1 when it was carried out. */
static __always_inline int reset_next(struct __sk_buff *skb)
{
	__u32 index = skb->cb[0];
	struct flow_event *order = bpf_map_lookup_elem(&sweep_inbox, &index);
	struct flow_key key;
	__u32 needed;

	skb->cb[0] = index + 1;
	if (!order || order->kind != EVENT_FLOW_DEL)
		return 0;
	key = order->key;
	needed = sizeof(struct ethhdr) + segment_size(flow_ip_family(&key.client));
	if (skb->len == needed)
		order->state = (__u8)reset_flow(skb, &key, order->apply);
	return 0;
}

#endif
