// SPDX-License-Identifier: BSD-2-Clause
#include "conf/places.h"

#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>

/* Buckets that are read in one go, and in one step of a walk. */
enum { RUN = 64, STEP = 64 * RUN };

int places_open(struct places *places, int flows, int buckets, int form)
{
	uint32_t zero = 0;

	*places = (struct places){ flows, buckets, sizeof(struct flow), { { 0 }, 0, 0 } };
	if (bpf_map_lookup_elem(form, &zero, &places->form))
		return -errno;
	return places->form.buckets ? 0 : -EINVAL;
}

/* A run of an array's entries: their number, or a negative errno. */
static int read_run(int map, uint32_t first, void *entry, uint32_t count)
{
	uint32_t before = first - 1, last, index[RUN];

	if (count > RUN)
		count = RUN;
	if (bpf_map_lookup_batch(map, first ? &before : NULL, &last, index, entry, &count, NULL) &&
	    errno != ENOENT) /* it ends here */
		return -errno;
	return (int)count;
}

static bool find_in(const struct places *places, uint32_t number, uint32_t tag,
		    const struct flow_key *key, struct flow_place *place)
{
	struct flow_bucket bucket;

	if (bpf_map_lookup_elem(places->buckets, &number, &bucket))
		return false;
	for (uint32_t i = 0; i < FLOW_PLACES; i++) {
		uint32_t at = number * FLOW_PLACES + i;

		if (bucket.tag[i] == tag && !bpf_map_lookup_elem(places->flows, &at, place) &&
		    place->tag == tag && flow_key_equal(&place->key, key))
			return true;
	}
	return false;
}

bool places_find(const struct places *places, const struct flow_key *key, void *flow)
{
	struct flow_spot spot = flow_spot_of(&places->form, key);
	struct flow_place place;

	if (!find_in(places, spot.first, spot.tag, key, &place) &&
	    !find_in(places, spot.second, spot.tag, key, &place))
		return false;
	memcpy(flow, &place.flow, places->value);
	return true;
}

static bool lives(uint32_t tag)
{
	return (tag & FLOW_TAG_STATE) == FLOW_LIVES;
}

static bool is_empty(const struct flow_bucket *bucket)
{
	for (uint32_t i = 0; i < FLOW_PLACES; i++)
		if (lives(bucket->tag[i]))
			return false;
	return true;
}

/* The flows of one bucket, or a negative errno. */
static int read_bucket(const struct places *places, uint32_t number,
		       const struct flow_bucket *bucket, struct flow_key *key, uint8_t *flow)
{
	struct flow_place place[FLOW_PLACES];
	int count = read_run(places->flows, number * FLOW_PLACES, place, FLOW_PLACES), found = 0;

	for (int i = 0; i < count; i++) {
		/* Also not if it became another one's since the bucket was read. */
		if (!lives(bucket->tag[i]) || place[i].tag != bucket->tag[i])
			continue;
		key[found] = place[i].key;
		memcpy(flow + (size_t)found * places->value, &place[i].flow, places->value);
		found++;
	}
	return count < 0 ? count : found;
}

int places_read(const struct places *places, uint32_t *cursor, struct flow_key *key, void *flow,
		uint32_t capacity)
{
	uint32_t end = *cursor + STEP;
	struct flow_bucket bucket[RUN];
	int found = 0;

	if (end > places->form.buckets)
		end = places->form.buckets;
	while (*cursor < end && capacity - (uint32_t)found >= FLOW_PLACES) {
		int count = read_run(places->buckets, *cursor, bucket, RUN);

		if (count <= 0)
			return count < 0 ? count : -EINVAL;
		for (int i = 0; i < count && capacity - (uint32_t)found >= FLOW_PLACES; i++) {
			int more = is_empty(&bucket[i])
					   ? 0
					   : read_bucket(places, *cursor, &bucket[i], key + found,
							 (uint8_t *)flow +
								 (size_t)found * places->value);

			if (more < 0)
				return more;
			found += more;
			++*cursor;
		}
	}
	return found;
}
