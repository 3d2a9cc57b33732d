/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What handshakes tell of those who make them: how far away the clients of an array are, how fast a
 * member answers, and whether it answers at all.  Of NAT alone: elsewhere the answer passes us by.
 */
#ifndef CASPAIR_SIGHT_BPF_H
#define CASPAIR_SIGHT_BPF_H

#include "lbd/bpf/count.bpf.h"
#include "lbd/bpf/parse.bpf.h"

/* Microseconds, modulo 2^32; ticks are too coarse for a local network.  Never 0. */
static __always_inline __u32 sight_now(void)
{
	return (__u32)(bpf_ktime_get_ns() / 1000) | 1;
}

/*
 * Position of the highest bit set, plus one: the bucket of a time.  Not static, so that the
 * verifier takes its branches once and not in every way that leads here.
 */
__noinline __u32 sight_bucket(__u32 us)
{
	__u32 bucket = 0;

	for (__u32 half = 16; half; half /= 2) {
		if (us >> half) {
			us >>= half;
			bucket += half;
		}
	}
	return bucket + (us ? 1 : 0);
}

static __always_inline void sight_add(struct flow_histogram *histogram, __u32 us)
{
	__u32 bucket = sight_bucket(us);

	if (bucket >= FLOW_BUCKETS)
		bucket = FLOW_BUCKETS - 1;
	__sync_fetch_and_add(&histogram->bucket[bucket], 1);
	__sync_fetch_and_add(&histogram->sum_us, us);
}

/* One client that tries and tries may have a fault of its own, or be none. */
static __always_inline void sight_source(struct flow_member_stats *stats,
					 const struct flow_ip *client)
{
	__u32 from = (client->word[0] ^ client->word[1] ^ client->word[2] ^ client->word[3]) | 1;

	if (!stats->silent || !stats->silent_from) {
		stats->silent_from = from;
		stats->silent_more = 0;
	} else if (stats->silent_from != from) {
		__sync_fetch_and_add(&stats->silent_more, 1);
	}
}

/* A SYN goes to a member, for the first time or again. */
static __always_inline void sight_syn(const struct flow_ip *client, struct handshake *handshake)
{
	struct flow_member_stats *stats = stats_of(handshake->member);

	handshake->sent_us = sight_now();
	if (!stats)
		return;
	sight_source(stats, client);
	__sync_fetch_and_add(&stats->syns, 1);
	__sync_fetch_and_add(&stats->silent, 1);
}

/* A member says something in a handshake; its first SYN-ACK alone is clocked (Karn's rule). */
static __always_inline void sight_answer(__u8 flags, struct handshake *handshake)
{
	struct flow_member_stats *stats = stats_of(handshake->member);
	struct flow_histogram *histogram;
	__u32 slot = handshake->member, now;

	if (!stats)
		return;
	if (stats->silent)
		stats->silent = 0;
	if (flags & TCP_RST)
		__sync_fetch_and_add(&stats->refusals, 1);
	if (!(flags & TCP_SYN))
		return;
	if (handshake->flags & HANDSHAKE_SYNACK || !handshake->sent_us) {
		handshake->sent_us = 0;
		return;
	}
	now = sight_now();
	histogram = bpf_map_lookup_elem(&answer_times, &slot);
	if (histogram)
		sight_add(histogram, now - handshake->sent_us);
	handshake->sent_us = now;
}

static const struct client_net sight_net_fresh;

/* A round trip of a client's network.  The key is not on the stack, which is nearly used up. */
static __noinline int sight_net(const struct flow_ip *client, __u32 array, __u32 us)
{
	__u32 zero = 0;
	struct client_net_key *key = bpf_map_lookup_elem(&net_draft, &zero);
	struct client_net *net;

	if (!key)
		return 0;
	key->net = flow_ip_net(client);
	key->array = array;
	net = bpf_map_lookup_elem(&client_nets, key);
	if (!net) {
		bpf_map_update_elem(&client_nets, key, &sight_net_fresh, BPF_NOEXIST);
		net = bpf_map_lookup_elem(&client_nets, key);
	}
	if (!net)
		return 0;
	__sync_fetch_and_add(&net->count, 1);
	__sync_fetch_and_add(&net->sum_us, us);
	if (us >= FLOW_SLOW_TRIP_US)
		__sync_fetch_and_add(&net->slow, 1);
	if (net->max_us < us)
		net->max_us = us;
	net->seen_ns = bpf_ktime_get_ns();
	return 0;
}

/* The client's ACK of it; only once, should the handshake stay. */
static __always_inline void sight_proof(const struct flow_ip *client, __u32 array,
					struct handshake *handshake)
{
	struct flow_histogram *histogram;
	__u32 us;

	if (!handshake->sent_us)
		return;
	us = sight_now() - handshake->sent_us;
	histogram = bpf_map_lookup_elem(&round_trips, &array);
	if (histogram)
		sight_add(histogram, us);
	handshake->sent_us = 0;
	sight_net(client, array, us);
}

#endif
