/* SPDX-License-Identifier: BSD-2-Clause */
/* Puts back the addresses of an active node that somebody else deletes. */
#ifndef CASPAIR_GUARD_H
#define CASPAIR_GUARD_H

#include <stdint.h>

#include <ev.h>

struct addr;
struct vrrpd;

struct guard {
	ev_timer restore, fade;
	unsigned int lately; /* in about a minute */
	uint64_t total;
};

void guard_start(struct vrrpd *vrrpd);
void guard_end(struct vrrpd *vrrpd);

/* An address has gone from an interface: put back when it was ours and we are active. */
void guard_address_gone(struct vrrpd *vrrpd, const struct addr *addr, int ifindex);
/* The same for whatever may have gone unnoticed. */
void guard_look(struct vrrpd *vrrpd);

#endif
