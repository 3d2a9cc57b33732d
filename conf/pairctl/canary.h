/* SPDX-License-Identifier: BSD-2-Clause */
/* Where canaries go, and how many. */
#ifndef CASPAIR_CANARY_H
#define CASPAIR_CANARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CANARY_MOST = 1000, CANARY_HOST = 256 };

struct canary_target {
	char host[CANARY_HOST];
	uint16_t port;
};

/* HOST:PORT or [ADDRESS]:PORT.  False: it is neither.  Pure. */
bool canary_target_read(const char *text, struct canary_target *target);

#endif
