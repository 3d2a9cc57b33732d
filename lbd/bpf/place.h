/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who reads and writes the table of flows (proto/flow_place.h), on all processors at once and
 * without a lock: a program for packets may interrupt one that user space called, and could wait
 * for it for ever.  The tests compile this file too.
 *
 * A place is claimed in its bucket (FLOW_COMES), written, and shown (FLOW_TRIES).  Whoever has
 * shown one looks for another of the same key: of two that see each other the one that goes before
 * ends the other's try, unless that lives already.  As each shows before it looks, one of them at
 * least sees both.  Home goes before all: what is there and has seen no other will live, and may be
 * found at once.  Who gives up a place, or lost its try, is the only one to free it.
 *
 * A flow that was found stays memory of the table, but may be given up meanwhile and its place be
 * another one's: then a packet is noted there, as in the hash tables of the kernel.  Who looks
 * reads tag, key and flow in that order, which x86 keeps.
 *
 * Who includes this says how the table is got at; NULL where there is nothing:
 */
#ifndef CASPAIR_PLACE_H
#define CASPAIR_PLACE_H

#include <linux/errno.h>

#include "proto/flow_place.h"

struct place_table;
static __always_inline const struct flow_form *place_form(struct place_table *table);
static __always_inline struct flow_bucket *place_bucket(struct place_table *table, __u32 number);
static __always_inline struct flow_place *place_at(struct place_table *table, __u32 number);
static __always_inline __u64 *place_count(struct place_table *table); /* flows */

/*
 * And it calls the steps below, place_look() and so on, one by one: so the verifier walks each of
 * them once, and not the next one for each place that the one before may find; and their stacks do
 * not add up.
 */
static __always_inline int place_call_look(struct place_table *table, const struct flow_key *key);
static __always_inline int place_call_claim(struct place_table *table, const struct flow_key *key);
static __always_inline int place_call_show(struct place_table *table, int at,
					   const struct flow_key *key, const struct flow *flow);
static __always_inline int place_call_prevail(struct place_table *table, int own,
					      const struct flow_key *key, int second);
static __always_inline int place_call_settle(struct place_table *table, int at,
					     const struct flow_key *key, int prevailed);

/* From here on a new flow looks whether its other bucket has more room. */
enum { PLACE_CROWDED = 10 };

static __always_inline __u32 place_read(const __u32 *word)
{
	return *(const volatile __u32 *)word;
}

static __always_inline __u32 place_state(__u32 tag, enum flow_tag_state state)
{
	return (tag & ~(__u32)FLOW_TAG_STATE) | state;
}

/*
 * A place of a bucket, or FLOW_PLACES: kept in bounds where the verifier sees it and the compiler,
 * who knows already, leaves it.
 */
static __always_inline __u32 place_bound(__u32 place)
{
	__asm__ volatile("" : "+r"(place));
	return place & FLOW_PLACES;
}

/* --- look-up --- */

static __always_inline int place_look_in(struct place_table *table, __u32 number, __u32 tag,
					 const struct flow_key *key)
{
	const struct flow_bucket *bucket = place_bucket(table, number);

	for (__u32 i = 0; bucket && i < FLOW_PLACES; i++) {
		__u32 at = number * FLOW_PLACES + i;
		const struct flow_place *place;

		if (place_read(&bucket->tag[i]) != tag)
			continue;
		place = place_at(table, at);
		if (place && flow_key_equal(&place->key, key))
			return (int)at;
	}
	return FLOW_NO_PLACE;
}

/*
 * The place called home, where every look-up begins and most end; NULL: the key is not there.
 * Who is not is looked for in its bucket, which is fetched meanwhile and not after that.
 */
static __always_inline struct flow_place *
place_home(struct place_table *table, const struct flow_key *key, const struct flow_spot *spot)
{
	const struct flow_bucket *bucket = place_bucket(table, spot->first);
	struct flow_place *place = place_at(table, spot->first * FLOW_PLACES + spot->home);

	if (bucket)
		place_read(&bucket->strays);
	if (place && place_read(&place->tag) == spot->tag && flow_key_equal(&place->key, key))
		return place;
	return NULL;
}

/* The place of a key, FLOW_NO_PLACE: the table has it not. */
static __always_inline int place_look(struct place_table *table, const struct flow_key *key)
{
	const struct flow_form *form = place_form(table);
	const struct flow_bucket *bucket;
	struct flow_spot spot;
	int at;

	if (!form)
		return FLOW_NO_PLACE;
	spot = flow_spot_of(form, key);
	if (place_home(table, key, &spot))
		return (int)(spot.first * FLOW_PLACES + spot.home);
	at = place_look_in(table, spot.first, spot.tag, key);
	if (at != FLOW_NO_PLACE)
		return at;
	bucket = place_bucket(table, spot.first);
	if (!bucket || !place_read(&bucket->strays))
		return FLOW_NO_PLACE;
	return place_look_in(table, spot.second, spot.tag, key);
}

