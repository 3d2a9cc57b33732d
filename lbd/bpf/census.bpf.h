/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How clients protect their RPC.  The first thing a client says is a bind, whose trailer tells in
 * the clear how it authenticates and whether what follows will be encrypted.  A flow of a service
 * that is inspected is FLOW_UNREAD until its bind was read or the client has sent CENSUS_BYTES.
 * Packets are looked at and never changed or held back.
 *
 *	PDU:  5 | minor | 11 bind, 14 alter_context | flags | byte order . . .
 *	      | frag_length (at 8) | auth_length (at 10) | call id . . .
 *	      | transfer sizes, group | contexts (at 24), the first interface's UUID at 32
 *	trailer, at frag_length - auth_length - 8:
 *	      type | level | padding . . .  and then the token
 *
 * C706, 12.6; MS-RPCE 2.2.2.
 */
#ifndef CASPAIR_CENSUS_BPF_H
#define CASPAIR_CENSUS_BPF_H

#include "lbd/bpf/count.bpf.h"
#include "lbd/bpf/hook.bpf.h"
#include "lbd/bpf/parse.bpf.h"

#define CENSUS_BYTES 8192 /* of IP, sent by the client: more than any bind without its token */

#define RPC_BIND          11
#define RPC_ALTER_CONTEXT 14
#define RPC_LITTLE_ENDIAN 1  /* high half of the byte that tells the order; the other one is 0 */
#define RPC_CONTEXTS_END  72 /* of a bind with one interface, the shortest that means anything */
#define RPC_TRAILER       8
#define RPC_NO_BIND       0 /* in place of a trailer's offset */
#define RPC_NO_TRAILER    1

/* A segment's payload: where in the frame, how long, and where in the client's stream. */
struct census_segment {
	__u32 offset;
	__u32 length;
	__u32 seq;
	__u32 created; /* of the flow */
	__u32 array;
};

struct rpc_header {
	__u8 version, minor, type, flags;
	__u8 order[4];
	__u8 frag_length[2], auth_length[2];
	__u8 call[4];
};

struct rpc_bind {
	struct rpc_header header;
	__u8 group[8], contexts[4], context[4];
	__u64 interface[2];
};

/* e1af8308-5d1f-11c9-91a4-08002b14a0fa as it lies in memory: the endpoint mapper. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define RPC_MAPPER_LITTLE 0x11c95d1fe1af8308ull
#define RPC_MAPPER_BIG    0xc9111f5d0883afe1ull
#define RPC_MAPPER_NODE   0xfaa0142b0008a491ull
#else
#define RPC_MAPPER_LITTLE 0x0883afe11f5dc911ull
#define RPC_MAPPER_BIG    0xe1af83085d1f11c9ull
#define RPC_MAPPER_NODE   0x91a408002b14a0faull
#endif

/* What came of a look at a segment. */
enum census_said {
	CENSUS_SAID_NOTHING = 0, /* no bind, or not all that is needed of it */
	CENSUS_SAID_ALL,
	CENSUS_SAID_OPEN, /* all, and what follows will not be encrypted */
};

static __always_inline __u32 rpc_short(const struct rpc_header *header, const __u8 *bytes)
{
	return header->order[0] >> 4 ? bytes[0] | bytes[1] << 8 : bytes[0] << 8 | bytes[1];
}

/* Where a bind's trailer begins, or one of RPC_NO_BIND and RPC_NO_TRAILER. */
static __always_inline __u32 rpc_trailer(const struct rpc_header *header)
{
	__u32 frag = rpc_short(header, header->frag_length);
	__u32 auth = rpc_short(header, header->auth_length);

	if (header->version != 5 || header->minor > 1 ||
	    (header->type != RPC_BIND && header->type != RPC_ALTER_CONTEXT) ||
	    header->order[0] >> 4 > RPC_LITTLE_ENDIAN || frag < RPC_CONTEXTS_END)
		return RPC_NO_BIND;
	if (!auth)
		return RPC_NO_TRAILER;
	if (frag < RPC_CONTEXTS_END + RPC_TRAILER + auth)
		return RPC_NO_BIND;
	return frag - auth - RPC_TRAILER;
}

static __always_inline int rpc_is_mapper(const struct rpc_bind *bind)
{
	return bind->interface[1] == RPC_MAPPER_NODE &&
	       (bind->interface[0] == RPC_MAPPER_LITTLE || bind->interface[0] == RPC_MAPPER_BIG);
}

