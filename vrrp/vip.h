/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The floating addresses: every array's VIPs, gateways and pools, on which interface, added and
 * removed as /32 or /128 and marked as ours in the kernel, so that what a crash leaves can be found.
 */
#ifndef CASPAIR_VIP_H
#define CASPAIR_VIP_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/addr.h"
#include "vrrp/vmac.h"

struct conf;
struct nl_sock;

enum {
	VIP_MAX = 260,   /* two families of VIPs and gateways of 64 arrays, and a link-local one */
	VIP_MAX_V6 = 90, /* of one advert that is not to be cut into fragments, of 1500 bytes */
};

struct vip {
	struct addr addr;
	int ifindex;
	char ifname[IFNAMSIZ];
};

struct vips {
	struct nl_sock *sock;
	struct vmacs vmacs;
	struct vip vip[VIP_MAX];
	struct addr addr[VIP_MAX]; /* the same addresses in one row, for adverts */
	size_t count;
	bool held;
};

/* 0 or -errno, logged. */
int vip_open(struct vips *vips);
void vip_close(struct vips *vips);

/* From here on addresses have virtual MAC addresses, on interfaces of their own; before that the
 * plan only says where they belong.  `store`: as in vmac.h.  0 or -errno, logged. */
int vip_virtual_mac(struct vips *vips, const struct conf *conf, const char *store);

/*
 * Finds out which addresses there are and where they belong: the interface among those of the data
 * plane whose connected subnet holds the address; a VIP that fits nowhere goes to the interface of
 * the adverts, another address that fits nowhere is an error.  With IPv6 addresses there is one
 * more, the link-local address of the virtual router, the first of them.  Nothing changes on error.  0 or
 * -errno, logged.
 */
int vip_plan(struct vips *vips, const struct conf *conf);

const struct vip *vip_find(const struct vips *vips, const struct addr *addr);
/* Whether an address of that family (as in struct addr) is planned. */
bool vip_has(const struct vips *vips, uint8_t family);

/* Adds every address (there already: fine), removes every address.  Failures are logged, the rest
 * is done; the number of failures is returned. */
unsigned int vip_take(struct vips *vips);
unsigned int vip_drop(struct vips *vips);

/* Removes from the kernel what `before` has and `after` has not. */
void vip_retire(const struct vips *before, const struct vips *after);

/* Removes what an earlier run left: addresses with our mark, and planned ones whoever added them.
 * Returns how many there were. */
unsigned int vip_sweep(struct vips *vips);

#endif
