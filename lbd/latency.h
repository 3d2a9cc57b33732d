/* SPDX-License-Identifier: BSD-2-Clause */
/* What the histograms of the data plane say in a few figures.  Pure. */
#ifndef CASPAIR_LATENCY_H
#define CASPAIR_LATENCY_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/flow_tables.h"

/*
 * Microseconds.  A quantile is the upper end of the bucket that it falls in: at most twice the true
 * one, never less.
 */
struct latency {
	uint64_t count;
	uint64_t mean_us, p50_us, p90_us, p99_us;
};

/* Counts one more, as the data plane does. */
void latency_add(struct flow_histogram *histogram, uint32_t us);

/* False when nothing was counted yet. */
bool latency_read(struct latency *latency, const struct flow_histogram *histogram);

#endif