static __always_inline __u8 census_type_of(__u8 type)
{
	switch (type) {
	case 0:
		return CENSUS_NONE;
	case 9:
		return CENSUS_NEGOTIATE;
	case 10:
		return CENSUS_NTLM;
	case 16:
		return CENSUS_KERBEROS;
	default:
		return CENSUS_OTHER;
	}
}

static __always_inline void census_count(struct census *entry, const struct census_bind *bind)
{
	if (!entry->first_ns)
		entry->first_ns = bind->seen_ns;
	entry->last = *bind;
	if (bind->level < CENSUS_PRIVACY)
		entry->open = *bind;
	if (bind->level < CENSUS_LEVELS)
		entry->level[bind->level]++;
	if (bind->type < CENSUS_TYPES)
		entry->type[bind->type]++;
}

static __always_inline void census_total(__u32 array, const struct census_bind *bind)
{
	struct census_total *total = bpf_map_lookup_elem(&census_totals, &array);

	if (!total)
		return;
	if (bind->level < CENSUS_LEVELS)
		__sync_fetch_and_add(&total->level[bind->level], 1);
	if (bind->type < CENSUS_TYPES)
		__sync_fetch_and_add(&total->type[bind->type], 1);
}

/* Not on the stack, which the calls before this one have nearly used up. */
static const struct census census_fresh;

static __noinline int census_note(const struct flow_ip *client, __u32 array, __u32 level,
				  __u32 type)
{
	struct census_key key = { .client = *client, .array = array };
	struct census_bind bind = { .seen_ns = bpf_ktime_get_ns(),
				    .level = (__u8)level,
				    .type = (__u8)type };
	struct census *entry = bpf_map_lookup_elem(&census, &key);

	if (!entry) {
		bpf_map_update_elem(&census, &key, &census_fresh, BPF_NOEXIST);
		entry = bpf_map_lookup_elem(&census, &key);
	}
	if (entry)
		census_count(entry, &bind);
	census_total(array, &bind);
	return level < CENSUS_PRIVACY ? CENSUS_SAID_OPEN : CENSUS_SAID_ALL;
}

/*
 * The two bytes of the trailer that matter, or as much of them as this segment holds: `due` is then
 * what is still to come.  A level that there is not was no trailer.
 */
static __always_inline int census_trailer(hook_frame *ctx, const struct census_segment *s,
					  struct census_due *due, __u8 *level)
{
	for (int i = 0; i < 2; i++) {
		__u32 at = due->seq - s->seq;
		__u8 byte;

		if (at >= s->length || hook_load(ctx, s->offset + at, &byte, 1))
			return CENSUS_SAID_NOTHING;
		if (due->typed) {
			*level = byte;
			return CENSUS_SAID_ALL;
		}
		due->typed = 1;
		due->type = byte;
		due->seq++;
	}
	return CENSUS_SAID_NOTHING;
}

static __always_inline int census_finish(hook_frame *ctx, const struct flow_key *key,
					 const struct census_segment *s, struct census_due *due)
{
	__u8 level = 0;

	if (census_trailer(ctx, s, due, &level) == CENSUS_SAID_NOTHING) {
		bpf_map_update_elem(&census_dues, key, due, BPF_ANY);
		return CENSUS_SAID_NOTHING;
	}
	bpf_map_delete_elem(&census_dues, key);
	if (level < 1 || level > CENSUS_PRIVACY)
		return CENSUS_SAID_NOTHING;
	return census_note(&key->client, s->array, level, census_type_of(due->type));
}

/*
 * A bind at the beginning of a segment.  One without a trailer is not asked for at the endpoint
 * mapper, to which everybody comes without; so of that one more has to be here.
 */
static __always_inline int census_bind(hook_frame *ctx, const struct flow_key *key,
				       const struct census_segment *s)
{
	struct census_due due = { .created = s->created };
	struct rpc_bind bind;
	__u32 trailer;

	if (s->length < sizeof(bind.header) ||
	    hook_load(ctx, s->offset, &bind.header, sizeof(bind.header)))
		return CENSUS_SAID_NOTHING;
	trailer = rpc_trailer(&bind.header);
	if (trailer == RPC_NO_BIND)
		return CENSUS_SAID_NOTHING;
	if (trailer != RPC_NO_TRAILER) {
		due.seq = s->seq + trailer;
		return census_finish(ctx, key, s, &due);
	}
	if (s->length < sizeof(bind) || hook_load(ctx, s->offset, &bind, sizeof(bind)))
		return CENSUS_SAID_NOTHING;
	if (rpc_is_mapper(&bind))
		return CENSUS_SAID_ALL;
	return census_note(&key->client, s->array, CENSUS_ANONYMOUS, CENSUS_NONE);
}

