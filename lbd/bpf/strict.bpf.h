/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Strict services: the standby has a flow before its client hears that there is one.  The flow is
 * recorded, and so reported, at its SYN; what would tell the client (the SYN-ACK; in DSR, where
 * that is not seen, the SYN itself on its way to the member) waits until the peer has followed.
 *
 *	SYN -> record, event at `position` -> member
 *	SYN-ACK: acked >= position? -- yes, or nobody to wait for --> client
 *	         no: copied to the ring `held`, dropped; lbd sends the copy when acked >= position
 *
 * The same once more while the first one waits is dropped; when the peer has followed meanwhile it
 * passes, so that TCP needs nobody's help: not even lbd's.
 */
#ifndef CASPAIR_STRICT_BPF_H
#define CASPAIR_STRICT_BPF_H

#include "lbd/bpf/count.bpf.h"
#include "lbd/bpf/hook.bpf.h"
#include "lbd/bpf/parse.bpf.h"
#include "lbd/bpf/record.bpf.h"
#include "lbd/bpf/sight.bpf.h"

/* For so long a packet that waits stands for its repetitions; TCP's first one comes after a second
 * (RFC 6298, 2.1). */
#define STRICT_AGAIN (600 * FLOW_TICKS_PER_SECOND / 1000)

/* Shorter than any segment's headers: no frame. */
#define STRICT_FRAME_MIN 54

/*
 * Reads anew what its callers have read, or will: what the verifier learns of a register that lives
 * on would have it walk all that follows twice, in Linux 6.1 even where that is equal.
 */
static __always_inline int strict_concerns(const struct flow *flow)
{
	return *(const volatile __u8 *)&flow->flags & FLOW_BEGUN;
}

static __always_inline const struct flow_acked *strict_acked(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&acked, &zero);
}

/* Whether who wrote that stamp is dead by now.  It may have written it after our look at the clock.
 */
static __always_inline int strict_stale(__u64 stamp)
{
	return (__s64)(bpf_ktime_get_ns() - stamp) > (__s64)FLOW_STALE_NS;
}

/* Whether there is a standby to wait for. */
static __noinline int strict_alone(void)
{
	const struct flow_acked *peer = strict_acked();

	return !peer || !peer->synced_ns || strict_stale(peer->synced_ns);
}

/* Whether the peer has all that was reported before a position. */
static __always_inline int strict_followed(const struct flow_acked *peer, __u64 position)
{
	const struct flow_lost *record;
	__u32 zero = 0;

	record = bpf_map_lookup_elem(&lost, &zero);
	return record && record->events == peer->lost && (__s64)(peer->position - position) >= 0;
}

/* Behind everything that this CPU has written to `events`, if not behind more. */
static __always_inline __u64 strict_position(void)
{
	return bpf_ringbuf_query(&events, BPF_RB_PROD_POS);
}

static __always_inline struct draft *strict_draft(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&drafts, &zero);
}

/* Remembers where the record of the draft lies, which was committed just now. */
__noinline int strict_note(__u32 flags)
{
	struct draft *draft = strict_draft();
	struct strict *strict;

	if (!draft || !(flags & SERVICE_STRICT))
		return 0;
	strict = &draft->strict;
	__builtin_memset(strict, 0, sizeof(*strict));
	strict->position = strict_position();
	strict->sight.member = draft->flow.member;
	if (draft->flow.mode != MODE_DSR)
		sight_syn(&draft->key.client, &strict->sight);
	bpf_map_update_elem(&stricts, &draft->key, strict, BPF_ANY);
	return 0;
}

/* What becomes of a packet that would tell the client: 0, it goes on; or the reason to drop it. */
#define STRICT_WAITS COUNT_STRICT_HELD /* which leaves a copy */

/* What is known of its flow may have been forgotten. */
static __always_inline __u32 strict_wait(struct draft *draft, struct strict *known, __u64 position,
					 __u32 now)
{
	draft->strict.position = position;
	if (known) {
		known->held = now | 1;
		return STRICT_WAITS;
	}
	__builtin_memset(&draft->strict.sight, 0, sizeof(draft->strict.sight));
	draft->strict.sight.member = FLOW_NO_MEMBER;
	draft->strict.held = now | 1;
	bpf_map_update_elem(&stricts, &draft->key, &draft->strict, BPF_ANY);
	return STRICT_WAITS;
}

/*
 * Of the flow whose key the draft has.  Not static, as those below: the verifier walks them once,
 * and not in every way that leads here; hence the key, which may not be an argument of theirs.
 */
__noinline __u32 strict_judge(__u32 flags, __u32 now)
{
	const struct flow_acked *peer = strict_acked();
	struct draft *draft = strict_draft();
	struct strict *known;
	__u64 position;

	if (!peer || !draft || strict_alone()) {
		count(COUNT_STRICT_ALONE);
		return 0;
	}
	known = bpf_map_lookup_elem(&stricts, &draft->key);
	/* Later than it was, if that was forgotten: so much the safer. */
	position = known ? known->position : strict_position();
	if (strict_followed(peer, position)) {
		count(COUNT_STRICT_AT_ONCE);
		return 0;
	}
	if (known && known->held && ticks_since(now, known->held) < STRICT_AGAIN)
		return COUNT_STRICT_AGAIN;
	if (!strict_stale(peer->reader_ns))
		return strict_wait(draft, known, position, now);
	if (flags & SERVICE_REQUIRE)
		return COUNT_STRICT_UNREAD;
	count(COUNT_STRICT_UNREAD);
	return 0;
}

