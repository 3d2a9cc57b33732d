// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The data plane: one program for packets, compiled once for XDP and once for tc, and beside the
 * former those that user space calls.  Each concern has its header; a packet's way through them:
 *
 *	parse -> gate (ARP, adverts)
 *	      -> inbound  (to a VIP)    -> pin, record, track -> route, nat
 *	      -> outbound (of a member) -> record, track      -> route, nat
 *	      -> back     (of a member, to a source) -> record, track -> route, nat
 *	      -> own      (of a member's own address) -> record, track
 *	      -> icmp     (errors about sessions)     -> route, nat
 *	-> answer (an error of our own, for what was dropped)
 *	-> strict (what the peer must know first waits)
 *
 * Written for the verifier of Linux 6.1 and later: no open-coded iterators, no kfuncs.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "lbd/bpf/back.bpf.h"
#include "lbd/bpf/census.bpf.h"
#include "lbd/bpf/gate.bpf.h"
#include "lbd/bpf/hook.bpf.h"
#include "lbd/bpf/icmp.bpf.h"
#include "lbd/bpf/inbound.bpf.h"
#include "lbd/bpf/outbound.bpf.h"
#include "lbd/bpf/own.bpf.h"
#include "lbd/bpf/parse.bpf.h"
#include "lbd/bpf/strict.bpf.h"
#ifndef CASPAIR_TC
#include "lbd/bpf/apply.bpf.h"
#include "lbd/bpf/carry.bpf.h"
#include "lbd/bpf/reset.bpf.h"
#include "lbd/bpf/sweep.bpf.h"
#endif

char caspair_license[] SEC("license") = "Dual BSD/GPL";

static __always_inline int dispatch(struct packet *p)
{
	const struct flow_role *to, *from;
	int said;

	if (p->protocol == IPPROTO_VRRP)
		return gate_advert(p);
	if (p->protocol == IPPROTO_ICMPV6) {
		said = gate_neighbour(p);
		if (said)
			return said > 0 ? pass() : drop(COUNT_DROP_ND);
	}
	to = role_find(p->roles, &p->dst);
	if (p->protocol == (p->family == FLOW_IPV4 ? IPPROTO_ICMP : IPPROTO_ICMPV6))
		return icmp(p, to);
	if (to && (to->kind == ROLE_GATEWAY || to->kind == ROLE_SOURCE))
		return p->protocol == IPPROTO_TCP ? back_later(p) : gate_own();
	if (to && to->kind == ROLE_VIP)
		return inbound(p, to);
	from = role_find(p->roles, &p->src);
	/* Of a client or of another member. */
	if (to && to->kind == ROLE_MEMBER)
		own_to_member(p, to);
	if (from && from->kind == ROLE_MEMBER)
		return outbound(p, from);
	return pass();
}

/* Not inlined: what it says of the packet takes no stack of the others. */
static __noinline int strict(const struct packet *p, int verdict)
{
	const struct strict_packet s = { .kind = p->strict,
					 .flags = p->flags,
					 .array = p->array,
					 .now = p->now };

	return strict_end(p->ctx, &s, verdict);
}

static __always_inline int forward(hook_frame *frame)
{
	struct packet p = {
		.ctx = frame,
		.control = control_get(),
	};
	int verdict;

	hook_open(frame);
	p.end = hook_end(frame);
	/* Nothing, but the verifier must not know it, or it would walk all that follows twice. */
	p.strict = p.control ? (__u8)(p.control->layout >> 24) : 0;
	p.roles = p.control ? roles_of(p.control) : NULL;
	if (!p.roles || packet_ethernet(&p, hook_data(frame)))
		return pass();
	p.now = ticks_packet();
	if (p.type == bpf_htons(ETH_P_ARP))
		return gate_arp(&p);
	if (packet_ip(&p))
		return pass();
	verdict = dispatch(&p);
	if (p.back)
		verdict = back(&p);
	if (p.draft)
		record_commit();
	if (p.unread && verdict == XDP_REDIRECT)
		census_packet(&p);
	if (p.refuse)
		return refuse_packet(&p);
	if (p.answer)
		return answer_packet(&p);
	if (HOOK_TC)
		nat_finish(&p);
	return p.strict ? strict(&p, verdict) : verdict;
}

#ifdef CASPAIR_TC

SEC("tc")
int caspair_tc(struct __sk_buff *skb)
{
	return hook_close(forward(skb));
}

#else

SEC("xdp.frags")
int caspair_xdp(struct xdp_md *xdp)
{
	return forward(xdp);
}

/* Runs one step for each of the first call->count records of an inbox. */
static __always_inline int call_each(struct flow_call *call, void *step)
{
	struct tally tally = { .now = ticks_call() };

	if (call->count > FLOW_BATCH)
		return -E2BIG;
	bpf_loop(call->count, step, &tally, 0);
	call->done = tally.done;
	call->refused = tally.refused;
	call->full = tally.full;
	return 0;
}

SEC("syscall")
int caspair_apply(struct flow_call *call)
{
	return call_each(call, apply_one);
}

SEC("syscall")
int caspair_sweep(struct flow_call *call)
{
	return call_each(call, sweep_one);
}

SEC("syscall")
int caspair_carry(struct flow_call *call)
{
	return call_each(call, carry_one);
}

SEC("syscall")
int caspair_emit(struct flow_call *call)
{
	__u32 zero = 0;
	const struct flow_event *slot = bpf_map_lookup_elem(&sweep_inbox, &zero);
	struct flow_event *event;

	if (!slot)
		return -ENOENT;
	event = event_open();
	if (!event)
		return -ENOSPC;
	*event = *slot;
	bpf_ringbuf_submit(event, 0);
	call->done = 1;
	return 0;
}

SEC("tc")
int caspair_reset(struct __sk_buff *skb)
{
	return reset_next(skb);
}

SEC("tc")
int caspair_release(struct __sk_buff *skb)
{
	return strict_release(skb);
}

#endif
