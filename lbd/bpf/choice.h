/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The choice of a member for a client that has no pin: a keyed hash of its address, and the place
 * of that hash in a Maglev table.  Both nodes of a pair, the data plane, lbd and the tests compile
 * this file, for a choice that one of them cannot repeat would lose sessions in a takeover.  So it
 * uses no helper and no library, and does not depend on the byte order of the machine.
 */
#ifndef CASPAIR_CHOICE_H
#define CASPAIR_CHOICE_H

#include "proto/flow_ip.h"
#include "proto/flow_limits.h"

/* Two words of an address as a number. */
static inline __u64 choice_words(const __be32 *word)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return (__u64)__builtin_bswap32(word[0]) << 32 | __builtin_bswap32(word[1]);
#else
	return (__u64)word[0] << 32 | word[1];
#endif
}

/*
 * The finalizer of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014) over the seeded address.  The ports
 * do not enter: the services of an affinity group meet at one member even before a pin is made.
 */
static inline __u64 choice_hash(const struct flow_ip *client, __u64 seed)
{
	__u64 prefix = choice_words(client->word), host = choice_words(client->word + 2);
	__u64 mix = (host + 1) * 0x9e3779b97f4a7c15ULL + seed;

	/* Multiplied by itself, so that no pair of prefix and host cancels out for all seeds. */
	mix ^= (prefix ^ (prefix >> 32)) * (mix | 1);
	mix = (mix ^ (mix >> 30)) * 0xbf58476d1ce4e5b9ULL;
	mix = (mix ^ (mix >> 27)) * 0x94d049bb133111ebULL;
	return mix ^ (mix >> 31);
}

/* Where in flow_maglev.member a hash falls: 0 to FLOW_MAGLEV_SIZE - 1. */
static inline __u32 choice_index(__u64 hash)
{
	return (__u32)(hash >> 32) % FLOW_MAGLEV_SIZE;
}

#endif
