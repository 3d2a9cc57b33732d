/* SPDX-License-Identifier: BSD-2-Clause */
/* An advert to the group as a whole frame, with a MAC address that is not the interface's.  Pure.
 */
#ifndef CASPAIR_ETHER_H
#define CASPAIR_ETHER_H

#include <stddef.h>
#include <stdint.h>

#include "proto/advert.h"

enum {
	ETHER_TOS = 0xc0, /* network control */
	ETHER_MAX_BYTES = 14 + 40 + ADVERT_MAX_BYTES,
};

struct ether_advert {
	uint8_t mac[6];       /* it comes from */
	struct addr from, to; /* `to` is a group */
};

/* Ethernet, IP and the message; returns the length. */
size_t ether_wrap(uint8_t frame[ETHER_MAX_BYTES], const struct ether_advert *advert,
		  const uint8_t *message, size_t length);

#endif
