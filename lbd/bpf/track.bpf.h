/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * TCP state of a flow, as far as a balancer needs it: who has closed, and the numbers that a reset
 * would need.  No window checks: a forged segment may mark a flow, it never loses one.
 *
 *	ESTABLISHED -- client FIN --> CLIENT_FIN -- member FIN --> CLOSING
 *	ESTABLISHED -- member FIN --> MEMBER_FIN -- client FIN --> CLOSING
 *	any -- RST --> RESET -- anything but RST --> ESTABLISHED, as if begun with that segment
 *
 * In DSR the client's side is all that is seen.  His flow begins as CLAIMED, which is ESTABLISHED
 * on his word alone, and his FIN is as much of an end as there will be.
 */
#ifndef CASPAIR_TRACK_BPF_H
#define CASPAIR_TRACK_BPF_H

#include "lbd/bpf/count.bpf.h"
#include "lbd/bpf/parse.bpf.h"
#include "lbd/bpf/record.bpf.h"
#include "lbd/bpf/route.bpf.h"

/* The state after a segment from the side whose own FIN is `own` and whose peer's is `other`. */
static __always_inline __u8 track_state(__u8 state, __u8 flags, __u8 own, __u8 other)
{
	if (flags & TCP_RST)
		return FLOW_RESET;
	if (state == FLOW_RESET)
		state = FLOW_ESTABLISHED;
	if (!(flags & TCP_FIN))
		return state;
	if (state == FLOW_ESTABLISHED || state == FLOW_CLAIMED)
		return own;
	return state == other ? FLOW_CLOSING : state;
}

static __always_inline int track_is_end(const struct flow *flow, __u8 state)
{
	return state == FLOW_CLOSING || state == FLOW_RESET ||
	       (state == FLOW_CLIENT_FIN && flow->mode == MODE_DSR);
}

static __always_inline int track_has_ended(const struct flow *flow)
{
	return track_is_end(flow, flow->state) || flow->flags & FLOW_DOOMED;
}

/*
 * Whether the peer must hear of a change now: that a flow has ended, so that its ports may be used
 * again there too.  That it has not is told by the next sweep: what crosses with a RST would revive
 * most flows for an instant, and who sends RST and data in turn is not heard each time.
 */
static __always_inline int track_is_news(struct flow *flow, __u8 before, __u8 state)
{
	if (track_is_end(flow, before) == track_is_end(flow, state))
		return 0;
	if (!track_is_end(flow, state)) {
		flow->flags |= FLOW_REVIVED;
		return 0;
	}
	if (!(flow->flags & FLOW_REVIVED))
		return 1;
	flow->flags &= ~FLOW_REVIVED;
	return 0;
}

/*
 * Written only when different: the other direction may be at work on another CPU.  Returns whether
 * the change is news.
 */
static __always_inline int track_common(struct flow *flow, __u8 state, __u32 now)
{
	__u8 before = flow->state;

	if (flow->last_seen != now)
		flow->last_seen = now;
	if (before == state)
		return 0;
	flow->state = state;
	return track_is_news(flow, before, state);
}

/* Tells the peer; not inlined, for it happens once in a flow's life. */
static __noinline void track_tell(const struct packet *p, const struct flow_key *key,
				  const struct flow *flow, __u8 state)
{
	event_flow(EVENT_FLOW_PUT, key, flow, state, p->now);
}

/* Whether a number is news; 0 is none, for half of all numbers are not after it. */
static __always_inline int track_is_after(__u32 number, __u32 known)
{
	return !known || serial_after(number, known);
}

/*
 * The client's numbers.  Retransmissions and keepalives lie behind what is known and are no news,
 * but a replica's numbers and those before a new SYN are older than anything: a replica that has
 * the number of a SYN has acknowledged nothing since.
 */
static __always_inline void track_numbers(struct flow *flow, const struct packet *p)
{
	int afresh = flow->flags & FLOW_REPLICA || p->flags & TCP_SYN;
	__u32 ack = bpf_ntohl(p->tcp->ack_seq);

	/*
	 * A reset's numbers are the easiest to forge and the last that anybody needs.  But of a
	 * replica's client they may be all there is for the peer to compare.
	 */
	if (p->flags & TCP_RST) {
		if (!flow->client_seq)
			flow->client_seq = p->seq_end;
		return;
	}
	if (!(p->flags & TCP_ACK) && flow->flags & FLOW_REPLICA)
		flow->client_ack = 0;
	if (p->flags & TCP_ACK && (afresh || track_is_after(ack, flow->client_ack)))
		flow->client_ack = ack;
	if (afresh || track_is_after(p->seq_end, flow->client_seq))
		flow->client_seq = p->seq_end;
}

/*
 * Not his request, which he may repeat, nor a reset: whether a segment of the client shows that he
 * goes on with what has been begun.  His numbers are not looked at.
 */
static __always_inline int track_acknowledges(const struct packet *p)
{
	return (p->flags & (TCP_SYN | TCP_RST | TCP_ACK)) == TCP_ACK;
}

static __always_inline void track_client(struct flow *flow, const struct flow_key *key,
					 const struct packet *p)
{
	struct flow_member_bytes *bytes;
	__u8 state = track_state(flow->state, p->flags, FLOW_CLIENT_FIN, FLOW_MEMBER_FIN);

	track_numbers(flow, p);
	if (!hop_holds(&flow->hop, p))
		hop_hear(&flow->hop, p);
	if (track_common(flow, state, p->now))
		track_tell(p, key, flow, state);
	if (flow->flags & (FLOW_REPLICA | FLOW_BEGUN) && track_acknowledges(p)) {
		flow->flags &= ~(FLOW_REPLICA | FLOW_BEGUN);
		if (!flow->pool_id)
			record_acknowledged(key);
	}
	flow->bytes_in += p->bytes;
	bytes = bytes_of(flow->member);
	if (bytes)
		bytes->in += p->bytes;
}

static __always_inline void track_member(struct flow *flow, const struct flow_key *key,
					 const struct packet *p)
{
	__u8 state = track_state(flow->state, p->flags, FLOW_MEMBER_FIN, FLOW_CLIENT_FIN);
	struct flow_member_stats *stats;
	struct flow_member_bytes *bytes;

	if (track_common(flow, state, p->now))
		track_tell(p, key, flow, state);
	/* A copy whose member still answers the SYN: the client has not acknowledged. */
	if (flow->flags & FLOW_REPLICA && !(p->flags & TCP_RST)) {
		flow->flags = (flow->flags & ~FLOW_REPLICA) | (p->flags & TCP_SYN ? FLOW_BEGUN : 0);
		if (!flow->pool_id && !(p->flags & TCP_SYN))
			record_acknowledged(key);
	}
	flow->bytes_out += p->bytes;
	bytes = bytes_of(flow->member);
	if (bytes)
		bytes->out += p->bytes;
	if (!(p->flags & TCP_RST))
		return;
	stats = stats_of(flow->member);
	if (stats)
		__sync_fetch_and_add(&stats->resets, 1);
}

#endif
