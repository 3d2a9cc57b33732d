// SPDX-License-Identifier: BSD-2-Clause
/* What is counted in the maps, summed over the processors. */
#include <stdlib.h>

#include <bpf/bpf.h>

#include "lbd/dataplane.h"

uint64_t dataplane_counter(const struct dataplane *plane, enum flow_counter counter)
{
	int cpus = plane->cpus;
	uint32_t key = counter;
	uint64_t *value, sum = 0;

	if (cpus <= 0)
		return 0;
	value = calloc((size_t)cpus, sizeof(*value));
	if (value && !bpf_map_lookup_elem(plane->map[MAP_COUNTERS], &key, value))
		for (int i = 0; i < cpus; i++)
			sum += value[i];
	free(value);
	return sum;
}

void dataplane_member_flows(const struct dataplane *plane, uint64_t flows[FLOW_MAX_MEMBERS])
{
	struct flow_member_stats stats;

	for (uint32_t i = 0; i < FLOW_MAX_MEMBERS; i++)
		flows[i] = bpf_map_lookup_elem(plane->map[MAP_MEMBER_STATS], &i, &stats)
				   ? 0
				   : stats.flows;
}

struct flow_member_stats dataplane_member_stats(const struct dataplane *plane, uint32_t slot)
{
	struct flow_member_stats stats;

	if (bpf_map_lookup_elem(plane->map[MAP_MEMBER_STATS], &slot, &stats))
		return (struct flow_member_stats){ 0 };
	return stats;
}

struct flow_member_bytes dataplane_member_bytes(const struct dataplane *plane, uint32_t slot)
{
	int cpus = plane->cpus;
	struct flow_member_bytes sum = { 0 }, *each;

	if (cpus <= 0)
		return sum;
	each = calloc((size_t)cpus, sizeof(*each));
	if (each && !bpf_map_lookup_elem(plane->map[MAP_MEMBER_BYTES], &slot, each))
		for (int i = 0; i < cpus; i++) {
			sum.in += each[i].in;
			sum.out += each[i].out;
		}
	free(each);
	return sum;
}

struct flow_service_stats dataplane_service_stats(const struct dataplane *plane, uint32_t slot)
{
	int cpus = plane->cpus;
	struct flow_service_stats sum = { 0 }, *each;

	if (cpus <= 0)
		return sum;
	each = calloc((size_t)cpus, sizeof(*each));
	if (each && !bpf_map_lookup_elem(plane->map[MAP_SERVICE_STATS], &slot, each))
		for (int i = 0; i < cpus; i++)
			for (int counter = 0; counter < SERVICE_COUNTS; counter++)
				sum.count[counter] += each[i].count[counter];
	free(each);
	return sum;
}

void dataplane_source_flows(const struct dataplane *plane, uint64_t flows[FLOW_MAX_SOURCES])
{
	struct flow_source_stats stats;

	for (uint32_t i = 0; i < FLOW_MAX_SOURCES; i++)
		flows[i] = bpf_map_lookup_elem(plane->map[MAP_SOURCE_STATS], &i, &stats)
				   ? 0
				   : stats.flows;
}