/* What a packet is in its handshake, in p->strict. */
enum strict_kind {
	STRICT_MEMBER = 1, /* from the member, before the ACK has come */
	STRICT_CLIENT,     /* from the client, likewise; or the ACK itself */
	STRICT_BEGUN,      /* the SYN for which the flow was recorded just now */
};

/* A packet of a flow that was recorded at its SYN: the rest is asked at the end of the program. */
static __noinline void strict_ask(struct packet *p, const struct flow_key *key,
				  enum strict_kind kind)
{
	struct draft *draft = strict_draft();

	if (!draft)
		return;
	draft->key = *key;
	p->strict = kind;
}

/* Some of a packet, for functions that are not static. */
struct strict_packet {
	__u32 kind;
	__u32 flags; /* enum tcp_flags */
	__u32 array;
	__u32 now;
};

static __always_inline int strict_opens(const struct strict_packet *s)
{
	return (s->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
}

/* What sight.bpf.h sees of others in their handshakes. */
static __always_inline void strict_see(const struct strict_packet *s, struct draft *draft)
{
	struct strict *known = bpf_map_lookup_elem(&stricts, &draft->key);

	if (!known)
		return;
	if (s->kind == STRICT_MEMBER) {
		if (s->flags & (TCP_SYN | TCP_RST))
			sight_answer((__u8)s->flags, &known->sight);
		if (s->flags & TCP_SYN)
			known->sight.flags |= HANDSHAKE_SYNACK;
	} else if (strict_opens(s)) {
		sight_syn(&draft->key.client, &known->sight);
	} else if (!(s->flags & TCP_RST) && known->sight.flags & HANDSHAKE_SYNACK && !known->held) {
		sight_proof(&draft->key.client, s->array, &known->sight);
	}
}

/* For want of room. */
static __always_inline int strict_full(__u32 flags, int verdict)
{
	count(COUNT_STRICT_FULL);
	return flags & SERVICE_REQUIRE ? XDP_DROP : verdict;
}

/* The frame is what it is to be: leaves a copy for lbd. */
static __noinline int strict_hold(hook_frame *frame, __u32 flags, __u32 egress, int verdict)
{
	const struct draft *draft = strict_draft();
	__u32 length = hook_length(frame);
	struct flow_held *record;

	barrier_var(length);
	if (!draft || length < STRICT_FRAME_MIN || length > FLOW_HELD_FRAME || hook_tagged(frame))
		return strict_full(flags, verdict);
	record = bpf_ringbuf_reserve(&held, sizeof(*record), 0);
	if (!record)
		return strict_full(flags, verdict);
	record->position = draft->strict.position;
	record->ifindex = egress;
	record->length = (__u16)length;
	record->require = !!(flags & SERVICE_REQUIRE);
	record->pad = 0;
	if (hook_load(frame, 0, record->frame, length)) {
		bpf_ringbuf_discard(record, 0);
		return strict_full(flags, verdict);
	}
	bpf_ringbuf_submit(record, 0);
	count(COUNT_STRICT_HELD);
	return XDP_DROP;
}

/* Whether it would tell the client; in DSR the member does that when it gets the SYN. */
static __always_inline int strict_tells(const struct strict_packet *s, const struct flow *flow)
{
	return flow->mode == MODE_DSR ? s->kind != STRICT_MEMBER && strict_opens(s)
				      : s->kind == STRICT_MEMBER && s->flags & TCP_SYN;
}

/* By which interface it is about to be sent; 0: that is not known any more. */
static __noinline __u32 strict_egress(const struct flow *flow, const struct flow_ip *client)
{
	__u32 index = FLOW_HOPS_DIRECT + FLOW_FAMILIES * (__u32)flow->member;
	const struct flow_hop *hop;

	if (flow->mode != MODE_DSR)
		return flow->hop.ifindex;
	index += flow_ip_family(client);
	hop = bpf_map_lookup_elem(&hops, &index);
	return hop ? hop->ifindex : 0;
}

/*
 * At the end of the program, of a packet with p->strict: in place of its verdict.  What is needed
 * of its way is looked up again: kept in the packet, it would cost all others.
 */
__noinline int strict_end(hook_frame *frame, const struct strict_packet *s, int verdict)
{
	struct draft *draft = strict_draft();
	const struct flow_service *service;
	const struct flow *flow;
	__u32 flags, number, said;

	/* Its port may be none here any more. */
	service = draft ? record_service(&draft->key) : NULL;
	if (!s || !service || !(service->flags & SERVICE_STRICT))
		return verdict;
	flags = service->flags;
	number = service->number;
	if (s->kind != STRICT_BEGUN)
		strict_see(s, draft);
	flow = flow_find(&draft->key);
	if (verdict != XDP_REDIRECT || !flow || !strict_tells(s, flow))
		return verdict;
	said = strict_judge(flags, s->now);
	if (said)
		count_service(number, said == STRICT_WAITS ? SERVICE_WAITED : SERVICE_WITHHELD);
	if (said == STRICT_WAITS)
		return strict_hold(frame, flags, strict_egress(flow, &draft->key.client), verdict);
	return said ? drop(said) : verdict;
}

/* A flow that was not recorded.  0: it goes on like any other service's; or why it is dropped. */
__noinline __u32 strict_unrecorded(__u32 flags)
{
	if (!(flags & SERVICE_STRICT))
		return 0;
	if (flags & SERVICE_REQUIRE && !strict_alone())
		return COUNT_STRICT_LIMITED;
	count(COUNT_STRICT_LIMITED);
	return 0;
}

#ifndef CASPAIR_TC
/* Sends a frame as it is by the interface in cb[0]; see struct flow_held. */
static __always_inline int strict_release(struct __sk_buff *skb)
{
	return bpf_clone_redirect(skb, skb->cb[0], 0) ? -1 : 0;
}
#endif

#endif
