/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Every map of the data plane.  Names and layouts of the shared ones are those of proto/flow*.h;
 * lbd sets the sizes of the tables of flows and pins from the configuration.  The last ones serve
 * the data plane alone and hold nothing that could not be learned again within a second.
 */
#ifndef CASPAIR_MAPS_BPF_H
#define CASPAIR_MAPS_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "lbd/bpf/carried.h"
#include "proto/flow.h"
#include "proto/flow_census.h"
#include "proto/flow_counter.h"
#include "proto/flow_event.h"
#include "proto/flow_ip.h"
#include "proto/flow_lease.h"
#include "proto/flow_limits.h"
#include "proto/flow_place.h"
#include "proto/flow_tables.h"

/* --- configuration --- */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct flow_control);
} control SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct flow_role_table);
} roles SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, FLOW_MAX_ARRAYS);
	__type(key, __u32);
	__type(value, struct flow_port_table);
} ports SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, FLOW_MAX_SERVICES);
	__type(key, __u32);
	__type(value, struct flow_service);
} services SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, FLOW_MAX_POOLS);
	__type(key, __u32);
	__type(value, struct flow_pool);
} pools SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, FLOW_TABLES);
	__type(key, __u32);
	__type(value, struct flow_maglev);
} maglev SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, FLOW_MAX_MEMBERS);
	__type(key, __u32);
	__type(value, struct flow_member);
} members SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, FLOW_MAX_MEMBERS);
	__type(key, __u32);
	__type(value, struct flow_member_stats);
} member_stats SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, FLOW_MAX_MEMBERS);
	__type(key, __u32);
	__type(value, struct flow_member_bytes);
} member_bytes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, FLOW_MAX_SERVICES);
	__type(key, __u32);
	__type(value, struct flow_service_stats);
} service_stats SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, FLOW_MAX_ARRAYS);
	__type(key, __u32);
	__type(value, struct flow_histogram);
} round_trips SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, FLOW_MAX_MEMBERS);
	__type(key, __u32);
	__type(value, struct flow_histogram);
} answer_times SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, FLOW_CLIENT_NETS);
	__type(key, struct client_net_key);
	__type(value, struct client_net);
} client_nets SEC(".maps");

/* The key of a look-up in the former; the stack has no room for it. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct client_net_key);
} net_draft SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, FLOW_MAX_SOURCES);
	__type(key, __u32);
	__type(value, struct flow_source);
} sources SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, FLOW_MAX_SOURCES);
	__type(key, __u32);
	__type(value, struct flow_source_stats);
} source_stats SEC(".maps");

/* --- state --- */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct flow_form);
} flow_form SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct flow_bucket);
} flow_buckets SEC(".maps");

/* Mapped to memory, which also puts its lines where those of the processor are. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, FLOW_PLACES);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct flow_place);
} flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, FLOW_HANDSHAKES);
	__type(key, struct flow_key);
	__type(value, struct handshake);
} handshakes SEC(".maps");

/* Not preallocated: most pairs give sources to few flows or to none. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1000000);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct flow_key);
	__type(value, struct flow_key);
} reverse SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, FLOW_HANDSHAKES);
	__type(key, struct flow_key);
	__type(value, struct flow_key);
} openings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 200000);
	__type(key, struct pin_key);
	__type(value, struct pin);
} pins SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct flow_gauges);
} gauges SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct flow_lease);
} lease SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, FLOW_CENSUS);
	__type(key, struct census_key);
	__type(value, struct census);
} census SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, FLOW_MAX_ARRAYS);
	__type(key, __u32);
	__type(value, struct census_total);
} census_totals SEC(".maps");

/* --- to user space --- */

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, FLOW_EVENTS_BYTES);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct flow_lost);
} lost SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, FLOW_NOTICES_BYTES);
} notices SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, FLOW_HELD_BYTES);
} held SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, COUNT_MAX);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

/* --- from user space --- */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, FLOW_BATCH);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct flow_event);
} apply_inbox SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, FLOW_BATCH);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct flow_event);
} sweep_inbox SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CARRY_BATCH);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct carried);
} carried SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct flow_acked);
} acked SEC(".maps");

/* --- the data plane's own --- */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2 * FLOW_HOPS_DIRECT);
	__type(key, __u32);
	__type(value, struct flow_hop);
} hops SEC(".maps");

/* Answers about an array's packets, and in the last entry about those of none; answer.bpf.h. */
struct answer_pace {
	__u64 full_ns; /* when the bucket is full again */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, FLOW_MAX_ARRAYS + 1);
	__type(key, __u32);
	__type(value, struct answer_pace);
} answer_paces SEC(".maps");

/* Flows recorded at their SYN in this second, by this CPU. */
struct exact_pace {
	__u32 second;
	__u32 count;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct exact_pace);
} exact_paces SEC(".maps");

/* Where in a client's stream the trailer of its bind goes on. */
struct census_due {
	__u32 seq;
	__u32 created; /* of the flow: the port's next one owes nothing */
	__u8 typed;    /* the first of its bytes was read: `type` */
	__u8 type;
	__u16 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, FLOW_CENSUS_DUES);
	__type(key, struct flow_key);
	__type(value, struct census_due);
} census_dues SEC(".maps");

/* What a source may still begin at a service in this second, see limit.bpf.h. */
struct source_key {
	struct flow_ip client;
	__u32 service; /* flow_service.number */
};

struct source_rate {
	__u32 filled; /* ticks */
	__u32 credit;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, FLOW_SOURCES);
	__type(key, struct source_key);
	__type(value, struct source_rate);
} source_rates SEC(".maps");

/* When lbd was last asked to resolve a next hop, so that a burst asks once. */
struct next_hop {
	__u32 ifindex;
	struct flow_ip addr;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct next_hop);
	__type(value, __u32); /* ticks */
} asked SEC(".maps");

/* What the coarse clock said in this timer interrupt, see ticks_packet(). */
struct clock {
	__u64 jiffies;
	__u32 ticks;
	__u32 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct clock);
} clocks SEC(".maps");

/* A flow of a strict service whose handshake is not complete, see strict.bpf.h. */
struct strict {
	__u64 position;         /* in the ring `events`, behind its record */
	__u32 held;             /* ticks: when its answer began to wait; 0: it never did */
	struct handshake sight; /* for sight.bpf.h alone */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, FLOW_STRICTS);
	__type(key, struct flow_key);
	__type(value, struct strict);
} stricts SEC(".maps");

/* A flow that a packet is going to make. */
struct draft {
	struct flow_key key;
	__u32 counter; /* what it counts as */
	struct flow flow;
	struct strict strict;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct draft);
} drafts SEC(".maps");

/* New flows of one CPU that only the client vouches for. */
struct claims {
	__u32 second; /* ticks at which it began */
	__u32 flows;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct claims);
} claims SEC(".maps");

#endif
