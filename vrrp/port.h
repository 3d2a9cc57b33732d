/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The raw socket for adverts of one family on one interface: bytes out, bytes and what the kernel
 * knows of them in.  Adverts of other VRIDs end in the kernel.
 */
#ifndef CASPAIR_PORT_H
#define CASPAIR_PORT_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/advert.h"

struct port_config {
	char ifname[IFNAMSIZ];
	int ifindex;
	uint8_t family; /* as in struct addr */
	uint8_t vrid;
	bool unicast;     /* joins no group */
	bool virtual_mac; /* adverts to the group come from it; RFC 9568, 7.2 */
};

struct port {
	struct port_config config;
	int fd;              /* -1: closed */
	int raw;             /* sends whole frames; -1: not in use */
	uint64_t overruns;   /* packets that found the socket full */
	uint64_t drained_at; /* CLOCK_BOOTTIME: when it was last seen empty */
	uint32_t kernel_overruns;
};

struct port_packet {
	enum advert_verdict verdict; /* of what surrounds the message; ADVERT_OK: it is whole */
	struct addr source;          /* known whatever the verdict is */
	struct advert_envelope envelope;
	uint64_t at; /* CLOCK_BOOTTIME: when the kernel had it */
	uint8_t bytes[60 + ADVERT_MAX_BYTES + 64];
};

/* In place of one that is open.  0, or -errno with the port closed. */
int port_open(struct port *port, const struct port_config *config);
void port_close(struct port *port);

/* The message from an own address to the group or to a host.  0 or -errno. */
int port_send(const struct port *port, const struct addr *from, const struct addr *to,
	      const uint8_t *message, size_t length);

/* The next packet: 1; 0 when there is none.  The envelope points into `packet`. */
int port_receive(struct port *port, struct port_packet *packet);

#endif
