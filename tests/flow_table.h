/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A table of flows (proto/flow_place.h) in memory: the data plane's own, mapped, or one that a test
 * has made.  Written by the data plane's own code.
 */
#ifndef CASPAIR_TESTS_FLOW_TABLE_H
#define CASPAIR_TESTS_FLOW_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "lbd/bpf/place.h"

struct place_table {
	struct flow_form *form;
	struct flow_bucket *bucket;
	struct flow_place *place;
	uint64_t count;      /* of flows */
	void (*pause)(void); /* called where others may come in between, NULL: nobody does */
};

static __always_inline const struct flow_form *place_form(struct place_table *table)
{
	return table->form;
}

static __always_inline struct flow_bucket *place_bucket(struct place_table *table, __u32 number)
{
	if (table->pause)
		table->pause();
	return number < table->form->buckets ? &table->bucket[number] : NULL;
}

static __always_inline struct flow_place *place_at(struct place_table *table, __u32 number)
{
	if (table->pause)
		table->pause();
	return number < table->form->buckets * FLOW_PLACES ? &table->place[number] : NULL;
}

static __always_inline __u64 *place_count(struct place_table *table)
{
	return (__u64 *)&table->count;
}

static __always_inline int place_call_look(struct place_table *table, const struct flow_key *key)
{
	return place_look(table, key);
}

static __always_inline int place_call_claim(struct place_table *table, const struct flow_key *key)
{
	return place_claim(table, key);
}

static __always_inline int place_call_show(struct place_table *table, int at,
					   const struct flow_key *key, const struct flow *flow)
{
	return place_show(table, at, key, flow);
}

static __always_inline int place_call_prevail(struct place_table *table, int own,
					      const struct flow_key *key, int second)
{
	return place_prevail(table, own, key, second);
}

static __always_inline int place_call_settle(struct place_table *table, int at,
					     const struct flow_key *key, int prevailed)
{
	return place_settle(table, at, key, prevailed);
}

static inline void *flow_table_memory(int fd, size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE,
			MAP_SHARED | (fd < 0 ? MAP_ANONYMOUS : 0), fd, 0);

	return at == MAP_FAILED ? NULL : at;
}

static inline void flow_table_close(struct place_table *table)
{
	size_t buckets = table->form ? table->form->buckets : 0;

	if (table->bucket)
		munmap(table->bucket, buckets * sizeof(*table->bucket));
	if (table->place)
		munmap(table->place, buckets * FLOW_PLACES * sizeof(*table->place));
	if (table->form)
		munmap(table->form, sizeof(*table->form));
	memset(table, 0, sizeof(*table));
}

/* An empty one of its own, with the key of this seed.  False: there is no memory. */
static inline bool flow_table_make(struct place_table *table, uint32_t flows, unsigned int seed)
{
	struct flow_form form = { .buckets = flow_buckets_of(flows), .limit = flows };

	for (size_t i = 0; i < FLOW_HASH_WORDS; i++)
		form.key[i] = (uint32_t)rand_r(&seed) << 16 ^ (uint32_t)rand_r(&seed);
	*table = (struct place_table){
		.form = flow_table_memory(-1, sizeof(form)),
		.bucket = flow_table_memory(-1, form.buckets * sizeof(*table->bucket)),
		.place = flow_table_memory(-1, (size_t)form.buckets * FLOW_PLACES *
						       sizeof(*table->place)),
	};
	if (!table->form || !table->bucket || !table->place)
		return false;
	*table->form = form;
	return true;
}

/* The first flow that lives at a place or behind it, SIZE_MAX: there is none. */
static inline size_t flow_table_next(const struct place_table *table, size_t at)
{
	size_t places = (size_t)table->form->buckets * FLOW_PLACES;

	while (at < places && !table->place[at].tag)
		at++;
	return at < places ? at : SIZE_MAX;
}

/*
 * By the descriptors of the maps.  From then on what is written here is counted here, not in the
 * data plane's gauges.
 */
static inline bool flow_table_open(struct place_table *table, int form, int buckets, int flows)
{
	*table = (struct place_table){ .form = flow_table_memory(form, sizeof(*table->form)) };
	if (!table->form)
		return false;
	table->bucket = flow_table_memory(buckets, table->form->buckets * sizeof(*table->bucket));
	table->place = flow_table_memory(flows, (size_t)table->form->buckets * FLOW_PLACES *
							sizeof(*table->place));
	if (!table->bucket || !table->place) {
		flow_table_close(table);
		return false;
	}
	for (size_t at = 0; (at = flow_table_next(table, at)) != SIZE_MAX; at++)
		table->count++;
	return true;
}

/* By the directory that they are pinned in. */
static inline bool flow_table_pinned(struct place_table *table, const char *dir)
{
	static const char *const name[] = { "flow_form", "flow_buckets", "flows" };
	bool opened;
	int fd[3];

	for (size_t i = 0; i < 3; i++) {
		char path[512];

		snprintf(path, sizeof(path), "%s/%s", dir, name[i]);
		fd[i] = bpf_obj_get(path);
	}
	opened = fd[0] >= 0 && fd[1] >= 0 && fd[2] >= 0 &&
		 flow_table_open(table, fd[0], fd[1], fd[2]);
	for (size_t i = 0; i < 3; i++)
		if (fd[i] >= 0)
			close(fd[i]);
	return opened;
}

static inline struct flow *flow_table_find(struct place_table *table, const struct flow_key *key)
{
	int at = place_look(table, key);

	return at == FLOW_NO_PLACE ? NULL : &table->place[at].flow;
}

/* The flow is made or overwritten; false: the table is full. */
static inline bool flow_table_put(struct place_table *table, const struct flow_key *key,
				  const struct flow *flow)
{
	struct flow *known = flow_table_find(table, key);

	if (known)
		*known = *flow;
	return known || place_add(table, key, flow) == 0;
}

static inline bool flow_table_drop(struct place_table *table, const struct flow_key *key)
{
	return place_drop(table, key) == 0;
}

static inline void flow_table_clear(struct place_table *table)
{
	size_t buckets = table->form->buckets;

	memset(table->bucket, 0, buckets * sizeof(*table->bucket));
	memset(table->place, 0, buckets * FLOW_PLACES * sizeof(*table->place));
	table->count = 0;
}

#endif
