/* SPDX-License-Identifier: BSD-2-Clause */
/* A tower: how to get to an interface over TCP, floor by floor (C706, appendix L). */
#ifndef CASMOCK_TOWER_H
#define CASMOCK_TOWER_H

#include "tests/casmock/syntax.h"

enum { TOWER_BYTES = 75 };

struct tower {
	struct syntax interface;
	uint16_t port;
	uint8_t address[4];
};

/* False when it is none, or leads over something else than TCP.  The address is not looked at. */
bool tower_read(struct reader *r, struct tower *tower);
void tower_write(struct writer *w, const struct tower *tower);

#endif
