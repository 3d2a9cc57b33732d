/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The lease (struct flow_lease in proto/flow_lease.h): what the data plane may do on behalf of this node
 * while vrrpd sleeps, is stopped or is dead.  A map of the kernel, written as memory.
 */
#ifndef CASPAIR_LEASE_H
#define CASPAIR_LEASE_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/addr.h"
#include "proto/flow_lease.h"

struct flow_lease;

struct lease {
	struct flow_lease *map; /* NULL: lbd has not shared it yet; writes are then no-ops */
	uint8_t vrid, version;  /* of the adverts that fence */
	uint8_t ttl_min;        /* of the peer's adverts; 0: 255 */
	uint16_t advert_cs;     /* interval of adverts: how long to listen after a sleep */
	struct addr peer[2];    /* IPv4 and IPv6; of family 0: not known */
	bool refuse;            /* Accept_Mode is false */
	bool bound;             /* for now: the peer takes over when our answers fail to come */
	bool hard; /* over at its end, whoever else is heard; of the consistency policy */
};

/* CLOCK_BOOTTIME in ns: the clock of the lease and of the machine. */
uint64_t lease_now(void);

/* Maps the descriptor, which stays the caller's, in place of an older one.  0 or -errno. */
int lease_map(struct lease *lease, int fd);
void lease_unmap(struct lease *lease);

/* The highest epoch this node has led in since the map was made; 0: never, or not mapped. */
uint64_t lease_epoch(const struct lease *lease);
/* enum lease_fence: whether, and by whom, the role was taken away. */
uint32_t lease_fenced(const struct lease *lease);

/* Writes what stands in `lease` beside the role, which has changed. */
void lease_tell(struct lease *lease);

/* Grants the role until `until_ns`.  A node that leads already only changes its epoch. */
void lease_activate(struct lease *lease, uint64_t epoch, uint64_t until_ns);
void lease_extend(struct lease *lease, uint64_t until_ns);
void lease_standby(struct lease *lease);
/* Standby, but until `until_ns` SYNs that the peer should have got are forwarded as it would. */
void lease_leave(struct lease *lease, uint64_t until_ns);

#endif
