// SPDX-License-Identifier: BSD-2-Clause
#include "conf/places.h"

#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>

/* Buckets that are read in one go, and in one step of a walk; places worth a call each. */
enum { RUN = 64, STEP = 64 * RUN, FEW = 6 };

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

static bool find_in(const struct places *places, uint32_t number, const struct flow_bucket *bucket,
		    const struct flow_spot *spot, const struct flow_key *key,
		    struct flow_place *place)
{
	for (uint32_t i = 0; i < FLOW_PLACES; i++) {
		uint32_t at = number * FLOW_PLACES + i;

		if (bucket->tag[i] == spot->tag &&
		    !bpf_map_lookup_elem(places->flows, &at, place) && place->tag == spot->tag &&
		    flow_key_equal(&place->key, key))
			return true;
	}
	return false;
}

bool places_find(const struct places *places, const struct flow_key *key, void *flow)
{
	struct flow_spot spot = flow_spot_of(&places->form, key);
	struct flow_bucket bucket;
	struct flow_place place;

	if (bpf_map_lookup_elem(places->buckets, &spot.first, &bucket))
		return false;
	if (!find_in(places, spot.first, &bucket, &spot, key, &place) &&
	    (!bucket.strays || bpf_map_lookup_elem(places->buckets, &spot.second, &bucket) ||
	     !find_in(places, spot.second, &bucket, &spot, key, &place)))
		return false;
	memcpy(flow, place.room, places->value);
	return true;
}

static bool lives(uint32_t tag)
{
	return (tag & FLOW_TAG_STATE) == FLOW_LIVES;
}

static uint32_t living(const struct flow_bucket *bucket)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < FLOW_PLACES; i++)
		count += lives(bucket->tag[i]);
	return count;
}

/* The places of a bucket that hold something, at their numbers; 0 or a negative errno. */
static int read_places(const struct places *places, uint32_t number,
		       const struct flow_bucket *bucket, struct flow_place place[FLOW_PLACES])
{
	if (living(bucket) > FEW) {
		int count = read_run(places->flows, number * FLOW_PLACES, place, FLOW_PLACES);

		return count < 0 ? count : 0;
	}
	for (uint32_t i = 0; i < FLOW_PLACES; i++) {
		uint32_t at = number * FLOW_PLACES + i;

		if (lives(bucket->tag[i]) && bpf_map_lookup_elem(places->flows, &at, &place[i]))
			return -errno;
	}
	return 0;
}

/* The flows of one bucket, or a negative errno. */
static int read_bucket(const struct places *places, uint32_t number,
		       const struct flow_bucket *bucket, struct flow_key *key, uint8_t *flow)
{
	struct flow_place place[FLOW_PLACES];
	int error = read_places(places, number, bucket, place), found = 0;

	for (uint32_t i = 0; !error && i < FLOW_PLACES; i++) {
		/* Also not if it became another one's since the bucket was read. */
		if (!lives(bucket->tag[i]) || place[i].tag != bucket->tag[i])
			continue;
		key[found] = place[i].key;
		memcpy(flow + (size_t)found * places->value, place[i].room, places->value);
		found++;
	}
	return error ? error : found;
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
			uint8_t *to = (uint8_t *)flow + (size_t)found * places->value;
			int more = read_bucket(places, *cursor, &bucket[i], key + found, to);

			if (more < 0)
				return more;
			found += more;
			++*cursor;
		}
	}
	return found;
}