/* --- add --- */

static __always_inline __u32 place_crowd(const struct flow_bucket *bucket)
{
	__u32 used = 0;

	/* Without a branch, or the verifier would walk every way of being full. */
	for (__u32 i = 0; i < FLOW_PLACES; i++) {
		__u32 tag = place_read(&bucket->tag[i]), sign = tag | -tag;

		__asm__ volatile("" : "+r"(sign));
		used += sign >> 31;
	}
	return used;
}

/* Takes a free place of a bucket, that at `from` if it can be had; FLOW_NO_PLACE: there is none. */
static __always_inline int place_claim_in(struct place_table *table, __u32 number, __u32 from,
					  __u32 tag)
{
	struct flow_bucket *bucket = place_bucket(table, number);

	/* Each once, in an order that costs the verifier no case. */
	for (__u32 i = 0; bucket && i <= FLOW_PLACES; i++) {
		__u32 at = place_bound(from ^ i);

		if (at == FLOW_PLACES)
			continue;
		if (place_read(&bucket->tag[at]) == 0 &&
		    __sync_val_compare_and_swap(&bucket->tag[at], 0, tag) == 0)
			return (int)(number * FLOW_PLACES + at);
	}
	return FLOW_NO_PLACE;
}

/* A place for a new flow, FLOW_NO_PLACE: there is none. */
static __always_inline int place_claim(struct place_table *table, const struct flow_key *key)
{
	const struct flow_form *form = place_form(table);
	const struct flow_bucket *first, *second;
	__u32 tag, crowd, rather, or_else;
	struct flow_spot spot;
	int at;

	if (!form)
		return FLOW_NO_PLACE;
	spot = flow_spot_of(form, key);
	first = place_bucket(table, spot.first);
	second = place_bucket(table, spot.second);
	tag = place_state(spot.tag, FLOW_COMES);
	crowd = first ? place_crowd(first) : 0;
	rather = spot.first;
	or_else = spot.second;
	if (crowd >= PLACE_CROWDED && second && place_crowd(second) < crowd) {
		rather = spot.second;
		or_else = spot.first;
	}
	at = place_claim_in(table, rather, spot.home, tag);
	return at != FLOW_NO_PLACE ? at : place_claim_in(table, or_else, spot.home, tag);
}

/* The tag of a place that is in one of a key's buckets. */
static __always_inline __u32 *place_tag(struct place_table *table, const struct flow_spot *spot,
					int at)
{
	__u32 in_first = (__u32)at - spot->first * FLOW_PLACES;
	__u32 in_second = (__u32)at - spot->second * FLOW_PLACES;
	__u32 number = in_first < FLOW_PLACES ? spot->first : spot->second;
	__u32 place = in_first < FLOW_PLACES ? in_first : in_second;
	struct flow_bucket *bucket = place_bucket(table, number);

	if (!bucket || place >= FLOW_PLACES)
		return NULL;
	return &bucket->tag[place_bound(place)];
}

/* Counts a flow's place as a stray of its first bucket, if that is what it is. */
static __always_inline void place_stray(struct place_table *table, const struct flow_spot *spot,
					int at, __u32 change)
{
	struct flow_bucket *bucket = place_bucket(table, spot->first);

	if (bucket && (__u32)at - spot->first * FLOW_PLACES >= FLOW_PLACES)
		__sync_fetch_and_add(&bucket->strays, change);
}

/* Frees a place that is nobody else's. */
static __always_inline void place_free(struct place_table *table, const struct flow_spot *spot,
				       int at, __u32 *tag)
{
	struct flow_place *place = place_at(table, (__u32)at);

	if (place)
		place->tag = 0;
	__atomic_exchange_n(tag, 0, __ATOMIC_SEQ_CST);
	place_stray(table, spot, at, (__u32)-1);
}

/* Writes a place that was claimed, and shows it; 0, or -E2BIG: nobody has claimed that. */
static __always_inline int place_show(struct place_table *table, int at, const struct flow_key *key,
				      const struct flow *flow)
{
	const struct flow_form *form = place_form(table);
	struct flow_place *place = place_at(table, (__u32)at);
	struct flow_spot spot;
	__u32 *tag;

	if (!form || !place)
		return -E2BIG;
	spot = flow_spot_of(form, key);
	tag = place_tag(table, &spot, at);
	if (!tag)
		return -E2BIG;
	place_stray(table, &spot, at, 1);
	place->key = *key;
	place->flow = *flow;
	__atomic_exchange_n(tag, place_state(spot.tag, FLOW_TRIES), __ATOMIC_SEQ_CST);
	return 0;
}

/*
 * Whether a place goes before another one of its key: home does before all.  The verifier shall
 * learn nothing about either from that.
 */
