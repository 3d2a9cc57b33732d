/* SPDX-License-Identifier: BSD-2-Clause */
/* A word of snat-pool: one address, or a range of them in one family.  Pure. */
#ifndef CASPAIR_CONF_POOL_H
#define CASPAIR_CONF_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/flow_ip.h"

struct pool_range {
	struct flow_ip first, last; /* differ in the last word alone */
	uint32_t count;             /* 1 to 2^32 - 1; 0: the range ends before it begins */
};

/* 10.30.0.200, or 10.30.0.200-10.30.0.207; the same of IPv6.  False: neither of them. */
bool pool_read(struct pool_range *range, const char *word);

/* An address of the range, by its number from 0. */
struct flow_ip pool_address(const struct pool_range *range, uint32_t number);

#endif
