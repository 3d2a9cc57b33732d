/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lets go what waits for the standby (hold.h): reads the ring `held` and the map `acked`, is woken
 * by syncd through an eventfd, and sends by caspair_release.
 */
#ifndef CASPAIR_RELEASE_H
#define CASPAIR_RELEASE_H

#include <stdbool.h>
#include <stdint.h>

#include <ev.h>

#include "lbd/hold.h"

struct dataplane;

struct release {
	struct ev_loop *loop; /* NULL: not started */
	struct dataplane *plane;
	struct hold hold;
	int wake; /* eventfd, for syncd to write to */
	ev_io packets, followed;
	ev_timer due, beat;
	uint64_t unsent; /* the kernel refused them */
};

/* Whether a standby follows closely, as syncd says. */
bool release_standby(const struct release *release);

/* 0 or a negative errno, logged. */
int release_start(struct release *release, struct ev_loop *loop, struct dataplane *plane);
/* Also of one that was never started, if it is zero. */
void release_stop(struct release *release);

#endif