static __always_inline __u32 place_before(const struct flow_spot *spot, int place, int other)
{
	int home = (int)(spot->first * FLOW_PLACES + spot->home);
	__u32 sign = (__u32)((place ^ home) - (other ^ home)) >> 31;

	__asm__ volatile("" : "+r"(sign));
	return sign;
}

/* Ends what tries for this key in one of its buckets; 0: one goes before `own`, or lives. */
static __always_inline int place_prevail(struct place_table *table, int own,
					 const struct flow_key *key, int second)
{
	const struct flow_form *form = place_form(table);
	struct flow_bucket *bucket;
	struct flow_spot spot;
	__u32 number, tries;

	if (!form)
		return 0;
	spot = flow_spot_of(form, key);
	number = second ? spot.second : spot.first;
	bucket = place_bucket(table, number);
	tries = place_state(spot.tag, FLOW_TRIES);
	for (__u32 i = 0; bucket && i < FLOW_PLACES; i++) {
		int at = (int)(number * FLOW_PLACES + i);
		__u32 seen = place_read(&bucket->tag[i]);
		const struct flow_place *place;

		/* Tries or lives: one bit apart. */
		if (at == own || (seen | (FLOW_TRIES ^ FLOW_LIVES)) != spot.tag)
			continue;
		place = place_at(table, (__u32)at);
		if (!place || !flow_key_equal(&place->key, key))
			continue;
		if (place_before(&spot, at, own) ||
		    __sync_val_compare_and_swap(&bucket->tag[i], tries,
						place_state(tries, FLOW_LEAVES)) == spot.tag)
			return 0;
	}
	return 1;
}

/* What was shown lives if it has prevailed; 0, or -EEXIST: another one of its key was first. */
static __always_inline int place_settle(struct place_table *table, int at,
					const struct flow_key *key, int prevailed)
{
	const struct flow_form *form = place_form(table);
	struct flow_place *place = place_at(table, (__u32)at);
	struct flow_spot spot;
	__u32 *tag, tries;

	if (!form || !place)
		return -EEXIST;
	spot = flow_spot_of(form, key);
	tag = place_tag(table, &spot, at);
	if (!tag)
		return -EEXIST;
	tries = place_state(spot.tag, FLOW_TRIES);
	if (prevailed) {
		/* Not after the exchange: it may be dropped, and be another one's, at once. */
		place->tag = spot.tag;
		if (__sync_val_compare_and_swap(tag, tries, spot.tag) == tries)
			return 0;
	}
	place_free(table, &spot, at, tag);
	return -EEXIST;
}

/* 0, -EEXIST, or -E2BIG: the table is full. */
static __always_inline int place_add(struct place_table *table, const struct flow_key *key,
				     const struct flow *flow)
{
	const struct flow_form *form = place_form(table);
	__u64 *count = place_count(table);
	int at = FLOW_NO_PLACE, err = -E2BIG;

	if (!form || !count)
		return -E2BIG;
	if (place_call_look(table, key) != FLOW_NO_PLACE)
		return -EEXIST;
	if (__sync_fetch_and_add(count, 1) < form->limit)
		at = place_call_claim(table, key);
	if (at != FLOW_NO_PLACE)
		err = place_call_show(table, at, key, flow);
	if (!err)
		err = place_call_settle(table, at, key,
					place_call_prevail(table, at, key, 0) &&
						place_call_prevail(table, at, key, 1));
	if (err)
		__sync_fetch_and_add(count, (__u64)-1);
	return err;
}

/* --- drop --- */

/* 0, or -ENOENT: the table has it not, or somebody else takes it out. */
static __always_inline int place_drop(struct place_table *table, const struct flow_key *key)
{
	const struct flow_form *form = place_form(table);
	__u64 *count = place_count(table);
	const struct flow_place *place;
	struct flow_spot spot;
	__u32 *tag;
	int at;

	if (!form || !count)
		return -ENOENT;
	spot = flow_spot_of(form, key);
	at = place_call_look(table, key);
	tag = at == FLOW_NO_PLACE ? NULL : place_tag(table, &spot, at);
	if (!tag || __sync_val_compare_and_swap(tag, spot.tag,
						place_state(spot.tag, FLOW_LEAVES)) != spot.tag)
		return -ENOENT;
	/* Ours now; but since we looked it may have become another key's, of the same tag: that one
	 * is not there for a moment, once in 2^30 times. */
	place = place_at(table, (__u32)at);
	if (!place || !flow_key_equal(&place->key, key)) {
		__atomic_exchange_n(tag, spot.tag, __ATOMIC_SEQ_CST);
		return -ENOENT;
	}
	place_free(table, &spot, at, tag);
	__sync_fetch_and_add(count, (__u64)-1);
	return 0;
}

#endif
