/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Weighted Maglev (Eisenbud et al., NSDI 2016, 3.4).  Pure.  The table depends on the members'
 * addresses and weights alone, so two nodes with other slot numbers choose the same addresses.
 */
#ifndef CASPAIR_MAGLEV_H
#define CASPAIR_MAGLEV_H

#include <stddef.h>
#include <stdint.h>

#include "proto/flow_ip.h"
#include "proto/flow_tables.h"

struct maglev_member {
	struct flow_ip addr;
	uint32_t weight; /* 0: takes no part */
	uint16_t slot;   /* what is written into the table */
};

/*
 * Fills the whole table from `count` members (at most FLOW_MAX_MEMBERS, in any order).  Without a
 * member of weight > 0 every entry is FLOW_NO_MEMBER.  Returns how many members took part.
 */
size_t maglev_fill(struct flow_maglev *table, const struct maglev_member *member, size_t count);

#endif