static __always_inline void census_give_up(__u32 array)
{
	struct census_total *total = bpf_map_lookup_elem(&census_totals, &array);

	if (total)
		__sync_fetch_and_add(&total->unread, 1);
}

/*
 * Looks at one segment: an enum census_said.  Not static: the verifier walks it once, and not in
 * every way that leads here.
 */
__noinline int census_look(hook_frame *ctx, const struct flow_key *of,
			   const struct census_segment *segment)
{
	struct census_segment s;
	const struct census_due *known;
	struct flow_key key;
	struct census_due due;

	if (!of || !segment)
		return CENSUS_SAID_NOTHING;
	s = *segment;
	key = *of;
	known = bpf_map_lookup_elem(&census_dues, &key);
	if (!known || known->created != s.created)
		return census_bind(ctx, &key, &s);
	due = *known;
	return census_finish(ctx, &key, &s, &due);
}

/* Tells lbd, if the service wants it.  Rare, and so nothing of it is kept in the packet. */
static __noinline int census_refuse(const struct flow_key *key)
{
	const struct flow_role_table *table = roles_get();
	const struct flow_role *role = table ? role_find(table, &key->vip) : NULL;
	const struct flow_service *service = NULL;
	struct flow_open_bind *notice;

	if (role && role->kind == ROLE_VIP)
		service = service_find(role, key->vip_port);
	if (!service || !(service->flags & SERVICE_ENCRYPTED))
		return 0;
	notice = bpf_ringbuf_reserve(&notices, sizeof(*notice), 0);
	if (!notice)
		return 0;
	notice->kind = NOTICE_OPEN_BIND;
	notice->key = *key;
	bpf_ringbuf_submit(notice, 0);
	return 0;
}

/* Where a segment lies: TCP's header, and how much there is from there on. */
static __always_inline __u32 census_place(__u32 offset, __u32 bytes)
{
	return offset << 16 | bytes;
}

/*
 * A segment of a client on a flow that may be FLOW_UNREAD.  It may have been rewritten meanwhile,
 * so the flow is asked for by what the packet said at first.  Not static: the verifier walks it
 * once, and has no use for what it returns.
 */
__noinline int census_read(hook_frame *ctx, const struct flow_ip *client, const struct flow_ip *vip,
			   __u32 port_and_array, __u32 place)
{
	struct flow_key key = { .client_port = (__be16)(port_and_array >> 16) };
	struct census_segment s = { .array = port_and_array & 0xffff, .offset = place >> 16 };
	__u32 bytes = place & 0xffff, header;
	struct tcphdr tcp;
	struct flow *flow;
	int said;

	if (!client || !vip || hook_load(ctx, s.offset, &tcp, sizeof(tcp)))
		return 0;
	key.client = *client;
	key.vip = *vip;
	key.vip_port = tcp.dest;
	flow = flow_find(&key);
	header = tcp.doff * 4;
	if (!flow || !(flow->flags & FLOW_UNREAD) || bytes <= header)
		return 0;
	s.offset += header;
	s.length = bytes - header;
	s.seq = bpf_ntohl(tcp.seq);
	s.created = flow->created;
	said = census_look(ctx, &key, &s);
	if (said == CENSUS_SAID_NOTHING) {
		if (flow->bytes_in < CENSUS_BYTES)
			return 0;
		census_give_up(s.array);
	}
	flow->flags &= ~FLOW_UNREAD;
	if (said == CENSUS_SAID_OPEN)
		census_refuse(&key);
	return 0;
}

static __always_inline void census_packet(const struct packet *p)
{
	__u32 offset = (__u32)(p->l3 - (void *)p->eth) + p->l3_size;

	census_read(p->ctx, &p->src, &p->dst, (__u32)p->unread << 16 | p->array,
		    census_place(offset, p->bytes - p->l3_size));
}

#endif
