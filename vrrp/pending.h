/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a configuration says and only the next start of vrrpd brings: what takes rights that a
 * running one has given up.  Two nodes may differ in all of it.
 */
#ifndef CASPAIR_PENDING_H
#define CASPAIR_PENDING_H

#include <stddef.h>

struct conf;

enum { PENDING_MAX = 8, PENDING_TEXT = 320 };

struct pending {
	char text[PENDING_MAX][PENDING_TEXT]; /* "vrrp / virtual-mac: no -> yes" */
	size_t count;
};

/* Of `now` against `first`, which the daemon of that node (1 or 2) was started with. */
void pending_find(struct pending *pending, const struct conf *first, const struct conf *now,
		  unsigned int node);

#endif
