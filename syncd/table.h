/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The data plane's tables through descriptors that lbd handed over: events out, records in, walks
 * and look-ups.  Needs no capability: maps are read, and written by caspair_apply alone.
 */
#ifndef CASPAIR_SYNCD_TABLE_H
#define CASPAIR_SYNCD_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/places.h"
#include "proto/flow.h"
#include "proto/flow_event.h"
#include "proto/flow_ip.h"
#include "proto/flow_limits.h"
#include "proto/flow_tables.h"

/* In the order of Shared's descriptors. */
enum table_fd {
	TABLE_FLOWS,
	TABLE_PINS,
	TABLE_EVENTS,
	TABLE_LOST,
	TABLE_GAUGES,
	TABLE_INBOX,
	TABLE_APPLY,
	TABLE_CONTROL,
	TABLE_MEMBERS,
	TABLE_SOURCES,
	TABLE_ACKED,
	TABLE_WAKE, /* an eventfd of lbd's */
	TABLE_BUCKETS,
	TABLE_FORM,
	TABLE_FDS
};

enum table_walk { TABLE_WALK_PINS, TABLE_WALK_FLOWS };

struct table {
	int fd[TABLE_FDS]; /* -1: not open */
	struct places places;
	uint64_t capacity; /* flows it can hold */
	uint32_t layout;
	struct flow_event *inbox;
	struct flow_acked *acked;
	/* the ring `events`: our position, the kernel's, the data (mapped twice in a row) */
	uint64_t *consumer;
	const uint64_t *producer;
	uint64_t at;   /* read up to here; the kernel is told less while awake */
	uint64_t told; /* what it is to be told then */
	bool awake;
	const uint8_t *data;
	size_t ring;
	/* the walk under way */
	enum table_walk walk;
	bool walk_begun, walk_done;
	uint32_t cursor, now;
	struct flow_member member[FLOW_MAX_MEMBERS]; /* by slot */
	struct flow_ip source[FLOW_MAX_SOURCES];
};

/* Marks a table that is not open. */
void table_init(struct table *table);
/*
 * Takes over `count` descriptors, also on failure.  0; -EINVAL for too few or for maps of another
 * layout; or what the kernel said.
 */
int table_open(struct table *table, const int *fds, size_t count);
void table_close(struct table *table);
/* The walk that was under way in another handle of the same tables goes on in this one. */
void table_go_on(struct table *table, const struct table *before);
bool table_is_open(const struct table *table);

/* Descriptor that becomes readable with new events. */
int table_events_fd(const struct table *table);
/*
 * Copies up to `max` events out of the ring, in order; returns how many.  They stay in the ring until
 * table_release(): whoever is killed before that leaves them to the next reader.
 */
size_t table_read(struct table *table, struct flow_event *event, size_t max);
void table_release(struct table *table);
/*
 * Whoever looks often by himself need not be woken: the data plane, which would do that out of a
 * packet, wakes a reader only that has read everything, so the last event read is not told to it.
 * table_events_fd() stays readable then.  table_sleep() ends this; false when there is something to
 * read, and the reader is still awake.
 */
void table_stay_awake(struct table *table);
bool table_sleep(struct table *table);

/* Events lost since the data plane was loaded; flows and pins now.  0 or negative errno. */
int table_lost(const struct table *table, uint64_t *events);
int table_gauges(const struct table *table, struct flow_gauges *gauges);

/* Tells lbd that acked.position has moved, if packets wait for that. */
void table_wake_reader(const struct table *table);

/* Runs caspair_apply over at most FLOW_BATCH records: 0 or negative errno, `call` says what came of
 * it. */
int table_apply(struct table *table, const struct flow_event *event, size_t count,
		struct flow_call *call);

/* Turns the event (key set; PUT or DEL of a flow or pin) into what the table says of its key. */
void table_lookup(struct table *table, struct flow_event *event);

/* Begins a walk; table_step() yields up to `max` PUTs (FLOW_PLACES to FLOW_BATCH), 0 at the end. */
void table_walk(struct table *table, enum table_walk walk);
int table_step(struct table *table, struct flow_event *event, size_t max);

#endif
