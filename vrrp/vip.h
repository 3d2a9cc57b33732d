/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The floating addresses: every array's VIP and gateway, on which interface, added and removed as
 * /32 and marked as ours in the kernel (IFA_PROTO), so that what a crash leaves can be found.
 */
#ifndef CASPAIR_VIP_H
#define CASPAIR_VIP_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conf;
struct nl_sock;

enum { VIP_MAX = 128, VIP_PROTOCOL = 112 };

struct vip {
	uint32_t addr; /* network order */
	int ifindex;
	char ifname[IFNAMSIZ];
};

struct vips {
	struct nl_sock *sock;
	struct vip vip[VIP_MAX];
	uint32_t addr[VIP_MAX]; /* the same addresses in one row, for adverts */
	size_t count;
	bool held;
};

/* 0 or -errno, logged. */
int vip_open(struct vips *vips);
void vip_close(struct vips *vips);

/*
 * Finds out which addresses there are and where they belong: the interface among those of the data
 * plane whose connected subnet holds the address; a VIP that fits nowhere goes to the interface of
 * the adverts, a gateway that fits nowhere is an error.  Nothing changes on error.  0 or -errno,
 * logged.
 */
int vip_plan(struct vips *vips, const struct conf *conf);

const struct vip *vip_find(const struct vips *vips, uint32_t addr);

/* Whether the kernel has `addr` on that interface now. */
bool vip_present(struct vips *vips, uint32_t addr, int ifindex);

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
