/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Flows that we have ended (see reset.bpf.h).  Each end was sent a reset with the numbers on
 * record.  Where those were old it has ignored that; so whatever it sends next, and be it the ACK
 * by which it questions the reset (RFC 5961, 3.2), is answered with the number it names itself.
 */
#ifndef CASPAIR_DOOMED_BPF_H
#define CASPAIR_DOOMED_BPF_H

#include "lbd/bpf/gate.bpf.h"
#include "lbd/bpf/record.bpf.h"
#include "lbd/bpf/refuse.bpf.h"

/*
 * 1: the packet is answered, and not to be forwarded.  A reset is not: the other end may still
 * need it.  Nor does a standby answer.
 */
static __noinline int doomed_answers(struct packet *p)
{
	if (p->flags & TCP_RST || !lease_admits())
		return 0;
	refuse(p, COUNT_ANSWERED_DOOMED);
	return 1;
}

/*
 * 1: the record is no more.  What the former owner has ended, and nobody has been heard of here,
 * may have been followed by a connection of the same ports that it had no time to tell of.  So
 * whoever speaks is an unknown one: his member knows that connection, or resets him.
 */
static __noinline int doomed_by_another(const struct packet *p, const struct flow_key *key,
					struct flow *flow)
{
	if (!(flow->flags & FLOW_REPLICA) || p->flags & TCP_RST || !lease_admits())
		return 0;
	record_settle(key, flow);
	record_remove(key, flow, p->now, RECORD_OWN);
	return 1;
}

static __always_inline int doomed_client(struct flow *flow, struct packet *p)
{
	int answered = doomed_answers(p);

	if ((answered || p->flags & TCP_RST) && !(flow->flags & FLOW_HEARD))
		flow->flags |= FLOW_HEARD;
	return answered;
}

#endif
