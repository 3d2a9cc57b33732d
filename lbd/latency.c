// SPDX-License-Identifier: BSD-2-Clause
#include "lbd/latency.h"

static uint64_t total(const struct flow_histogram *histogram)
{
	uint64_t count = 0;

	for (int i = 0; i < FLOW_BUCKETS; i++)
		count += histogram->bucket[i];
	return count;
}

/* The smallest bucket's end that as many parts of a hundred lie below. */
static uint64_t quantile(const struct flow_histogram *histogram, uint64_t count, unsigned int part)
{
	uint64_t wanted = count - count * (100 - part) / 100, below = 0;
	int i = 0;

	while (i < FLOW_BUCKETS - 1) {
		below += histogram->bucket[i];
		if (below >= wanted)
			break;
		i++;
	}
	return UINT64_C(1) << i;
}

void latency_add(struct flow_histogram *histogram, uint32_t us)
{
	int i = 0;

	while (i < FLOW_BUCKETS - 1 && us >> i)
		i++;
	histogram->bucket[i]++;
	histogram->sum_us += us;
}

bool latency_read(struct latency *latency, const struct flow_histogram *histogram)
{
	uint64_t count = total(histogram);

	if (!count)
		return false;
	*latency = (struct latency){
		.count = count,
		.mean_us = histogram->sum_us / count,
		.p50_us = quantile(histogram, count, 50),
		.p90_us = quantile(histogram, count, 90),
		.p99_us = quantile(histogram, count, 99),
	};
	return true;
}
