/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Asks resolvers for the names of the arrays: c-ares in the child's loop.  Each resolver is asked
 * by itself, all its names in one round, and then not before the next interval; no round outlives
 * NAME_ROUND_MS, whatever it sends, and its packets take turns with all else that the child awaits.
 */
#ifndef CASPAIR_NAME_H
#define CASPAIR_NAME_H

#include <ev.h>

#include "lbd/check/check.h"

enum { NAME_ROUND_MS = 4000 };

struct names;

/* NULL: no memory.  `heard` gets what was said of each name in each round. */
struct names *names_open(struct ev_loop *loop,
			 void (*heard)(void *arg, uint32_t id,
				       const struct fqdn_answer answer[FLOW_FAMILIES]),
			 void *arg);
void names_close(struct names *names); /* or NULL */

/* From now on this is asked, at first at once. */
void names_add(struct names *names, const struct check_name *order);
void names_forget(struct names *names); /* all of it; or NULL */

#endif
