/* SPDX-License-Identifier: BSD-2-Clause */
/* Listens to what a node sends and gets, in its network namespace and without living there. */
#ifndef CASPAIR_OVERHEAR_TAP_H
#define CASPAIR_OVERHEAR_TAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <netinet/in.h>

enum { TAP_FRAME = 1 << 17 };

struct tap {
	int fd;
	uint8_t frame[TAP_FRAME]; /* the next one, from its IPv4 header on */
	size_t size;              /* 0: there was none, or it is done with */
	bool leaves;              /* the node; else it comes in */
	uint64_t at_ns;           /* when the kernel saw it */
};

/* TCP between these addresses, from or to `port`, but for what leaves with `mark`. */
struct tap_wish {
	struct in_addr address[2];
	uint16_t port;
	uint32_t mark;
};

/* The caller is in that namespace afterwards.  0 or negative errno. */
int tap_open(struct tap *tap, const char *namespace, const struct tap_wish *wish);

/* Whether there is a frame; the one that was not done with stays.  Ends the process on an error. */
bool tap_fetch(struct tap *tap);

/* Frames that were lost for want of room since the last call. */
unsigned int tap_lost(const struct tap *tap);

#endif
