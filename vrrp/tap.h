/* SPDX-License-Identifier: BSD-2-Clause */
/* A packet socket that hears copies of what comes in, from the network header on. */
#ifndef CASPAIR_TAP_H
#define CASPAIR_TAP_H

#include <linux/filter.h>
#include <stdint.h>

/* `type`: as in the Ethernet header; `ifindex` 0: on every interface.  Nothing is in it that the
 * filter has not let through.  The descriptor, or -errno. */
int tap_open(int ifindex, uint16_t type, const struct sock_fprog *filter);

#endif
