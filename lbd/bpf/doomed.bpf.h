/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Flows that we have ended (see reset.bpf.h).  Each end was sent a reset with the numbers on
 * record.  Where those were old it has ignored that; so whatever it sends next, and be it the ACK
 * by which it questions the reset (RFC 5961, 3.2), is answered with the number it names itself.
 */
#ifndef CASPAIR_DOOMED_BPF_H
#define CASPAIR_DOOMED_BPF_H

#include "lbd/bpf/gate.bpf.h"
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

static __always_inline int doomed_client(struct flow *flow, struct packet *p)
{
	int answered = doomed_answers(p);

	if ((answered || p->flags & TCP_RST) && !(flow->flags & FLOW_HEARD))
		flow->flags |= FLOW_HEARD;
	return answered;
}

#endif
