/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The table of flows.  It is ours and no hash of the kernel's, for its look-up is most of what an
 * established flow costs: here that is one hash, and two neighbouring lines of memory.
 *
 *	flow_form     the key of its hash, and its size
 *	flow_buckets  which of FLOW_PLACES places hold what: a line of memory each
 *	flows         the places: a flow with its key, in two neighbouring lines
 *
 * A key has two buckets.  Its flow lives in the first one, in the place called home if that was
 * free, or in another one; or as a stray in the second bucket if that had more room (Azar, Broder,
 * Karlin, Upfal: Balanced Allocations, STOC 1994).  Who looks begins at home.  In a table that is
 * half full 61 of 100 flows are there, at its limit 18; that is three quarters of its places, and
 * of a million new flows there one or two find both buckets full.
 *
 * The maps are arrays.  lbd/bpf/place.h, compiled into the BPF programs, is who writes them; user
 * space reads by conf/places.h.  Both compilers read this file.
 */
#ifndef CASPAIR_FLOW_PLACE_H
#define CASPAIR_FLOW_PLACE_H

#include <linux/types.h>

#include "proto/flow.h"

enum {
	FLOW_PLACES = 15, /* of a bucket; all ones, as a mask */
	FLOW_HASH_WORDS = 10,
	FLOW_ROOM = 88, /* bytes */
	FLOW_NO_PLACE = -1,
};

/*
 * What a bucket says of a place: 0 when it is free, or the tag of a key, a part of its hash, whose
 * lowest bits are one of these.  Who reads asks for FLOW_LIVES and nothing else.
 */
enum flow_tag_state {
	FLOW_LEAVES = 0, /* given up, not yet free */
	FLOW_COMES,      /* claimed, being written */
	FLOW_TRIES,      /* whole, unless another one of its key was first */
	FLOW_LIVES,
	FLOW_TAG_STATE = 3, /* mask */
};

/* Map `flow_form`, one entry, written by lbd: when the table is made, and when its limit moves. */
struct flow_form {
	__u32 key[FLOW_HASH_WORDS]; /* random: who knew it could fill two buckets */
	__u32 buckets;              /* entries of `flow_buckets`; 0: not made yet */
	__u32 limit;                /* flows */
};

/* Map `flow_buckets`, ARRAY. */
struct flow_bucket {
	__u32 tag[FLOW_PLACES]; /* written atomically */
	__u32 strays;           /* flows that live elsewhere; written atomically */
};

/* Map `flows`, ARRAY: places FLOW_PLACES * bucket and following. */
struct flow_place {
	union {
		struct flow flow;
		__u8 room[FLOW_ROOM]; /* that flows of a later layout may take */
	};
	struct flow_key key;
	__u32 tag; /* as in the bucket, for who looks here first; 0: free */
};

/* What there is to know of a key. */
struct flow_spot {
	__u32 first, second; /* buckets */
	__u32 home;          /* place in the first one */
	__u32 tag;           /* as of a flow that lives */
};

/* Buckets of a table for so many flows: three quarters of its places. */
static inline __u32 flow_buckets_of(__u32 flows)
{
	__u64 of_bucket = FLOW_PLACES * 3;

	return (__u32)(((__u64)flows * 4 + of_bucket - 1) / of_bucket);
}

/* 0 to below - 1, by the value of a hash. */
static inline __u32 flow_scale(__u32 hash, __u32 below)
{
	return (__u32)((__u64)hash * below >> 32);
}

/*
 * NH (Black, Halevi, Krawczyk, Krovetz, Rogaway: UMAC, CRYPTO 1999): two keys meet by chance of
 * 2^-32, in all its 64 bits, for whoever does not know form->key.  The finalizer of SplitMix64
 * (Steele, Lea, Flood, OOPSLA 2014) spreads it.
 */
static inline __u64 flow_hash(const struct flow_form *form, const struct flow_key *key)
{
	const __u32 *k = form->key;
	const __be32 *client = key->client.word, *vip = key->vip.word;
	__u32 ports = (__u32)key->client_port << 16 | key->vip_port;
	__u64 sum = (__u64)(client[0] + k[0]) * (client[1] + k[1]);

	sum += (__u64)(client[2] + k[2]) * (client[3] + k[3]);
	sum += (__u64)(vip[0] + k[4]) * (vip[1] + k[5]);
	sum += (__u64)(vip[2] + k[6]) * (vip[3] + k[7]);
	sum += (__u64)(ports + k[8]) * k[9];
	sum = (sum ^ (sum >> 30)) * 0xbf58476d1ce4e5b9ULL;
	sum = (sum ^ (sum >> 27)) * 0x94d049bb133111ebULL;
	return sum ^ (sum >> 31);
}

static inline struct flow_spot flow_spot_of(const struct flow_form *form,
					    const struct flow_key *key)
{
	__u64 hash = flow_hash(form, key);
	__u32 high = (__u32)(hash >> 32), low = (__u32)hash;
	struct flow_spot spot = {
		.first = flow_scale(high, form->buckets),
		.second = flow_scale(low, form->buckets),
		.home = (low & 0xffff) * FLOW_PLACES >> 16,
		.tag = (high ^ low) | FLOW_LIVES,
	};

	/* Also the tag of who leaves is not 0. */
	if (!(spot.tag & ~(__u32)FLOW_TAG_STATE))
		spot.tag |= FLOW_TAG_STATE + 1;
	return spot;
}

/* One branch, for the sake of the verifier, which walks this for each place of a bucket. */
static inline int flow_key_equal(const struct flow_key *a, const struct flow_key *b)
{
	__u32 ports = (__u32)(a->client_port ^ b->client_port) | (a->vip_port ^ b->vip_port);

	return !(flow_ip_differ(&a->client, &b->client) | flow_ip_differ(&a->vip, &b->vip) | ports);
}

_Static_assert(sizeof(struct flow_bucket) == 64, "a line of memory");
_Static_assert(sizeof(struct flow_place) == 128, "two lines, which are fetched together");

#endif
