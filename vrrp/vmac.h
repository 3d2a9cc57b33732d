/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The virtual MAC address (RFC 9568, 7.3): a macvlan for each interface and family with floating
 * addresses, made at start and up only while this node is active.  Down it is nothing: the parent
 * takes no frames for it and nothing leaves in its name, which would move it in the switch's table.
 */
#ifndef CASPAIR_VMAC_H
#define CASPAIR_VMAC_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vrrp/knob.h"

struct nl_sock;

enum { VMAC_MAX = 16 };

struct vmac {
	int parent, ifindex;
	uint8_t family; /* as in struct addr */
	char ifname[IFNAMSIZ];
};

struct vmacs {
	struct nl_sock *sock; /* NULL: addresses stay on the interfaces themselves */
	struct vmac vmac[VMAC_MAX];
	size_t count;
	struct knobs knobs;
	uint8_t vrid;
};

/* 00-00-5E-00-01-VRID or 00-00-5E-00-02-VRID. */
void vmac_address(uint8_t mac[6], uint8_t family, uint8_t vrid);

/* Removes the interfaces that an earlier run left, and puts back what it has changed.  `store` is a
 * file of our own below a directory that ends with the system.  0 or -errno, logged. */
int vmac_sweep(struct nl_sock *sock, const char *store);

/* From here on vmac_place() has somewhere to place addresses.  `sock` stays the caller's.  0 or
 * -errno, logged. */
int vmac_open(struct vmacs *vmacs, struct nl_sock *sock, uint8_t vrid, const char *store);
/* Removes the interfaces and puts the kernel's settings back. */
void vmac_close(struct vmacs *vmacs);

/* The interface for addresses of that family on `parent`, made when there is none.  0 or -errno,
 * logged. */
int vmac_place(struct vmacs *vmacs, int parent, uint8_t family, const struct vmac **vmac);

/* All up or all down; failures are logged and counted. */
unsigned int vmac_set_up(const struct vmacs *vmacs, bool up);

#endif
