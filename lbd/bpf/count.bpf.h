/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Counters, gauges, and the verdicts that are always counted. */
#ifndef CASPAIR_COUNT_BPF_H
#define CASPAIR_COUNT_BPF_H

#include "lbd/bpf/maps.bpf.h"

/* For the packet path alone, which is not interrupted on its CPU: no atomic needed. */
static __always_inline void count(__u32 counter)
{
	__u64 *value = bpf_map_lookup_elem(&counters, &counter);

	if (value)
		*value += 1;
}

/* For what calls count too: packets interrupt those. */
static __always_inline void count_shared(__u32 counter)
{
	__u64 *value = bpf_map_lookup_elem(&counters, &counter);

	if (value)
		__sync_fetch_and_add(value, 1);
}

/*
 * Not inlined, like all that is rare: the common path shall stay short.  Not static: the verifier
 * walks it once, and not in every way that leads here.
 */
__noinline int count_rare(__u32 counter)
{
	count(counter);
	return 0;
}

static __always_inline int drop(__u32 counter)
{
	count_rare(counter);
	return XDP_DROP;
}

static __always_inline int pass(void)
{
	count_rare(COUNT_PASSED);
	return XDP_PASS;
}

/*
 * One more of a service, by its number; for the packet path alone, as count(), and not static for
 * the same reason as the above.
 */
__noinline int count_service(__u32 service, __u32 counter)
{
	struct flow_service_stats *stats = bpf_map_lookup_elem(&service_stats, &service);

	if (stats && counter < SERVICE_COUNTS)
		stats->count[counter] += 1;
	return 0;
}

static __always_inline struct flow_gauges *gauges_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&gauges, &zero);
}

static __always_inline void gauge_pins(__s64 change)
{
	struct flow_gauges *gauge = gauges_get();

	if (gauge)
		__sync_fetch_and_add(&gauge->pins, change);
}

/* NULL for FLOW_NO_MEMBER, which lies behind the end of the table. */
static __always_inline struct flow_member_stats *stats_of(__u16 slot)
{
	__u32 index = slot;

	return bpf_map_lookup_elem(&member_stats, &index);
}

/* Likewise; for the packet path alone, as count(). */
static __always_inline struct flow_member_bytes *bytes_of(__u16 slot)
{
	__u32 index = slot;

	return bpf_map_lookup_elem(&member_bytes, &index);
}

#endif
