/* SPDX-License-Identifier: BSD-2-Clause */
/* Keeps what the check child hears of the arrays' names, logs each change, and tells it. */
#ifndef CASPAIR_GUARD_H
#define CASPAIR_GUARD_H

#include <stdbool.h>

#include "lbd/arena.h"
#include "lbd/checker.h"
#include "lbd/fqdn.h"
#include "request.pb-c.h"

enum { GUARD_TOLD = 32 }; /* questions of a status, which has to fit into a frame */

struct guard {
	struct fqdn fqdn;
};

/* 0 or -ENOMEM.  `checker` runs already. */
int guard_start(struct guard *guard, struct checker *checker, const Conf__Config *file);
void guard_stop(struct guard *guard);

/*
 * Takes over `fqdn`, which was made by fqdn_plan() of another configuration, before the checker is
 * told that its targets have changed.
 */
void guard_replan(struct guard *guard, const struct fqdn *fqdn);

/* The first GUARD_TOLD questions, the wrong ones before all.  False: no room in the arena. */
bool guard_status(const struct guard *guard, struct arena *arena, Cas__LbdStatus *status);

#endif
