/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Flows in DSR.  The member answers past us, so nothing that is seen here proves that it has agreed
 * to a connection, and a flood of SYNs and ACKs looks like many clients.  What was seen of a
 * connection is in `handshakes`, which such a flood may churn; who goes on where he left off makes
 * a flow that is CLAIMED, so many a second and no more, and that lives for seconds unless he
 * acknowledges something new.  What finds no room is forwarded by pin or Maglev all the same.
 */
#ifndef CASPAIR_CLAIM_BPF_H
#define CASPAIR_CLAIM_BPF_H

#include "lbd/bpf/event.bpf.h"
#include "lbd/bpf/parse.bpf.h"

/* Of one CPU.  30 seconds of them are less than a table of any useful size has room for. */
#define CLAIMS_PER_SECOND 1000

/* How far ahead of the handshake a segment may be that tries again to become a flow. */
#define CLAIM_WINDOW (1 << 20)

/* Not static: verified once. */
__noinline int claim_may(__u32 now)
{
	__u32 zero = 0;
	struct claims *mine = bpf_map_lookup_elem(&claims, &zero);

	if (!mine)
		return 0;
	if (ticks_since(now, mine->second) >= FLOW_TICKS_PER_SECOND) {
		mine->second = now;
		mine->flows = 0;
	}
	if (mine->flows >= CLAIMS_PER_SECOND) {
		count(COUNT_CLAIMS_LIMITED);
		return 0;
	}
	mine->flows++;
	return 1;
}

/* Whether a segment goes on where the handshake, or what was seen before it, has ended. */
static __always_inline int claim_follows(const struct packet *p, const struct handshake *handshake)
{
	__u32 ahead = bpf_ntohl(p->tcp->seq) - handshake->expect_ack;

	return packet_confirms(p) && ahead < CLAIM_WINDOW && claim_may(p->now);
}

/* A packet of a claimed flow, before it is tracked.  Who acknowledges more has been answered. */
static __noinline void claim_check(const struct packet *p, const struct flow_key *key,
				   struct flow *flow)
{
	if (!packet_confirms(p) || p->flags & TCP_FIN)
		return;
	/*
	 * A replica's numbers are not known, but both nodes have seen the client.  The first number
	 * of who has only begun shows nothing: he may have guessed it.
	 */
	if (!(flow->flags & FLOW_REPLICA) &&
	    (!flow->client_ack || !serial_after(bpf_ntohl(p->tcp->ack_seq), flow->client_ack)))
		return;
	flow->state = FLOW_ESTABLISHED;
	event_flow(EVENT_FLOW_PUT, key, flow, flow->state, p->now);
}

#endif
