/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A plan into the maps and back, in an order that leaves them whole at each instant: what is new is
 * written before anything refers to it, what is gone is cleared after.
 */
#ifndef CASPAIR_TABLES_H
#define CASPAIR_TABLES_H

#include <stdint.h>

struct dataplane;
struct plan;

/* Reads the tables in force.  0 or a negative errno. */
int tables_read(const struct dataplane *plane, struct plan *plan);

/*
 * Puts `plan` in force in place of `old`.  Sets the pools' `active` and generation in `plan`.  0 or
 * a negative errno; the first step that fails ends it, with old tables in force.
 */
int tables_install(struct dataplane *plane, const struct plan *old, struct plan *plan,
		   uint64_t seed);

/* Writes a pool's table for new clients from its standings, and flips to it; the base stays. */
int tables_publish(struct dataplane *plane, struct plan *plan, unsigned int pool);

/*
 * Writes a pool's base from the standings that were given to it, and flips to it.  Where these are
 * the standings of now, it is the table for new clients too.
 */
int tables_settle(struct dataplane *plane, struct plan *plan, unsigned int pool);

/* Writes an array's port table: other ports are open. */
int tables_ports(struct dataplane *plane, const struct plan *plan, unsigned int array);

/* Routes have changed: every way that the data plane has kept is to be looked up again. */
int tables_outdate_hops(struct dataplane *plane);

/* Gives up MEMBER_GONE slots that have no flows any more.  Returns how many. */
unsigned int tables_release_gone(struct dataplane *plane, struct plan *plan);

#endif
