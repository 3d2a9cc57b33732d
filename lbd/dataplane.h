/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The BPF programs and maps: made or adopted, and the only door to libbpf's loader.  Maps are
 * pinned under their own names, so that forwarding and its state outlive this process.
 */
#ifndef CASPAIR_DATAPLANE_H
#define CASPAIR_DATAPLANE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/places.h"
#include "lbd/move.h"
#include "proto/flow.h"
#include "proto/flow_counter.h"
#include "proto/flow_event.h"
#include "proto/flow_lease.h"
#include "proto/flow_limits.h"
#include "proto/flow_tables.h"

enum dataplane_map {
	MAP_CONTROL,
	MAP_ROLES,
	MAP_PORTS,
	MAP_SERVICES,
	MAP_POOLS,
	MAP_MAGLEV,
	MAP_MEMBERS,
	MAP_MEMBER_STATS,
	MAP_MEMBER_BYTES,
	MAP_SERVICE_STATS,
	MAP_SOURCES,
	MAP_SOURCE_STATS,
	MAP_HOPS,
	MAP_ROUND_TRIPS,
	MAP_ANSWER_TIMES,
	MAP_CLIENT_NETS,
	MAP_CENSUS,
	MAP_CENSUS_TOTALS,
	MAP_FLOWS,
	MAP_BUCKETS,
	MAP_FORM,
	MAP_HANDSHAKES,
	MAP_PINS,
	MAP_GAUGES,
	MAP_LOST,
	MAP_LEASE,
	MAP_EVENTS,
	MAP_NOTICES,
	MAP_HELD,
	MAP_ACKED,
	MAP_COUNTERS,
	MAP_APPLY_INBOX,
	MAP_SWEEP_INBOX,
	MAP_CARRIED,
	DATAPLANE_MAPS
};
extern const char *const dataplane_map_names[DATAPLANE_MAPS];

struct caspair;
struct caspair_tc;
struct ring_buffer;

struct dataplane {
	struct caspair *skeleton;
	struct caspair_tc *for_tc;                 /* once it was asked for */
	int map[DATAPLANE_MAPS];                   /* descriptors, owned by the skeleton */
	int xdp, apply, sweep, carry, emit, reset; /* programs, likewise */
	int release;
	struct places places;                      /* the table of flows */
	struct flow_lease *lease;                  /* the map itself */
	struct flow_event *inbox;                  /* sweep_inbox itself, FLOW_BATCH records */
	struct flow_acked *acked;                  /* the map itself */
	struct ring_buffer *notices, *held;
	void (*seen)(void *arg, const struct flow_notice *notice);
	void *seen_arg;
	/* A flow has bound without encryption where that is required; NULL: nobody cares. */
	void (*bound)(void *arg, const struct flow_key *key);
	void *bound_arg;
	void (*waits)(void *arg, struct flow_held *packet);
	void *waits_arg;
	uint32_t flows_max, pins_max;
	int cpus;            /* possible ones, of which each has its part of a per-CPU map */
	unsigned int node;   /* 1 or 2, set by the owner before tables are installed */
	uint64_t generation; /* names these tables: changes when they are new and empty */
	bool adopted;
	struct move move; /* of the pinned tables to others, see lbd/move.h */
};

/*
 * Loads the programs and makes or adopts the maps under `dir`, a directory on a BPF file system
 * that is made when missing.  Nothing is attached.  Pinned tables of another size or a former
 * layout are moved, which the caller commits and finishes (lbd/move.h).  0 or a negative errno, the
 * reason logged; what was pinned newly is then removed again.
 */
int dataplane_open(struct dataplane *plane, const char *dir, uint32_t flows, uint32_t pins);
/* The packet program for tc, loaded when first asked for; a negative errno, the reason logged. */
int dataplane_tc(struct dataplane *plane);

/* Lets go; what is pinned stays in force. */
void dataplane_close(struct dataplane *plane);

/* Removes everything that is pinned under `dir` and says what.  0 also when there is nothing. */
int dataplane_remove(const char *dir);

/*
 * Begins to read the ring `notices`: `seen` is called for each record by dataplane_notices().
 * Returns the descriptor that becomes readable, or a negative errno.
 */
int dataplane_watch(struct dataplane *plane,
		    void (*seen)(void *arg, const struct flow_notice *notice), void *arg);
void dataplane_notices(struct dataplane *plane);

/* The same of the ring `held`; the packet is the callee's for the time of the call. */
int dataplane_hold(struct dataplane *plane, void (*waits)(void *arg, struct flow_held *packet),
		   void *arg);
void dataplane_held(struct dataplane *plane);

/* Sends a packet as it stands.  0 or a negative errno. */
int dataplane_release(struct dataplane *plane, struct flow_held *packet);

/* Puts a record on the ring `events` as it stands.  0 or a negative errno. */
int dataplane_emit(struct dataplane *plane, const struct flow_event *event);

/* Hands carried[0 .. count) to caspair_carry. */
int dataplane_carry(struct dataplane *plane, uint32_t count, struct flow_call *call);

/* Hands inbox[0 .. count) to the sweep; `call` tells what came of it. */
int dataplane_sweep(struct dataplane *plane, uint32_t count, struct flow_call *call);

/*
 * Has the orders inbox[0 .. count) carried out by caspair_reset.  `device` is the interface whose
 * routes are asked for.  *done says how many came to something, also after an error.
 */
int dataplane_reset(struct dataplane *plane, uint32_t count, int device, uint32_t *done);

/* How an interface runs XDP now, whoever attached it. */
enum dataplane_xdp { XDP_UNKNOWN, XDP_NONE, XDP_NATIVE, XDP_GENERIC };
enum dataplane_xdp dataplane_xdp(int ifindex);

/* Sums a per-CPU counter; 0 when it cannot be read. */
uint64_t dataplane_counter(const struct dataplane *plane, enum flow_counter counter);

/* Reads the number of flows of every member slot. */
void dataplane_member_flows(const struct dataplane *plane, uint64_t flows[FLOW_MAX_MEMBERS]);
/* The same of the sources. */
void dataplane_source_flows(const struct dataplane *plane, uint64_t flows[FLOW_MAX_SOURCES]);

/* What is counted of a member slot; nothing when it cannot be read. */
struct flow_member_stats dataplane_member_stats(const struct dataplane *plane, uint32_t slot);

/* Sums what all CPUs have forwarded for a member slot; nothing when it cannot be read. */
struct flow_member_bytes dataplane_member_bytes(const struct dataplane *plane, uint32_t slot);

/* Sums what all CPUs have counted of a service slot; nothing when it cannot be read. */
struct flow_service_stats dataplane_service_stats(const struct dataplane *plane, uint32_t slot);

#endif
